"""Promotion: whether a candidate is better than the live model on the held-out patients.

Not from the paper. A candidate is refused if the patients' mean of any measure is worse than the
live model's by more than its margin. Otherwise it is promoted if the Dice of at least one region is
better: from `MIN_PATIENTS` on by Wilcoxon's signed-rank test, one-sided, at `ALPHA` divided by the
number of regions; with fewer patients, if the mean gains more than the margin and no patient loses
more than it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import ENHANCEMENT, MYOCARDIUM
from acsnet.masks import Mask, slice_dice
from acsnet.quantify.volumes import burden_percent
from acsnet.result import Result
from acsnet.train.data.case import BACKGROUND, SCAR, WALL, TrainingCase

PatientMeasures = Mapping[str, float | None]

MIN_PATIENTS = 6  # with fewer the test cannot reach its level
ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure of a patient; margin: tolerated loss of the mean; region: Dice of a region."""

    heading: str
    decimals: int
    margin: float
    region: bool


MEASURES = {
    "lv_dice": Measure(heading="left ventricle Dice", decimals=3, margin=0.01, region=True),
    "wall_dice": Measure(heading="myocardium Dice", decimals=3, margin=0.01, region=True),
    "enhancement_dice": Measure(heading="enhancement Dice", decimals=3, margin=0.02, region=True),
    "burden_error_points": Measure(
        heading="scar burden error, points", decimals=1, margin=2.0, region=False
    ),
    "invalid_slices_percent": Measure(
        heading="slices not valid as drawn, %", decimals=1, margin=5.0, region=False
    ),
    "missed_scar_percent": Measure(
        heading="slices with missed scar, %", decimals=1, margin=5.0, region=False
    ),
}
"""The measures: larger is better for Dice, smaller for all others."""

REGIONS = [name for name, measure in MEASURES.items() if measure.region]


@dataclass(frozen=True, kw_only=True)
class Row:
    """Comparison of one measure, means over the `patients` that have it.

    gain: mean, positive where the candidate is better; p: of the test, or None.
    """

    measure: str
    patients: int
    live: float
    candidate: float
    gain: float
    p: float | None
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether to promote a candidate, why, and the table of measures."""

    promote: bool
    reason: str
    rows: tuple[Row, ...]


def measure_patient(result: Result, case: TrainingCase) -> dict[str, float | None]:
    """The `MEASURES` of one segmented scan; None where one is undefined.

    Dice: mean over the slices in which the expert drew the region; a missed slice counts 0.
    """
    # The pipeline may have reversed the slices.
    truth = result.scan.grid.from_input(case.scan.grid.to_input(case.tissue))
    lv, expert_lv = result.labels > 0, truth != BACKGROUND
    wall, expert_wall = np.isin(result.labels, MYOCARDIUM), truth >= WALL
    scar, expert_scar = np.isin(result.labels, ENHANCEMENT), truth == SCAR
    enhanced = expert_scar.any(axis=(1, 2))
    burden = burden_percent(float(scar.sum()), float(wall.sum())) or 0.0
    expert_burden = burden_percent(float(expert_scar.sum()), float(expert_wall.sum()))
    invalid = [bool(slice_.failed) for slice_ in result.anatomy.slices]
    missed = ~scar.any(axis=(1, 2))[enhanced]
    return {
        "lv_dice": _mean_dice(lv, expert_lv),
        "wall_dice": _mean_dice(wall, expert_wall),
        "enhancement_dice": _mean_dice(scar, expert_scar),
        "burden_error_points": None if expert_burden is None else abs(burden - expert_burden),
        "invalid_slices_percent": 100.0 * float(np.mean(invalid)),
        "missed_scar_percent": 100.0 * float(missed.mean()) if enhanced.any() else None,
    }


def mean_measures(scans: Sequence[PatientMeasures]) -> dict[str, float | None]:
    """The measures of a patient: means over the scans that have them."""
    known = {name: [v for scan in scans if (v := scan[name]) is not None] for name in MEASURES}
    return {name: float(np.mean(values)) if values else None for name, values in known.items()}


def _mean_dice(predicted: Mask, expert: Mask) -> float | None:
    drawn = expert.any(axis=(1, 2))
    return float(slice_dice(predicted[drawn], expert[drawn]).mean()) if drawn.any() else None


def decide(
    live: Mapping[str, PatientMeasures], candidate: Mapping[str, PatientMeasures]
) -> Decision:
    """Decide on promotion; live, candidate: patient -> measures.

    Raises ValueError if the patients differ.
    """
    if live.keys() != candidate.keys():
        msg = "both models must be measured on the same patients"
        raise ValueError(msg)
    rows = tuple(row for name in MEASURES if (row := _row(name, live, candidate)))
    worse = [MEASURES[row.measure].heading for row in rows if row.verdict == "worse"]
    better = [
        MEASURES[row.measure].heading
        for row in rows
        if row.verdict == "better" and row.measure in REGIONS
    ]
    if not rows:
        reason = "no patient is held out to measure on"
    elif worse:
        reason = f"worse than the margin: {', '.join(worse)}"
    elif better:
        reason = f"nothing is worse than its margin, and these are better: {', '.join(better)}"
    else:
        reason = "no region is shown to be better"
    return Decision(promote=bool(better) and not worse, reason=reason, rows=rows)


def _row(
    name: str, live: Mapping[str, PatientMeasures], candidate: Mapping[str, PatientMeasures]
) -> Row | None:
    from scipy.stats import wilcoxon  # takes long to import

    pairs = [(live[p][name], candidate[p][name]) for p in sorted(live)]
    both = np.array([pair for pair in pairs if None not in pair], dtype=float).reshape(-1, 2)
    if not len(both):
        return None
    before, after = both.T
    measure = MEASURES[name]
    gains = after - before if measure.region else before - after
    p = None
    if len(gains) >= MIN_PATIENTS:
        p = float(wilcoxon(gains, alternative="greater").pvalue) if gains.any() else 1.0
    return Row(
        measure=name,
        patients=len(gains),
        live=float(before.mean()),
        candidate=float(after.mean()),
        gain=float(gains.mean()),
        p=p,
        verdict=_verdict(gains, margin=measure.margin, p=p),
    )


def _verdict(gains: NDArray[np.float64], *, margin: float, p: float | None) -> str:
    mean = float(gains.mean())
    if mean < -margin:
        return "worse"
    if p is None:
        shown = mean > margin and float(gains.min()) >= -margin
    else:
        shown = mean > 0.0 and p < ALPHA / len(REGIONS)
    return "better" if shown else "same"


def decision_to_dict(decision: Decision) -> dict[str, Any]:
    """Plain values for the record of a candidate."""
    return {**vars(decision), "rows": [vars(row) for row in decision.rows]}


def decision_from_dict(content: dict[str, Any]) -> Decision:
    """The inverse of `decision_to_dict`."""
    rows = tuple(Row(**row) for row in content["rows"])
    return Decision(promote=content["promote"], reason=content["reason"], rows=rows)
