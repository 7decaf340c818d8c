"""Which voxels and slices of a stack are signal, and slices brought to one gain.

Scanners, converters and challenges fill what they did not measure: corners outside the
reconstructed circle, borders, whole slices, NaN outside a mask. None of it is dark tissue. What is
found here has no source but the files themselves; tolerances are ours.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.gains import MIN_GAIN_PIXELS, THINNED, are_even, faint_slices, slice_gains, zero_level
from acsnet.io.limits import check_pixels
from acsnet.masks import reaching_edges
from acsnet.scan import NO_SIGNAL

MIN_PADDING_SHARE, MIN_PADDING_VOXELS = 0.001, 25
"""Of all voxels: fewer of one value are dark pixels, not a filled region."""

MIN_TOLD_SHARE = 0.001
"""Of all voxels: of fewer the number is told."""

MIN_DOUBTED_FACTOR = 1.4
"""From the faintest slice to the brightest, about an offset that is not sure. At most 1.3 in the
LGE stacks of EMIDEC's train list (2026-11-30)."""

MIN_PADDING_GAP = 0.1
"""From the filling value to the darkest signal, in spans of the signal."""

MIN_BRIGHT_GAP = 1.0
"""As `MIN_PADDING_GAP`, for a filling value above all signal: saturated pixels have no gap."""

GAPS = {1.0: MIN_PADDING_GAP, -1.0: MIN_BRIGHT_GAP}
"""For values as they are, of which the filling one is the lowest, and negated, of the highest."""

MIN_ZERO_SHARE = 0.05
"""Of voxels that are zero in the midst of signed signal: noise is it less often."""

MIN_BLURRED_SHARE, MAX_BLURRED_SHARE = 0.01, 0.05
"""Of the voxels that are the filling value where a resampling has blurred the edges of what it
fills, and of all others those that may lie between it and the signal.
"""

BLURRED_PIXELS, BLURRED_DEPTH, MIN_AT_EDGE = 2, 0.75, 0.8
"""How wide such an edge is, how far towards the signal it tells of itself, and which part of what
lies there is in it.
"""

GAP_BINS = 64
"""Of a histogram in which a gap is looked for: one of them is less than `MIN_PADDING_GAP`."""

MAX_STRAYS = 10
"""Voxels far from all others: dead pixels and marks."""

MIN_SLICE_SHARE = 0.01
"""Of the pixels brighter than the darkest that the fullest slice has: fewer are a mark or noise of
a decoder in a blank slice.
"""

MAX_UNTOLD_SHARE = 0.15
"""Of a part without signal that needs no word: challenges cut images from turned ones. At most 0.14
in EMIDEC.
"""

MAX_FILLINGS = 3
"""Values that fill regions, one after another."""

MIN_VALUES = 16
"""Distinct values beside the filling one: fewer are a label map, whose background is a label."""

SAMPLED = 10_000
"""Voxels that are looked at first for different values: to sort them all takes longer than to read.
"""

SPARSE = 4
"""Of so many of the voxels that `THINNED` leaves one is enough for a first look."""


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """A stack whose voxels without signal have the value of its darkest signal.

    pixels: (slice, row, column); signal: mask of the same shape, or None where all is signal;
    even: whether all slices came with one gain.
    """

    pixels: NDArray[np.float32]
    signal: NDArray[np.bool_] | None
    even: bool
    warnings: tuple[str, ...]


