"""The command `acsnet evaluate`: folders in, tables on the screen and a JSON file out."""

from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from acsnet.errors import InputError
from acsnet.evaluate.cases import find_pairs, score_case
from acsnet.evaluate.metrics import Mean
from acsnet.evaluate.summary import BurdenRow, Evaluation, summarise
from acsnet.evaluate.tertiles import ALL_TERTILES, Spread
from acsnet.label_conventions import CONVENTIONS, ENH
from acsnet.report import wording
from acsnet.stages.label_doubts import NO_SCAR_DRAWN
from acsnet.storage import write_json

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

    truth: a name in `CONVENTIONS`, the convention of the labels. json_path: where all numbers go as
    well, those of every slice included. console: where tables appear, standard output by default.
    Raises InputError or GeometryError, naming the file, for what would make a number wrong.
    """
    if truth not in CONVENTIONS:
        msg = f"truth must be one of {', '.join(CONVENTIONS)}, got {truth!r}"
        raise InputError(msg)
    if json_path is not None and not json_path.parent.is_dir():
        msg = f"{json_path} cannot be written: {json_path.parent} is not a folder"
        raise InputError(msg)
    pairs, warnings = find_pairs(predictions, labels)
    cases = [
        score_case(name, predicted_path=predicted, expert_path=expert, truth=truth)
        for name, (predicted, expert) in pairs.items()
    ]
    warnings += [f"{case.name}: {words}" for case in cases for words in case.warnings]
    if ENH in CONVENTIONS[truth].regions and not any(case.regions[ENH].expert_ml for case in cases):
        warnings.append(f"in all expert labels, {NO_SCAR_DRAWN}")
    evaluation = summarise(cases, truth, warnings)
    if json_path is not None:
        write_json(json_path, evaluation.to_dict())
    print_tables(evaluation, console or Console(emoji=False))
    return evaluation


def print_tables(evaluation: Evaluation, console: Console) -> None:
    """Print what was left out, the tables, and how to read them."""
    for warning in evaluation.warnings:
        console.print(f"Warning: {warning}", style="yellow", markup=False, highlight=False)
    console.print(_slice_table(evaluation))
    console.print(_volume_table(evaluation))
    console.print(_tertile_table(evaluation))
    if evaluation.burden is not None:
        console.print(_burden_table(evaluation.burden))
    console.print("Research use only, not a medical device.")


def _slice_table(evaluation: Evaluation) -> Table:
    table = new_table(
        f"Per slice, {len(evaluation.cases)} patients (mean ± 95 % interval)",
        texts=("Region", "Third"),
        numbers=("Slices", "Dice", "BA %", "HD mm", "Missed", "False"),
        caption=(
            "Slices: where the expert drew the region; a missed one has Dice 0 and no distance.\n"
            "Missed: drawn by the expert only. False: predicted only, in no mean."
        ),
    )
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
    table = new_table(
        "Per patient: volumes",
        texts=("Region",),
        numbers=("n", "Drawn", "Expert ml", "Pred. ml", "Bias ml", "MAE %", "Dice", "CCC", "p"),
        caption=(
            "Means over patients. MAE %: |predicted - expert| / expert. MAE % and Dice: over the\n"
            "patients in whom the expert drew the region (Drawn). CCC: concordance correlation.\n"
            "p: Welch's t-test, predicted against expert."
        ),
    )
    for row in evaluation.volume_rows:
        table.add_row(
            row.region,
            str(row.patients),
            str(row.drawn_patients),
            number(row.expert_ml, 1),
            number(row.predicted_ml, 1),
            change(row.bias_ml, 1),
            number(row.normalised_mae_percent, 1),
            number(row.volume_dice, 3),
            number(row.concordance, 3),
            number(row.welch_p, 3),
        )
    return table


def _tertile_table(evaluation: Evaluation) -> Table:
    table = new_table(
        "Per patient: volumes by tertile of the expert's left ventricle",
        texts=("Region", "Tertile"),
        numbers=("n", "Expert ml", "Pred. ml", "MAE %", "p"),
        caption="Mean (smallest-largest). MAE %: over those in whom the expert drew the region.",
    )
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


def _burden_table(row: BurdenRow) -> Table:
    table = new_table(
        "Per patient: scar burden, enhancement in % of the myocardium",
        texts=(),
        numbers=("n", "Left out", "Expert %", "Pred. %", "Bias", "Limits", "MAE", "CCC", "p"),
        caption="Bias, Limits (95 % limits of agreement) and MAE in points.",
    )
    limits = NONE
    if row.limits_points is not None:
        limits = " to ".join(change(end, 1) for end in row.limits_points)
    table.add_row(
        str(row.patients),
        str(row.left_out),
        number(row.expert_percent, 1),
        number(row.predicted_percent, 1),
        change(row.bias_points, 1),
        limits,
        number(row.mae_points, 1),
        number(row.concordance, 3),
        number(row.welch_p, 3),
    )
    return table


def new_table(
    title: str, *, texts: Sequence[str], numbers: Sequence[str], caption: str = ""
) -> Table:
    """A table for a terminal of 80 columns; what is too wide goes on below, never cut.

    texts, numbers: headings of the columns.
    """
    table = Table(
        title=title,
        caption=caption or None,
        box=SIMPLE_HEAD,
        padding=0,
        show_edge=False,
    )
    for heading in texts:
        table.add_column(heading, overflow="fold")
    for heading in numbers:
        table.add_column(heading, justify="right", overflow="fold")
    return table


def number(value: float | None, decimals: int) -> str:
    """A number, rounded as reports are, or a dash where there is none."""
    return wording.number(value, decimals, NONE)


def change(value: float | None, decimals: int) -> str:
    """A change with its sign, or a dash where there is none."""
    return NONE if value is None else wording.signed(value, decimals)


def interval(mean: Mean, decimals: int) -> str:
    """A mean with the half-width of its 95 % interval."""
    if mean.half_width_95 is None:
        return number(mean.value, decimals)
    return f"{number(mean.value, decimals)} ± {number(mean.half_width_95, decimals)}"


def with_range(spread: Spread, decimals: int) -> str:
    """A mean with its range."""
    if spread.mean is None:
        return NONE
    low, high = number(spread.low, decimals), number(spread.high, decimals)
    return f"{number(spread.mean, decimals)} ({low}-{high})"
