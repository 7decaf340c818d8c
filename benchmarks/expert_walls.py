"""How many expert walls pass the shipped anatomical checks, on patients not used to set them."""

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.progress import track

from acsnet.anatomy.checks import read_limits
from acsnet.train.calibrate import measured_walls, pass_share, print_report
from acsnet.train.data.lists import acdc_cases, emidec_cases


def main() -> None:
    """Print the report of `acsnet calibrate` for the test lists."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    splits = json.loads((args.data / "splits.json").read_text())
    cases = [
        *emidec_cases(args.data, splits["emidec"]["test"]),
        *acdc_cases(args.data, splits["acdc"]["test"]),
    ]
    walls = [wall for case in track(cases) for wall in measured_walls(case)]
    console, limits = Console(width=110), read_limits()
    print_report(walls, limits, console=console)
    drawn = [wall for wall in walls if wall.pixel_mm is None]
    console.print(f"{pass_share(drawn, limits):.2%} of {len(drawn)} walls pass as drawn")


if __name__ == "__main__":
    main()
