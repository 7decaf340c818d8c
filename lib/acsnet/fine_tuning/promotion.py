"""Promotion: whether a candidate is better than the live model on the held-out patients.

Not from the paper. A candidate is refused if the patients' mean of any measure is worse than the
live model's by more than its margin, and if it fails one patient: if the Dice of ventricle or wall,
or the error of the burden, is worse by more than `MOST_OF_ONE` margins. The Dice of enhancement is
left out there: where scar is small, some voxels move it so far. Otherwise it is promoted if the
Dice of at least one region is better: if it changes in at least `MIN_PATIENTS`, by Wilcoxon's
signed-rank test, one-sided, at `ALPHA` divided by the number of regions; in fewer, if the mean over
all patients gains more than the margin and no patient loses more than it.

A change of a mean by up to `NO_CHANGE` of the margin is no gain, whatever the test says: in a Dice
that is some voxels of each patient.

So that losses within the margins do not add up over promotions, a candidate that loses against the
live model is also refused where it is worse than the shipped networks by more than the margin. A
loss of up to `NO_CHANGE` of the margin does not count, or it would decide alone where the live
model is below the shipped networks already; beyond `MOST_LOST` margins it does, or many of these
would add up. There a loss of up to `A_FEW_VOXELS` of the margin does not: no candidate draws each
voxel as the live model does, and none could follow one so far below the shipped networks.

A draft that was accepted unchanged is what the live model, or one before it, drew: on it that model
is perfect by construction, so the models are compared on labels that a person drew or corrected
only. On the accepted ones a candidate is refused only where it is worse, by more than the margin,
than the live model both on the others (so far two may differ that a person finds right) and on the
same ones (slices may be invalid in the draft already); on the same ones alone in a measure that no
drawn label has. The Dice of enhancement is left out there: it is lower where scars are small, and
the accepted drafts may be just those. Scar that is lost or added shows in burden and missed slices.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import ENHANCEMENT, MYOCARDIUM
from acsnet.masks import dice
from acsnet.quantify.volumes import burden_percent
from acsnet.result import Result
from acsnet.train.data.case import BACKGROUND, SCAR, WALL, TrainingCase

PatientMeasures = Mapping[str, float | None]

MIN_PATIENTS = 6  # the test leaves out who is unchanged, and with fewer cannot reach its level
ALPHA = 0.05
NO_CHANGE = 0.1  # share of a margin
A_FEW_VOXELS = 0.01  # share of a margin: a hundred such losses are one
MOST_LOST = 1.5  # margins
MOST_OF_ONE = 10  # margins: 0.1 Dice of ventricle or wall, 20 points of burden


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure of a patient; margin: tolerated loss of the mean; region: Dice of a region."""

    heading: str
    decimals: int
    margin: float
    region: bool


