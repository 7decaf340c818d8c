"""Microvascular obstruction that the rule finds against what the expert drew, patient by patient.

First inside the experts' own masks of the train list, where only the rule can be wrong; then end to
end on the test list, and with --run RUN on the train list, each patient drawn by the network of the
fold that never saw them (`benchmarks/ablation.py --arms base`). EMIDEC, whose label maps mark
no-reflow. Research use only, not a medical device.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.io import read_scan
from acsnet.measure import measure_label_file
from acsnet.nets.weights import SHIPPED
from acsnet.pipeline import Pipeline
from acsnet.quantify.obstruction import find_obstruction
from acsnet.quantify.scar import scar_threshold, without_speckle
from acsnet.train.data.case import POOL, SCAR, WALL
from acsnet.train.data.lists import emidec_cases
from training.fold_networks import fold_weights

MIN_DRAWN_ML = 1.0
"""So much obstruction drawn by the expert has to be found."""

MEASURE = "microvascular_obstruction_volume_ml"


def drawn_ml(data: Path, name: str) -> float:
    """Obstruction in the expert's label map."""
    image, labels = (data / "emidec" / kind / f"{name}.nii.gz" for kind in ("images", "labels"))
    value = getattr(measure_label_file(image, labels, truth="emidec").features, MEASURE)
    return float(value or 0.0)


def ml_in_expert_masks(data: Path) -> Callable[[str], float]:
    """Name -> obstruction that the rule finds in the expert's wall and enhancement."""

    def measure(name: str) -> float:
        (case,) = emidec_cases(data, [name])
        wall, scar = case.tissue >= WALL, case.tissue == SCAR
        peak_of = without_speckle(case.scan.pixels, scar)
        threshold = scar_threshold(case.scan.pixels[peak_of], case.scan.pixels[wall & ~scar])
        found = find_obstruction(
            case.scan.pixels,
            scar,
            wall,
            case.tissue == POOL,
            case.scan.spacing_mm,
            remote=threshold.remote,
            peak=threshold.peak,
        )
        return float(found.sum() * case.scan.voxel_ml)

    return measure


def ml_end_to_end(data: Path, weights: Path = SHIPPED) -> Callable[[str], float]:
    """Name -> obstruction in what the networks of a folder draw."""
    pipeline = Pipeline.load(weights=weights)

    def measure(name: str) -> float:
        result = pipeline(read_scan(data / "emidec" / "images" / f"{name}.nii.gz"))
        return float(getattr(result.features, MEASURE) or 0.0)

    return measure


def report(title: str, drawn: list[float], found: list[float], console: Console) -> None:
    """Print how many are found, how many are false, and how the volumes go along."""
    expert, own = np.array(drawn), np.array(found)
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


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, help="of benchmarks/ablation.py, five folds")
    args = parser.parse_args()
    splits = json.loads((args.data / "splits.json").read_text())["emidec"]
    console = Console(width=100)
    jobs = [
        ("Inside expert masks, train list", [(splits["train"], ml_in_expert_masks(args.data))]),
        ("End to end, test list", [(splits["test"], ml_end_to_end(args.data))]),
    ]
    if args.run:
        folds = [(names, ml_end_to_end(args.data, w)) for w, names in fold_weights(args.run)]
        jobs.append(("End to end, train list, networks of folds", folds))
    for title, parts in jobs:
        chosen = [(name, measure) for names, measure in parts for name in names]
        pairs = [(drawn_ml(args.data, name), measure(name)) for name, measure in track(chosen)]
        report(title, *(list(column) for column in zip(*pairs, strict=True)), console)


if __name__ == "__main__":
    main()
