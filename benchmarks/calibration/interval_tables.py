"""Rules of the intervals of a scan, how often they hold, and what the doubt catches."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from acsnet.uncertainty.calibration import Calibration
from acsnet.uncertainty.intervals import SCAR, SIZES, Rule, most_of, scale_of, size_of
from calibration.fit import Patients, fit_rule
from calibration.kept_rows import Row

BURDEN = "scar_burden_percent"
LARGE_ERROR_POINTS = 5.0
"""A scan is flagged if as much is unclear as in patients whose burden was off by so much."""
Rules = Mapping[str, Rule]
RulesOf = Callable[[int], Rules]
"""The rules for the patient of a number."""


def fitted(rows: Sequence[Row], *, level: float) -> dict[str, dict[str, float]]:
    """The rule of each measure, as plain numbers."""
    rules = _rules(rows, level)
    return {
        measure: {constant: round(value, 4) for constant, value in asdict(rule).items()}
        for measure, rule in rules.items()
    }


def doubt_limit(rows: Sequence[Row]) -> float:
    """Percent unclear at a burden off by `LARGE_ERROR_POINTS`, by a line through 0."""
    doubt, error = _doubts(rows)
    return round(LARGE_ERROR_POINTS * float(doubt @ doubt) / float(doubt @ error), 1)


def page(
    folds: Sequence[Row], left_out: Sequence[Row], test: Sequence[Row], calibration: Calibration
) -> list[str]:
    """Lines of the page on the intervals of a scan and on the doubt.

    folds: patients that the rules were fitted on, by networks of folds; left_out: those of them
    that the shipped networks never saw either, by these; test: of the test list.
    """
    level = calibration.level
    by_size = _rules(folds, level, by_size=True)
    lines = [
        f"The aim: an interval of {level:.0%} holds the expert's value in 85 to 95 % of patients; "
        f"of {len(test)}, chance alone lets 11 to 14 be held. Infarcts / normals by what the "
        "expert drew. Width: mean distance of the ends. By size alone: intervals that are a share "
        "of the wall, the ventricle or 100 %, fitted in the same way without the networks. In "
        "normals the expert's scar is 0, so that an interval holds it if it begins there.",
        "",
        *_section(
            f"{len(folds)} patients of the train list, drawn by networks of folds that never saw "
            "them, each by rules fitted without it",
            folds,
            lambda k: _rules([*folds[:k], *folds[k + 1 :]], level),
            lambda k: _rules([*folds[:k], *folds[k + 1 :]], level, by_size=True),
        ),
    ]
    for title, rows in (
        (f"{len(left_out)} patients of the train list, left out of the shipped networks", left_out),
        (f"EMIDEC test list, {len(test)} patients", test),
    ):
        lines += _section(title, rows, lambda _: calibration.rules, lambda _: by_size)
    lines += [
        "### The rules in use",
        "",
        "An interval reaches from down x scale below a value to up x scale above it (`of`: the "
        "scale).",
        "",
        "| measure | down | up | of |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {rule.down:.3g} | {rule.up:.3g} | "
        f"{'unclear wall' if name in SCAR else SIZES[name]} |"
        for name, rule in calibration.rules.items()
    ]
    groups = {"folds": folds, "left out": left_out, "test list": test}
    return [*lines, "", *_correlation(test), "", *_doubt(groups, calibration)]


def _patients(rows: Sequence[Row], measure: str, *, by_size: bool = False) -> Patients:
    """by_size: with the size alone for the scale."""
    scales = [
        size_of(measure, row["value"])
        if by_size
        else scale_of(measure, row["value"], unclear=row["unclear"])
        for row in rows
    ]
    return Patients(
        value=np.array([row["value"][measure] for row in rows], float),
        expert=np.array([row["expert"][measure] for row in rows], float),
        scale=np.array(scales),
        most=most_of(measure),
    )


def _rules(rows: Sequence[Row], level: float, *, by_size: bool = False) -> dict[str, Rule]:
    return {
        measure: fit_rule(_patients(rows, measure, by_size=by_size), level=level)
        for measure in SIZES
    }


def _section(
    title: str,
    rows: Sequence[Row],
    rules_of: RulesOf,
    by_size_of: RulesOf,
) -> list[str]:
    """A table of coverage and width by measure."""
    lines = [
        f"## {title}",
        "",
        "| measure | held | infarcts | normals | width | error, mean | by size alone: held | "
        "its width |",
        "|---|---|---|---|---|---|---|---|",
    ]
    infarct = np.array([row["infarct"] for row in rows])
    every: list[NDArray[np.bool_]] = []
    rules = [rules_of(k) for k in range(len(rows))]
    plain_rules = [by_size_of(k) for k in range(len(rows))]
    for measure in SIZES:
        held, width = _held(rows, measure, rules)
        plain_held, plain_width = _held(rows, measure, plain_rules, by_size=True)
        patients = _patients(rows, measure)
        error = np.abs(patients.expert - patients.value).mean()
        every.append(held)
        unit = "points" if SIZES[measure] is None else "ml"
        lines.append(
            f"| {measure} | {_share(held)} | {_share(held[infarct])} | {_share(held[~infarct])} | "
            f"{width.mean():.1f} {unit} | {error:.1f} {unit} | "
            f"{_share(plain_held)} | {plain_width.mean():.1f} {unit} |"
        )
    table = np.array(every)
    lines.append(
        f"| all | {table.mean():.0%} | {table[:, infarct].mean():.0%} | "
        f"{table[:, ~infarct].mean():.0%} | | | | |"
    )
    return [*lines, ""]


def _held(
    rows: Sequence[Row], measure: str, rules: Sequence[Rules], *, by_size: bool = False
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """(patient,) whether the interval holds the expert's value, and its width."""
    held, width = [], []
    for row, by_measure in zip(rows, rules, strict=True):
        patient = _patients([row], measure, by_size=by_size)
        (low,), (high,) = patient.ends(by_measure[measure])
        held.append(low <= patient.expert[0] <= high)
        width.append(high - low)
    return np.array(held), np.array(width)


