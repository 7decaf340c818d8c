"""The brightness of each slice of a stack relative to the others, and the value of no signal.

Breath-holds that were scaled one by one have gains of their own. Not from the paper: tolerances are
ours.
"""

import numpy as np
from numpy.typing import NDArray

MAX_UNEVENNESS = 0.08
"""Natural logarithm of a slice's brightness over that of its two neighbours: above it gains differ.

At most 0.043 in the 57 LGE stacks of EMIDEC's train list; 0.08 at the 90th percentile of the 140
cine stacks of ACDC's. Coils make slices brighter little by little, which is left as it is.
"""

MAX_STEP = 0.35
"""As `MAX_UNEVENNESS`, from one slice to the next. At most 0.05 and 0.25 in the same stacks."""

MIN_GAIN_PIXELS = 1024
"""In a slice: fewer say nothing of its gain."""

THINNED = 3
"""Of so many rows and columns one is looked at: bright tissue is much larger."""

BRIGHT_PERCENTILE = 60
"""Of each slice: brighter pixels are tissue and blood, which neighbours share."""

DARK_PERCENTILE = 2
"""Of each slice: air and nulled tissue, and as many pixels brighter than the span counts."""

MIN_OFFSET = 0.4
"""From 0 to the darkest signal of the usual slice, in spans of its signal: with less, 0 is no
signal.

At most 0.30 in the LGE stacks of EMIDEC and the cine stacks of ACDC, but for one (1.7), which is
stored with an offset.
"""

MAX_MISMATCH = 0.5
"""Of the squared difference between neighbours the share that a gain about the right value leaves.

At most 0.2 with gains of 0.8 to 1.25, and where it is more, slices do not differ by gains.
"""

LEVELS = 200
"""Values that are tried as that of no signal."""

MIN_LEVELS = 20
"""Of these, on which the signal of an image lies: a label map has few values."""


def slice_gains(
    pixels: NDArray[np.float32], measured: NDArray[np.bool_], *, zero: float = 0.0
) -> NDArray[np.float64]:
    """(slice,) brightness of each slice relative to the middle one of them all; 1 where not known.

    pixels: (slice, row, column); measured: (slice,) which slices hold signal; zero: the value of no
    signal. From slice to slice it is the median ratio of the pixels that are bright in either:
    neighbours show the same tissue. Signed signal counts by its size, for a gain leaves its sign.
    """
    gains = np.ones(len(pixels))
    index = np.flatnonzero(measured)
    if pixels[0].size < MIN_GAIN_PIXELS:
        return gains
    thin = np.abs(pixels[index, ::THINNED, ::THINNED] - np.float32(zero))
    bright = thin > np.percentile(thin, BRIGHT_PERCENTILE, axis=(1, 2), keepdims=True)
    steps = np.zeros(len(index))
    for k in range(1, len(index)):
        both = (bright[k] | bright[k - 1]) & (thin[k] > 0) & (thin[k - 1] > 0)
        if both.any():
            steps[k] = np.median(np.log(thin[k][both] / thin[k - 1][both]))
    levels = np.cumsum(steps)
    gains[index] = np.exp(levels - np.median(levels))
    return gains


def are_even(gains: NDArray[np.float64]) -> bool:
    """Whether slices differ no more than coils make them: each lies between its neighbours."""
    level = np.log(gains)
    steps = np.abs(np.diff(level)).max(initial=0.0)
    between = np.abs(level[1:-1] - (level[:-2] + level[2:]) / 2).max(initial=0.0)
    return bool(between <= MAX_UNEVENNESS and steps <= MAX_STEP)


def zero_level(pixels: NDArray[np.float32], measured: NDArray[np.bool_]) -> float:
    """The value that a gain leaves as it is, from which brightness counts; mostly 0.

    Phase-sensitive images may be stored unsigned about an offset such as 2048 that no tag tells.
    Where all signal lies far from 0, it is the value about which the distributions of neighbouring
    slices are stretched most exactly into each other, if they differ by that.

    pixels: (slice, row, column); measured: (slice,) which slices hold signal.
    """
    thin = pixels[measured, ::THINNED, ::THINNED].reshape(np.count_nonzero(measured), -1)
    if len(thin) < 2 or pixels[0].size < MIN_GAIN_PIXELS:
        return 0.0
    percents = np.arange(DARK_PERCENTILE, 100, 2)
    values = np.percentile(thin.astype(float), percents, axis=1).T
    dark, span = values[:, 0], values[:, -1] - values[:, 0]
    if not span.any() or float(np.median(dark - MIN_OFFSET * span)) <= 0.0:
        return 0.0
    if len(np.unique(np.rint(LEVELS * (values - dark.min()) / span.max()))) < MIN_LEVELS:
        return 0.0
    low, high = np.percentile(thin, (DARK_PERCENTILE, BRIGHT_PERCENTILE))
    levels = np.linspace(low, high, LEVELS)
    before, after = values[:-1], values[1:]
    mismatch = _mismatch(before[:, :, None] - levels, after[:, :, None] - levels)
    best = int(mismatch.argmin())
    as_they_are = float(((after - before) ** 2).sum()) / 2
    return float(levels[best]) if mismatch[best] < MAX_MISMATCH * as_they_are else 0.0


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
