"""Walls of a test list before and after stage 3, against the expert: validity, Dice, distances.

Before: the wall as the network drew it. After: as it leaves the pipeline, with the masks that were
valid kept (the default) or replaced by their reconstruction. Only slices with an expert wall count.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.anatomy.checks import check
from acsnet.evaluate.metrics import slice_hausdorff_mm
from acsnet.masks import slice_dice
from acsnet.pipeline import Pipeline
from acsnet.train.data.case import WALL
from acsnet.train.data.lists import cases_of
from shared.simulated_reader import draft_of


def slice_rows(
    walls: NDArray[np.bool_],
    expert: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
    limits: object,
) -> NDArray[np.float64]:
    """(slice, 5): invalid, Dice, Hausdorff distance, its 95th percentile, empty."""
    return np.stack(
        [
            np.array([not check(wall, spacing_mm, limits).valid for wall in walls], float),
            slice_dice(walls, expert),
            slice_hausdorff_mm(walls, expert, spacing_mm),
            slice_hausdorff_mm(walls, expert, spacing_mm, percentile=95.0),
            ~walls.any(axis=(1, 2)),
        ],
        axis=1,
    )


def main() -> None:
    """Print one row before and two after."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--set", choices=("emidec", "acdc"), default="emidec")
    args = parser.parse_args()
    names = json.loads((args.data / "splits.json").read_text())[args.set]["test"]
    pipeline = Pipeline.load()
    smooth = replace(pipeline.corrector, keep_valid=False)
    rows: dict[str, list[NDArray[np.float64]]] = {"before": [], "after": [], "after, smoothed": []}
    dropped, milliseconds = 0, []
    for case in track(cases_of(args.data, args.set, names), total=len(names)):
        result = pipeline(case.scan)
        expert = draft_of(result, case).tissue >= WALL
        drawn = expert.any(axis=(1, 2))
        spacing_mm = result.scan.spacing_mm[1:]
        walls = {
            "before": result.drawn_wall,
            "after": result.anatomy.wall,
            "after, smoothed": smooth.correct_stack(result.drawn_wall, spacing_mm).wall,
        }
        for name, wall in walls.items():
            rows[name].append(
                slice_rows(wall[drawn], expert[drawn], spacing_mm, pipeline.corrector.limits)
            )
        dropped += sum(bool(drawn[drop.index]) for drop in result.anatomy.dropped)
        milliseconds.append(1000.0 * result.seconds["anatomy"] / len(drawn))
    table = Table(
        "", "invalid", "wall Dice", "HD mm", "HD95 mm", "empty slices", title=f"{args.set}, test"
    )
    both = np.ones(sum(map(len, rows["before"])), bool)
    for parts in rows.values():
        both &= ~np.isnan(np.concatenate(parts)[:, 2])
    for name, parts in rows.items():
        values = np.concatenate(parts)
        table.add_row(
            name,
            f"{values[:, 0].mean():.1%}",
            f"{values[:, 1].mean():.4f}",
            f"{values[both, 2].mean():.2f}",
            f"{values[both, 3].mean():.2f}",
            str(int(values[:, 4].sum())),
        )
    console = Console(width=110)
    console.print(table)
    console.print(
        f"{len(names)} scans, {len(both)} slices with an expert wall, {int(both.sum())} of them "
        f"with a wall before and after (distances); {dropped} of them dropped by the volume checks"
    )
    console.print(
        f"stage 3: {np.mean(milliseconds):.1f} ms a slice, {np.max(milliseconds):.1f} in the "
        "slowest scan"
    )


if __name__ == "__main__":
    main()
