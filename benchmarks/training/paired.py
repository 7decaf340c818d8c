"""Two ways of training on the same patients: measures of each, and what the change does to them.

The difference is paired by patient, with a percentile bootstrap interval over the patients. One is
called better only where that interval excludes 0. The interval does not cover another seed of
training, and where many are compared some will exclude 0 by chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from acsnet.evaluate.metrics import Values
from acsnet.masks import Mask, slice_dice
from acsnet.quantify.volumes import burden_percent
from acsnet.stages.myocardium import ENHANCEMENT_THRESHOLD, WALL_THRESHOLD

PatientMeasures = Mapping[str, float | None]

RESAMPLES = 9999
MIN_PATIENTS = 5
"""Below this number of patients there is no interval (ours): resampling so few says nothing."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One figure of a patient; best_at_zero: else the largest is the best."""

    heading: str
    decimals: int
    best_at_zero: bool


MEASURES = {
    "wall_dice": Measure(heading="wall Dice", decimals=3, best_at_zero=False),
    "enhancement_dice": Measure(heading="enhancement Dice", decimals=3, best_at_zero=False),
    "wall_bias_percent": Measure(heading="wall volume bias, %", decimals=1, best_at_zero=True),
    "burden_bias_points": Measure(heading="burden bias, points", decimals=1, best_at_zero=True),
    "false_scar_percent": Measure(
        heading="false scar in normals, % of wall", decimals=2, best_at_zero=True
    ),
    "wall_dice_other_times": Measure(
        heading="wall Dice, other inversion times", decimals=3, best_at_zero=False
    ),
    "enhancement_dice_other_times": Measure(
        heading="enhancement Dice, other inversion times", decimals=3, best_at_zero=False
    ),
    "burden_bias_other_times": Measure(
        heading="burden bias, other inversion times, points", decimals=1, best_at_zero=True
    ),
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One measure with a change and without, over the `patients` that have it both ways.

    mean: with the change; difference: to the mean of the base, or of a measure that is best at zero
    the difference of their distances from it; interval: its 95 % limits, None below `MIN_PATIENTS`.
    """

    measure: str
    patients: int
    mean: float
    difference: float
    interval: tuple[float, float] | None

    @property
    def verdict(self) -> str:
        """In words, what the interval allows to be said."""
        if self.interval is None:
            return "too few patients"
        low, high = self.interval
        if low <= 0.0 <= high:
            return "no difference shown"
        return "better" if (low > 0.0) != MEASURES[self.measure].best_at_zero else "worse"


def patient_measures(
    probability: NDArray[np.float32], expert_wall: Mask, expert_enhancement: Mask
) -> dict[str, float | None]:
    """The `MEASURES` of probabilities of wall and enhancement, (2, slice, row, column).

    Enhancement counts inside the predicted wall, above the pipeline's threshold, without clean-up.
    """
    wall = probability[0] > WALL_THRESHOLD
    enhancement = wall & (probability[1] > ENHANCEMENT_THRESHOLD)
    return mask_measures(wall, enhancement, expert_wall, expert_enhancement)


def mask_measures(
    wall: Mask, enhancement: Mask, expert_wall: Mask, expert_enhancement: Mask
) -> dict[str, float | None]:
    """The `MEASURES` of one patient over the slices where the expert drew the wall.

    All (slice, row, column), walls with their enhancement. Dice: mean over the slices where the
    expert drew the region. None where a patient has no such figure.
    """
    drawn = expert_wall.any(axis=(1, 2))
    wall, enhancement = wall[drawn], enhancement[drawn]
    expert, scar = expert_wall[drawn], expert_enhancement[drawn]
    enhanced = scar.any(axis=(1, 2))
    burden = burden_percent(float(enhancement.sum()), float(wall.sum()))
    truth = burden_percent(float(scar.sum()), float(expert.sum()))
    return {
        "wall_dice": _mean(slice_dice(wall, expert)),
        "enhancement_dice": _mean(slice_dice(enhancement, scar)[enhanced]),
        "wall_bias_percent": 100.0 * (float(wall.sum()) / float(expert.sum()) - 1.0),
        "burden_bias_points": None if burden is None or truth is None else burden - truth,
        "false_scar_percent": None if enhanced.any() else burden,
    }


def _mean(values: Values) -> float | None:
    return float(values.mean()) if len(values) else None


def changes(
    base: Mapping[str, PatientMeasures], changed: Mapping[str, PatientMeasures]
) -> list[Change]:
    """Patient name -> measures, without and with the change; measures that nobody has are left out.

    Only patients that are in both count.
    """
    out = []
    for name in MEASURES:
        pairs = [
            (after, before)
            for patient in sorted(base.keys() & changed.keys())
            if (after := changed[patient].get(name)) is not None
            and (before := base[patient].get(name)) is not None
        ]
        if pairs:
            out.append(_change(name, *np.array(pairs).T))
    return out


def _change(name: str, after: Values, before: Values) -> Change:
    best_at_zero = MEASURES[name].best_at_zero

    def difference(one: Values, other: Values, axis: int = -1) -> Any:
        means = one.mean(axis=axis), other.mean(axis=axis)
        return np.abs(means[0]) - np.abs(means[1]) if best_at_zero else means[0] - means[1]

    interval = None
    if len(after) >= MIN_PATIENTS:
        limits = bootstrap(
            (after, before),
            difference,
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            method="percentile",
            random_state=np.random.default_rng(0),
        ).confidence_interval
        interval = float(limits.low), float(limits.high)
    return Change(
        measure=name,
        patients=len(after),
        mean=float(after.mean()),
        difference=float(difference(after, before)),
        interval=interval,
    )


def cells(change: Change, *, base: bool) -> tuple[str, ...]:
    """Measure, patients, mean, difference, interval and verdict in words; base: the first three."""
    measure = MEASURES[change.measure]
    first = measure.heading, str(change.patients), f"{change.mean:.{measure.decimals}f}"
    if base:
        return (*first, "", "", "")
    limits = change.interval
    interval = "" if limits is None else " to ".join(f"{v:+.{measure.decimals}f}" for v in limits)
    return (*first, f"{change.difference:+.{measure.decimals}f}", interval, change.verdict)
