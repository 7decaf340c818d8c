"""The brightness of each slice of a stack relative to the others, and the value of no signal.

Breath-holds that were scaled one by one have gains of their own. Not from the paper: tolerances are
ours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_UNEVENNESS = 0.08
"""Natural logarithm of a slice's brightness over that of its two neighbours: above it gains differ.

0.08 is the 90th percentile of the 140 cine stacks of ACDC's train list. Coils make slices brighter
little by little, which is left as it is.
"""

MAX_STEP = 0.35
"""As `MAX_UNEVENNESS`, from one slice to the next. At most 0.25 in the same stacks."""

MAX_UNSURE_UNEVENNESS, MAX_UNSURE_STEP = 0.28, 0.52
"""As the two above, where an offset from which brightness counts is not sure.

The LGE stacks of EMIDEC's train list are all stored about 2048. About it they reach 0.163 and 0.21,
and 0.271 and 0.501 in their crops to 15 pixels round the heart (2026-11-30).
"""

MIN_GAIN = 0.1
"""Of a slice beside the middle one: with less it holds noise, for scanners do not differ so."""

MIN_GAIN_PIXELS = 1024
"""Of signal in the fullest slice: fewer say nothing of gains."""

THINNED = 3
"""Of so many rows and columns one is looked at: bright tissue is much larger."""

BRIGHT_PERCENTILE = 60
"""Of the signal of each slice: brighter pixels are tissue and blood, which neighbours share."""

DARK_PERCENTILE = 2
"""Of the signal of each slice: air and nulled tissue, and as many are brighter than its span."""

MIN_OFFSET = 0.6
"""From 0 to the darkest signal of the usual slice, in spans of its signal: with less, 0 is no
signal.

Without padding at most 0.33 in the cine stacks of ACDC's train list and 0.49 in their crops, and at
least 0.74 in the LGE stacks of EMIDEC's and their crops, which are stored about 2048 (2026-11-30).
"""

MAX_MISMATCH = 0.5
"""Of the squared difference between neighbours the share that a gain about the right value leaves.

At most 0.3 with gains of 0.7 to 1.4 in EMIDEC's train list and its crops (2026-11-30), and where
it is more, slices do not differ by gains.
"""

MAX_SURE_MISMATCH = 0.1
"""As `MAX_MISMATCH`: with less, slices differ by gains and by little else.

At least 0.124 in EMIDEC's train list and its crops as they are. With gains of 0.7 to 1.4 it is less
in 54 of the 57, and in 45 of the crops to 15 pixels round the heart (2026-11-30).
"""

LEVELS = 200
"""Values that are tried as that of no signal."""

MIN_LEVELS = 20
"""Of these, on which the signal of an image lies: a label map has few values."""


@dataclass(frozen=True, kw_only=True)
class Zero:
    """The value of no signal, and whether it is sure that gains count from there."""

    value: float = 0.0
    sure: bool = True


def slice_gains(
    pixels: NDArray[np.float32], signal: NDArray[np.bool_], *, zero: float = 0.0
) -> NDArray[np.float64]:
    """(slice,) brightness of each slice relative to the middle one of them all; 1 where not known.

    pixels, signal: (slice, row, column), the second a mask; zero: the value of no signal. From
    slice to slice it is the median ratio of the pixels that are bright in either: neighbours show
    the same tissue. Signed signal counts by its size, for a gain leaves its sign.
    """
    gains = np.ones(len(pixels))
    thin, votes = _thinned(pixels, signal, darkest=not zero)
    if not _tells(votes):
        return gains
    index = np.flatnonzero(votes.any(axis=(1, 2)))
    thin, votes = np.abs(thin[index] - np.float32(zero)), votes[index]
    bright = [
        where & (plane > np.percentile(plane[where], BRIGHT_PERCENTILE))
        for plane, where in zip(thin, votes, strict=True)
    ]
    votes &= thin > 0
    steps = np.zeros(len(index))
    for k in range(1, len(index)):
        both = (bright[k] | bright[k - 1]) & votes[k] & votes[k - 1]
        if both.any():
            steps[k] = np.median(np.log(thin[k][both] / thin[k - 1][both]))
    levels = np.cumsum(steps)
    gains[index] = np.exp(levels - np.median(levels))
    return gains


def are_even(gains: NDArray[np.float64], *, sure: bool = True) -> bool:
    """Whether slices differ no more than coils make them: each lies between its neighbours.

    gains: (slice,) of `slice_gains`, without those that hold no signal; sure: as in `Zero`.
    """
    level = np.log(gains)
    steps = np.abs(np.diff(level)).max(initial=0.0)
    between = np.abs(level[1:-1] - (level[:-2] + level[2:]) / 2).max(initial=0.0)
    if sure:
        return bool(between <= MAX_UNEVENNESS and steps <= MAX_STEP)
    return bool(between <= MAX_UNSURE_UNEVENNESS and steps <= MAX_UNSURE_STEP)


def faint_slices(pixels: NDArray[np.float32], signal: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(slice,) which slices hold no more than noise: no gain of a scanner makes one so dark.

    pixels, signal: (slice, row, column), the second a mask.
    """
    faint = slice_gains(pixels, signal) < MIN_GAIN
    rest = signal & ~faint[:, None, None]
    return faint | (slice_gains(pixels, rest, zero=zero_level(pixels, rest).value) < MIN_GAIN)


