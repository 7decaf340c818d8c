"""Remote myocardium: healthy wall as the reference of the n-SD thresholds."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt

from acsnet.errors import AcsnetError

MARGIN_MM = 5.0
"""Distance of the remote region from enhancement in its slice.

Not from the paper: on the expert walls of 40 infarcts (EMIDEC train list) volumes by mean + 2 SD of
this region correlate best with the experts' (r 0.88; all wall outside the enhancement 0.81, the
darkest quarter of the wall 0.72, the quarter opposite the scar 0.65).
"""
MIN_VOXELS = 20  # too few for a standard deviation below this


@dataclass(frozen=True, kw_only=True)
class RemoteRegion:
    """mask: (slice, row, column); mean and sd of the signal in it, None without enough voxels.

    source: "automatic" or "given".
    """

    mask: NDArray[np.bool_]
    source: Literal["automatic", "given"]
    mean: float | None
    sd: float | None


def remote_region(
    intensity: NDArray[np.floating[Any]],
    myocardium: NDArray[np.bool_],
    enhancement: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
    *,
    given: NDArray[np.bool_] | None = None,
) -> RemoteRegion:
    """Wall that is not enhanced, nor within 5 mm of enhancement, nor on the border of the wall.

    Not from the paper. Border pixels hold some blood or fat. Where too little is left, as in a thin
    wall, the border is included, then the margin. Arrays are (slice, row, column); spacing_mm:
    distance of rows, of columns; given: a region drawn by a person, cut to the wall.
    Raises AcsnetError for a given region that holds too little wall.
    """
    if given is not None:
        mask = given & myocardium
        if mask.sum() < MIN_VOXELS:
            msg = (
                f"the remote region must hold at least {MIN_VOXELS} voxels of myocardium, "
                f"got {int(mask.sum())}"
            )
            raise AcsnetError(msg)
        return _measured(intensity, mask, "given")
    free = myocardium & ~enhancement
    inner, far = np.zeros_like(free), np.zeros_like(free)
    for k in np.flatnonzero(free.any(axis=(1, 2))):
        inner[k] = binary_erosion(myocardium[k])
        far[k] = True
        if enhancement[k].any():
            far[k] = distance_transform_edt(~enhancement[k], sampling=spacing_mm) > MARGIN_MM
    for mask in (free & inner & far, free & far, free):
        if mask.sum() >= MIN_VOXELS:
            return _measured(intensity, mask, "automatic")
    return RemoteRegion(mask=np.zeros_like(free), source="automatic", mean=None, sd=None)


def _measured(
    intensity: NDArray[np.floating[Any]],
    mask: NDArray[np.bool_],
    source: Literal["automatic", "given"],
) -> RemoteRegion:
    values = intensity[mask].astype(np.float64)
    return RemoteRegion(mask=mask, source=source, mean=float(values.mean()), sd=float(values.std()))
