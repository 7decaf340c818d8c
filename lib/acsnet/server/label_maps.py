"""A label map that a client sends: on the image's own grid, with the values of our table."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.io import label_map as label_map_file
from acsnet.io.volume import SplitGrid
from acsnet.labels import LABEL_VALUES, find_label
from acsnet.scan import InputGrid, ShortAxisScan

NAME = "the label map"
"""What messages call it."""


def read_label_map(
    path: Path, *, grid: InputGrid, image_affine: NDArray[np.float64], segments: Any
) -> NDArray[np.uint8]:
    """Read the label map in `path` -> uint8 array of `grid.shape`.

    image_affine: (4, 4), as the image's header has it, which may differ from the true affine of
    `grid`; segments: the viewer's own list of segments (`label_info`) or None, see `to_values`. A
    segmentation file that names its own segments needs none.
    Raises InputError for a file that cannot be read or for unknown values, GeometryError when
    it is not on the grid of its image.
    """
    label_map = label_map_file.read_label_map(path, name=NAME, grid=grid)
    named = label_map_file.by_name(label_map)
    own_names = bool(label_map.segments) and not named.segments
    if not isinstance(grid, SplitGrid) and not np.array_equal(image_affine, grid.affine):
        grid = SplitGrid(**vars(grid), header_affine=image_affine)
    labels = label_map_file.on_grid(named, grid)
    return to_values(labels, segments=None if own_names else segments)


def read_label_map_of(
    path: Path, *, scan: ShortAxisScan, image: Path, segments: Any
) -> NDArray[np.uint8]:
    """Read a label map of the scan that was read from `image`, a file or the folder of a series.

    segments and errors: as in `read_label_map`.
    """
    return read_label_map(path, grid=scan.grid, image_affine=scan.grid.affine, segments=segments)


def to_values(data: NDArray[Any], *, segments: Any) -> NDArray[np.uint8]:
    """Values as a viewer numbered them -> values of `acsnet.labels.Label`.

    segments: [{"name": ...}, ...]; 3D Slicer numbers a label map by the position of each segment
    in this list, so a deleted segment shifts all values after it. Without a list the values must
    be ours already. Raises InputError for a value that has no name in our table.
    """
    data = np.asarray(data)
    if not np.isfinite(data).all():
        msg = "the label map must hold whole numbers"
        raise InputError(msg)
    data = label_map_file.whole_numbers(data, name=NAME)
    present = np.unique(data)
    if segments is None:
        segments = [{"name": name} for name in LABEL_VALUES]
    if not isinstance(segments, list) or not all(isinstance(item, dict) for item in segments):
        msg = 'label_info must be a list like [{"name": "core_scar"}]'
        raise InputError(msg)
    names = [str(item.get("name")) for item in segments]
    out = np.zeros(data.shape, dtype=np.uint8)
    for value in (int(number) for number in present if number != 0):
        name = names[value - 1] if 0 < value <= len(names) else None
        label = None if name is None else find_label(name)
        if label is None:
            what = f"value {value}" if name is None else f"segment {name!r}"
            msg = f"{what} is not one of the labels {', '.join(LABEL_VALUES)}"
            raise InputError(msg)
        out[data == value] = label
    return out
