"""The fit of the 90 % intervals: see `acsnet.uncertainty.intervals`."""

import numpy as np
from numpy.typing import NDArray

from acsnet.uncertainty.intervals import Rule


def fit_rule(
    errors: NDArray[np.float64],
    spread: NDArray[np.float64],
    size: NDArray[np.float64],
    *,
    level: float,
) -> Rule:
    """The rule whose intervals are narrowest on average among those that hold.

    errors, spread, size: (patient,), errors in the unit of the measure. The factor is the conformal
    quantile: the k-th smallest score of n, k = ceil((n + 1) level). Raises ValueError for too few
    patients to have one.
    """
    k = int(np.ceil((len(errors) + 1) * level))
    if k > len(errors):
        msg = f"{len(errors)} patients are too few for intervals of {level:.0%}"
        raise ValueError(msg)
    usual = float(np.median(np.abs(errors) / size)) or 1.0
    rules = []
    for floor in usual * np.geomspace(0.1, 10.0, 41):
        scores = np.sort(np.abs(errors) / np.hypot(spread, floor * size))
        rules.append(Rule(factor=float(scores[k - 1]), floor=float(floor)))
    return min(rules, key=lambda rule: float(rule.half_width(spread, size).mean()))
