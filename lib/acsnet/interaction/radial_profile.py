"""Where the rays from the centre of a ventricle meet its wall, and the wall moved along them.

A wall is moved as a whole picture: what lies between its two borders is stretched, so that gaps of
an open wall and a rough outline stay what they are. Lengths in mm; not from the paper.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, map_coordinates

from acsnet.masks import box_of

RAYS = 72
"""Directions from the centre, every 5 degrees."""

STEP_PIXELS = 0.25
MIN_THICKNESS_MM = 2.0
MIN_CAVITY_MM = 1.0

ANGLES = np.arange(RAYS) * (2.0 * np.pi / RAYS)


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A wall along rays: centre_mm: (row, column); endo_mm, epi_mm: (RAYS,) radii of its borders.

    Where a ray meets no wall both are interpolated. endo_mm is 0 for a wall without cavity.
    """

    centre_mm: tuple[float, float]
    endo_mm: NDArray[np.float64]
    epi_mm: NDArray[np.float64]

    def polar(self, row_mm: float, column_mm: float) -> tuple[float, float]:
        """Radius and angle of a point; rows grow along sine, columns along cosine."""
        down, right = row_mm - self.centre_mm[0], column_mm - self.centre_mm[1]
        return float(np.hypot(down, right)), float(np.arctan2(down, right))

    def radii_at(self, angle: float) -> tuple[float, float]:
        """Radii of the two borders at an angle."""
        return at_angle(self.endo_mm, angle), at_angle(self.epi_mm, angle)


def at_angle(values: NDArray[np.float64], angle: float) -> float:
    """(RAYS,) values, linearly interpolated at an angle."""
    return float(np.interp(angle % (2.0 * np.pi), ANGLES, values, period=2.0 * np.pi))


def profile_of(
    wall: NDArray[np.bool_], pool: NDArray[np.bool_], spacing_mm: tuple[float, float]
) -> Profile:
    """The profile of a wall that is not empty, (row, column); spacing_mm: of rows, of columns."""
    spacing = np.asarray(spacing_mm)
    centre = np.argwhere(pool if pool.any() else wall).mean(axis=0) * spacing
    span = max(np.abs(np.argwhere(wall) * spacing - centre).max(axis=1)) * 1.5
    step_mm = STEP_PIXELS * float(spacing.min())
    reach = np.arange(0.0, span + 2.0 * step_mm, step_mm)
    direction = np.stack([np.sin(ANGLES), np.cos(ANGLES)])
    points = (centre[:, None, None] + direction[:, :, None] * reach) / spacing[:, None, None]
    met = map_coordinates(signed_distance(wall, spacing_mm), points, order=1, mode="nearest") > 0
    any_met = met.any(axis=1)
    endo = met.argmax(axis=1) * step_mm
    epi = (len(reach) - met[:, ::-1].argmax(axis=1)) * step_mm
    if any_met.any() and not any_met.all():
        gaps = ANGLES[~any_met]
        for border in (endo, epi):
            border[~any_met] = np.interp(gaps, ANGLES[any_met], border[any_met], period=2.0 * np.pi)
    if not pool.any():
        endo = np.zeros(RAYS)
    return Profile(
        centre_mm=(float(centre[0]), float(centre[1])),
        endo_mm=endo.astype(float),
        epi_mm=epi.astype(float),
    )


def signed_distance(
    mask: NDArray[np.bool_], spacing_mm: tuple[float, float]
) -> NDArray[np.float64]:
    """(row, column) distance to the border of a mask, positive inside; infinite without one."""
    rows, columns = box_of(mask, margin=3)
    out = np.full(mask.shape, -np.inf)
    far = float(np.hypot(*(np.asarray(mask.shape) * spacing_mm)))
    near = mask[rows, columns]
    inside = distance_transform_edt(np.pad(near, 1), sampling=spacing_mm)[1:-1, 1:-1]
    outside = distance_transform_edt(~near, sampling=spacing_mm)
    out[:] = -far
    out[rows, columns] = np.where(near, inside, -outside)
    return out


def moved(
    wall: NDArray[np.bool_],
    profile: Profile,
    spacing_mm: tuple[float, float],
    *,
    endo_mm: NDArray[np.float64],
    epi_mm: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """A (row, column) wall with its two borders moved outwards by so much on each ray, (RAYS,)."""
    spacing = np.asarray(spacing_mm)
    has_cavity = bool(profile.endo_mm.any())
    inner = profile.endo_mm + endo_mm if has_cavity else np.zeros(RAYS)
    if has_cavity:
        inner = np.maximum(inner, np.minimum(profile.endo_mm, MIN_CAVITY_MM))
    thinnest = np.minimum(profile.epi_mm - profile.endo_mm, MIN_THICKNESS_MM)
    outer = np.maximum(profile.epi_mm + epi_mm, inner + np.maximum(thinnest, 0.1))
    field = signed_distance(wall, spacing_mm)
    centre = np.asarray(profile.centre_mm)
    far = float(max(outer.max(), profile.epi_mm.max())) + 2.0 * float(spacing.max())
    first = np.maximum(np.floor((centre - far) / spacing), 0).astype(int)
    last = np.minimum(np.ceil((centre + far) / spacing) + 1, wall.shape).astype(int)
    rows, columns = np.mgrid[first[0] : last[0], first[1] : last[1]]
    down, right = rows * spacing[0] - centre[0], columns * spacing[1] - centre[1]
    radius, angle = np.hypot(down, right), np.arctan2(down, right)
    share = (angle % (2.0 * np.pi)) / (2.0 * np.pi / RAYS)
    low = np.floor(share).astype(int) % RAYS
    weight = share - np.floor(share)

    def on_pixels(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(RAYS,) values, linearly interpolated at the angle of each pixel: (row, column)."""
        return values[low] * (1.0 - weight) + values[(low + 1) % RAYS] * weight

    new_in, new_out = on_pixels(inner), on_pixels(outer)
    old_in, old_out = on_pixels(profile.endo_mm), on_pixels(profile.epi_mm)
    with np.errstate(divide="ignore", invalid="ignore"):
        source = np.where(
            radius < new_in,
            radius * np.where(new_in > 0, old_in / new_in, 1.0),
            np.where(
                radius < new_out,
                old_in + (radius - new_in) * (old_out - old_in) / (new_out - new_in),
                old_out + radius - new_out,
            ),
        )
    scale = np.where(radius > 0, source / np.where(radius > 0, radius, 1.0), 1.0)
    points = np.stack(
        [(centre[0] + down * scale) / spacing[0], (centre[1] + right * scale) / spacing[1]]
    )
    out = np.zeros_like(wall)
    out[first[0] : last[0], first[1] : last[1]] = (
        map_coordinates(field, points, order=1, mode="constant", cval=-1.0) > 0
    )
    return out
