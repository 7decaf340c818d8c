"""Left ventricle of a phantom, two half ellipsoids: contours, scar wedge, papillary muscles."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.phantom.spec import PhantomSpec

PAPILLARY_DEGREES = (35.0, 262.0)  # anterolateral and posteromedial papillary muscle


@dataclass(frozen=True, kw_only=True)
class Waves:
    """Deviation of a closed contour from a circle: amplitude and phase of orders 2, 3, ..."""

    amplitudes: NDArray[np.float64]
    phases: NDArray[np.float64]

    @classmethod
    def draw(cls, rng: np.random.Generator, amplitude: float, orders: int = 4) -> "Waves":
        """Draw falling amplitudes at random phases."""
        amplitudes = amplitude * rng.normal(size=orders) / np.arange(1, orders + 1)
        return cls(amplitudes=amplitudes, phases=rng.uniform(0, 2 * np.pi, orders))

    def __call__(self, angle: NDArray[np.float64]) -> NDArray[np.float64]:
        """Factor on the radius at each angle (radians), of the same shape."""
        factor = np.ones_like(angle)
        for order, (amplitude, phase) in enumerate(
            zip(self.amplitudes, self.phases, strict=True), start=2
        ):
            factor += amplitude * np.cos(order * angle + phase)
        return factor


def radii_mm(spec: PhantomSpec, height_mm: float) -> tuple[float, float]:
    """Mean endocardial and epicardial radius at a height above the tip of the cavity.

    The tip of the epicardium lies one wall thickness below the cavity's; 0 below it.
    """
    fall = spec.lv_length_mm - height_mm
    inner = 1 - (fall / spec.lv_length_mm) ** 2
    outer = 1 - (fall / (spec.lv_length_mm + spec.wall_mm)) ** 2
    endocardium = spec.endocardial_radius_mm * np.sqrt(max(inner, 0.0))
    epicardium = (spec.endocardial_radius_mm + spec.wall_mm) * np.sqrt(max(outer, 0.0))
    return float(endocardium), float(epicardium)


def scar_masks(
    spec: PhantomSpec,
    angle: NDArray[np.float64],
    depth: NDArray[np.float64],
    slice_index: int,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Scar and its core in a wall, masks of the shape of angle and depth, such as (row, column).

    angle: in radians; depth: from 0 (endocardium) to 1 (epicardium). The core adjoins the
    endocardium and has the same share of angle and of depth.
    """
    first, last = spec.scar_slices
    if spec.scar_depth == 0 or not first <= slice_index <= last:
        nothing = np.zeros(angle.shape, bool)
        return nothing, nothing
    centre, half = np.deg2rad(spec.scar_centre_degrees), np.deg2rad(spec.scar_extent_degrees) / 2
    away = np.abs((angle - centre + np.pi) % (2 * np.pi) - np.pi)
    share = np.sqrt(spec.core_fraction)
    scar = (away <= half) & (depth <= spec.scar_depth)
    core = (away <= half * share) & (depth <= spec.scar_depth * share)
    return scar, core


def papillary_mask(
    x: NDArray[np.float64], y: NDArray[np.float64], *, endocardium_mm: float
) -> NDArray[np.bool_]:
    """Two round muscles inside the cavity, a mask of the shape of x and y, such as (row, column).

    x, y: mm from the middle of the cavity; endocardium_mm: its radius.
    """
    mask = np.zeros(x.shape, bool)
    for angle in np.deg2rad(PAPILLARY_DEGREES):
        along, up = 0.68 * endocardium_mm * np.cos(angle), 0.68 * endocardium_mm * np.sin(angle)
        mask |= np.hypot(x - along, y - up) <= 0.15 * endocardium_mm
    return mask
