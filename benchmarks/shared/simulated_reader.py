"""A simulated reader: where an expert who looks at a draft clicks next, and what the click says.

The reader sees where a draft differs from what they would draw, and whether it has too much scar or
too little, as anyone does who compares the two. They do not know what a click will change.

Walls first: in the slice with the lowest Dice, until every slice has the goal. Then three clicks on
scar, over all slices at once. So the reader works towards the total of the scar, which is what is
measured: one who clicks the largest patch of either kind gets less out of a click.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from acsnet.interaction.clicks import Click, Kind
from acsnet.labels import ENHANCEMENT
from acsnet.masks import largest_part
from acsnet.result import Result
from acsnet.train.data.case import POOL, SCAR, WALL, TrainingCase

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A patient: pixels, draft labels and expert tissue, (slice, row, column), apex first."""

    name: str
    pixels: NDArray[np.float32]
    labels: NDArray[np.uint8]
    tissue: NDArray[np.uint8]
    spacing_mm: tuple[float, float, float]


def draft_of(result: Result, case: TrainingCase) -> Drawn:
    """The draft of a case that a pipeline drew, beside the expert's tissue in its slice order."""
    same_order = result.scan.grid.reversed_slices == case.scan.grid.reversed_slices
    return Drawn(
        name=case.scan.name,
        pixels=np.ascontiguousarray(result.scan.pixels),
        labels=result.labels,
        tissue=np.ascontiguousarray(case.tissue[:: 1 if same_order else -1]),
        spacing_mm=result.scan.spacing_mm,
    )


def middle_of_largest(wrong: Mask, spacing_mm: tuple[float, float]) -> tuple[int, int] | None:
    """The pixel furthest inside the largest part of a (row, column) mask; None for an empty one."""
    if not wrong.any():
        return None
    depth = distance_transform_edt(np.pad(largest_part(wrong), 1), sampling=spacing_mm)[1:-1, 1:-1]
    row, column = np.unravel_index(depth.argmax(), depth.shape)
    return int(row), int(column)


def wall_click(k: int, wall: Mask, drawn: Drawn) -> Click | None:
    """The click on the largest error of a slice's wall."""
    tissue = drawn.tissue[k]
    at = middle_of_largest(wall != (tissue >= WALL), drawn.spacing_mm[1:])
    if at is None:
        return None
    kind = {POOL: Kind.CAVITY, WALL: Kind.WALL, SCAR: Kind.WALL}.get(tissue[at], Kind.OUTSIDE)
    return Click(slice=k, row=at[0], column=at[1], kind=kind)


def scar_click(labels: NDArray[np.uint8], drawn: Drawn) -> Click | None:
    """The click on scar: off the largest excess where too much is drawn, else on the largest gap.

    Largest is what has the most voxels, over all the slices that it runs through, in which voxels
    with a side in common are of one part. It is clicked in
    the middle of the slice where most of it lies, inside the wall as drawn or outside.
    """
    expert, scar = drawn.tissue == SCAR, np.isin(labels, ENHANCEMENT)
    too_much = np.count_nonzero(scar) > np.count_nonzero(expert)
    wrong = scar & ~expert if too_much else expert & ~scar
    if not wrong.any():
        return None
    largest = largest_part(wrong)
    k = int(largest.sum(axis=(1, 2)).argmax())
    at = middle_of_largest(largest[k], drawn.spacing_mm[1:])
    if at is None:
        return None
    tissue = drawn.tissue[k][at]
    kind = {SCAR: Kind.SCAR, WALL: Kind.HEALTHY, POOL: Kind.CAVITY}.get(tissue, Kind.OUTSIDE)
    return Click(slice=k, row=at[0], column=at[1], kind=kind)
