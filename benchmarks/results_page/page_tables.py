"""The tables of the page of results, ours beside the paper's, and the sentences on the scar burden.

The tables are Tables 1 and 2 of Popescu et al. 2022 (DOI 10.1016/j.cvdhj.2021.11.007).
"""

from collections.abc import Sequence

from acsnet.evaluate.cases import CaseScores
from acsnet.evaluate.metrics import THIRDS
from acsnet.evaluate.summary import TOTAL, Evaluation
from acsnet.evaluate.tables import interval, number, with_range
from acsnet.evaluate.tertiles import ALL_TERTILES, TERTILES
from acsnet.label_conventions import CONVENTIONS, ENH, LV, MYO
from results_page.figures import NAMES
from results_page.markup import Cell, Row, table
from results_page.published import (
    BALANCED_ACCURACY,
    DICE,
    ERROR,
    EXPERT,
    HAUSDORFF,
    PAPER_TABLE_1,
    PAPER_TABLE_2,
    PAPER_WELCH_P,
    PREDICTED,
    Cells,
)

SLICES, WELCH, CASES = "Slices (missed, false)", "Welch p", "Cases (in MAE)"


def slice_table(evaluation: Evaluation, *, beside_paper: bool) -> str:
    """Table 1: every measure by region and third, mean with its 95 % interval."""
    groups = (*THIRDS, TOTAL)
    ours = {}
    for row in evaluation.slice_rows:
        ours[row.region, BALANCED_ACCURACY, row.third] = interval(row.balanced_accuracy_percent, 1)
        ours[row.region, DICE, row.third] = interval(row.dice, 3)
        ours[row.region, HAUSDORFF, row.third] = interval(row.hausdorff_mm, 1)
        counts = f"{row.slices} ({row.missed_slices}, {row.false_slices})"
        ours[row.region, SLICES, row.third] = counts
    return _table(evaluation, ours, groups, PAPER_TABLE_1 if beside_paper else None)


def volume_table(evaluation: Evaluation, *, beside_paper: bool) -> str:
    """Table 2: volumes and normalised error by tertile, mean with its range, and Welch's p."""
    groups = (*TERTILES, ALL_TERTILES)
    ours = {}
    for row in evaluation.tertile_rows:
        decimals = 0 if row.region in (LV, MYO) else 1
        ours[row.region, EXPERT, row.tertile] = with_range(row.expert_ml, decimals)
        ours[row.region, PREDICTED, row.tertile] = with_range(row.predicted_ml, decimals)
        ours[row.region, ERROR, row.tertile] = with_range(row.normalised_mae_percent, 1)
        ours[row.region, WELCH, row.tertile] = number(row.welch_p, 2)
        counts = f"{row.patients} ({row.normalised_mae_percent.n})"
        ours[row.region, CASES, row.tertile] = counts
    p_values = {(region, WELCH, ALL_TERTILES): p for region, p in PAPER_WELCH_P.items()}
    paper = {**PAPER_TABLE_2, **p_values}
    return _table(evaluation, ours, groups, paper if beside_paper else None)


def _table(evaluation: Evaluation, ours: Cells, groups: Sequence[str], paper: Cells | None) -> str:
    """A block a region, a line a measure, a column a group, with the paper's beside it."""
    span = 1 if paper is None else 2
    head: list[Row] = [
        [
            Cell(text="Region", scope="col"),
            Cell(text="Measure", scope="col"),
            *(Cell(text=group, scope="colgroup", columns=span) for group in groups),
        ]
    ]
    if paper is not None:
        pair = (Cell(text="ours", scope="col"), Cell(text="paper", scope="col", paper=True))
        head.append([Cell(text="", columns=2), *(pair * len(groups))])
    bodies = []
    for region in CONVENTIONS[evaluation.truth].regions:
        measures = list(dict.fromkeys(measure for name, measure, _ in ours if name == region))
        rows: list[list[Cell]] = []
        for measure in measures:
            row = [Cell(text=measure, scope="row")]
            for group in groups:
                row.append(Cell(text=ours[region, measure, group]))
                if paper is not None:
                    row.append(Cell(text=paper.get((region, measure, group), ""), paper=True))
            rows.append(row)
        rows[0].insert(0, Cell(text=NAMES[region], scope="rowgroup", rows=len(rows)))
        bodies.append(rows)
    return table(head, bodies)


def case_table(cases: Sequence[CaseScores]) -> str:
    """A line a patient: volumes and volume Dice of every region, and the scar burden."""
    regions = [region for region in (LV, MYO, ENH) if region in cases[0].regions]
    groups: list[tuple[str, tuple[str, ...]]] = [
        (NAMES[region], ("expert ml", "predicted ml", "Dice")) for region in regions
    ]
    if ENH in regions:
        groups.append(("Scar burden", ("expert %", "predicted %")))
    head: list[Row] = [
        [
            Cell(text="Case", scope="col"),
            *(Cell(text=name, scope="colgroup", columns=len(of)) for name, of in groups),
        ],
        [Cell(text=""), *(Cell(text=name, scope="col") for _, of in groups for name in of)],
    ]
    return table(head, [[_case_row(case, regions) for case in cases]])


def _case_row(case: CaseScores, regions: Sequence[str]) -> Row:
    values = []
    for region in regions:
        scores = case.regions[region]
        dice = scores.volume_dice if scores.expert_ml > 0 else None
        values += [number(scores.expert_ml, 1), number(scores.predicted_ml, 1), number(dice, 3)]
    if ENH in regions:
        values += [number(burden, 1) for burden in case.burden_percent]
    return [Cell(text=case.name, scope="row"), *(Cell(text=value) for value in values)]


def burden_sentences(evaluation: Evaluation) -> tuple[str, ...]:
    """Bias, limits and concordance; scar that was missed; scar where the expert drew none."""
    row = evaluation.burden
    if row is None:
        return ()
    limits = ""
    if row.limits_points is not None:
        low, high = row.limits_points
        limits = f" with 95 % limits of agreement {low:+.1f} to {high:+.1f}"
    pairs = [(case.name, *case.burden_percent) for case in evaluation.cases]
    missed = [name for name, expert, found in pairs if expert and not found]
    healthy = [found for _, expert, found in pairs if expert == 0 and found is not None]
    sentences = [
        f"Expert {row.expert_percent:.1f} %, predicted {row.predicted_percent:.1f} % of the "
        f"myocardium on average: bias {row.bias_points:+.1f} points{limits}.",
        f"Mean absolute difference {row.mae_points:.1f} points, Lin's concordance "
        f"{number(row.concordance, 3)}, Welch p {number(row.welch_p, 2)}.",
        f"{row.patients} patients, {row.left_out} left out for want of a wall.",
        f"Scar missed altogether: {', '.join(missed) or 'in nobody'}.",
    ]
    if healthy:
        sentences.append(
            f"In the {len(healthy)} in whom the expert drew no enhancement, predicted burden "
            f"{sum(healthy) / len(healthy):.1f} % on average, at most {max(healthy):.1f} %."
        )
    return tuple(sentences)
