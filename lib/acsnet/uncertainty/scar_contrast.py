"""How bright scar is beside wall and blood: what tells two scans apart that are hard to compare.

Not from the paper. With dose and waiting time scar becomes brighter or darker beside blood, and
the networks draw more of it, or less. Where the wall is 0 and blood is 1, the contrast of a scar
is the signal that a quarter of its voxels exceed: it depends little on where its border is drawn.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import Label

PERCENTILE = 75.0
LEAST_VOXELS = 20
LEAST = 0.1
"""Contrasts are at least this: scar that is as dark as the wall has none."""


def scar_contrast(pixels: NDArray[np.floating[Any]], labels: NDArray[np.uint8]) -> float | None:
    """Contrast of the scar of (slice, row, column) labels; None where it cannot be measured.

    That is with few voxels of scar, and where blood is no brighter than the wall.
    """
    scar = pixels[np.isin(labels, (Label.CORE_SCAR, Label.GREY_ZONE))]
    wall, pool = pixels[labels == Label.LV_MYOCARDIUM], pixels[labels == Label.LV_BLOOD_POOL]
    if len(scar) < LEAST_VOXELS or not len(wall) or not len(pool):
        return None
    low, high = float(np.median(wall)), float(np.median(pool))
    if high <= low:
        return None
    return max((float(np.percentile(scar, PERCENTILE)) - low) / (high - low), LEAST)


def contrasts_apart(before: float | None, after: float | None) -> float:
    """Absolute logarithm of the ratio of two contrasts; 0 where one is unknown."""
    if before is None or after is None:
        return 0.0
    return abs(math.log(after / before))
