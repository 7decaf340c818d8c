"""Volumes of patients by the size of their left ventricle.

The rows follow Table 2 of Popescu et al. 2022 (DOI 10.1016/j.cvdhj.2021.11.007): patients are
grouped by the tertile of the expert's left ventricular volume, ranges stand for intervals because
the groups are small.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.evaluate.cases import CaseScores
from acsnet.evaluate.metrics import Values, welch_p
from acsnet.label_conventions import LV

LOWER, MIDDLE, UPPER = "lower", "middle", "upper"
TERTILES = (LOWER, MIDDLE, UPPER)
ALL_TERTILES = "total"


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Mean, smallest and largest of `n` values; None where there are none."""

    n: int
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, kw_only=True)
class TertileRow:
    """One region's volumes in one tertile, or in all patients.

    Volumes: over all `patients`. normalised_mae_percent: |predicted - expert| / expert, over those
    in whom the expert drew the region. welch_p: predicted against expert, None where not defined.
    """

    region: str
    tertile: str
    patients: int
    expert_ml: Spread
    predicted_ml: Spread
    normalised_mae_percent: Spread
    welch_p: float | None


def tertiles_of(volumes_ml: Values) -> tuple[str, ...]:
    """The tertile that each of (patient,) volumes lies in, by rank.

    Not from the paper: where the count is no multiple of three the lower groups take one more, and
    equal volumes keep their order.
    """
    tertile = np.empty(len(volumes_ml), dtype=object)
    groups = np.array_split(np.argsort(volumes_ml, kind="stable"), len(TERTILES))
    for name, group in zip(TERTILES, groups, strict=True):
        tertile[group] = name
    return tuple(tertile)


def spread(values: Values) -> Spread:
    """Mean and range of (n,) values."""
    if not len(values):
        return Spread(n=0, mean=None, low=None, high=None)
    return Spread(
        n=len(values),
        mean=float(values.mean()),
        low=float(values.min()),
        high=float(values.max()),
    )


def tertile_rows(cases: Sequence[CaseScores], regions: Sequence[str]) -> tuple[TertileRow, ...]:
    """Every region by tertile of the expert's left ventricular volume, then over all patients."""
    tertile = np.array(tertiles_of(np.array([case.regions[LV].expert_ml for case in cases])))
    everyone = np.ones(len(cases), dtype=bool)
    groups = {**{name: tertile == name for name in TERTILES}, ALL_TERTILES: everyone}
    return tuple(
        _row(cases, region, name, group) for region in regions for name, group in groups.items()
    )


def _row(
    cases: Sequence[CaseScores], region: str, tertile: str, group: NDArray[np.bool_]
) -> TertileRow:
    expert = np.array([case.regions[region].expert_ml for case in cases])[group]
    predicted = np.array([case.regions[region].predicted_ml for case in cases])[group]
    drawn = expert > 0
    error = 100.0 * np.abs(predicted - expert)[drawn] / expert[drawn]
    return TertileRow(
        region=region,
        tertile=tertile,
        patients=len(expert),
        expert_ml=spread(expert),
        predicted_ml=spread(predicted),
        normalised_mae_percent=spread(error),
        welch_p=welch_p(predicted, expert),
    )
