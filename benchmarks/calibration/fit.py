"""The fit of the intervals of a scan and of a change (`acsnet.uncertainty`)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from acsnet.uncertainty.change import ChangeRule, Spread
from acsnet.uncertainty.intervals import Rule

LEAST_FLOOR = 0.01
"""Share of the size, a point of burden: slices planned anew, as no repeat is, differ by some."""

FLOORS = LEAST_FLOOR * np.array([1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 6.0, 8.0])
DIRECTIONS = tuple(product((0.0, 0.01, 0.03), (0.0, 0.5, 1.0), (0.0, 0.1, 0.3), (0.3,)))
"""Weights of the unclear, the contrast, the wall's level and its volume beside each other. The last
always counts: few repeats of a fit lose a slice, and of other hearts some do."""


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Errors of a measure in patients: expert less value, spread of the samples, size; (patient,).

    All in the unit of the measure. A spread of 0 everywhere makes a rule of the size alone.
    """

    error: NDArray[np.float64]
    spread: NDArray[np.float64]
    size: NDArray[np.float64]

    @property
    def floor(self) -> float:
        """Gives the size as much say as the spread: few patients do not tell which says more."""
        return float(np.median(self.spread) / np.median(self.size)) or 1.0

    @property
    def scores(self) -> NDArray[np.float64]:
        """(patient + 1,) errors over scale, and a patient without error.

        With it, what a few patients have in common is not all taken for a bias of the network.
        """
        return np.append(self.error / np.hypot(self.spread, self.floor * self.size), 0.0)


def fit_rules(measures: Mapping[str, Errors], *, level: float) -> dict[str, Rule]:
    """Rules of measures that go along with each other: Student's t of one more patient's error.

    Each measure has its own mean error; the scatter, over scale, is that of all of them, for few
    patients tell it badly. Raises ValueError for fewer than three patients.
    """
    count = min(len(errors.error) for errors in measures.values())
    if count < 3:
        msg = f"{count} patients are too few for intervals"
        raise ValueError(msg)
    squares = [((e.scores - e.scores.mean()) ** 2).sum() / (count - 1) for e in measures.values()]
    scatter = float(np.sqrt(np.mean(squares)))
    half = float(t.ppf(0.5 + level / 2, count - 1)) * scatter * np.sqrt(1 + 1 / (count + 1))
    return {
        name: Rule(
            down=max(half - float(errors.scores.mean()), 0.0),
            up=max(half + float(errors.scores.mean()), 0.0),
            floor=errors.floor,
        )
        for name, errors in measures.items()
    }


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
