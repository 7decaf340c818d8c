"""How many expert walls pass the shipped anatomical checks, on patients not used to set them.

Counted, too: slices in which the expert's wall and blood pool together are no one ventricle, and
those in which the pool that we give to the expert's wall is not.
"""

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from acsnet.anatomy.checks import check_ventricle, read_limits
from acsnet.anatomy.measures import Form, measure
from acsnet.stages.myocardium import blood_pool
from acsnet.train.calibrate import measured_walls, pass_share, print_report
from acsnet.train.data.case import POOL, WALL, TrainingCase
from acsnet.train.data.lists import cases_of


def ventricle_faults(case: TrainingCase) -> Counter[str]:
    """Slices with a wall, by form; those whose own pool fails, and those whose pool of ours does.

    Ours is `blood_pool` with the expert's ventricle as region of interest.
    """
    counts: Counter[str] = Counter()
    for drawn in case.tissue[(case.tissue >= WALL).any(axis=(1, 2))]:
        wall, pool = drawn >= WALL, drawn == POOL
        form, measures = measure(wall, case.scan.spacing_mm[1:])
        counts[form.value] += 1
        counts.update(f"expert, {form.value}: {name}" for name in check_ventricle(wall, pool))
        if measures.objects == 1 and measures.holes == 0:
            is_open = np.array([form is Form.OPEN])
            own = blood_pool(wall[None], (drawn > 0)[None], is_open)[0]
            counts.update(f"ours, {form.value}: {name}" for name in check_ventricle(wall, own))
    return counts


def main() -> None:
    """Print the report of `acsnet calibrate` for a list of the sets whose walls it is fitted to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--list", choices=("train", "test"), default="test")
    args = parser.parse_args()
    splits = json.loads((args.data / "splits.json").read_text())
    cases = [
        case
        for data_set in ("emidec", "acdc")
        for case in cases_of(args.data, data_set, splits[data_set][args.list])
    ]
    walls = [wall for case in track(cases) for wall in measured_walls(case)]
    console, limits = Console(width=110), read_limits()
    print_report(walls, limits, console=console)
    drawn = [wall for wall in walls if wall.pixel_mm is None]
    console.print(f"{pass_share(drawn, limits):.2%} of {len(drawn)} walls pass as drawn")
    faults = sum((ventricle_faults(case) for case in cases), Counter())
    for name, count in sorted(faults.items()):
        console.print(f"{count} slices: {name}")


if __name__ == "__main__":
    main()
