import numpy as np
import pytest

from acsnet.scan import InputGrid, ShortAxisScan

ENDOCARDIUM_MM, EPICARDIUM_MM = 24.0, 34.0


def stack_affine(slice_mm, row_mm, column_mm, *, oblique):
    """(column, row, slice) -> RAS, slices from apex to base, columns to the right of the viewer.

    Oblique: a usual short axis seen from the apex. Else along the axes, as if the header were lost.
    """
    if not oblique:
        return np.diag([column_mm, row_mm, slice_mm, 1.0])
    apex = np.array([-1.0, 1.0, -0.8])
    into = -apex / np.linalg.norm(apex)  # from the apex to the base
    down = np.array([0.0, 0.0, -1.0]) + into[2] * into  # feetward, within the plane
    down /= np.linalg.norm(down)
    right = np.cross(down, into)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([right * column_mm, down * row_mm, into * slice_mm], axis=1)
    affine[:3, 3] = 12.3, -45.6, 78.9
    return affine


@pytest.fixture
def shell():
    """Makes a cylinder of wall with a wedge of scar: scan and labels, apex first.

    centre_deg, extent_deg: of the wedge, as the array is seen, 0 right, 90 down; depth: its
    transmurality from the endocardium; caps: slices without blood pool at the apex.
    """

    def make(
        *,
        spacing_mm=(8.0, 1.4, 1.4),
        slices=6,
        caps=0,
        oblique=True,
        centre_deg=0.0,
        extent_deg=0.0,
        depth=1.0,
        scar_slices=None,
        label=4,
        side=None,
        shift=(0.3, -0.2),
    ):
        _, row_mm, column_mm = spacing_mm
        rows = side or int(2 * (EPICARDIUM_MM + 40) / row_mm)
        columns = side or int(2 * (EPICARDIUM_MM + 40) / column_mm)
        down = (np.arange(rows)[:, None] - rows / 2 + shift[0]) * row_mm
        right = (np.arange(columns) - columns / 2 + shift[1]) * column_mm
        radius, angle = np.hypot(down, right), np.rad2deg(np.arctan2(down, right))
        wall = (radius >= ENDOCARDIUM_MM) & (radius < EPICARDIUM_MM)
        away = np.abs((angle - centre_deg + 180) % 360 - 180)
        thick = EPICARDIUM_MM - ENDOCARDIUM_MM
        scar = wall & (away < extent_deg / 2) & (radius < ENDOCARDIUM_MM + depth * thick)
        plane = np.where(radius < ENDOCARDIUM_MM, 1, 0)
        plane[wall] = 2
        labels = np.repeat(plane[None], slices, axis=0).astype(np.uint8)
        for k in range(slices) if scar_slices is None else scar_slices:
            labels[k][scar] = label
        labels[:caps] = np.where(radius < EPICARDIUM_MM, 2, 0)
        pixels = np.choose(labels, [0.0, 100.0, 20.0, 70.0, 120.0, 20.0]).astype(np.float32)
        # The right ventricle: blood left of the septum; the lung above and right, the liver below.
        outside = radius >= EPICARDIUM_MM
        pixels[:, outside & (down > 25)] = 60.0
        blood = outside & (np.abs((angle + 180 + 180) % 360 - 180) < 50) & (radius < 60)
        pixels[:, blood] = 100.0
        grid = InputGrid(
            shape=(columns, rows, slices),
            affine=stack_affine(*spacing_mm, oblique=oblique),
            axes=(2, 1, 0),
        )
        scan = ShortAxisScan(name="shell", pixels=pixels, grid=grid, apex_first=True)
        return scan, labels

    return make
