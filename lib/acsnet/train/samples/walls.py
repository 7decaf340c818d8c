"""Expert walls for the autoencoder: every slice of the train lists, in the autoencoder's frame.

Paper, "Stage 3": the expert myocardium masks of all training data. Not from the
paper: the wider field (`WALL_SIDE`), so that what is turned or moved has no cut edges.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from acsnet.anatomy.pose import pose_of, to_frame
from acsnet.errors import InputError
from acsnet.train.data.case import WALL, TrainingCase
from acsnet.train.data.datasets import ADAPTERS
from acsnet.train.data.lists import cases_of, training_lists
from acsnet.train.progress import step
from acsnet.train.samples.slices import SOURCES, Samples, stack_neighbours

WALL_SIDE = 192
MIN_WALL_PIXELS = 8
"""Fewer pixels than these have no shape to learn."""


@dataclass(frozen=True, kw_only=True)
class WallSamples(Samples):
    """Walls as samples; scale_mm: (n,) size of a pixel of the frame in each."""

    scale_mm: NDArray[np.float32]


def wall_lists(data: Path, *, hold_out: frozenset[str] = frozenset()) -> dict[str, list[str]]:
    """The train lists of the data sets whose walls are whole, true LGE first.

    Raises InputError as `training_lists` does.
    """
    return {
        data_set: [name for name in names if name not in hold_out]
        for data_set, names in training_lists(data).items()
        if ADAPTERS[data_set].whole_walls
    }


def expert_cases(
    data: Path, lists: Mapping[str, list[str]], *, console: Console
) -> Iterable[TrainingCase]:
    """The cases of `wall_lists`, with a bar. Errors as `read_case`."""
    return step(
        chain.from_iterable(cases_of(data, *listed) for listed in lists.items()),
        total=sum(map(len, lists.values())),
        what="expert walls",
        console=console,
    )


def wall_samples(
    data: Path, *, hold_out: frozenset[str] = frozenset(), console: Console
) -> WallSamples:
    """The expert walls as samples. Raises InputError where none is drawn."""
    walls = walls_of(expert_cases(data, wall_lists(data, hold_out=hold_out), console=console))
    if not len(walls.images):
        msg = (
            f"{data / 'splits.json'}: no case of the train lists has a slice with a wall of "
            f"{MIN_WALL_PIXELS} pixels or more: there is no shape to learn"
        )
        raise InputError(msg)
    return walls


def walls_of(cases: Iterable[TrainingCase]) -> WallSamples:
    """The walls as samples: images (n, 1, WALL_SIDE, WALL_SIDE), 255 where all of a pixel is wall.

    Their tissue is the same array; nothing is drawn in images but the wall. Slices with fewer than
    `MIN_WALL_PIXELS` of it are passed over; n is 0 where there are no others.
    """
    walls, source, patient, scale_mm = [], [], [], []
    for index, case in enumerate(cases):
        _, row_mm, column_mm = case.scan.spacing_mm
        for wall in case.tissue >= WALL:
            if wall.sum() >= MIN_WALL_PIXELS:
                pose = pose_of(wall, (row_mm, column_mm))
                walls.append(to_frame(wall, (row_mm, column_mm), pose, side=WALL_SIDE))
                source.append(SOURCES.index(case.source))
                patient.append(index)
                scale_mm.append(pose.scale_mm)
    shares = np.array(walls, np.float32).reshape(-1, WALL_SIDE, WALL_SIDE)
    images = np.rint(255.0 * shares).astype(np.uint8)
    return WallSamples(
        images=images[:, None],
        tissue=images,
        source=np.array(source, np.uint8),
        patient=np.array(patient, np.int32),
        neighbours=stack_neighbours([1] * len(walls)),
        scale_mm=np.array(scale_mm, np.float32),
    )
