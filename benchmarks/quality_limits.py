"""The expert stacks of the train lists beside the limits of `acsnet.stages.quality_flags`.

    python benchmarks/quality_limits.py --data DATA

The end of each measure that its limit is for, in EMIDEC and in both phases of ACDC, and how many
stacks break the limit; then how many do with slices of the ventricle taken off at the apex or at
the base. Research use only, not a medical device.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.evaluate.robustness.labelled_scans import read_labelled
from acsnet.scan import apex_first_by_area
from acsnet.stages.quality_flags import (
    MAX_APEX_SHARE,
    MAX_BASE_GROWTH,
    MAX_WHITE_SHARE,
    MIN_CONTRAST,
    MIN_POOL_SHARE,
    MIN_SLICES,
    apex_share,
    base_growth,
    contrast,
    pool_share,
    slices_above_base,
    white_share,
)
from acsnet.train.data.lists import training_names

LOWEST_OFF, HIGHEST_OFF = 3, 4


@dataclass(frozen=True)
class Stack:
    """(slice, row, column) expert labels and signal, apex first."""

    labels: NDArray[np.uint8]
    pixels: NDArray[np.float32]

    def drawn(self) -> NDArray[np.int64]:
        """Indices of the slices with ventricle."""
        return np.flatnonzero(self.labels.any(axis=(1, 2)))

    def without_apex(self) -> NDArray[np.uint8]:
        """Labels without all below the ventricle and its `LOWEST_OFF` lowest slices."""
        return self.labels[self.drawn()[0] + LOWEST_OFF :]

    def without_base(self) -> NDArray[np.uint8]:
        """Labels without all above the ventricle and its `HIGHEST_OFF` highest slices."""
        return self.labels[: self.drawn()[-1] + 1 - HIGHEST_OFF]


@dataclass(frozen=True)
class Row:
    """A measure of a stack and its limit; is_most: whether the limit is the most it may be."""

    measure: Callable[[Stack], float]
    limit: float
    is_most: bool = False


ROWS = {
    "slices of ventricle": Row(lambda stack: len(stack.drawn()), MIN_SLICES),
    "blood pool over wall": Row(lambda stack: pool_share(stack.labels), MIN_POOL_SHARE),
    "contrast": Row(lambda stack: contrast(stack.labels, stack.pixels), MIN_CONTRAST),
    "share clipped to white": Row(
        lambda stack: white_share(stack.labels, stack.pixels), MAX_WHITE_SHARE, is_most=True
    ),
    "slices above the base": Row(
        lambda stack: len(slices_above_base(stack.labels, stack.pixels)), 0, is_most=True
    ),
    "lowest slice over largest": Row(
        lambda stack: apex_share(stack.labels), MAX_APEX_SHARE, is_most=True
    ),
    f"... {LOWEST_OFF} lowest taken off": Row(
        lambda stack: apex_share(stack.without_apex()), MAX_APEX_SHARE, is_most=True
    ),
    "highest slice over next": Row(
        lambda stack: base_growth(stack.labels), MAX_BASE_GROWTH, is_most=True
    ),
    f"... {HIGHEST_OFF} highest taken off": Row(
        lambda stack: base_growth(stack.without_base()), MAX_BASE_GROWTH, is_most=True
    ),
}


def read(data: Path, data_set: str, name: str) -> Stack:
    """A case of a data set, apex first, as `acsnet.measure` orders it."""
    folder = data / data_set
    case = read_labelled(name, images=folder / "images", labels=folder / "labels", truth=data_set)
    drawn = case.scan.grid.to_input(case.labels)
    scan = apex_first_by_area(case.scan, drawn > 0)
    return Stack(scan.grid.from_input(drawn), scan.pixels)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    sets = {}
    for name in ("emidec", "acdc"):
        cases = track(training_names(args.data, name), description=name)
        sets[name] = [read(args.data, name, case) for case in cases]
    table = Table("measure", "limit", *(f"{name}, {len(sets[name])} stacks" for name in sets))
    for words, row in ROWS.items():
        cells = []
        for stacks in sets.values():
            values = np.array([row.measure(stack) for stack in stacks])
            broken = values > row.limit if row.is_most else values < row.limit
            end = values.max() if row.is_most else values.min()
            cells.append(f"{end:.3f}, {broken.sum()} ({broken.mean():.0%}) break it")
        table.add_row(words, f"{'<=' if row.is_most else '>='} {row.limit:g}", *cells)
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
