"""The points that clients send -> clicks on the stack.

Points are voxel indices of the volume as the client loaded it, which is the grid of the input: 3D
Slicer's and OHIF's volumes have the axes and the order of slices of `InputGrid`.
"""

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.interaction.clicks import MAX_CLICKS, Click, Kind
from acsnet.labels import ENHANCEMENT, LABEL_VALUES, Label
from acsnet.scan import InputGrid
from acsnet.server.inference.request import Point, Points

BACKGROUND, FOREGROUND = "background", "foreground"

KINDS = {
    BACKGROUND: Kind.OUTSIDE,
    "lv_blood_pool": Kind.CAVITY,
    "lv_myocardium": Kind.WALL,
    "grey_zone": Kind.SCAR,
    "core_scar": Kind.SCAR,
    "microvascular_obstruction": Kind.OBSTRUCTION,
}
"""What a point of a client's list says. One of the myocardium on scar says that there is none."""

MEANINGS = {**KINDS, **{kind.value: kind for kind in Kind}}
"""What a point may be called: by a client's list, or by what is to be there."""

POINT_LISTS = (*KINDS, FOREGROUND)
"""Parameters of a request that hold points."""


def points_of(request: Mapping[str, Any], grid: InputGrid) -> Points:
    """The points of a request, checked, in the order of the lists.

    Args:
        request: parameters, with any of `POINT_LISTS`, and `label`, the name of the label that
            `foreground` is of.
        grid: of the scan.

    Raises:
        InputError: a list that is none of points, or a point that is not in the image.
    """
    out: Points = []
    for name in POINT_LISTS:
        points = request.get(name) or []
        if not isinstance(points, list):
            msg = f"{name} must be a list of points [i, j, k], got {type(points).__name__}"
            raise InputError(msg)
        if len(out) + len(points) > MAX_CLICKS:
            msg = f"a scan takes at most {MAX_CLICKS} clicks, got more"
            raise InputError(msg)
        for point in points:
            out.append((_list_name(name, request), _index(name, point, grid)))
    return out


def oldest_first(points: Points, before: Points) -> Points:
    """Points in the order in which a reader set them.

    Lists do not tell it: those that were asked for before keep their order, and new ones follow.
    Our own pages send the oldest first.

    Args:
        points: of a request.
        before: of the request before it, oldest first.
    """
    ages = {point: age for age, point in enumerate(before) if point[0] in KINDS}
    return sorted(points, key=lambda point: ages.get(point, len(before)))


def walls_on_scar(points: Points, grid: InputGrid, labels: NDArray[np.uint8]) -> Points:
    """Points of the list of the myocardium that lie on scar; labels: (slice, row, column)."""
    return [
        (name, index)
        for name, index in points
        if KINDS.get(name) is Kind.WALL and labels[stack_index(index, grid)] in ENHANCEMENT
    ]


def is_as_drawn(point: Point, grid: InputGrid, *maps: NDArray[np.uint8]) -> bool:
    """Whether a point asks for nothing: one of the myocardium, on wall without scar in all maps.

    Args:
        point: on the input's grid.
        grid: of the scan.
        maps: (slice, row, column) labels.
    """
    name, index = point
    at = stack_index(index, grid)
    is_wall = all(labels[at] == Label.LV_MYOCARDIUM for labels in maps)
    return KINDS.get(name) is Kind.WALL and is_wall


def clicks_of(
    points: Points, grid: InputGrid, *, healthy: Collection[Point] = ()
) -> tuple[Click, ...]:
    """Points as clicks; healthy: those that say that there is no scar, see `walls_on_scar`."""
    return tuple(_click(point, grid, is_healthy=point in healthy) for point in points)


def _click(point: Point, grid: InputGrid, *, is_healthy: bool) -> Click:
    name, index = point
    k, row, column = stack_index(index, grid)
    kind = Kind.HEALTHY if is_healthy else MEANINGS[name]
    return Click(slice=k, row=row, column=column, kind=kind)


def stack_index(index: tuple[int, int, int], grid: InputGrid) -> tuple[int, int, int]:
    """An index of the input's array -> slice, row and column of the stack."""
    k, row, column = (index[axis] for axis in grid.axes)
    return (grid.shape[grid.axes[0]] - 1 - k if grid.reversed_slices else k), row, column


def input_index(at: tuple[int, int, int], grid: InputGrid) -> tuple[int, int, int]:
    """The way back of `stack_index`."""
    last = grid.shape[grid.axes[0]] - 1
    index = [0, 0, 0]
    index[grid.axes[0]] = last - at[0] if grid.reversed_slices else at[0]
    index[grid.axes[1]], index[grid.axes[2]] = at[1], at[2]
    return index[0], index[1], index[2]


def _list_name(name: str, request: Mapping[str, Any]) -> str:
    """The label of a list: that of `foreground` is the client's current one, else the wall."""
    if name != FOREGROUND:
        return name
    label = request.get("label") or Label.LV_MYOCARDIUM.name.lower()
    if label not in LABEL_VALUES:
        msg = f"label must be one of {', '.join(LABEL_VALUES)}, got {label!r}"
        raise InputError(msg)
    return str(label)


def _index(name: str, point: Any, grid: InputGrid) -> tuple[int, int, int]:
    whole = [whole_number(value) for value in point] if isinstance(point, list) else []
    if len(whole) != 3 or None in whole:
        msg = f"a point of {name} must be three whole numbers [i, j, k], got {str(point)[:60]}"
        raise InputError(msg)
    i, j, k = (value or 0 for value in whole)
    if not all(0 <= at < size for at, size in zip((i, j, k), grid.shape, strict=True)):
        msg = f"the point {[i, j, k]} of {name} is not in the image of {list(grid.shape)} voxels"
        raise InputError(msg)
    return i, j, k


def whole_number(value: Any) -> int | None:
    """The whole number that a JSON number is; None for a fraction, an infinity and all else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if value == int(value) else None
