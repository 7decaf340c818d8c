"""Microvascular obstruction that the rule finds against what the expert drew, patient by patient.

First inside the experts' own masks of the train list, where only the rule can be wrong; then end to
end on the test list, and with --run RUN on the train list, each patient drawn by the network of the
fold that never saw them (`benchmarks/ablation.py --arms base`). EMIDEC, whose label maps mark
no-reflow.

A second table for each has the slices in which the rule finds some or the expert drew some, and in
how many directions wall that is not drawn as scar lies inside scar there: the limit is
`acsnet.quantify.obstruction.MOST_INSIDE`. Research use only, not a medical device.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.measure import measure_label_file
from acsnet.nets.weights import SHIPPED
from acsnet.pipeline import Pipeline
from acsnet.quantify.obstruction import MOST_INSIDE, find_obstruction, share_inside
from acsnet.quantify.scar import classify_enhancement
from acsnet.result import Measured
from acsnet.scan import ShortAxisScan
from acsnet.stages.stage_outputs import Masks, within
from training.fold_networks import fold_weights

MIN_DRAWN_ML = 1.0
"""So much obstruction drawn by the expert has to be found."""

TRUE, FALSE, MISSED = "found, as the expert", "found, not the expert's", "not found, the expert's"


@dataclass(frozen=True, kw_only=True)
class Patient:
    """Obstruction of the expert and of the rule, and `share_inside` of slices by TRUE to MISSED."""

    drawn_ml: float
    found_ml: float
    inside: dict[str, list[float]]


Draw = Callable[[Measured], tuple[ShortAxisScan, Masks]]
"""The expert's label map on its scan -> a scan in anatomical order with masks of it."""


def expert_masks(expert: Measured) -> tuple[ShortAxisScan, Masks]:
    """What the expert drew."""
    parts = (Label.LV_BLOOD_POOL, MYOCARDIUM, ENHANCEMENT)
    pool, wall, enhancement = (np.isin(expert.labels, part) for part in parts)
    return expert.scan, Masks(pool=pool, wall=wall, enhancement=enhancement)


def drafts(weights: Path = SHIPPED) -> Draw:
    """What the networks of a folder draw, as `Pipeline` does before it looks for obstruction."""
    pipeline = Pipeline.load(weights=weights)

    def draw(expert: Measured) -> tuple[ShortAxisScan, Masks]:
        located = pipeline.find_ventricle(expert.scan)
        drawn, scan = pipeline.segment_myocardium(located), located.scan
        return scan, within(
            pipeline.corrector.correct_stack(drawn.wall, scan.spacing_mm[1:]), drawn
        )

    return draw


def measured(data: Path, name: str, draw: Draw) -> Patient:
    """The rule in the masks of a patient, compared with the expert's obstruction."""
    image, labels = (data / "emidec" / kind / f"{name}.nii.gz" for kind in ("images", "labels"))
    expert = measure_label_file(image, labels, truth="emidec")
    scan, masks = draw(expert)
    threshold = classify_enhancement(scan.pixels, masks.wall, masks.enhancement).threshold
    found = find_obstruction(
        scan.pixels,
        masks.enhancement,
        masks.wall,
        masks.pool,
        scan.spacing_mm,
        remote=threshold.remote,
        peak=threshold.peak,
    )
    drawn = scan.grid.from_input(expert.label_map()) == Label.MICROVASCULAR_OBSTRUCTION
    inside: dict[str, list[float]] = {TRUE: [], FALSE: [], MISSED: []}
    for k in np.flatnonzero(masks.enhancement.any(axis=(1, 2)) & (found | drawn).any(axis=(1, 2))):
        kind = TRUE if (found & drawn)[k].any() else FALSE if found[k].any() else MISSED
        slice_ = masks.enhancement[k], masks.wall[k], masks.pool[k]
        inside[kind].append(share_inside(*slice_, scan.spacing_mm[1:]))
    drawn_ml, found_ml = (float(mask.sum() * scan.voxel_ml) for mask in (drawn, found))
    return Patient(drawn_ml=drawn_ml, found_ml=found_ml, inside=inside)


def report(title: str, patients: list[Patient], console: Console) -> None:
    """Print how many are found, how many are false, how the volumes go along, and `inside`."""
    expert, own = (np.array([vars(p)[key] for p in patients]) for key in ("drawn_ml", "found_ml"))
    table = Table("patients", "of them", "found in", "expert ml", "found ml", title=title)
    for name, chosen in (
        (f"{MIN_DRAWN_ML:g} ml or more drawn", expert >= MIN_DRAWN_ML),
        ("less drawn", (expert > 0.0) & (expert < MIN_DRAWN_ML)),
        ("none drawn", expert == 0.0),
    ):
        count, hits = int(chosen.sum()), int((own[chosen] > 0.0).sum())
        table.add_row(
            name, str(count), str(hits), f"{expert[chosen].sum():.1f}", f"{own[chosen].sum():.1f}"
        )
    console.print(table)
    limit = f"above {MOST_INSIDE:.0%}"
    table = Table("obstruction", "slices", "inside, median", "largest", limit)
    for kind in (TRUE, FALSE, MISSED):
        shares = np.array([share for p in patients for share in p.inside[kind]])
        middle, most = (f"{f(shares):.1%}" if shares.size else "-" for f in (np.median, np.max))
        table.add_row(kind, str(shares.size), middle, most, str((shares > MOST_INSIDE).sum()))
    console.print(table)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, help="of benchmarks/ablation.py, five folds")
    args = parser.parse_args()
    splits = json.loads((args.data / "splits.json").read_text())["emidec"]
    console = Console(width=100)
    jobs: list[tuple[str, list[tuple[list[str], Draw]]]] = [
        ("Inside expert masks, train list", [(splits["train"], expert_masks)]),
        ("End to end, test list", [(splits["test"], drafts())]),
    ]
    if args.run:
        folds = [(names, drafts(weights)) for weights, names in fold_weights(args.run)]
        jobs.append(("End to end, train list, networks of folds", folds))
    for title, parts in jobs:
        chosen = [(name, draw) for names, draw in parts for name in names]
        report(title, [measured(args.data, name, draw) for name, draw in track(chosen)], console)


if __name__ == "__main__":
    main()
