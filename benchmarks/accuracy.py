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


def main() -> None:
    """Print the tables of `acsnet evaluate` for one test list."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", choices=("emidec", "acdc"), default="emidec")
    parser.add_argument("--output", type=Path, help="keep the segmentations there")
    parser.add_argument("--json", type=Path, help="write every number there, too")
    args = parser.parse_args()
    names = json.loads((args.data / "splits.json").read_text())[args.set]["test"]
    pipeline = Pipeline.load()
    with tempfile.TemporaryDirectory() as temporary:
        output = args.output or Path(temporary)
        for name in track(names, description="segmenting"):
            scan = read_scan(args.data / args.set / "images" / f"{name}.nii.gz")
            write_result(pipeline(scan), output)
        run_evaluation(
            predictions=output,
            labels=args.data / args.set / "labels",
            truth=args.set,
            json_path=args.json,
        )


if __name__ == "__main__":
    main()