def cleaned(
    name: str, pixels: NDArray[np.float32], *, padding: NDArray[np.bool_] | None = None
) -> Cleaned:
    """Find what is no signal in (slice, row, column) pixels, fill it, and bring slices to one gain.

    padding: what the file itself says is none. Raises InputError for pixels that are infinite, and
    where nothing is left to see.
    """
    warnings: list[str] = []
    given, declared = pixels, np.zeros(pixels.shape, bool) if padding is None else padding
    empty = declared
    if np.isnan(pixels.min()):
        unmeasured = np.isnan(pixels)
        share, count = float(unmeasured.mean()), np.count_nonzero(unmeasured)
        few = "1 voxel is" if count == 1 else f"{count} voxels are"
        part = few if share < MIN_TOLD_SHARE else f"{100 * share:.1f} % of the voxels are"
        warnings.append(f"{part} NaN and {NO_SIGNAL}")
        empty = empty | unmeasured
    if empty.all():
        msg = f"{name} holds no signal: NaN or infinite pixels, or padding, in every voxel"
        raise InputError(msg)
    for _ in range(MAX_FILLINGS + 1):  # a converter pads what a scanner has padded before
        strays = _strays(pixels, empty)
        if strays is not None:
            warnings.append(_stray_words(pixels[strays], pixels[~(empty | strays)]))
            empty = empty | strays
        filled = _filling(pixels, empty)
        if filled is None:
            break
        value, where = filled
        if value != 0.0 or pixels.min() < 0.0:
            many = "" if (pixels[where] == value).all() else " or so"
            part = f"{100 * where.mean():.1f} % of the voxels are {value:g}{many}"
            warnings.append(f"{part} and {NO_SIGNAL} (padding)")
        empty = empty | where
    if empty.any():
        pixels = np.where(empty, pixels[~empty].min(), pixels)
    check_pixels(name, pixels)
    lowest = pixels.min(axis=(1, 2))
    brighter = np.count_nonzero(pixels > lowest[:, None, None], axis=(1, 2))
    blank = brighter < MIN_SLICE_SHARE * brighter.max()
    faint = faint_slices(pixels, ~(empty | blank[:, None, None]))[:, None, None]
    if faint.any() and _is_varied(pixels.ravel()):  # noise hides what fills the other slices
        return cleaned(name, given, padding=declared | faint)
    if blank.any():
        pixels = np.where(blank[:, None, None], pixels.min(), pixels)
        numbers = ", ".join(str(k + 1) for k in np.flatnonzero(blank))
        warnings.append(f"no signal in slice {numbers}, which is left without labels")
    brightest = pixels.max(axis=0, where=~blank[:, None, None], initial=-np.inf)
    darkest = pixels.min()
    borders = [_ends((brightest == darkest).all(axis=other)) for other in (1, 0)]
    if blank.any() or borders[0].any() or borders[1].any():
        empty = empty | blank[:, None, None] | borders[0][:, None] | borders[1]
    signal = ~empty if empty.any() else None
    if not warnings and signal is not None and _gaps_share(signal) > MAX_UNTOLD_SHARE:
        share = 100 * _gaps_share(signal)
        warnings.append(f"no signal in {share:.0f} % of the image (zero, or padding)")
    pixels, even, remarks = _at_one_gain(pixels, ~empty)
    if not even and signal is not None:
        pixels = np.where(signal, pixels, pixels[signal].min())
    return Cleaned(pixels=pixels, signal=signal, even=even, warnings=(*warnings, *remarks))


def _at_one_gain(
    pixels: NDArray[np.float32], signal: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], bool, tuple[str, ...]]:
    """(slice, row, column) pixels brought to one gain, whether they had one, and what to tell.

    signal: mask of the same shape.
    """
    measured = signal.any(axis=(1, 2))
    zero = zero_level(pixels, signal)
    gains = slice_gains(pixels, signal, zero=zero.value)
    if are_even(gains[measured]) or not _is_varied(pixels.ravel()):
        return pixels, True, ()
    factor = gains[measured].max() / gains[measured].min()
    words = f"the brightness of the slices differs by a factor of {factor:.1f}"
    if are_even(gains[measured], sure=zero.sure):
        if factor < MIN_DOUBTED_FACTOR:
            return pixels, True, ()
        doubt = f"{words} about {zero.value:.0f}, which may be the value of no signal: check"
        return pixels, True, (f"{doubt} whether they have one gain; they were left as they are",)
    about = f" about {zero.value:.0f}, the value of no signal," if zero.value else ""
    warning = f"{words}: they were brought to one gain{about} before anything was measured"
    out = (zero.value + (pixels - np.float32(zero.value)) / gains[:, None, None]).astype(np.float32)
    return out, False, (warning,)


