"""A click: where a reader pointed, what is to be there, and whether a label map holds it.

Not from the paper, which leaves corrections to a brush.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion

from acsnet.errors import InputError
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label

MAX_CLICKS = 500
"""Of a scan: 40 on each of a dozen slices."""

BORDER_PIXELS = 1
"""So far from a border, in pixels, is a click still on it."""

CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)


class Kind(str, Enum):
    """What is to be at the place of a click."""

    OUTSIDE = "outside"
    CAVITY = "cavity"
    WALL = "wall"
    EPICARDIUM = "epicardium"
    ENDOCARDIUM = "endocardium"
    SCAR = "scar"
    OBSTRUCTION = "obstruction"
    HEALTHY = "healthy"


IN_WALL = (Kind.WALL, Kind.SCAR, Kind.OBSTRUCTION, Kind.HEALTHY)
"""Kinds that say that there is wall."""

ON_SCAR = (Kind.SCAR, Kind.OBSTRUCTION, Kind.HEALTHY)
"""Kinds that say what of the wall enhances."""


@dataclass(frozen=True, kw_only=True)
class Click:
    """One click; slice, row, column: index of a pixel of the stack, apex first."""

    slice: int
    row: int
    column: int
    kind: Kind

    @property
    def at(self) -> tuple[int, int, int]:
        """The index of its pixel."""
        return self.slice, self.row, self.column


def check_clicks(clicks: Iterable[Click], shape: tuple[int, ...]) -> tuple[Click, ...]:
    """The clicks, of each pixel the newest only.

    Args:
        clicks: oldest first.
        shape: of the stack.

    Raises:
        InputError: there are more than `MAX_CLICKS`, or one is not on the image.
    """
    newest: dict[tuple[int, int, int], Click] = {}
    for click in clicks:
        if not all(0 <= index < size for index, size in zip(click.at, shape, strict=True)):
            sizes = ", ".join(map(str, shape))
            msg = f"a click must lie in the image of {sizes} pixels, got {click.at}"
            raise InputError(msg)
        newest.pop(click.at, None)
        newest[click.at] = click
    if len(newest) > MAX_CLICKS:
        msg = f"a scan takes at most {MAX_CLICKS} clicks, got {len(newest)}"
        raise InputError(msg)
    return tuple(newest.values())


def holds_wall(click: Click, wall: NDArray[np.bool_], pool: NDArray[np.bool_]) -> bool:
    """Whether (row, column) masks of a slice have what a click says of the wall.

    A border is held within `BORDER_PIXELS`.
    """
    at = click.row, click.column
    if click.kind in IN_WALL:
        return bool(wall[at])
    if click.kind is Kind.CAVITY:
        return bool(pool[at])
    if click.kind is Kind.OUTSIDE:
        return not (wall[at] or pool[at])
    region = pool if click.kind is Kind.ENDOCARDIUM else wall | pool
    near = np.pad(region, 2)[at[0] : at[0] + 5, at[1] : at[1] + 5]
    grown = binary_dilation(near, CROSS, BORDER_PIXELS)
    shrunk = binary_erosion(near, CROSS, BORDER_PIXELS, border_value=1)
    return bool(grown[2, 2] and not shrunk[2, 2])


def holds(click: Click, labels: NDArray[np.uint8]) -> bool:
    """Whether (slice, row, column) labels have all that a click says, its scar too."""
    plane = labels[click.slice]
    value = plane[click.row, click.column]
    if click.kind is Kind.HEALTHY:
        return bool(value == Label.LV_MYOCARDIUM)
    if click.kind is Kind.OBSTRUCTION:
        return bool(value == Label.MICROVASCULAR_OBSTRUCTION)
    if click.kind is Kind.SCAR:
        return value in ENHANCEMENT
    wall = np.isin(plane, MYOCARDIUM)
    return holds_wall(click, wall, np.isin(plane, LEFT_VENTRICLE) & ~wall)