def _share(held: NDArray[np.bool_]) -> str:
    return f"{held.sum()} of {len(held)}"


def _correlation(rows: Sequence[Row]) -> list[str]:
    """How far the uncertainty of a slice goes along with what is wrong in it."""
    doubt, wrong = np.array([pair for row in rows for pair in row["slices"]]).T
    rho = spearmanr(doubt, wrong).statistic
    return [
        f"Uncertainty of a slice against 1 - Dice of its wall: Spearman {rho:.2f} over "
        f"{len(doubt)} slices of the test list in which the network draws a wall."
    ]


def _doubts(rows: Sequence[Row]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(patient,) percent of the wall that is unclear, and points by which the burden is off."""
    unclear = [row["unclear"] for row in rows]
    error = [abs(row["value"][BURDEN] - row["expert"][BURDEN]) for row in rows]
    return np.array(unclear), np.array(error)


def _doubt(groups: Mapping[str, Sequence[Row]], calibration: Calibration) -> list[str]:
    """groups: rows by the name of their patients."""
    lines = [
        "## What `high_uncertainty` catches",
        "",
        f"Patients whose burden is off by more than {LARGE_ERROR_POINTS:.0f} points, and how many "
        f"of them are flagged: more than {calibration.high_uncertainty:g} % of their wall is "
        "unclear (`acsnet.uncertainty.doubt`). The limit was fitted on the folds.",
        "",
        "| patients | off by more | of them flagged | others flagged | Spearman, with the error |",
        "|---|---|---|---|---|",
    ]
    for name, rows in groups.items():
        doubt, error = _doubts(rows)
        large, flagged = error > LARGE_ERROR_POINTS, doubt > calibration.high_uncertainty
        rho: Any = spearmanr(doubt, error).statistic
        lines.append(
            f"| {name} | {large.sum()} of {len(rows)} | {(large & flagged).sum()} | "
            f"{(~large & flagged).sum()} | {rho:.2f} |"
        )
    return lines
