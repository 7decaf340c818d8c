"""The mask that 3D Slicer's scribbles send: the current labels, and strokes -> points.

Strokes come as segments of the mask itself. Each is thinned to points in its middle, `STEP_MM`
apart.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from acsnet.errors import InputError
from acsnet.io.client_labels import CLIENTS
from acsnet.io.label_map import LabelMap, on_grid, read_label_map
from acsnet.labels import LABEL_VALUES, LEFT_VENTRICLE, Label, find_label
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.server.corrections.points import BACKGROUND, input_index
from acsnet.server.inference.request import Points

ON, OFF = "foreground_scribbles", "background_scribbles"
STEP_MM = 4.0
MAX_POINTS = 30
"""Of the strokes of one colour in a slice."""


@dataclass(frozen=True, kw_only=True)
class Strokes:
    """(slice, row, column) labels that were sent, and masks of the strokes on and off a label."""

    labels: NDArray[np.uint8]
    on: NDArray[np.bool_]
    off: NDArray[np.bool_]


def read_strokes(path: Path, grid: InputGrid, segments: Any) -> Strokes:
    """The mask in a file.

    Args:
        path: file of any format.
        grid: of the scan.
        segments: the viewer's list of segments, `[{"name": ...}, ...]` in the order of their
            values; a `.seg.nrrd` names its own.

    Raises:
        InputError: a file that cannot be read, or a segment that is neither label nor stroke.
        GeometryError: it is not on the grid of the image.
    """
    labels = np.zeros(grid.shape, np.uint8)
    strokes = {name: np.zeros(grid.shape, bool) for name in (ON, OFF)}
    for name, mask in _segments(read_label_map(path, name=CLIENTS, grid=grid), grid, segments):
        if name in strokes:
            strokes[name] |= mask
        elif (label := find_label(name)) is not None:
            labels[mask] = label
        elif name != BACKGROUND and mask.any():
            msg = f"segment {name!r} is not one of the labels {', '.join(LABEL_VALUES)}"
            raise InputError(msg)
    on, off = grid.from_input(strokes[ON]), grid.from_input(strokes[OFF])
    return Strokes(labels=_uncovered(grid.from_input(labels), on | off), on=on, off=off)


def _uncovered(labels: NDArray[np.uint8], strokes: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Labels with what strokes cover in a mask as it is nearest beside them in the slice."""
    out = labels.copy()
    for k in np.flatnonzero(strokes.any(axis=(1, 2)) & ~strokes.all(axis=(1, 2))):
        nearest = distance_transform_edt(strokes[k], return_distances=False, return_indices=True)
        out[k] = labels[k][tuple(nearest)]
    return out


def _segments(
    label_map: LabelMap, grid: InputGrid, segments: Any
) -> list[tuple[str, NDArray[np.bool_]]]:
    """Name and mask (`grid.shape`) of each segment."""
    if label_map.segments:
        layers = label_map.labels if label_map.layered else label_map.labels[None]
        return [
            (
                segment.name,
                on_grid(
                    replace(
                        label_map,
                        labels=(layers[segment.layer] == segment.value).astype(np.int64),
                        layered=False,
                        segments=(),
                    ),
                    grid,
                )
                > 0,
            )
            for segment in label_map.segments
        ]
    if not isinstance(segments, list) or not all(isinstance(item, dict) for item in segments):
        like, got = f'[{{"name": "core_scar"}}, {{"name": "{ON}"}}]', str(segments)[:60]
        msg = f"label_info must be a list like {like}, got {got}"
        raise InputError(msg)
    values = on_grid(label_map, grid)
    if values.max(initial=0) > len(segments):
        msg = f"the label map holds the value {values.max()}, label_info names {len(segments)}"
        raise InputError(msg)
    return [(str(item.get("name")), values == n) for n, item in enumerate(segments, start=1)]


def points_of_strokes(strokes: Strokes, scan: ShortAxisScan, label: Label) -> Points:
    """Points on the input's grid: what is to be `label`, and what is not.

    What is no scar is wall. What is no wall is blood pool on the inner half of the wall and inside,
    else background; what is no blood pool is wall.
    """
    name = label.name.lower()
    labels = strokes.labels
    inner = np.isin(labels, LEFT_VENTRICLE) & _nearer_to_pool(labels, scan.spacing_mm[1:])
    out: Points = []
    for k in range(len(labels)):
        for at in _middles(strokes.on[k], scan.spacing_mm[1:]):
            out.append((name, input_index((k, *at), scan.grid)))
        for at in _middles(strokes.off[k], scan.spacing_mm[1:]):
            other = Label.LV_MYOCARDIUM.name.lower()
            if label is Label.LV_MYOCARDIUM:
                other = Label.LV_BLOOD_POOL.name.lower() if inner[k][at] else BACKGROUND
            out.append((other, input_index((k, *at), scan.grid)))
    return out


def _nearer_to_pool(
    labels: NDArray[np.uint8], spacing_mm: tuple[float, float]
) -> NDArray[np.bool_]:
    """(slice, row, column) whether the blood pool is nearer than what lies outside the wall."""
    out = np.zeros(labels.shape, bool)
    for k, plane in enumerate(labels):
        pool, outside = plane == Label.LV_BLOOD_POOL, plane == Label.BACKGROUND
        if pool.any():
            to_pool, to_outside = (
                distance_transform_edt(~mask, sampling=spacing_mm) for mask in (pool, outside)
            )
            out[k] = to_pool < to_outside
    return out


def _middles(stroke: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> list[tuple[int, int]]:
    """Pixels of a (row, column) stroke, the innermost first, none nearer than `STEP_MM`."""
    depth = distance_transform_edt(np.pad(stroke, 1), sampling=spacing_mm)[1:-1, 1:-1]
    pixels = np.argwhere(stroke)
    kept: list[NDArray[np.intp]] = []
    for pixel in pixels[np.argsort(-depth[stroke], kind="stable")]:
        apart = [np.linalg.norm((pixel - other) * spacing_mm) for other in kept]
        if min(apart, default=np.inf) >= STEP_MM:
            kept.append(pixel)
        if len(kept) == MAX_POINTS:
            break
    return [(int(row), int(column)) for row, column in kept]
