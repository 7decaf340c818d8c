"""How far the scar burden is in doubt: the flag `high_uncertainty`.

Not from the paper. Two things go along with errors of the burden in patients whom a network was not
trained on: how much of the wall is neither clearly scar nor clearly not, and how far the burden is
from what 5 SD above the remote wall would give. The doubt is the sum of both, in points of burden.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNCLEAR = (0.25, 0.75)
"""Probabilities of enhancement between which a voxel is neither clearly scar nor clearly not."""
SD_METHOD = "sd5"
LARGE_ERROR_POINTS = 5.0
"""A scan is flagged if its doubt is that of patients whose burden was off by so much."""


def unclear_points(probability: NDArray[np.floating[Any]], wall: NDArray[np.bool_]) -> float:
    """Percent of a wall that is unclear; both (slice, row, column)."""
    inside = probability[wall]
    if not len(inside):
        return 0.0
    low, high = UNCLEAR
    return 100.0 * float(((inside > low) & (inside <= high)).mean())


def burden_doubt(
    unclear: float, burden: float | None, by_method: Mapping[str, float | None]
) -> float:
    """Doubt of a burden in points.

    Args:
        unclear: by `unclear_points`.
        burden: of what the network drew; None without a wall.
        by_method: burden by each of `acsnet.quantify.scar_methods`, None where it defines none.
    """
    other = by_method.get(SD_METHOD)
    return unclear + (0.0 if other is None or burden is None else abs(burden - other))
