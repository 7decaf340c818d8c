"""The fit of the intervals of a scan and of a change (`acsnet.uncertainty`)."""

import math
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from acsnet.uncertainty.change import ChangeRule, Spread
from acsnet.uncertainty.intervals import Rule

LEAST_FLOOR = 0.01
"""Share of the size, a point of burden: slices planned anew, as no repeat is, differ by some."""

FLOORS = LEAST_FLOOR * np.array([1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0])
DIRECTIONS = tuple(product((0.0, 0.01, 0.03), (0.0, 0.5, 1.0), (0.0, 0.1, 0.3), (0.3,)))
"""Weights of the unclear, the contrast, the wall's level and its volume beside each other. The last
always counts: few repeats of a fit lose a slice, and of other hearts some do."""


@dataclass(frozen=True, kw_only=True)
class Patients:
    """A measure in patients, all (patient,) in its unit: what the intervals of a rule follow from.

    most: the largest value that there is.
    """

    value: NDArray[np.float64]
    expert: NDArray[np.float64]
    scale: NDArray[np.float64]
    most: float

    def ends(self, rule: Rule) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(patient,) the lower and the upper ends of their intervals."""
        low = np.maximum(self.value - rule.down * self.scale, 0.0)
        return low, np.minimum(self.value + rule.up * self.scale, self.most)


def fit_rule(patients: Patients, *, level: float) -> Rule:
    """The rule whose ends are the conformal quantiles of the signed errors, over scale.

    Each end leaves out at most half of 1 - level: of n patients, sorted, it is that of the k-th,
    k = ceil((n + 1)(1 + level)/2) (Romano et al. 2019, arXiv:1905.03222, section 4). A value lies
    in its own interval, whatever its bias. Raises ValueError for fewer patients than that needs.
    """
    scores = np.sort((patients.expert - patients.value) / patients.scale)
    k = math.ceil((len(scores) + 1) * (1.0 + level) / 2.0)
    if k > len(scores):
        msg = f"{len(scores)} patients are too few for intervals of {level:.0%}"
        raise ValueError(msg)
    return Rule(down=max(-float(scores[-k]), 0.0), up=max(float(scores[k - 1]), 0.0))


def fit_change(difference: NDArray[np.float64], spread: Spread, *, level: float) -> ChangeRule:
    """The rule whose intervals are the narrowest, of those that hold.

    What counts is the median width of these pairs, and that of pairs that look alike: two visits by
    one protocol mostly do, and repeats by definition do not. By the mean few pairs of unlike scans,
    whose intervals are wide, would decide for all.

    difference: (pair,) of scans of unchanged hearts; spread: arrays of them. The rules hold the
    conformal quantile: k of n pairs, k = ceil((n + 1) level). Raises ValueError for too few pairs.
    """
    count = len(difference)
    k = int(np.ceil((count + 1) * level))
    if k > count:
        msg = f"{count} pairs are too few for intervals of {level:.0%}"
        raise ValueError(msg)
    alike = replace(spread, contrast=0.0, wall_level=0.0, wall_volume=0.0)

    def width(rule: ChangeRule) -> float:
        return sum(float(np.median(rule.half_width(one))) for one in (spread, alike))

    plain = float(np.sort(np.abs(difference) / spread.size)[k - 1])
    rules = [ChangeRule(floor=max(plain, LEAST_FLOOR))]
    for floor, direction in product(FLOORS, DIRECTIONS):
        unclear, contrast, wall_level, wall_volume = direction
        rest = ChangeRule(
            floor=0.0,
            unclear=unclear,
            contrast=contrast,
            wall_level=wall_level,
            wall_volume=wall_volume,
        ).half_width(spread)
        beyond = np.sqrt(np.maximum(difference**2 - (floor * np.asarray(spread.size)) ** 2, 0.0))
        needed = np.divide(beyond, rest, out=np.where(beyond > 0, np.inf, 0.0), where=rest > 0)
        factor = float(np.sort(needed)[k - 1])
        if math.isfinite(factor):
            rules.append(
                ChangeRule(
                    floor=float(floor),
                    unclear=factor * unclear,
                    contrast=factor * contrast,
                    wall_level=factor * wall_level,
                    wall_volume=factor * wall_volume,
                )
            )
    return min(rules, key=width)
