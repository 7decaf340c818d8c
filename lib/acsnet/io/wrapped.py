"""Whole numbers that are read with another sign, or another order of bytes, than they were stored.

A conversion or an anonymiser changes the type and not the bits: what is negative comes back as the
brightest of all, or what is bright as negative. Headers written by hand get the order of the bytes
wrong. Not from any standard: the tolerances.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_SIGN_BITS, MAX_SIGN_BITS = 12, 16
"""Of values that may have the wrong sign: wider ones have room for either, and narrower ones are
stretched over all of their numbers, so that black beside white looks the same.
"""

MIN_VALUES = 16
"""Distinct values that change: fewer are padding, a mark or dead pixels."""

MIN_JUMP = 0.75
"""Of all numbers: steps from pixel to pixel where numbers wrapped round are nearly as high."""

MIN_JUMPS = 16
"""Of such steps: no tissue has any."""

MAX_JUMPS_SHARE = 0.1
"""Of their number that may be left, of steps over half of all numbers, read the other way."""

WORDS = (
    "the file calls its values signed where they are not, or the other way round, so that they "
    "would wrap: they were read as they are meant"
)
"""What is told of it."""


MIN_ROUGHNESS, MAX_SMOOTHER = 0.4, 0.5
"""Mean step between neighbours, in standard deviations of all values, above which an image is noise
(0.16 at most in 25 scans of EMIDEC), and the share of it below which it is an image when its bytes
are in the other order.
"""

SWAPPED_WORDS = (
    "the file has the bytes of its values in another order than its header says: they were read in "
    "the order that makes an image of them"
)


def as_meant(values: NDArray[Any], *, axis: int) -> tuple[NDArray[Any], list[str]]:
    """The values of a volume with the bytes and the sign that make an image of them, and remarks.

    values: any shape; axis: along which neighbours lie in a slice.
    """
    remarks = []
    if is_swapped(values, axis=axis):
        values = values.byteswap()
        remarks.append(SWAPPED_WORDS)
    bits = 8 * values.dtype.itemsize
    if is_wrapped(values, bits=bits, axis=axis):
        values = other_sign(values, bits=bits)
        remarks.append(WORDS)
    return values, remarks


def is_swapped(values: NDArray[Any], *, axis: int = -1) -> bool:
    """Whether numbers of two bytes make noise, and an image with their bytes in the other order."""
    if values.dtype.kind not in "iu" or values.dtype.itemsize != 2:
        return False
    if int(values.max()) - int(values.min()) < 1 << 15:  # the lower bytes, as higher ones, take all
        return False
    rough = _roughness(values, axis)
    return rough > MIN_ROUGHNESS and _roughness(values.byteswap(), axis) < MAX_SMOOTHER * rough


def _roughness(values: NDArray[Any], axis: int) -> float:
    return float(_steps(values, axis).mean() / max(float(values.std()), 1.0))


def other_sign(values: NDArray[Any], *, bits: int) -> NDArray[np.int32]:
    """Numbers of so many bits, read with a sign where they were read without, and vice versa."""
    numbers = values.astype(np.int32)
    half, whole = 1 << (bits - 1), 1 << bits
    if int(numbers.min()) < 0:
        return np.where(numbers < 0, numbers + whole, numbers).astype(np.int32)
    return np.where(numbers >= half, numbers - whole, numbers).astype(np.int32)


def is_wrapped(values: NDArray[Any], *, bits: int, axis: int = -1) -> bool:
    """Whether the numbers of an image jump over most of their range, and not with the other sign.

    values: any shape; others than whole numbers of 12 to 16 bits are never wrapped; bits: of those
    stored; axis: along which neighbours lie in a slice.
    """
    if values.dtype.kind not in "iu" or not MIN_SIGN_BITS <= bits <= MAX_SIGN_BITS:
        return False
    low, high = int(values.min()), int(values.max())
    half = 1 << (bits - 1)
    if (low >= 0 and high < half) or low < -half or high >= 2 * half or (low < 0 and high >= half):
        return False
    between = np.moveaxis((values != low) & (values != high), axis, 0)
    measured = between[1:] & between[:-1]  # what is filled, or saturated, has steps of its own
    jumps = np.count_nonzero(_steps(values, axis) * measured > MIN_JUMP * 2 * half)
    if jumps < MIN_JUMPS:
        return False
    changed = values[values < 0] if low < 0 else values[values >= half]
    if len(np.unique(changed)) < MIN_VALUES:
        return False
    others = np.count_nonzero(_steps(other_sign(values, bits=bits), axis) * measured > half)
    return others <= MAX_JUMPS_SHARE * jumps


def _steps(values: NDArray[Any], axis: int) -> NDArray[np.int32]:
    """Differences of neighbours, without their sign, the axis first."""
    return np.abs(np.diff(np.moveaxis(values.astype(np.int32), axis, 0), axis=0))
