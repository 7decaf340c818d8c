"""The fit of the intervals of a scan and of a change (`acsnet.uncertainty`)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from acsnet.uncertainty.change import ChangeRule, Spread
from acsnet.uncertainty.intervals import Rule

FLOORS = np.geomspace(0.01, 1.0, 41)
"""Floors of changes that are tried, shares of the size: a point of burden at least."""

CONTRASTS = (0.0, *np.geomspace(0.1, 30.0, 26))
"""Weights that are tried of what the brightness of the scar makes unlike."""


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
    """The rule whose median interval is the narrowest, of those that hold.

    By the mean, few pairs of unlike scans, whose intervals are wide, would decide for all.

    difference: (pair,) of scans of unchanged hearts; spread: arrays of them. The factor is the
    conformal quantile: the k-th smallest score of n, k = ceil((n + 1) level). Raises ValueError for
    too few pairs to have one.
    """
    count = len(difference)
    k = int(np.ceil((count + 1) * level))
    if k > count:
        msg = f"{count} pairs are too few for intervals of {level:.0%}"
        raise ValueError(msg)
    rules = []
    for floor in FLOORS:
        for contrast in CONTRASTS:
            plain = ChangeRule(factor=1.0, floor=float(floor), contrast=float(contrast))
            scores = np.sort(np.abs(difference) / plain.half_width(spread))
            rules.append(replace(plain, factor=float(scores[k - 1])))
    return min(rules, key=lambda rule: float(np.median(rule.half_width(spread))))
