"""What stage 1 finds in the train lists: whether the object it takes is the heart, and the flag.

Scans of EMIDEC and ACDC with `other_object`, and those in which less than half of what stage 1
takes is the expert's ventricle. The networks saw most of these scans in training: the figures are
those of the rule that chooses among objects, not of the network. Research use only, not a medical
device.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track

from acsnet.evaluate.robustness.labelled_scans import read_labelled
from acsnet.labels import LEFT_VENTRICLE
from acsnet.pipeline import Pipeline


def main() -> None:
    """Print both counts for each data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    torch.set_num_threads(1)
    pipeline, console = Pipeline.load(threads=1), Console(width=100)
    splits = json.loads((args.data / "splits.json").read_text())
    for data_set in ("emidec", "acdc"):
        names, flagged, wrong = splits[data_set]["train"], [], []
        for name in track(names, description=data_set):
            folder = args.data / data_set
            case = read_labelled(
                name, images=folder / "images", labels=folder / "labels", truth=data_set
            )
            located = pipeline.find_ventricle(case.scan)
            labels = located.scan.grid.from_input(case.scan.grid.to_input(case.labels))
            taken, expert = located.on_scan(), np.isin(labels, LEFT_VENTRICLE)
            flagged += [name] * bool(located.other_objects)
            wrong += [name] * bool((taken & expert).sum() < 0.5 * taken.sum() or not taken.any())
        for words, found in (("other_object", flagged), ("not the heart", wrong)):
            console.print(f"{data_set}, {words}: {len(found)} of {len(names)} {' '.join(found)}")


if __name__ == "__main__":
    main()