GATE_MEASURES = {
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

REGIONS = [name for name, measure in GATE_MEASURES.items() if measure.region]
IN_EACH = ["lv_dice", "wall_dice", "burden_error_points"]
ON_ACCEPTED = [name for name in GATE_MEASURES if name != "enhancement_dice"]


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
    """Whether to promote a candidate, why, and the table of measures.

    accepted: names of the scans held out whose draft was accepted unchanged.
    """

    promote: bool
    reason: str
    rows: tuple[Row, ...]
    accepted: tuple[str, ...] = ()


def measure_patient(result: Result, case: TrainingCase) -> dict[str, float | None]:
    """The `GATE_MEASURES` of one segmented scan; None where one is undefined.

    Dice: of the whole stack, so that what is drawn beyond the expert's slices counts, too; None
    where the expert drew none of the region.
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
        "lv_dice": dice(lv, expert_lv) if expert_lv.any() else None,
        "wall_dice": dice(wall, expert_wall) if expert_wall.any() else None,
        "enhancement_dice": dice(scar, expert_scar) if expert_scar.any() else None,
        "burden_error_points": None if expert_burden is None else abs(burden - expert_burden),
        "invalid_slices_percent": 100.0 * float(np.mean(invalid)),
        "missed_scar_percent": 100.0 * float(missed.mean()) if enhanced.any() else None,
    }


def mean_measures(scans: Sequence[PatientMeasures]) -> dict[str, float | None]:
    """The measures of a patient: means over the scans that have them."""
    known = {name: [v for scan in scans if (v := scan[name]) is not None] for name in GATE_MEASURES}
    return {name: float(np.mean(values)) if values else None for name, values in known.items()}


def decide(
    live: Mapping[str, PatientMeasures],
    candidate: Mapping[str, PatientMeasures],
    *,
    shipped: Mapping[str, PatientMeasures] | None = None,
    accepted: tuple[Mapping[str, PatientMeasures], Mapping[str, PatientMeasures]] | None = None,
) -> Decision:
    """Decide on promotion. Raises ValueError if the patients of the models differ.

    Args:
        live: patient -> measures, on labels that a person drew or corrected.
        candidate: the same.
        shipped: the same of the shipped networks; None for no comparison with them.
        accepted: of the live model and of the candidate, on drafts that were accepted unchanged;
            None for no such label.
    """
    others = [candidate] if shipped is None else [candidate, shipped]
    pairs = [(live, other) for other in others] + ([] if accepted is None else [accepted])
    if any(first.keys() != second.keys() for first, second in pairs):
        msg = "all models must be measured on the same patients"
        raise ValueError(msg)
    rows = tuple(row for name in GATE_MEASURES if (row := _row(name, live, candidate)))
    worse = [GATE_MEASURES[row.measure].heading for row in rows if row.verdict == "worse"]
    failed = [_failed(name, live, candidate) for name in IN_EACH]
    lost = [] if shipped is None else [_lost(row, shipped, candidate) for row in rows]
    drawn = {row.measure: row for row in rows}
    unlike = (
        []
        if accepted is None
        else [_unlike(name, drawn.get(name), *accepted) for name in ON_ACCEPTED]
    )
    against = {
        "worse than the margin": worse,
        f"one patient loses more than {MOST_OF_ONE} margins": list(filter(None, failed)),
        "worse than the shipped networks by more than the margin": list(filter(None, lost)),
        "on labels accepted unchanged worse by more than the margin than the live model there and "
        "on labels that a person drew": list(filter(None, unlike)),
    }
    refusals = [f"{why}: {', '.join(what)}" for why, what in against.items() if what]
    better = [
        GATE_MEASURES[row.measure].heading
        for row in rows
        if row.verdict == "better" and row.measure in REGIONS
    ]
    if not rows and accepted:
        reason = "no label that a person drew or corrected is held out to measure on"
    elif not rows:
        reason = "no patient is held out to measure on"
    elif refusals:
        reason = "; ".join(refusals)
    elif better:
        reason = f"nothing is worse than its margin, and these are better: {', '.join(better)}"
    else:
        reason = "no region is shown to be better"
    return Decision(promote=bool(better) and not refusals, reason=reason, rows=rows)


def _failed(
    name: str, live: Mapping[str, PatientMeasures], candidate: Mapping[str, PatientMeasures]
) -> str:
    """In what a candidate fails the patient who loses most; empty where nobody loses so much."""
    pairs = _pairs(name, live, candidate).T
    failed = [pair for pair in pairs if _is_worse(name, *pair, margins=MOST_OF_ONE)]
    if not failed:
        return ""
    before, after = max(failed, key=lambda pair: abs(pair[1] - pair[0]))
    return _in_words(name, after, instead_of=before)


def _lost(
    row: Row, shipped: Mapping[str, PatientMeasures], candidate: Mapping[str, PatientMeasures]
) -> str:
    """What a candidate lost that is worse than the live model; empty for nothing."""
    before, after = _pairs(row.measure, shipped, candidate)
    lost = -row.gain / GATE_MEASURES[row.measure].margin
    margins = MOST_LOST if lost <= NO_CHANGE else 1.0
    is_worse = _is_worse(row.measure, before.mean(), after.mean(), margins=margins)
    if lost <= A_FEW_VOXELS or not is_worse:
        return ""
    return _in_words(row.measure, after.mean(), instead_of=before.mean())


def _unlike(
    name: str,
    drawn: Row | None,
    live: Mapping[str, PatientMeasures],
    candidate: Mapping[str, PatientMeasures],
) -> str:
    """In what a candidate is worse on accepted drafts than the live model, there and elsewhere.

    drawn: of the measure on labels that a person drew; None where none of them has it, as scar
    where all drawn patients are without.
    """
    there, after = _pairs(name, live, candidate)
    if not len(after):
        return ""
    before = float(there.mean())
    if drawn is not None:
        before = (min if GATE_MEASURES[name].region else max)(drawn.live, before)
    if not _is_worse(name, before, after.mean()):
        return ""
    return _in_words(name, after.mean(), instead_of=before)


def _is_worse(name: str, before: float, after: float, *, margins: float = 1.0) -> bool:
    """Whether a value is worse by more than the margin, or so many of it."""
    measure = GATE_MEASURES[name]
    gain = (after - before) * (1.0 if measure.region else -1.0)
    return gain < -margins * measure.margin


def _in_words(name: str, value: float, *, instead_of: float) -> str:
    measure = GATE_MEASURES[name]
    first, second = (f"{v:.{measure.decimals}f}" for v in (value, instead_of))
    return f"{measure.heading} ({first} instead of {second})"


def _pairs(
    name: str, first: Mapping[str, PatientMeasures], second: Mapping[str, PatientMeasures]
) -> NDArray[np.float64]:
    """(2, patient) values of the patients for whom both are known."""
    pairs = [(first[p][name], second[p][name]) for p in sorted(first)]
    known = [pair for pair in pairs if None not in pair]
    return np.array(known, dtype=np.float64).reshape(-1, 2).T


def _row(
    name: str, live: Mapping[str, PatientMeasures], candidate: Mapping[str, PatientMeasures]
) -> Row | None:
    from scipy.stats import wilcoxon  # takes long to import

    before, after = _pairs(name, live, candidate)
    if not len(before):
        return None
    measure = GATE_MEASURES[name]
    gains = after - before if measure.region else before - after
    changed, p = gains[gains != 0.0], None
    if len(changed) >= MIN_PATIENTS:
        p = float(wilcoxon(changed, alternative="greater").pvalue)
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
        shown = mean > NO_CHANGE * margin and p < ALPHA / len(REGIONS)
    return "better" if shown else "same"


def decision_to_dict(decision: Decision) -> dict[str, Any]:
    """Plain values for the record of a candidate."""
    return {**vars(decision), "rows": [vars(row) for row in decision.rows]}


def decision_from_dict(content: dict[str, Any]) -> Decision:
    """The inverse of `decision_to_dict`."""
    rows = tuple(Row(**row) for row in content["rows"])
    return Decision(
        promote=content["promote"],
        reason=content["reason"],
        rows=rows,
        accepted=tuple(content.get("accepted", ())),
    )
