"""bfloat16, which NumPy has not: the upper half of a number in single precision."""

import numpy as np
from numpy.typing import NDArray


def bits(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The nearest bfloat16 of each finite value, ties to even, as its bits."""
    whole = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((whole + 0x7FFF + ((whole >> 16) & 1)) >> 16).astype(np.uint16)


def rounded(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """The nearest bfloat16 of each finite value, in single precision again."""
    return (bits(values).astype(np.uint32) << 16).view(np.float32)