def zero_level(pixels: NDArray[np.float32], signal: NDArray[np.bool_]) -> Zero:
    """The value that a gain leaves as it is, from which brightness counts; mostly 0.

    Phase-sensitive images may be stored unsigned about an offset such as 2048 that no tag tells.
    Where all signal lies far from 0, it is the value about which the distributions of neighbouring
    slices are stretched most exactly into each other, if they differ by that.

    pixels, signal: (slice, row, column), the second a mask.
    """
    thin, votes = _thinned(pixels, signal, darkest=False)
    planes = [plane[where] for plane, where in zip(thin, votes, strict=True) if where.any()]
    if len(planes) < 2 or not _tells(votes):
        return Zero()
    percents = np.arange(DARK_PERCENTILE, 100, 2)
    values = np.array([np.percentile(plane.astype(float), percents) for plane in planes])
    dark, span = values[:, 0], values[:, -1] - values[:, 0]
    if not span.any() or float(np.median(dark - MIN_OFFSET * span)) <= 0.0:
        return Zero()
    if len(np.unique(np.rint(LEVELS * (values - dark.min()) / span.max()))) < MIN_LEVELS:
        return Zero()
    low, high = np.percentile(np.concatenate(planes), (DARK_PERCENTILE, BRIGHT_PERCENTILE))
    levels = np.append(np.linspace(low, high, LEVELS), 0.0)
    before, after = values[:-1], values[1:]
    mismatch = _mismatch(before[:, :, None] - levels, after[:, :, None] - levels)
    best = int(mismatch.argmin())
    as_they_are = float(((after - before) ** 2).sum()) / 2
    if not levels[best] or mismatch[best] >= MAX_MISMATCH * as_they_are:
        return Zero()
    sure = bool(mismatch[best] < MAX_SURE_MISMATCH * as_they_are)
    return Zero(value=float(levels[best]), sure=sure)


def _thinned(
    pixels: NDArray[np.float32], signal: NDArray[np.bool_], *, darkest: bool
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """A part of the rows and columns of (slice, row, column) pixels, and a mask of what counts.

    darkest: whether the darkest value of each slice does. About an offset it is cut off or fills
    what was not measured.
    """
    thin, votes = pixels[:, ::THINNED, ::THINNED], signal[:, ::THINNED, ::THINNED]
    if darkest:
        return thin, votes
    lowest = thin.min(axis=(1, 2), where=votes, initial=np.inf, keepdims=True)
    return thin, votes & (thin > lowest)


def _tells(votes: NDArray[np.bool_]) -> bool:
    """Whether enough counts in one slice of a thinned mask."""
    fullest = int(np.count_nonzero(votes, axis=(1, 2)).max())
    return fullest * THINNED**2 >= MIN_GAIN_PIXELS


def _mismatch(before: NDArray[np.float64], after: NDArray[np.float64]) -> NDArray[np.float64]:
    """(level,) squared distance of (pair, value, level) points from the best line through 0.

    Each pair of slices has a line of its own. Distances are at right angles to it, so that neither
    slice of a pair counts more.
    """
    squares = (before**2).sum(axis=1), (after**2).sum(axis=1)
    products = (before * after).sum(axis=1)
    mean, half = (squares[0] + squares[1]) / 2, (squares[0] - squares[1]) / 2
    total: NDArray[np.float64] = (mean - np.hypot(half, products)).sum(axis=0)
    return total
