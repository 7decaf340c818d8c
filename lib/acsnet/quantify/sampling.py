"""How far core scar and grey zone depend on where the pixels happen to lie.

Not from the paper. The signal is sampled anew at pixels 1 % larger and smaller, each time on four
grids half a pixel apart, and split again. The grids lie about the middle of the ventricle, so that
an image that is stored mirrored or turned says the same. A tenth more or less of core scar or grey
zone is told: the heart is the same, and a scan of another matrix would differ by as much. What does
it is noise near the threshold, which interpolation smooths, and that the grey zone is often a shell
one voxel thick along the border of the scar. On the experts' masks of the 38 infarcts of the EMIDEC
train list, with two grids from a corner, a signal that is smoothed within the scar before it is
split (Gaussian of 0.5 to 2 mm) was told of in no fewer scans; from 0.75 mm on it turns 10 to 37 %
of the grey zone into core scar, and moves the volumes of phantoms away from the truth. Voxels near
the threshold that are partly core, partly grey made it a sixth fewer. So the published split
stands. Most scans with scar get the warning, so that it stands last among the doubts.
Core scar and grey zone that somebody drew or saved are not split again, nor looked at.
"""

from itertools import product
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.masks import box_of
from acsnet.quantify.scar import ScarMethod, classify_enhancement

SCALES = (1.01, 0.99)
SHIFTS = (-0.25, 0.25)  # pixels, of rows and of columns
MOST_PERCENT = 10.0
LEAST_ML = 0.5
"""Changes are shares of at least this."""

SAMPLING = "pixels 1 % larger or smaller would change "
"""How the warning begins."""


def is_sampling_doubt(warning: str) -> bool:
    """Whether it is the warning of `sampling_doubt`, which most scans with scar have."""
    return warning.startswith(SAMPLING)


def sampling_doubt(
    intensity: NDArray[np.floating[Any]],
    labels: NDArray[np.uint8],
    *,
    voxel_ml: float,
    method: ScarMethod,
    remote: NDArray[np.bool_] | None = None,
    measured: NDArray[np.bool_] | None = None,
) -> tuple[str, ...]:
    """A warning where core scar or grey zone change by more than a tenth.

    Args:
        intensity: (slice, row, column) signal.
        labels: (slice, row, column) values of `acsnet.labels.Label`.
        voxel_ml: volume of a voxel.
        method: reading of the FWHM that split them.
        remote: mask of a drawn remote region; None for all wall outside the enhancement.
        measured: mask of what has signal, which alone is looked at; None for everything.
    """
    if not np.isin(labels, ENHANCEMENT).any():
        return ()
    window = (..., *box_of(labels > 0, margin=1))
    near, drawn = intensity[window], labels[window]
    given = None if remote is None else remote[window]
    if measured is not None and not (lit := measured[window]).all():
        near, drawn = _filled(near, lit), np.where(lit, drawn, np.uint8(Label.BACKGROUND))
    before = _volumes(near, drawn, given, method) * voxel_ml
    largest = np.zeros_like(before)
    for scale in SCALES:
        for shifts in product(SHIFTS, SHIFTS):
            rows, columns = (
                _places(side, scale=scale, shift=shift)
                for side, shift in zip(near.shape[1:], shifts, strict=True)
            )
            after = _volumes(
                _between(near, rows, columns),
                _nearest(drawn, rows, columns),
                None if given is None else _nearest(given, rows, columns),
                method,
            )
            change = np.abs(after * voxel_ml * scale**2 - before) / np.maximum(before, LEAST_ML)
            largest = np.maximum(largest, 100.0 * change)
    parts = [
        f"{name} by {percent:.0f} %"
        for name, percent in zip(("core scar", "the grey zone"), largest, strict=True)
        if percent > MOST_PERCENT
    ]
    if not parts:
        return ()
    return (f"{SAMPLING}{' and '.join(parts)}: compare with care",)


def _places(side: int, *, scale: float, shift: float) -> NDArray[np.float64]:
    """Where larger or smaller pixels lie along a side of so many pixels, which they cover.

    Their middle is that of the side, but for the shift. They are even in number: none then lies
    half way between two others, where rounding has a side.
    """
    count = 2 * ceil((side / scale + 1.0) / 2.0)
    return (side - 1.0) / 2.0 + scale * (np.arange(count) - (count - 1.0) / 2.0) + shift


def _between(
    pixels: NDArray[np.floating[Any]], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[np.floating[Any]]:
    """(slice, row, column) pixels at other rows and columns, linearly between their neighbours."""
    for axis, places in ((1, rows), (2, columns)):
        within = np.clip(places, 0.0, pixels.shape[axis] - 1.0)
        below = within.astype(np.intp)
        above = np.minimum(below + 1, pixels.shape[axis] - 1)
        share = (within - below).astype(pixels.dtype).reshape((-1, 1) if axis == 1 else -1)
        lower, upper = pixels.take(below, axis), pixels.take(above, axis)
        pixels = lower + share * (upper - lower)
    return pixels


def _nearest(
    labels: NDArray[Any], rows: NDArray[np.float64], columns: NDArray[np.float64]
) -> NDArray[Any]:
    """(slice, row, column) labels at other rows and columns; beyond the edge there is nothing."""
    out = np.pad(labels, ((0, 0), (1, 1), (1, 1)))
    for axis, places in ((1, rows), (2, columns)):
        index = np.rint(places).astype(np.intp) + 1
        out = out.take(np.clip(index, 0, out.shape[axis] - 1), axis)
    return out


def _filled(
    intensity: NDArray[np.floating[Any]], measured: NDArray[np.bool_]
) -> NDArray[np.floating[Any]]:
    """The signal, with that of the nearest voxel of the slice where there is none.

    It is mixed with others otherwise. A slice without any signal stays as it is.
    """
    filled = intensity.copy()
    for plane, lit in zip(filled, measured, strict=True):
        if lit.any() and not lit.all():
            nearest = distance_transform_edt(~lit, return_distances=False, return_indices=True)
            plane[:] = plane[tuple(nearest)]
    return filled


def _volumes(
    intensity: NDArray[np.floating[Any]],
    labels: NDArray[np.uint8],
    remote: NDArray[np.bool_] | None,
    method: ScarMethod,
) -> NDArray[np.float64]:
    """Voxels of core scar and of grey zone; those of an obstruction are neither."""
    zones = classify_enhancement(
        intensity,
        np.isin(labels, MYOCARDIUM),
        np.isin(labels, ENHANCEMENT),
        method=method,
        remote=remote,
    )
    split = labels != Label.MICROVASCULAR_OBSTRUCTION
    return np.array([(zones.core & split).sum(), (zones.grey_zone & split).sum()], np.float64)
