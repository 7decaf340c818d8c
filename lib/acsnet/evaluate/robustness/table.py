"""Runs of a stress test -> one row a change, the verdict, and the table on the screen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Console

from acsnet.evaluate.tables import NONE, change, new_table, number
from acsnet.label_conventions import ENH, LV, MYO

MAX_LOSS = 0.05
"""Largest loss of wall Dice, mean over patients, that a change may cost. Not from the paper."""

MAX_BURDEN_CHANGE = 2.0
"""Points by which a change may move the scar burden, mean over patients. Not from the paper."""

CLEAN = "clean"
SCORED = (LV, MYO, ENH)


@dataclass(frozen=True, kw_only=True)
class CaseRun:
    """One patient under one change.

    dice: of each region the mean over the slices where the expert drew it, None if in none; empty
    where segmentation failed, and `error` says how. burden_percent: of scar, as segmented; None
    where no wall was found or the truth has no enhancement.
    """

    case: str
    dice: Mapping[str, float | None]
    burden_percent: float | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeRow:
    """One change over all patients; None where no patient has such a number.

    dice: mean over patients, by region; loss: mean of clean minus changed wall Dice over the
    patients with both; worst_loss: largest of them, of patient `worst_case`; burden_change: mean of
    changed minus clean scar burden in points, over the patients with both; burden_moved,
    burden_most: mean and largest of the same without their signs.
    """

    change: str
    dice: Mapping[str, float | None]
    loss: float | None
    worst_loss: float | None
    worst_case: str | None
    burden_change: float | None
    burden_moved: float | None
    burden_most: float | None
    failures: tuple[str, ...]
    runs: tuple[CaseRun, ...]

    @property
    def costly(self) -> bool:
        """Whether the change costs more wall Dice than `MAX_LOSS`."""
        return self.loss is not None and self.loss > MAX_LOSS

    @property
    def moves_burden(self) -> bool:
        """Whether the change moves the mean scar burden by more than `MAX_BURDEN_CHANGE`."""
        return self.burden_change is not None and abs(self.burden_change) > MAX_BURDEN_CHANGE


@dataclass(frozen=True, kw_only=True)
class StressReport:
    """All rows, the clean run first."""

    truth: str
    rows: tuple[ChangeRow, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed and no change is costly or moves the burden."""
        return not any(row.costly or row.moves_burden or row.failures for row in self.rows)

    @property
    def verdict(self) -> str:
        """One line that names every change that costs or moves too much, and every failure."""
        if self.passed:
            limits = f"{MAX_LOSS:g} wall Dice or {MAX_BURDEN_CHANGE:g} points of scar burden"
            return f"No change costs more than {limits} on average."
        named = {
            f"More than {MAX_LOSS:g} wall Dice lost": [
                f"{row.change} ({row.loss:.3f})" for row in self.rows if row.costly
            ],
            f"Scar burden moved by more than {MAX_BURDEN_CHANGE:g} points on average": [
                f"{row.change} ({row.burden_change:+.1f})" for row in self.rows if row.moves_burden
            ],
            "Failed": [f"{row.change} ({len(row.failures)})" for row in self.rows if row.failures],
        }
        return " ".join(f"{words}: {', '.join(rows)}." for words, rows in named.items() if rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        rows = [
            {**asdict(row), "costly": row.costly, "moves_burden": row.moves_burden}
            for row in self.rows
        ]
        return {
            "truth": self.truth,
            "max_loss": MAX_LOSS,
            "max_burden_change": MAX_BURDEN_CHANGE,
            "passed": self.passed,
            "verdict": self.verdict,
            "changes": rows,
        }


def summarise(runs: Mapping[str, Sequence[CaseRun]], truth: str) -> StressReport:
    """Runs of each change, those of `CLEAN` among them -> rows in the same order."""
    clean = {run.case: run for run in runs[CLEAN]}
    return StressReport(
        truth=truth,
        rows=tuple(_row(change, tuple(own), clean) for change, own in runs.items()),
    )


def _row(change: str, runs: tuple[CaseRun, ...], clean: Mapping[str, CaseRun]) -> ChangeRow:
    losses: dict[str, float] = {}
    moved: list[float] = []
    for run in runs:
        before, after = clean[run.case].dice.get(MYO), run.dice.get(MYO)
        if before is not None and after is not None:
            losses[run.case] = before - after
        old, new = clean[run.case].burden_percent, run.burden_percent
        if old is not None and new is not None:
            moved.append(new - old)
    worst = max(losses, key=lambda case: losses[case], default=None)
    return ChangeRow(
        change=change,
        dice={region: _mean([run.dice.get(region) for run in runs]) for region in SCORED},
        loss=_mean(list(losses.values())),
        worst_loss=None if worst is None else losses[worst],
        worst_case=worst,
        burden_change=_mean(moved),
        burden_moved=_mean([abs(points) for points in moved]),
        burden_most=max(map(abs, moved), default=None),
        failures=tuple(f"{run.case}: {run.error}" for run in runs if run.error is not None),
        runs=runs,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def print_report(report: StressReport, console: Console) -> None:
    """Print the table, every failure and the verdict."""
    patients = len(report.rows[0].runs)
    table = new_table(
        f"Stress, {patients} patients: mean Dice of slices that the expert drew",
        texts=("Change",),
        numbers=("Wall", "Loss", "Worst", "LV", "Enh.", "Burden", "Moved", "Most", "Failed"),
        caption="Loss: clean minus changed wall Dice, mean over patients; worst: of one patient.\n"
        "Burden: changed minus clean, points, mean over patients; moved: the same without signs;\n"
        "most: of one patient.",
    )
    table.add_column("Worst case", overflow="fold")
    for row in report.rows:
        clean = row.change == CLEAN
        loss, worst = (None, None) if clean else (row.loss, row.worst_loss)
        moved, most = (None, None) if clean else (row.burden_moved, row.burden_most)
        table.add_row(
            row.change,
            number(row.dice[MYO], 3),
            change(loss, 3),
            change(worst, 3),
            number(row.dice[LV], 3),
            number(row.dice[ENH], 3),
            change(None if clean else row.burden_change, 1),
            number(moved, 1),
            number(most, 1),
            str(len(row.failures)) if row.failures else NONE,
            row.worst_case if row.worst_case and round(worst or 0.0, 3) > 0 else NONE,
            style="red" if row.costly or row.moves_burden or row.failures else None,
            end_section=clean,
        )
    console.print(table)
    for row in report.rows:
        for failure in row.failures:
            console.print(f"{row.change}: {failure}", style="red", markup=False, soft_wrap=True)
    style = "green" if report.passed else "red"
    console.print(report.verdict, style=style, markup=False, highlight=False, soft_wrap=True)
    console.print("Research use only, not a medical device.")
