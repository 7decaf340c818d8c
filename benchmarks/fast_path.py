"""The fast form of the networks against the reference: agreement with the experts, and seconds.

Reference: PyTorch in single precision, every slice in all eight views, as the networks were
trained. Both segment the same scans in one run, in turns; both are compared with the expert. Exit
code 1 where the fast form's mean Dice of wall or enhancement is lower by more than 0.003, or the
bias of scar burden differs by more than 0.3 points.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.evaluate.cases import CaseScores, score_case
from acsnet.export import SEGMENTATION, write_result
from acsnet.io import read_scan
from acsnet.label_conventions import ENH, LV, MYO
from acsnet.pipeline import Pipeline
from acsnet.train.data.datasets import ADAPTERS
from results_page.page_words import DATA_SETS

WITHIN_DICE = 0.003
WITHIN_POINTS = 0.3
FORMS = ("reference", "fast")
COLUMNS = ("LV", "wall", "enhancement", "burden, points off", "seconds")


def main() -> None:
    """Print means of both forms against the experts, and how alike the two are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", choices=tuple(DATA_SETS), default="emidec")
    parser.add_argument("--list", choices=("test", "train"), default="test")
    parser.add_argument("--cases", nargs="*", help="only these of the list")
    parser.add_argument("--json", type=Path, help="write every number there, too")
    args = parser.parse_args()
    names = json.loads((args.data / "splits.json").read_text())[args.set][args.list]
    if args.cases:
        names = [name for name in names if name in args.cases]
    pipelines = {form: Pipeline.load(reference=form == "reference") for form in FORMS}
    rows: dict[str, list[list[float]]] = {form: [] for form in FORMS}
    alike = []
    with tempfile.TemporaryDirectory() as temporary:
        for name in track(names, description="segmenting"):
            image, expert = ADAPTERS[args.set].find_files(args.data / args.set, name)
            scan = read_scan(image)
            results = {}
            for form, pipeline in pipelines.items():
                start = time.perf_counter()
                results[form] = pipeline(scan)
                seconds = time.perf_counter() - start
                folder = write_result(results[form], Path(temporary) / form)
                scores = score_case(
                    name,
                    predicted_path=folder / SEGMENTATION,
                    expert_path=expert,
                    truth=DATA_SETS[args.set].truth,
                )
                rows[form].append([*measured(scores), seconds])
            same = score_case(
                name,
                predicted_path=Path(temporary) / "fast" / folder.name / SEGMENTATION,
                expert_path=Path(temporary) / "reference" / folder.name / SEGMENTATION,
                truth="acsnet",
            )
            alike.append(measured(same)[:3])
    means = {form: np.nanmean(values, axis=0) for form, values in rows.items()}
    moved = np.subtract(*(np.array(rows[form])[:, 3] for form in ("fast", "reference")))
    show(args.set, args.list, names, means, np.array(alike), moved)
    if args.json:
        report = {"cases": names, "columns": COLUMNS, "rows": rows, "alike": alike}
        args.json.write_text(json.dumps(report, indent=2) + "\n")
    change = means["fast"] - means["reference"]
    worse = np.nanmin(change[1:3]) < -WITHIN_DICE or abs(change[3]) > WITHIN_POINTS
    raise SystemExit(bool(worse))


def measured(scores: CaseScores) -> list[float]:
    """Mean Dice of the expert's slices by region, and percentage points of burden too many."""
    dices = []
    for region in (LV, MYO, ENH):
        found = scores.regions.get(region)
        drawn = found is not None and found.expert_drew.any()
        dices.append(float(np.mean(found.dice[found.expert_drew])) if drawn else np.nan)
    expert, predicted = scores.burden_percent
    off = np.nan if expert is None or predicted is None else predicted - expert
    return [*dices, off]


def show(
    data_set: str,
    part: str,
    names: list[str],
    means: dict[str, np.ndarray],
    alike: np.ndarray,
    moved: np.ndarray,
) -> None:
    """Print a table; moved: points by which the burden of each scan differs."""
    console = Console(width=110)
    table = Table(f"{data_set} {part}, {len(names)} scans", *COLUMNS)
    for form, values in means.items():
        dices = (f"{value:.4f}" for value in values[:3])
        table.add_row(form, *dices, f"{values[3]:+.2f}", f"{values[4]:.2f}")
    change = means["fast"] - means["reference"]
    cells = [*(f"{value:+.4f}" for value in change[:3]), f"{change[3]:+.2f}"]
    ratio = means["reference"][4] / means["fast"][4]
    table.add_row("fast less reference", *cells, f"1 / {ratio:.1f}")
    table.add_section()
    root_mean_square, most = np.sqrt(np.nanmean(moved**2)), np.nanmax(np.abs(moved))
    for heading, values, points in (
        ("Dice of one to the other, burden apart", np.nanmean(alike, axis=0), root_mean_square),
        ("its least, its most", np.nanmin(alike, axis=0), most),
    ):
        table.add_row(heading, *(f"{value:.4f}" for value in values), f"{points:.2f}")
    console.print(table)
    note = (
        "Dice: mean over scans of the mean over the slices the expert drew. Burden apart: points, "
        "root mean square. Research use only."
    )
    console.print(note, highlight=False)


if __name__ == "__main__":
    main()
