"""The command `acsnet evaluate`: folders in, tables on the screen and a JSON file out."""

import json
import os
from pathlib import Path

from rich.console import Console
from rich.table import Table

from acsnet.errors import InputError
from acsnet.evaluate.cases import find_pairs, score_case
from acsnet.evaluate.metrics import Mean
from acsnet.evaluate.summary import Evaluation, summarise
from acsnet.evaluate.tertiles import ALL_TERTILES, Spread
from acsnet.evaluate.truth import TRUTHS

NONE = "-"


def run_evaluation(
    *,
    predictions: Path,
    labels: Path,
    truth: str,
    json_path: Path | None = None,
    console: Console | None = None,
) -> Evaluation:
    """Compare `predictions/<case>/segmentation.nii.gz` with `labels/<case>.nii.gz`; print tables.

    truth: a name in `TRUTHS`, the convention of the labels. json_path: where all numbers go as
    well, those of every slice included. console: where tables appear, standard output by default.
    Raises InputError or GeometryError, naming the file, for what would make a number wrong.
    """
    if truth not in TRUTHS:
        msg = f"truth must be one of {', '.join(TRUTHS)}, got {truth!r}"
        raise InputError(msg)
    if json_path is not None and not json_path.parent.is_dir():
        msg = f"{json_path} cannot be written: {json_path.parent} is not a folder"
        raise InputError(msg)
    pairs, warnings = find_pairs(predictions, labels)
    cases = [
        score_case(name, predicted_path=predicted, expert_path=expert, truth=truth)
        for name, (predicted, expert) in pairs.items()
    ]
    evaluation = summarise(cases, truth, warnings)
    if json_path is not None:
        write_json(evaluation, json_path)
    print_tables(evaluation, console or Console())
    return evaluation


def write_json(evaluation: Evaluation, path: Path) -> None:
    """Write all numbers; a reader sees the whole file or none."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(json.dumps(evaluation.to_dict(), indent=2, allow_nan=False) + "\n")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def print_tables(evaluation: Evaluation, console: Console) -> None:
    """Print what was left out, the tables, and how to read them."""
    for warning in evaluation.warnings:
        console.print(f"Warning: {warning}", style="yellow", markup=False, highlight=False)
    console.print(_slice_table(evaluation))
    console.print(_volume_table(evaluation))
    console.print(_tertile_table(evaluation))
    if evaluation.burden is not None:
        console.print(_burden_table(evaluation))
    console.print("Research use only, not a medical device.")


def _slice_table(evaluation: Evaluation) -> Table:
    table = Table(
        title=f"Per slice, {len(evaluation.cases)} patients (mean ± 95 % interval)",
        caption=(
            "Slices: where the expert drew the region; a missed one has Dice 0 and no distance.\n"
            "Missed: drawn by the expert only. False: predicted only, in no mean."
        ),
    )
    table.add_column("Region")
    table.add_column("Third")
    for heading in ("Slices", "Dice", "BA %", "HD mm", "Missed", "False"):
        table.add_column(heading, justify="right")
    for row in evaluation.slice_rows:
        table.add_row(
            row.region,
            row.third,
            str(row.slices),
            interval(row.dice, 3),
            interval(row.balanced_accuracy_percent, 1),
            interval(row.hausdorff_mm, 1),
            str(row.missed_slices),
            str(row.false_slices),
            end_section=row.third == "total",
        )
    return table


def _volume_table(evaluation: Evaluation) -> Table:
    table = Table(
        title="Per patient: volumes",
        caption=(
            "Means over patients. MAE %: |predicted - expert| / expert. MAE % and Dice: over the\n"
            "patients in whom the expert drew the region (Drawn). CCC: concordance correlation.\n"
            "p: Welch's t-test, predicted against expert."
        ),
    )
    table.add_column("Region")
    headings = ("n", "Drawn", "Expert ml", "Pred. ml", "Bias ml", "MAE %", "Dice", "CCC", "p")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in evaluation.volume_rows:
        table.add_row(
            row.region,
            str(row.patients),
            str(row.drawn_patients),
            number(row.expert_ml, 1),
            number(row.predicted_ml, 1),
            f"{row.bias_ml:+.1f}",
            number(row.normalised_mae_percent, 1),
            number(row.volume_dice, 3),
            number(row.concordance, 3),
            number(row.welch_p, 3),
        )
    return table


def _tertile_table(evaluation: Evaluation) -> Table:
    table = Table(
        title="Per patient: volumes by tertile of the expert's left ventricle",
        caption="Mean (smallest-largest). MAE %: over those in whom the expert drew the region.",
    )
    table.add_column("Region")
    table.add_column("Tertile")
    for heading in ("n", "Expert ml", "Pred. ml", "MAE %", "p"):
        table.add_column(heading, justify="right")
    for row in evaluation.tertile_rows:
        table.add_row(
            row.region,
            row.tertile,
            str(row.patients),
            with_range(row.expert_ml, 1),
            with_range(row.predicted_ml, 1),
            with_range(row.normalised_mae_percent, 1),
            number(row.welch_p, 3),
            end_section=row.tertile == ALL_TERTILES,
        )
    return table


def _burden_table(evaluation: Evaluation) -> Table:
    row = evaluation.burden
    table = Table(title="Per patient: scar burden, enhancement in % of the myocardium")
    headings = ("n", "Left out", "Expert %", "Pred. %", "Bias points", "MAE points", "CCC", "p")
    for heading in headings:
        table.add_column(heading, justify="right")
    if row is not None:
        table.add_row(
            str(row.patients),
            str(row.left_out),
            number(row.expert_percent, 1),
            number(row.predicted_percent, 1),
            f"{row.bias_points:+.1f}",
            number(row.mae_points, 1),
            number(row.concordance, 3),
            number(row.welch_p, 3),
        )
    return table


def number(value: float | None, decimals: int) -> str:
    """A number, or a dash where there is none."""
    return NONE if value is None else f"{value:.{decimals}f}"


def interval(mean: Mean, decimals: int) -> str:
    """A mean with the half-width of its 95 % interval."""
    if mean.half_width_95 is None:
        return number(mean.value, decimals)
    return f"{mean.value:.{decimals}f} ± {mean.half_width_95:.{decimals}f}"


def with_range(spread: Spread, decimals: int) -> str:
    """A mean with its range."""
    if spread.mean is None:
        return NONE
    return f"{spread.mean:.{decimals}f} ({spread.low:.{decimals}f}-{spread.high:.{decimals}f})"
