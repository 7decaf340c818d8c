"""Single bright points in the wall: noise, arrhythmia artefacts, hot pixels of a reconstruction.

Not from the paper. A voxel is a single bright point if it is brighter than all but one of its
neighbours in the slice, by more than five standard deviations of the signal around its local median
in the region (estimated from the median absolute deviation). The corner of a scar is not one,
because two of its neighbours are as bright; nor is the border of the wall, because the blood beside
it is brighter. Single dark points are found alike in the negated signal; the dark core of an
obstruction, of several voxels, is none. None of the expert walls of the 38 infarcts of the EMIDEC
train list has enough of them for a warning. If 1 % of the voxels are made hot, all of them get the
warning (`benchmarks/robustness_of_measures.py`).

The deviation is estimated from the voxels that differ from their local median if more than 15 % of
the region have its lowest or its highest signal, as in an image whose nulled wall was cut off at 0,
or if the median deviation is 0, as where the steps of the image are coarser than the noise. Cut off
at the 5th to the 97th percentile of the healthy wall, none of these walls gets the warning, and all
of them do with 1 % of hot voxels (the same command).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.masks import box_of

DEVIATIONS = 5.0
CENTRE = 4  # of the nine pixels of a neighbourhood, row by row
MIN_VOXELS = 50  # fewer do not tell what is usual
MAD_TO_SD = 1.4826  # of a normal distribution
MOST_CUT_OFF_PERCENT = 15.0  # with more at one end, the spread around the local median is less
MOST_PERCENT = 0.6
"""Percent of the wall above which measures are in doubt; next to no real scan has so many."""


def speckle(intensity: NDArray[np.floating[Any]], region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(slice, row, column) mask of the single bright points of a region; none in a small one."""
    out = np.zeros_like(region)
    if region.sum() < MIN_VOXELS:
        return out
    values = intensity[region].astype(np.float64)
    window = (..., *box_of(region, margin=1))  # a small part of the image, as a rule
    intensity, within = intensity[window], region[window]
    inside = _neighbourhoods(np.where(within, intensity.astype(np.float64), np.nan), within)
    spread = _spread(values, values - np.nanmedian(inside, axis=0))
    neighbours = np.delete(_neighbourhoods(intensity, within), CENTRE, axis=0)
    second = np.sort(np.nan_to_num(neighbours, nan=-np.inf), axis=0)[-2]
    out[region] = values - second > DEVIATIONS * spread
    return out


def _spread(values: NDArray[np.float64], apart: NDArray[np.float64]) -> float:
    """Standard deviation of the noise from (n,) values and how far each is from its local median.

    Where many have one value, as in a wall that was cut off at 0 or in steps coarser than the
    noise, only those that differ from their local median count; without such it is infinite.
    """
    away = np.abs(apart - np.median(apart))
    cut_off = 100.0 * max(float(np.mean(values == end)) for end in (values.min(), values.max()))
    if cut_off > MOST_CUT_OFF_PERCENT or not np.median(away):
        away = np.abs(apart[apart != 0.0])
    return MAD_TO_SD * float(np.median(away)) if away.size else np.inf


def speckle_percent(intensity: NDArray[np.floating[Any]], wall: NDArray[np.bool_]) -> float:
    """Percent of the voxels of a wall that are single bright points; 0 without a wall.

    intensity, wall: (slice, row, column).
    """
    return 100.0 * float(speckle(intensity, wall).sum()) / max(int(wall.sum()), 1)


def speckle_doubt(intensity: NDArray[np.floating[Any]], wall: NDArray[np.bool_]) -> tuple[str, ...]:
    """A warning where too much of a (slice, row, column) wall is single bright points."""
    percent = speckle_percent(intensity, wall)
    if percent < MOST_PERCENT:
        return ()
    note = (
        f"{percent:.1f} % of the wall are single bright points, which thresholds count as scar: "
        "scar by n-SD and Otsu is too large by about as much"
    )
    return (note,)


def _neighbourhoods(
    image: NDArray[np.floating[Any]], region: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """(9, n) values of 3 x 3 pixels around each voxel of a region, NaN beyond the image."""
    sides = ((0, 0), (1, 1), (1, 1))
    padded = np.pad(image.astype(np.float64), sides, constant_values=np.nan)
    slices, rows, columns = np.nonzero(region)
    return np.stack(
        [padded[slices, rows + down, columns + right] for down in range(3) for right in range(3)]
    )
