"""Whole numbers that were stored with a sign and are read without one, or the other way round.

A conversion or an anonymiser changes the type and not the bits: what is negative comes back as the
brightest of all, or what is bright as negative. Not from any standard: the tolerances.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_SIGN_BITS = 16
"""Of values that may have the wrong sign: wider ones have room for either."""

MIN_VALUES = 16
"""Distinct values that change: fewer are padding, a mark or dead pixels."""

MIN_JUMPS = 16
"""Steps from pixel to pixel of more than half of all numbers: a border between what wrapped round
and what did not has one at each pixel, no tissue has any.
"""

MAX_JUMPS_SHARE = 0.1
"""Of these steps that may be left when the numbers are read the other way."""

WORDS = (
    "the file calls its values signed where they are not, or the other way round, so that they "
    "would wrap: they were read as they are meant"
)
"""What is told of it."""


def other_sign(values: NDArray[Any], *, bits: int) -> NDArray[np.int32]:
    """Numbers of so many bits, read with a sign where they were read without, and vice versa."""
    numbers = values.astype(np.int32)
    half, whole = 1 << (bits - 1), 1 << bits
    if int(numbers.min()) < 0:
        return np.where(numbers < 0, numbers + whole, numbers).astype(np.int32)
    return np.where(numbers >= half, numbers - whole, numbers).astype(np.int32)


def is_wrapped(values: NDArray[Any], *, bits: int, axis: int = -1) -> bool:
    """Whether the numbers of an image jump over half of their range, and not with the other sign.

    values: any shape; others than whole numbers of 16 bits or fewer are never wrapped; bits: of
    those stored; axis: along which neighbours lie in a slice.
    """
    if values.dtype.kind not in "iu" or not 1 < bits <= MAX_SIGN_BITS:
        return False
    low, high = int(values.min()), int(values.max())
    half = 1 << (bits - 1)
    if (low >= 0 and high < half) or low < -half or high >= 2 * half or (low < 0 and high >= half):
        return False
    jumps = _jumps(values.astype(np.int32), half, axis)
    if jumps < MIN_JUMPS:
        return False
    changed = values[values < 0] if low < 0 else values[values >= half]
    if len(np.unique(changed)) < MIN_VALUES:
        return False
    return _jumps(other_sign(values, bits=bits), half, axis) <= MAX_JUMPS_SHARE * jumps


def _jumps(numbers: NDArray[np.int32], half: int, axis: int) -> int:
    """How many neighbours differ by more than half of the range."""
    return int(np.count_nonzero(np.abs(np.diff(numbers, axis=axis)) > half))