def _gaps_share(signal: NDArray[np.bool_]) -> float:
    """Share without signal of the part that its rows, columns and slices bound."""
    sides = [np.count_nonzero(signal.any(axis=axes)) for axes in ((1, 2), (0, 2), (0, 1))]
    return 1.0 - np.count_nonzero(signal) / float(np.prod(sides))


def _strays(pixels: NDArray[np.float32], empty: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Mask of the few voxels that lie far from all others that are not empty; None for none."""
    thin = pixels[:, ::THINNED, ::THINNED][~empty[:, ::THINNED, ::THINNED]]
    if len(thin) < MIN_GAIN_PIXELS:
        return None
    low, high = _range(thin[::SPARSE])
    values = pixels[~empty] if empty.any() else pixels.ravel()
    span = high - low
    if (
        low - values.min() <= MIN_PADDING_GAP * span
        and values.max() - high <= MIN_BRIGHT_GAP * span
    ):
        return None
    below, above = values < low, values > high  # next to all voxels lie between
    few = min(np.count_nonzero(below), np.count_nonzero(above)) <= MAX_STRAYS
    low, high = _range(values if few else values[below | above])
    far = (pixels < low - MIN_PADDING_GAP * (high - low)) & ~empty
    far |= (pixels > high + MIN_BRIGHT_GAP * (high - low)) & ~empty
    return far if high > low and far.any() else None


def _stray_words(values: NDArray[np.float32], others: NDArray[np.float32]) -> str:
    """What is done about the (n,) values of strays; others: (m,) those that they lie far from."""
    low, high = values.min(), values.max()
    side = "below" if high < others.min() else "above" if low > others.max() else "from"
    signal = f"{low:g}" if low == high else f"{low:g} to {high:g}"
    if len(values) == 1:
        return f"1 voxel with the signal {signal}, far {side} all others, is {NO_SIGNAL}"
    return f"{len(values)} voxels with the signal {signal}, far {side} all others, are {NO_SIGNAL}"


def _range(values: NDArray[np.float32]) -> tuple[float, float]:
    """Lowest and highest of (n,) values without the `MAX_STRAYS` most extreme at either end."""
    ends = np.partition(values, (MAX_STRAYS, len(values) - 1 - MAX_STRAYS))
    return float(ends[MAX_STRAYS]), float(ends[-1 - MAX_STRAYS])


def _filling(
    pixels: NDArray[np.float32], empty: NDArray[np.bool_]
) -> tuple[float, NDArray[np.bool_]] | None:
    """One value that fills a region and lies apart from all signal, and where it is."""
    thin = pixels[:, ::THINNED, ::THINNED][~empty[:, ::THINNED, ::THINNED]]
    for sign in GAPS:
        if not _may_be_filled(sign * thin, GAPS[sign]):
            continue
        values = pixels if sign > 0 else -pixels
        low = float(values[~empty].min() if empty.any() else values.min())
        where = (values == low) & ~empty
        if np.count_nonzero(where) < max(MIN_PADDING_VOXELS, MIN_PADDING_SHARE * pixels.size):
            continue
        outside = ~(where | empty)
        rest = values[outside]
        if not (len(rest) and _is_varied(rest)):
            continue
        darkest, brightest = float(rest.min()), float(rest.max())
        usual = float(np.quantile(rest[::SPARSE], MAX_BLURRED_SHARE))
        if np.count_nonzero(where) >= MIN_BLURRED_SHARE * pixels.size and _is_apart(
            low, darkest=usual, brightest=brightest, sign=sign
        ):
            between = (values < low + BLURRED_DEPTH * (usual - low)) & outside
            near = _widened(where) & outside if between.any() else between
            if 0 < MIN_AT_EDGE * between.sum() <= (between & near).sum():
                return sign * low, where | (near & (values < usual))
        if _is_apart(low, darkest=darkest, brightest=brightest, sign=sign):
            return sign * low, where
    return _cluster_below(pixels, empty, thin) or _zero_around(pixels, empty, thin)


def _cluster_below(
    pixels: NDArray[np.float32], empty: NDArray[np.bool_], thin: NDArray[np.float32]
) -> tuple[float, NDArray[np.bool_]] | None:
    """As `_filling`, of several negative values with a gap above them.

    Lossy compression and resampling leave no single value, and some fill each slice with another.
    """
    low, high = (float(thin.min()), float(thin.max())) if len(thin) else (0.0, 0.0)
    if not (-np.inf < low < 0.0 and low < high < np.inf):
        return None
    counts, ends = np.histogram(thin.astype(float), GAP_BINS)
    enough = np.cumsum(counts) >= MIN_BLURRED_SHARE * len(thin)
    free = np.flatnonzero((counts == 0) & enough)
    runs = np.split(free, np.flatnonzero(np.diff(free) > 1) + 1)
    if not len(widest := max(runs, key=len)):
        return None
    where = (pixels < (ends[widest[0]] + ends[widest[-1] + 1]) / 2) & ~empty
    rest = pixels[~(where | empty)]
    if not (where.any() and len(rest)) or not _is_varied(rest):  # nearly all may be the same
        return None
    highest, darkest, brightest = float(pixels[where].max()), float(rest.min()), float(rest.max())
    apart = _is_apart(highest, darkest=darkest, brightest=brightest, sign=1.0)
    apart = apart and highest < 0.0 and darkest - highest > highest - low
    return (highest, where) if apart else None


def _is_apart(low: float, *, darkest: float, brightest: float, sign: float) -> bool:
    """Whether a filling value lies apart from a signal; sign: -1 where values are negated."""
    if sign > 0 and low < 0.0 <= darkest:
        return True
    return darkest - low > GAPS[sign] * (brightest - darkest)


def _widened(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(slice, row, column) mask with `BLURRED_PIXELS` more all round in each slice."""
    for axis in (1, 2):
        before, mask = np.moveaxis(mask, axis, 0), mask.copy()
        wide = np.moveaxis(mask, axis, 0)
        for k in range(1, BLURRED_PIXELS + 1):
            wide[k:] |= before[:-k]
            wide[:-k] |= before[k:]
    return mask


def _is_varied(values: NDArray[np.float32]) -> bool:
    """Whether values are those of an image: a part of them tells, unless it has too few."""
    part = values[:: max(1, values.size // SAMPLED)]
    return len(np.unique(part)) >= MIN_VALUES or len(np.unique(values)) >= MIN_VALUES


def _zero_around(
    pixels: NDArray[np.float32], empty: NDArray[np.bool_], thin: NDArray[np.float32]
) -> tuple[float, NDArray[np.bool_]] | None:
    """As `_filling`, of zero in the middle of signed signal, where it reaches the edges.

    thin: a part of the voxels. Phase-sensitive images pass zero in single pixels.
    """
    if not len(thin) or not thin.min() < 0.0 < thin.max():
        return None
    if np.count_nonzero(thin == 0.0) < MIN_ZERO_SHARE * thin.size:
        return None
    where = np.stack([reaching_edges(plane) for plane in (pixels == 0.0) | empty]) & ~empty
    return (0.0, where) if np.count_nonzero(where) >= MIN_ZERO_SHARE * pixels.size else None


def _may_be_filled(values: NDArray[np.float32], gap: float) -> bool:
    """Whether a part of the voxels leaves it open that the lowest value fills a region.

    All of them have a smaller gap above it, and a larger span.
    """
    if not len(values):
        return True
    low, high = float(values.min()), float(values.max())
    above = values > low
    rest = float(values.min(where=above, initial=np.inf))
    if rest - low > gap * (high - rest) or low < 0.0 <= rest:
        return True
    if np.count_nonzero(~above) < MIN_BLURRED_SHARE * len(values) / 2:
        return False
    between = above & (values < low + gap * (high - low) / (1.0 + gap))
    return np.count_nonzero(between) <= 2 * MAX_BLURRED_SHARE * len(values)


def _ends(constant: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of a (n,) mask its unbroken runs from both ends."""
    return np.logical_and.accumulate(constant) | np.logical_and.accumulate(constant[::-1])[::-1]
