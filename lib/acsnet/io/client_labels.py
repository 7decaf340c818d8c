"""Label maps that a client sends: on the grid of their image, with the values of our table."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.io.label_map import by_name, on_grid, read_label_map
from acsnet.labels import LABEL_VALUES, find_label
from acsnet.scan import InputGrid

CLIENTS = "the label map"
"""What messages call the file of a client, who does not know under which name it lies here."""


def read_client_labels(path: Path, *, grid: InputGrid) -> NDArray[np.uint8]:
    """Read the label map that a client sent of the scan on `grid`, with the values of our table.

    Args:
        path: file of any format.
        grid: of the scan.

    Returns:
        Labels of `grid.shape`.

    Raises:
        InputError: a file that cannot be read, or unknown values.
        GeometryError: it is not on the grid of its image.
    """
    return read_with_warnings(path, grid=grid, segments=None)[0]


def read_with_warnings(
    path: Path, *, grid: InputGrid, segments: Any
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """As `read_client_labels`, and what a reader should know of how the file was read.

    segments: the viewer's own list of segments (`label_info`) or None, see `to_values`; a file that
    names its own segments needs none.
    """
    stored = read_label_map(path, name=CLIENTS, grid=grid)
    label_map = by_name(stored, by_value=segments is not None)
    labels = to_values(on_grid(label_map, grid), segments=None if label_map.named else segments)
    return labels, label_map.warnings


def to_values(data: NDArray[np.integer[Any]], *, segments: Any) -> NDArray[np.uint8]:
    """Values as a viewer numbered them -> values of `acsnet.labels.Label`.

    segments: [{"name": ...}, ...]; 3D Slicer numbers a label map by the position of each segment
    in this list, so a deleted segment shifts all values after it. Without a list the values must
    be ours already. Raises InputError for a value that has no name in our table.
    """
    if segments is None:
        segments = [{"name": name} for name in LABEL_VALUES]
    if not isinstance(segments, list) or not all(isinstance(item, dict) for item in segments):
        got = str(segments)[:60]
        msg = f'label_info must be a list like [{{"name": "core_scar"}}], got {got}'
        raise InputError(msg)
    names = [str(item.get("name")) for item in segments]
    out = np.zeros(data.shape, dtype=np.uint8)
    for value in (int(number) for number in np.unique(data) if number != 0):
        name = names[value - 1] if 0 < value <= len(names) else None
        label = None if name is None else find_label(name)
        if label is None:
            what = f"value {value}" if name is None else f"segment {name!r}"
            msg = f"{what} is not one of the labels {', '.join(LABEL_VALUES)}"
            raise InputError(msg)
        out[data == value] = label
    return out
