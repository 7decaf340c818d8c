"""How a scan shows a heart: what tells two scans apart that are hard to compare.

Not from the paper. With dose, waiting and inversion time scar becomes brighter or darker beside
blood, and the wall less dark, and the networks draw more scar, or less. Where the wall is 0 and
blood is 1, the contrast of a scar is the signal that a quarter of its voxels exceed: it depends
little on where its border is drawn. Where black is 0 and blood is 1, the level of the wall is its
median.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import Label

PERCENTILE = 75.0
LEAST_VOXELS = 20
LEAST_CONTRAST, LEAST_LEVEL = 0.1, 0.02
"""What is darker counts as this: scar that is as dark as the wall has no contrast."""
BLACK_PERCENTILE = 0.5
ALIKE = 0.1
"""Logarithm of a ratio up to which two scans look alike: scars of the same signal that had grown by
a third differed by less in 45 of 47 hearts."""


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """How a scan shows scar and wall; None where that cannot be measured.

    contrast: of scar above the wall, in units of blood above the wall; wall_level: of the wall
    above black, in units of blood above black.
    """

    contrast: float | None = None
    wall_level: float | None = None


def appearance(pixels: NDArray[np.floating[Any]], labels: NDArray[np.uint8]) -> Appearance:
    """Appearance of the heart of (slice, row, column) labels.

    Nothing is known without wall or blood, or where blood is no brighter than the wall; no contrast
    with few voxels of scar.
    """
    wall, pool = pixels[labels == Label.LV_MYOCARDIUM], pixels[labels == Label.LV_BLOOD_POOL]
    if not len(wall) or not len(pool):
        return Appearance()
    dark, bright = float(np.median(wall)), float(np.median(pool))
    black = float(np.percentile(pixels, BLACK_PERCENTILE))
    if bright <= dark:
        return Appearance()
    level = max((dark - black) / (bright - black), LEAST_LEVEL)
    scar = pixels[np.isin(labels, (Label.CORE_SCAR, Label.GREY_ZONE))]
    if len(scar) < LEAST_VOXELS:
        return Appearance(wall_level=level)
    contrast = (float(np.percentile(scar, PERCENTILE)) - dark) / (bright - dark)
    return Appearance(contrast=max(contrast, LEAST_CONTRAST), wall_level=level)


def apart(before: float | None, after: float | None) -> float:
    """Absolute logarithm of the ratio of two contrasts, or levels; 0 where one is unknown."""
    if before is None or after is None:
        return 0.0
    return abs(math.log(after / before))


def unlike(before: float | None, after: float | None) -> float:
    """How much further apart two contrasts, or levels, are than those of scans that look alike."""
    return max(apart(before, after) - ALIKE, 0.0)
