"""What it is worth that all enhancement is wall before the walls are corrected.

    python benchmarks/scar_in_wall.py --data DATA --run RUN

Each patient of the EMIDEC train list is drawn, end to end, by the network of the fold that never
saw them (RUN: `benchmarks/ablation.py --arms base`): with the wall alone as the network drew it,
and with its enhancement added, as `acsnet.pipeline` does. Research use only, not a medical device.
"""

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.evaluate.robustness.labelled_scans import read_labelled
from acsnet.labels import ENHANCEMENT, MYOCARDIUM
from acsnet.pipeline import Pipeline
from acsnet.stages.myocardium import WALL_THRESHOLD
from training.fold_networks import fold_weights
from training.paired import PatientMeasures, cells, changes, mask_measures

WAYS = ("the wall alone", "with enhancement")


def both_ways(pipeline: Pipeline, folder: Path, name: str) -> tuple[PatientMeasures, ...]:
    """Measures of a patient of EMIDEC in each of `WAYS`, after the anatomical correction."""
    case = read_labelled(name, images=folder / "images", labels=folder / "labels", truth="emidec")
    located = pipeline.find_ventricle(case.scan)
    drawn = pipeline.draw(located)
    labels = located.scan.grid.from_input(case.scan.grid.to_input(case.labels))
    expert = np.isin(labels, MYOCARDIUM), np.isin(labels, ENHANCEMENT)
    out = []
    for wall in (drawn.wall_probability > WALL_THRESHOLD, drawn.wall):
        corrected = pipeline.corrector.correct_stack(wall, located.scan.spacing_mm[1:]).wall
        out.append(mask_measures(corrected, drawn.enhancement & corrected, *expert))
    return tuple(out)


def main() -> None:
    """Print each measure both ways."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="of benchmarks/ablation.py")
    args = parser.parse_args()
    found = {}
    for weights, names in fold_weights(args.run):
        pipeline = Pipeline.load(weights=weights)
        for name in track(names, description=weights.parent.name):
            found[name] = both_ways(pipeline, args.data / "emidec", name)
    base, changed = ({name: ways[k] for name, ways in found.items()} for k in range(len(WAYS)))
    table = Table("", "measure", "patients", "mean", "difference", "95 % interval", "verdict")
    for way, rows in zip(WAYS, (changes(base, base), changes(base, changed)), strict=True):
        for row in rows:
            table.add_row(way, *cells(row, base=way == WAYS[0]))
        table.add_section()
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
