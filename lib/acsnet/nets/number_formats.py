"""Short numbers: bfloat16, which NumPy has not, and the steps of a range in 8 bits.

bfloat16 is the upper half of a number in single precision.
"""

import numpy as np
from numpy.typing import NDArray

STEPS = 255
"""Steps from the lowest to the highest of the 256 numbers of 8 bits."""

WEIGHT_STEPS = 63
"""Steps from zero to the largest weight: 7 bits with the sign.

Processors without AVX512-VNNI add two products of 8 bits in 16, which two of 255 * 127 exceed.
"""


def bits(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The nearest bfloat16 of each finite value, ties to even, as its bits."""
    whole = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((whole + 0x7FFF + ((whole >> 16) & 1)) >> 16).astype(np.uint16)


def rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The nearest bfloat16 of each finite value, in single precision again."""
    return (bits(values).astype(np.uint32) << 16).view(np.float32)


def with_zero_on_a_step(low: float, high: float) -> tuple[float, float]:
    """A range that holds zero, moved by half a step at most so that zero is on one of its steps.

    A convolution pads with zeros, and black is zero: they must stay what they are.
    """
    step = (high - low) / STEPS
    below = round(-low / step)
    return -below * step, (STEPS - below) * step
