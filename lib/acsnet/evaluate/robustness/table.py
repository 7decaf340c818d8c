"""Runs of a stress test -> one row a change, the verdict, and the table on the screen."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from acsnet.label_conventions import ENH, LV, MYO

MAX_LOSS = 0.05
"""Largest loss of wall Dice, mean over patients, that one change may cost (ours)."""

CLEAN = "clean"
SCORED = (LV, MYO, ENH)
NONE = "-"


@dataclass(frozen=True, kw_only=True)
class CaseRun:
    """One patient under one change.

    dice: of each region the mean over the slices where the expert drew it, None if in none; empty
    where segmentation failed, and `error` says how.
    """

    case: str
    dice: Mapping[str, float | None]
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeRow:
    """One change over all patients; None where no patient has such a number.

    dice: mean over patients, by region; loss: mean of clean minus changed wall Dice over the
    patients with both; worst_loss: largest of them, of patient `worst_case`.
    """

    change: str
    dice: Mapping[str, float | None]
    loss: float | None
    worst_loss: float | None
    worst_case: str | None
    failures: tuple[str, ...]
    runs: tuple[CaseRun, ...]

    @property
    def costly(self) -> bool:
        """Whether the change costs more wall Dice than `MAX_LOSS`."""
        return self.loss is not None and self.loss > MAX_LOSS


@dataclass(frozen=True, kw_only=True)
class StressReport:
    """All rows, the clean run first."""

    truth: str
    rows: tuple[ChangeRow, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed and no change is costly."""
        return not any(row.costly or row.failures for row in self.rows)

    @property
    def verdict(self) -> str:
        """One line that names every costly change and every failure."""
        if self.passed:
            return f"No change costs more than {MAX_LOSS:g} wall Dice."
        costly = [f"{row.change} ({row.loss:.3f})" for row in self.rows if row.costly]
        failed = [f"{row.change} ({len(row.failures)})" for row in self.rows if row.failures]
        said = [f"More than {MAX_LOSS:g} wall Dice lost: {', '.join(costly)}."] if costly else []
        return " ".join([*said, *([f"Failed: {', '.join(failed)}."] if failed else [])])

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        rows = [{**asdict(row), "costly": row.costly} for row in self.rows]
        return {
            "truth": self.truth,
            "max_loss": MAX_LOSS,
            "passed": self.passed,
            "verdict": self.verdict,
            "changes": rows,
        }


def summarise(runs: Mapping[str, Sequence[CaseRun]], truth: str) -> StressReport:
    """Runs of each change, those of `CLEAN` among them -> rows in the same order."""
    clean = {run.case: run.dice.get(MYO) for run in runs[CLEAN]}
    return StressReport(
        truth=truth,
        rows=tuple(_row(change, tuple(found), clean) for change, found in runs.items()),
    )


def _row(change: str, runs: tuple[CaseRun, ...], clean: Mapping[str, float | None]) -> ChangeRow:
    losses: dict[str, float] = {}
    for run in runs:
        before, after = clean[run.case], run.dice.get(MYO)
        if before is not None and after is not None:
            losses[run.case] = before - after
    worst = max(losses, key=lambda case: losses[case], default=None)
    return ChangeRow(
        change=change,
        dice={region: _mean([run.dice.get(region) for run in runs]) for region in SCORED},
        loss=_mean(list(losses.values())),
        worst_loss=None if worst is None else losses[worst],
        worst_case=worst,
        failures=tuple(f"{run.case}: {run.error}" for run in runs if run.error is not None),
        runs=runs,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def print_report(report: StressReport, console: Console) -> None:
    """Print the table, every failure and the verdict."""
    patients = len(report.rows[0].runs)
    table = Table(
        title=f"Stress, {patients} patients: mean Dice of slices that the expert drew",
        caption="Loss: clean minus changed wall Dice, mean over patients; worst: of one patient.",
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    table.add_column("Change", no_wrap=True)
    for heading in ("Wall", "Loss", "Worst", "LV", "Enh.", "Failed"):
        table.add_column(heading, justify="right")
    table.add_column("Worst case", overflow="fold")
    for row in report.rows:
        loss, worst = (None, None) if row.change == CLEAN else (row.loss, row.worst_loss)
        table.add_row(
            row.change,
            _number(row.dice[MYO]),
            _number(loss, sign="+"),
            _number(worst, sign="+"),
            _number(row.dice[LV]),
            _number(row.dice[ENH]),
            str(len(row.failures)) if row.failures else NONE,
            row.worst_case if row.worst_case and round(worst or 0.0, 3) > 0 else NONE,
            style="red" if row.costly or row.failures else None,
            end_section=row.change == CLEAN,
        )
    console.print(table)
    for row in report.rows:
        for failure in row.failures:
            console.print(f"{row.change}: {failure}", style="red", markup=False, soft_wrap=True)
    style = "green" if report.passed else "red"
    console.print(report.verdict, style=style, markup=False, highlight=False, soft_wrap=True)
    console.print("Research use only, not a medical device.")


def _number(value: float | None, *, sign: str = "") -> str:
    return NONE if value is None else f"{value:{sign}.3f}"
