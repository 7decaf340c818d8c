"""The part of a stack that the heart takes: work on the rest of it changes nothing."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects


def box_of(mask: NDArray[np.bool_], *, margin: int = 0) -> tuple[slice, slice]:
    """Rows and columns of all that a (slice, row, column) mask holds, `margin` pixels wider.

    Empty where the mask is; it stops at the edge of the image.
    """
    found = find_objects(mask.any(axis=0).astype(np.uint8))
    if not found:
        return slice(0, 0), slice(0, 0)
    rows, columns = (slice(max(0, span.start - margin), span.stop + margin) for span in found[0])
    return rows, columns
