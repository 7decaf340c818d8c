"""What it is worth that all enhancement is wall before the walls are corrected.

    python benchmarks/scar_in_wall.py --data DATA --run RUN

Each patient of the EMIDEC train list is drawn, end to end, by the network of the fold that never
saw them (RUN: `benchmarks/ablation.py --arms base`): with the wall alone as the network drew it,
and with its enhancement added, as `acsnet.pipeline` does. Then how far the burden of patients, to
whose repeats the intervals of `acsnet compare` are fitted, lies apart between these repeats, by the
shipped networks: `acsnet compare` leaves the wall alone. Research use only, not a medical device.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.evaluate.robustness.labelled_scans import read_labelled
from acsnet.evaluate.robustness.run import CHANGES
from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.labels import ENHANCEMENT, MYOCARDIUM
from acsnet.masks import Mask
from acsnet.pipeline import Pipeline
from acsnet.quantify.volumes import burden_percent
from acsnet.stages.myocardium import WALL_THRESHOLD
from acsnet.stages.stage_outputs import Located, with_enhancement
from training.fold_networks import fold_weights
from training.paired import PatientMeasures, cells, changes, mask_measures
from uncertainty import FIT_CHANGES, FIT_HEARTS

WAYS = ("the wall alone", "with enhancement")


def patient(folder: Path, name: str) -> LabelledScan:
    """A patient of EMIDEC with the expert's labels."""
    return read_labelled(name, images=folder / "images", labels=folder / "labels", truth="emidec")


def both_ways(pipeline: Pipeline, located: Located) -> Iterator[tuple[Mask, Mask]]:
    """Corrected wall and the enhancement in it, (slice, row, column), in each of `WAYS`."""
    drawn = pipeline.segment_myocardium(located)
    alone = drawn.wall_probability > WALL_THRESHOLD
    for wall in (alone, with_enhancement(alone, drawn.enhancement)):
        corrected = pipeline.corrector.correct_stack(wall, located.scan.spacing_mm[1:]).wall
        yield corrected, drawn.enhancement & corrected


def measures(pipeline: Pipeline, case: LabelledScan) -> list[PatientMeasures]:
    """Agreement with the expert in each of `WAYS`."""
    located = pipeline.find_ventricle(case.scan)
    labels = located.scan.grid.from_input(case.scan.grid.to_input(case.labels))
    expert = np.isin(labels, MYOCARDIUM), np.isin(labels, ENHANCEMENT)
    return [mask_measures(*masks, *expert) for masks in both_ways(pipeline, located)]


def burdens(pipeline: Pipeline, case: LabelledScan) -> NDArray[np.float64]:
    """(way,) burden in percent; NaN without a wall."""
    pairs = both_ways(pipeline, pipeline.find_ventricle(case.scan))
    return np.array(
        [burden_percent(float(scar.sum()), float(wall.sum())) for wall, scar in pairs], float
    )


def apart(folder: Path) -> NDArray[np.float64]:
    """(repeat, way) points of burden between a patient's scan and each of its repeats."""
    pipeline = Pipeline.load(standard_tone=True)
    points = []
    for name in track(FIT_HEARTS, description="repeats"):
        case = patient(folder, name)
        first = burdens(pipeline, case)
        points += [abs(burdens(pipeline, CHANGES[change](case)) - first) for change in FIT_CHANGES]
    return np.array(points)


def main() -> None:
    """Print each measure both ways."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="of benchmarks/ablation.py")
    args = parser.parse_args()
    folder = args.data / "emidec"
    patients = {}
    for weights, names in fold_weights(args.run):
        pipeline = Pipeline.load(weights=weights)
        for name in track(names, description=weights.parent.name):
            patients[name] = measures(pipeline, patient(folder, name))
    base, changed = ({name: ways[k] for name, ways in patients.items()} for k in range(len(WAYS)))
    table = Table("", "measure", "patients", "mean", "difference", "95 % interval", "verdict")
    for way, rows in zip(WAYS, (changes(base, base), changes(base, changed)), strict=True):
        for row in rows:
            table.add_row(way, *cells(row, base=way == WAYS[0]))
        table.add_section()
    console = Console(width=120)
    console.print(table)
    points = apart(folder)
    middle, mean = np.median(points, axis=0), np.sqrt(np.mean(points**2, axis=0))
    for way, median, square in zip(WAYS, middle, mean, strict=True):
        console.print(
            f"{way}: burden apart by {median:.2f} points (median; root mean square {square:.2f}) "
            f"in {len(points)} repeats of {len(FIT_HEARTS)} patients"
        )


if __name__ == "__main__":
    main()
