"""What is lost, and what is spared, by leaving out small parts of the drawn enhancement.

    python benchmarks/scar_parts.py --data DATA

Of the infarcts of the EMIDEC train list: how much of the scar, as the expert drew it, lies in parts
below the limit. Of the patients of that list whom the shipped networks were never trained on, as
they are and under the changes of `acsnet evaluate --stress` that the networks see: what is left
out, and how much of it the expert drew as scar. Research use only, not a medical device.
"""

import argparse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.evaluate.robustness.labelled_scans import read_labelled
from acsnet.evaluate.robustness.run import CHANGES
from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.labels import ENHANCEMENT
from acsnet.pipeline import Pipeline
from acsnet.quantify.volumes import volume_ml
from acsnet.stages.scar_parts import GAP_MM, LEAST_ML, without_small_parts
from acsnet.train.data.lists import training_names
from calibration.repeats import EFFECTIVE
from shared.left_out import LEFT_OUT

CLEAN = "as it is"


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Volumes (ml) of a scan: what was drawn, left out, and what of the latter is scar."""

    drawn_ml: float
    left_out_ml: float
    scar_ml: float


def left_out(
    drawn: NDArray[np.bool_], small: NDArray[np.bool_], expert: NDArray[np.bool_], voxel_ml: float
) -> LeftOut:
    """Of (slice, row, column) masks: drawn with small parts, the small parts, the expert's scar."""
    return LeftOut(
        drawn_ml=volume_ml(drawn, voxel_ml),
        left_out_ml=volume_ml(small, voxel_ml),
        scar_ml=volume_ml(small & expert, voxel_ml),
    )


def of_expert(case: LabelledScan) -> LeftOut:
    """What the limit would leave out of the expert's own scar."""
    scar = np.isin(case.labels, ENHANCEMENT)
    small = scar & ~without_small_parts(scar, case.scan.spacing_mm)
    return left_out(scar, small, scar, case.scan.voxel_ml)


def of_networks(case: LabelledScan, pipeline: Pipeline) -> LeftOut:
    """What the limit leaves out of the networks' enhancement in the wall that they draw."""
    located = pipeline.find_ventricle(case.scan)
    drawn = pipeline.segment_myocardium(located)
    small = drawn.small_parts & drawn.wall
    labels = located.scan.grid.from_input(case.scan.grid.to_input(case.labels))
    expert = np.isin(labels, ENHANCEMENT)
    return left_out(drawn.enhancement & drawn.wall | small, small, expert, case.scan.voxel_ml)


def row(name: str, found: Iterable[LeftOut]) -> tuple[str, ...]:
    """A line of a table: of how many scans, and sums over them."""
    found = list(found)
    drawn, small, scar = (
        sum(getattr(one, part) for one in found) for part in ("drawn_ml", "left_out_ml", "scar_ml")
    )
    touched = sum(one.left_out_ml > 0 for one in found)
    share = f"{scar / small:.0%}" if small else ""
    return name, f"{touched} of {len(found)}", f"{drawn:.1f}", f"{small:.1f}", share


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data / "emidec"
    paths = {"images": folder / "images", "labels": folder / "labels"}
    names = [name for name in training_names(folder.parent, "emidec") if name not in LEFT_OUT]
    experts = [
        of_expert(read_labelled(name, **paths, truth="emidec"))
        for name in track([*names, *LEFT_OUT], description="experts")
    ]
    infarcts = [one for one in experts if one.drawn_ml > 0]
    pipeline = Pipeline.load()
    cases = [read_labelled(name, **paths, truth="emidec") for name in LEFT_OUT]
    drawn = {CLEAN: [of_networks(case, pipeline) for case in cases]}
    for change in track(EFFECTIVE, description="changes"):
        drawn[change] = [of_networks(CHANGES[change](case), pipeline) for case in cases]
    table = Table(title=f"parts of less than {LEAST_ML} ml, more than {GAP_MM:.0f} mm from others")
    for title in ("", "scans with any", "scar, ml", "left out, ml", "of it scar"):
        table.add_column(title)
    table.add_row(*row("expert, infarcts of the train list", infarcts), end_section=True)
    for change, found in drawn.items():
        table.add_row(*row(f"networks, {change}", found))
    table.add_section()
    table.add_row(*row("networks, all changes", [one for found in drawn.values() for one in found]))
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
