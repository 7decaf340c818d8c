"""From voxels to millilitres, grams and percent.

A voxel reaches to the middle of the gaps on both sides of its slice, so a sum of voxels is the
volume with nearest-neighbour interpolation between slices (Popescu et al. 2022, "Training and
evaluation", DOI 10.1016/j.cvdhj.2021.11.007).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MYOCARDIUM_G_PER_ML = 1.05
"""Density of the myocardium, the value that cardiac MRI reports use."""


def volume_ml(mask: NDArray[np.bool_], voxel_ml: float) -> float:
    """Volume of a mask of any shape; `voxel_ml` as `ShortAxisScan.voxel_ml` gives it.

    Raises ValueError where the voxel has no positive finite volume.
    """
    if not (np.isfinite(voxel_ml) and voxel_ml > 0):
        msg = f"voxel volume must be positive and finite, got {voxel_ml} ml"
        raise ValueError(msg)
    return int(np.count_nonzero(mask)) * float(voxel_ml)


def mass_g(myocardium_ml: float) -> float:
    """Mass of a volume of myocardium."""
    return myocardium_ml * MYOCARDIUM_G_PER_ML


def burden_percent(part_ml: float, myocardium_ml: float) -> float | None:
    """Share of the whole myocardium; None where there is no myocardium to be a share of."""
    return 100.0 * part_ml / myocardium_ml if myocardium_ml > 0 else None


def slice_count(mask: NDArray[Any]) -> int:
    """Number of slices of a (slice, row, column) mask that hold any of it."""
    return int(np.count_nonzero(mask.any(axis=(1, 2))))
