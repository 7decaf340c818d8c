"""How much of the wall is unclear: the flag `high_uncertainty`, and the width of intervals.

Not from the paper. A part of the wall is unclear if the network's probability of enhancement there
is neither clearly high nor clearly low. In patients whom a network was not trained on, scans with
more of it have larger errors of the scar burden (`benchmarks/uncertainty.py`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

UNCLEAR = (0.25, 0.75)
"""Probabilities of enhancement between which a voxel is unclear."""


def unclear_percent(probability: NDArray[np.floating[Any]], wall: NDArray[np.bool_]) -> float:
    """Percent of a wall that is unclear; both (slice, row, column)."""
    inside = probability[wall]
    if not len(inside):
        return 0.0
    low, high = UNCLEAR
    return 100.0 * float(((inside > low) & (inside <= high)).mean())
