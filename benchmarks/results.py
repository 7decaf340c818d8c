"""Tables and figures of the paper on the test list of a data set, as a folder with one page."""

import argparse
import json
import os
import platform
import shlex
import tempfile
import time
from datetime import datetime, timezone
from pathlib import Path

import torch
from rich.progress import track

from acsnet import __version__
from acsnet.evaluate import run_evaluation
from acsnet.export import SEGMENTATION, write_result
from acsnet.io import read_scan
from acsnet.pipeline import Pipeline
from acsnet.train.data.datasets import ADAPTERS
from results_page.examples import ExampleFiles, example_figures
from results_page.page import DATA_SETS, Made, write_results
from shared.label_folder import link_labels

REPOSITORY = Path(__file__).resolve().parent.parent


def main() -> None:
    """Segment the test list, print the tables of `acsnet evaluate`, write the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", choices=tuple(DATA_SETS), default="emidec")
    parser.add_argument("--output", type=Path, required=True, help="folder of the page")
    parser.add_argument(
        "--examples", action="store_true", help="with images of patients: not in the repository"
    )
    args = parser.parse_args()
    if args.examples and args.output.resolve().is_relative_to(REPOSITORY):
        parser.error("--examples shows patients: give an --output outside the repository")
    names = json.loads((args.data / "splits.json").read_text())[args.set]["test"]
    find = ADAPTERS[args.set].find_files
    images, labels = zip(*(find(args.data / args.set, name) for name in names), strict=True)
    truth = DATA_SETS[args.set].truth
    start = time.perf_counter()
    pipeline = Pipeline.load()
    with tempfile.TemporaryDirectory() as temporary:
        segmented = Path(temporary) / "segmented"
        for image in track(images, description="segmenting"):
            write_result(pipeline(read_scan(image)), segmented)
        experts = link_labels(dict(zip(names, labels, strict=True)), Path(temporary) / "experts")
        evaluation = run_evaluation(predictions=segmented, labels=experts, truth=truth)
        made = Made(
            data_set=args.set,
            date=datetime.now(timezone.utc).date().isoformat(),
            command=command(args),
            software={
                "acsnet": __version__,
                "Python": platform.python_version(),
                "torch": torch.__version__,
            },
            cpu_count=os.cpu_count() or 1,
            seconds=round(time.perf_counter() - start, 1),
            weights=pipeline.weights,
        )
        files = {
            name: ExampleFiles(image=image, expert=label, predicted=segmented / name / SEGMENTATION)
            for name, image, label in zip(names, images, labels, strict=True)
        }
        examples = example_figures(evaluation.cases, files, truth) if args.examples else None
    write_results(evaluation, made, args.output, examples=examples)


def command(args: argparse.Namespace) -> str:
    """What was asked for, with DATA for the folder of the data: it differs on every machine."""
    words = ["python", "benchmarks/results.py", "--data", "DATA", "--set", args.set]
    words += ["--output", str(args.output), *(["--examples"] if args.examples else [])]
    return shlex.join(words)


if __name__ == "__main__":
    main()
