"""Which bits of DICOM pixel words are values, and which values are padding.

PS3.5 8.1.1 (bits stored, high bit, sign) and PS3.3 C.7.5.1.1.2 (pixel padding).
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from acsnet.masks import reaching_edges

OddBits = Literal["none", "left out", "signal"]
"""What was beyond the bits that BitsStored and HighBit tell of."""


def stored_values(
    words: NDArray[Any], dataset: Dataset, *, all_bits: bool = False
) -> tuple[NDArray[Any], OddBits]:
    """Pixel words -> their stored values, and what bits beyond them said; all_bits: are values.

    Bits above HighBit may hold an overlay, or zeros where the sign belongs: neither is signal. They
    are where an image without them jumps more from pixel to pixel: BitsStored is wrong then.
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
    if shift == 0:
        low, top = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
        if low <= int(plain.min()) and int(plain.max()) <= top:
            return words, "none"
    numbers = plain.astype(np.int64) >> shift
    values = numbers & ((1 << bits) - 1)
    if signed:
        values = np.where(values >> (bits - 1) == 1, values - (1 << bits), values)
    beyond = numbers >> bits
    sign_only = signed and bool(((values < 0) | (beyond == 0)).all() and (numbers >= 0).all())
    unsaid = bool((beyond != 0).any()) and not sign_only and not bool((values == numbers).all())
    if unsaid and shift == 0 and _jumps(values) > _jumps(numbers):
        return words, "signal"
    return values.astype(np.int32), "left out" if unsaid else "none"


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
