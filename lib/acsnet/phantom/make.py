"""Make a phantom patient from anatomy, contrast and patient coordinates."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.phantom.anatomy import Tissue, draw_surroundings, tissue_slice
from acsnet.phantom.contrast import acquire, render
from acsnet.phantom.spec import PhantomSpec
from acsnet.scan import InputGrid, ShortAxisScan

BASEWARD_RAS = np.array([1.0, -1.0, 1.0]) / np.sqrt(3.0)
# From the long axis to the anterior wall, perpendicular to it: up in the image.
ANTERIOR_RAS = np.array([0.0, 1.0, 1.0]) / np.sqrt(2.0)
HEART_RAS_MM = np.array([-35.0, 25.0, 10.0])  # the tip of the cavity
PARTS = (-0.3, 0.0, 0.3)  # planes averaged over a slice's thickness; the middle one is the truth

LABEL_OF_TISSUE = np.zeros(len(Tissue), np.uint8)
LABEL_OF_TISSUE[[Tissue.LV_BLOOD_POOL, Tissue.PAPILLARY]] = Label.LV_BLOOD_POOL
LABEL_OF_TISSUE[Tissue.LV_MYOCARDIUM] = Label.LV_MYOCARDIUM
LABEL_OF_TISSUE[Tissue.GREY_ZONE] = Label.GREY_ZONE
LABEL_OF_TISSUE[Tissue.CORE_SCAR] = Label.CORE_SCAR


@dataclass(frozen=True, kw_only=True)
class Phantom:
    """A scan and its true labels, (slice, row, column); papillary muscles count as blood pool."""

    spec: PhantomSpec
    scan: ShortAxisScan
    labels: NDArray[np.uint8]

    @property
    def pixels(self) -> NDArray[np.int16]:
        """(slice, row, column) stored pixel values."""
        return self.scan.pixels.astype(np.int16)

    @property
    def scar_burden_percent(self) -> float:
        """Enhanced share of the true myocardium."""
        wall = int(np.isin(self.labels, MYOCARDIUM).sum())
        return 100.0 * int(np.isin(self.labels, ENHANCEMENT).sum()) / wall


def phantom_grid(spec: PhantomSpec) -> InputGrid:
    """Oblique geometry of the stored (column, row, slice) array, slices apex or base first."""
    slice_mm, row_mm, column_mm = spec.spacing_mm
    rows, columns = spec.matrix
    tilt = Rotation.from_euler("xz", spec.tilt_degrees, degrees=True)
    turn = Rotation.from_rotvec(-np.deg2rad(spec.rotation_degrees) * BASEWARD_RAS)
    base = tilt.apply(BASEWARD_RAS)
    up = tilt.apply(turn.apply(ANTERIOR_RAS))
    steps = np.stack([column_mm * np.cross(base, up), -row_mm * up, slice_mm * base], axis=1)
    middle = np.array([columns / 2, rows / 2]) + np.array(
        [spec.centre_mm[1] / column_mm, spec.centre_mm[0] / row_mm]
    )
    origin = HEART_RAS_MM + spec.first_slice_mm * base - steps[:, :2] @ middle
    if spec.base_first:
        origin = origin + (spec.slices - 1) * steps[:, 2]
        steps[:, 2] *= -1
    affine = np.eye(4)
    affine[:3, :3], affine[:3, 3] = steps, origin
    return InputGrid(
        shape=(columns, rows, spec.slices),
        affine=affine,
        axes=(2, 1, 0),
        reversed_slices=spec.base_first,
    )


def _tissue(spec: PhantomSpec, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(slice, part, row, column) `Tissue`, each slice shifted by its breath-hold mismatch."""
    around = draw_surroundings(spec, rng)
    slice_mm, row_mm, column_mm = spec.spacing_mm
    rows, columns = spec.matrix
    down = (np.arange(rows)[:, None] - rows / 2) * row_mm - spec.centre_mm[0]
    right = (np.arange(columns)[None] - columns / 2) * column_mm - spec.centre_mm[1]
    turn = np.deg2rad(spec.rotation_degrees)
    cosine, sine = np.cos(turn), np.sin(turn)
    shifts = spec.shift_mm * rng.normal(size=(spec.slices, 2))
    tissue = np.empty((spec.slices, len(PARTS), rows, columns), np.uint8)
    for index, shift in enumerate(shifts):
        x = right * cosine + down * sine - shift[0]
        y = right * sine - down * cosine - shift[1]
        for part, offset in enumerate(PARTS):
            tissue[index, part] = tissue_slice(
                spec,
                around,
                slice_index=index,
                height_mm=spec.first_slice_mm + (index + offset) * slice_mm,
                x=x,
                y=y,
            )
    return tissue


def make_phantom(spec: PhantomSpec) -> Phantom:
    """Make the patient; the same spec gives the same arrays."""
    rng = np.random.default_rng(spec.seed)
    tissue = _tissue(spec, rng)
    pixels = acquire(render(tissue, spec, rng), spec, rng)
    scan = ShortAxisScan(
        name=spec.name,
        pixels=pixels.astype(np.float32),
        grid=phantom_grid(spec),
        apex_first=True,
    )
    return Phantom(spec=spec, scan=scan, labels=LABEL_OF_TISSUE[tissue[:, PARTS.index(0.0)]])
