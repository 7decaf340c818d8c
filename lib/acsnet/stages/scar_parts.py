"""Parts of the drawn enhancement that are too small to be scar of an infarct. Not from the paper.

What a network draws away from all other scar, and little of it, is next to never scar: of what is
left out in six patients that it was not trained on, under all changes of `acsnet evaluate
--stress`, the expert drew less than 1 %. Of the scar of the 38 infarcts of the EMIDEC train list,
as the expert drew it, 0.1 % lies in such parts (`benchmarks/scar_parts.py`).
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label as components

from acsnet.masks import SAME, TOUCHING_3D, crop_around, within_mm

LEAST_ML = 1.0
GAP_MM = 4.0
"""Parts that lie closer together in a slice are one: a scar drawn too small falls into pieces."""


def without_small_parts(
    enhancement: NDArray[np.bool_], spacing_mm: tuple[float, float, float]
) -> NDArray[np.bool_]:
    """(slice, row, column) enhancement without the parts that are smaller than `LEAST_ML`."""
    out = np.zeros_like(enhancement)
    if not enhancement.any():
        return out
    crop = (..., *crop_around(enhancement, spacing_mm[1:], margin_mm=GAP_MM))
    near = enhancement[crop]
    parts, _ = components(within_mm(near, GAP_MM / 2.0, spacing_mm[1:]), TOUCHING_3D)
    drawn_ml = np.bincount(parts[near]) * (math.prod(spacing_mm) / 1000.0)
    out[crop][near] = (drawn_ml * SAME >= LEAST_ML)[parts[near]]
    return out
