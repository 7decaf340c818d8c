"""Summary of the scores of many patients: the rows of the tables.

The rows follow Tables 1 and 2 of Popescu et al. 2022 (DOI 10.1016/j.cvdhj.2021.11.007).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from acsnet.evaluate.cases import CaseScores, RegionScores
from acsnet.evaluate.metrics import (
    NORMAL_95,
    THIRDS,
    Mean,
    concordance_correlation,
    mean_95,
    normalised_mae_percent,
    welch_p,
)
from acsnet.evaluate.tertiles import TertileRow, tertile_rows
from acsnet.label_conventions import CONVENTIONS, ENH

TOTAL = "total"


@dataclass(frozen=True, kw_only=True)
class SliceRow:
    """One region in one third of the heart, or in all of it.

    Dice and balanced accuracy: over the `slices` where the expert drew the region, a missed slice
    counting as Dice 0. Hausdorff distance: over those of them where the prediction is not empty.
    missed_slices: drawn by the expert only; false_slices: predicted only.
    """

    region: str
    third: str
    slices: int
    dice: Mean
    balanced_accuracy_percent: Mean
    hausdorff_mm: Mean
    missed_slices: int
    false_slices: int


@dataclass(frozen=True, kw_only=True)
class VolumeRow:
    """One region's volumes over all patients; None where a measure is not defined.

    Volumes are means. bias_ml: mean of predicted - expert. Normalised error and volume Dice: over
    the `drawn_patients` in whom the expert drew the region; the rest over all `patients`.
    """

    region: str
    patients: int
    drawn_patients: int
    expert_ml: float
    predicted_ml: float
    bias_ml: float
    normalised_mae_percent: float | None
    volume_dice: float | None
    concordance: float | None
    welch_p: float | None


@dataclass(frozen=True, kw_only=True)
class BurdenRow:
    """Scar burden over the `patients` in whom both have myocardium; differences in points.

    limits_points: the 95 % limits of agreement, bias -+ 1.96 sd of the differences (Bland and
    Altman, Lancet 1986;1:307); None below two patients.
    """

    patients: int
    left_out: int
    expert_percent: float
    predicted_percent: float
    bias_points: float
    limits_points: tuple[float, float] | None
    mae_points: float
    concordance: float | None
    welch_p: float | None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Everything that was measured: the tables, every case and slice, and what was left out."""

    truth: str
    slice_rows: tuple[SliceRow, ...]
    volume_rows: tuple[VolumeRow, ...]
    tertile_rows: tuple[TertileRow, ...]
    burden: BurdenRow | None
    cases: tuple[CaseScores, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "truth": self.truth,
            "slices": [asdict(row) for row in self.slice_rows],
            "volumes": [asdict(row) for row in self.volume_rows],
            "volumes_by_tertile": [asdict(row) for row in self.tertile_rows],
            "scar_burden": None if self.burden is None else asdict(self.burden),
            "cases": [case.to_dict() for case in self.cases],
            "warnings": list(self.warnings),
        }


def summarise(cases: Sequence[CaseScores], truth: str, warnings: Sequence[str] = ()) -> Evaluation:
    """The tables of one or more patients."""
    regions = tuple(CONVENTIONS[truth].regions)
    return Evaluation(
        truth=truth,
        slice_rows=tuple(
            _slice_row(cases, region, third) for region in regions for third in (*THIRDS, TOTAL)
        ),
        volume_rows=tuple(_volume_row(cases, region) for region in regions),
        tertile_rows=tertile_rows(cases, regions),
        burden=_burden_row(cases) if ENH in regions else None,
        cases=tuple(cases),
        warnings=tuple(warnings),
    )


def _slice_row(cases: Sequence[CaseScores], region: str, third: str) -> SliceRow:
    inside = np.concatenate(
        [np.isin(case.thirds, THIRDS if third == TOTAL else third) for case in cases]
    )

    def pooled(measure: str) -> Any:
        scores = (case.regions[region] for case in cases)
        return np.concatenate([getattr(score, measure) for score in scores])

    expert, predicted = pooled("expert_drew"), pooled("predicted_drew")
    drawn = inside & expert
    return SliceRow(
        region=region,
        third=third,
        slices=int(drawn.sum()),
        dice=mean_95(pooled("dice")[drawn]),
        balanced_accuracy_percent=mean_95(100.0 * pooled("balanced_accuracy")[drawn]),
        hausdorff_mm=mean_95(pooled("hausdorff_mm")[drawn]),
        missed_slices=int((drawn & ~predicted).sum()),
        false_slices=int((inside & predicted & ~expert).sum()),
    )


def _volume_row(cases: Sequence[CaseScores], region: str) -> VolumeRow:
    scores: list[RegionScores] = [case.regions[region] for case in cases]
    expert = np.array([score.expert_ml for score in scores])
    predicted = np.array([score.predicted_ml for score in scores])
    overlaps = [score.volume_dice for score in scores if score.expert_ml > 0]
    return VolumeRow(
        region=region,
        patients=len(scores),
        drawn_patients=len(overlaps),
        expert_ml=float(expert.mean()),
        predicted_ml=float(predicted.mean()),
        bias_ml=float((predicted - expert).mean()),
        normalised_mae_percent=normalised_mae_percent(predicted, expert),
        volume_dice=float(np.mean(overlaps)) if overlaps else None,
        concordance=concordance_correlation(predicted, expert),
        welch_p=welch_p(predicted, expert),
    )


def _burden_row(cases: Sequence[CaseScores]) -> BurdenRow | None:
    pairs = [
        (expert, predicted)
        for expert, predicted in (case.burden_percent for case in cases)
        if expert is not None and predicted is not None
    ]
    if not pairs:
        return None
    expert, predicted = np.array(pairs).T
    difference = predicted - expert
    bias = float(difference.mean())
    reach = NORMAL_95 * float(difference.std(ddof=1)) if len(pairs) > 1 else None
    return BurdenRow(
        patients=len(pairs),
        left_out=len(cases) - len(pairs),
        expert_percent=float(expert.mean()),
        predicted_percent=float(predicted.mean()),
        bias_points=bias,
        limits_points=None if reach is None else (bias - reach, bias + reach),
        mae_points=float(np.abs(difference).mean()),
        concordance=concordance_correlation(predicted, expert),
        welch_p=welch_p(predicted, expert),
    )
