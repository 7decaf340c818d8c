"""Which bits of DICOM pixel words are values, and which values are padding.

PS3.5 8.1.1 (bits stored, high bit, sign) and PS3.3 C.7.5.1.1.2 (pixel padding).
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from acsnet.masks import reaching_edges

OddBits = Literal["none", "left out", "signal", "below"]
"""What was beyond the bits that BitsStored and HighBit tell of; below: the values themselves."""

MIN_CHANGES = 0.25
"""Of the neighbours that differ at all, the share that differs in the bits below the values: a
drawing in these changes at its edges alone, a signal between at least every second. Ours."""


def stored_values(
    words: NDArray[Any], dataset: Dataset, *, all_bits: bool = False, low_bits: bool = False
) -> tuple[NDArray[Any], OddBits]:
    """Pixel words -> their stored values, and what bits beyond them said.

    Bits above HighBit may hold an overlay, or zeros where the sign belongs: neither is signal. They
    are where an image without them jumps more from pixel to pixel: BitsStored is wrong then. Bits
    below the stored ones may hold an overlay, too; where they hold signal, HighBit is wrong.
    all_bits: are values; low_bits: the values begin at the lowest bit, whatever HighBit says.
    """
    if all_bits:
        return words, "signal"
    allocated = whole_number(dataset, "BitsAllocated")
    bits = whole_number(dataset, "BitsStored")
    high = whole_number(dataset, "HighBit")
    if words.dtype.kind not in "iu" or allocated is None or bits is None:
        return words, "none"
    high = bits - 1 if high is None else high
    shift = high - bits + 1
    width = 8 * words.dtype.itemsize
    if not (0 < bits <= high + 1 <= allocated <= width) or bits == width:
        return words, "none"
    signed = dataset.get("PixelRepresentation") == 1
    plain = words.astype(words.dtype.newbyteorder("="), copy=False)
    below = shift > 0 and (low_bits or _is_signal_below(plain, shift))
    if below:
        shift = 0
    as_told: OddBits = "below" if below else "none"
    if shift == 0:
        low, top = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        if low <= int(plain.min()) and int(plain.max()) <= top:
            return words, as_told
    numbers = plain.astype(np.int64) >> shift
    values = numbers & ((1 << bits) - 1)
    if signed:
        values = np.where(values >> (bits - 1) == 1, values - (1 << bits), values)
    beyond = numbers >> bits
    sign_only = signed and bool(((values < 0) | (beyond == 0)).all() and (numbers >= 0).all())
    unsaid = bool((beyond != 0).any()) and not sign_only and not bool((values == numbers).all())
    if unsaid and shift == 0 and _jumps(values) > _jumps(numbers):
        return words, "signal"
    return values.astype(np.int32), "left out" if unsaid else as_told


def _is_signal_below(words: NDArray[Any], shift: int) -> bool:
    """Whether the lowest bits of an image change as often along its rows as a signal does."""
    lowest = words & ((1 << shift) - 1)
    if not lowest.any():
        return False
    changes, low_changes = (np.count_nonzero(np.diff(bits, axis=-1)) for bits in (words, lowest))
    return low_changes > MIN_CHANGES * changes


def _jumps(values: NDArray[Any]) -> float:
    """Mean difference of neighbours in a row of a (row, column) image."""
    return float(np.abs(np.diff(values, axis=-1)).mean()) if values.shape[-1] > 1 else 0.0


def padding_of(values: NDArray[Any], dataset: Dataset) -> NDArray[np.bool_] | None:
    """(row, column) mask of the stored values that the header declares as padding, if it does.

    Only where they reach the edge of the image: some scanners declare 0, which dark tissue has too.
    """
    first = whole_number(dataset, "PixelPaddingValue")
    if first is None:
        return None
    bits = whole_number(dataset, "BitsAllocated") or 16
    last = whole_number(dataset, "PixelPaddingRangeLimit")
    last = first if last is None else last
    if dataset.get("PixelRepresentation") == 1:  # some write the tag unsigned all the same
        first, last = (v - (1 << bits) if v >= 1 << (bits - 1) else v for v in (first, last))
    else:
        first, last = (v + (1 << bits) if v < 0 else v for v in (first, last))
    mask = (values >= min(first, last)) & (values <= max(first, last))
    return reaching_edges(mask)


def whole_number(dataset: Dataset, tag: str) -> int | None:
    """The value of a tag that holds a whole number; None where it holds none."""
    value = dataset.get(tag)
    if isinstance(value, bytes):  # US or SS, undecided without the pixel representation
        value = int.from_bytes(value[:2], "little")
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None
