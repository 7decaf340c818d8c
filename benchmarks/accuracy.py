"""Segment the test list of a data set, patients never trained on, and compare with the experts."""

import argparse
import json
import tempfile
from pathlib import Path

from rich.progress import track

from acsnet.evaluate import run_evaluation
from acsnet.export import write_result
from acsnet.io import read_scan
from acsnet.pipeline import Pipeline
from acsnet.train.data.datasets import ADAPTERS
from results_page.page_words import DATA_SETS
from shared.label_folder import link_labels


def main() -> None:
    """Print the tables of `acsnet evaluate` for one test list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", choices=tuple(DATA_SETS), default="emidec")
    parser.add_argument("--output", type=Path, help="keep the segmentations there")
    parser.add_argument("--json", type=Path, help="write every number there, too")
    args = parser.parse_args()
    names = json.loads((args.data / "splits.json").read_text())[args.set]["test"]
    find = ADAPTERS[args.set].find_files
    files = {name: find(args.data / args.set, name) for name in names}
    pipeline = Pipeline.load()
    with tempfile.TemporaryDirectory() as temporary:
        output = args.output or Path(temporary) / "segmented"
        for image, _ in track(files.values(), description="segmenting"):
            write_result(pipeline(read_scan(image)), output)
        run_evaluation(
            predictions=output,
            labels=link_labels(
                {name: label for name, (_, label) in files.items()}, Path(temporary) / "experts"
            ),
            truth=DATA_SETS[args.set].truth,
            json_path=args.json,
        )


if __name__ == "__main__":
    main()
