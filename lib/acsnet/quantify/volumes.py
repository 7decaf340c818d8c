"""Volume, mass and burden from counts of voxels.

A voxel is as thick as the slice distance: a sum of voxels is the volume with nearest-neighbour
interpolation across the gaps (Popescu et al. 2022, doi:10.1016/j.cvdhj.2021.11.007).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MYOCARDIUM_G_PER_ML = 1.05  # the density that cardiac MRI reports use


def volume_ml(mask: NDArray[np.bool_], voxel_ml: float) -> float:
    """Volume of a mask of any shape. Raises ValueError unless voxel_ml is positive and finite."""
    if not (np.isfinite(voxel_ml) and voxel_ml > 0):
        msg = f"voxel volume must be positive and finite, got {voxel_ml} ml"
        raise ValueError(msg)
    return int(np.count_nonzero(mask)) * float(voxel_ml)


def mass_g(myocardium_ml: float | None) -> float | None:
    """Mass (g) of a volume of myocardium (ml); None where that is unknown."""
    return None if myocardium_ml is None else myocardium_ml * MYOCARDIUM_G_PER_ML


def burden_percent(part_ml: float | None, myocardium_ml: float | None) -> float | None:
    """Percent of the myocardium; None if the part is unknown or there is no myocardium.

    Rounding takes no part beyond 100.
    """
    if part_ml is None or myocardium_ml is None or myocardium_ml <= 0:
        return None
    return min(100.0 * part_ml / myocardium_ml, 100.0)


def slice_count(mask: NDArray[Any]) -> int:
    """Number of slices of a (slice, row, column) mask with any voxel in them."""
    return int(np.count_nonzero(mask.any(axis=(1, 2))))
