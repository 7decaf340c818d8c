"""A label map that a client sends: on the image's own grid, with the values of our table."""

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from acsnet.errors import GeometryError, InputError
from acsnet.io.nifti import DAMAGED, check_whole, open_nifti
from acsnet.labels import LABEL_VALUES, find_label
from acsnet.scan import InputGrid, ShortAxisScan

CORNER_TOLERANCE_MM = 0.1
"""Viewers write affines in single precision; a real shift is a good part of a pixel. Ours."""


def header_affine(path: Path) -> NDArray[np.float64]:
    """(4, 4) affine in the header of the NIfTI image in `path`, right or not."""
    return np.asarray(nib.load(path).affine, dtype=np.float64)


def read_label_map(
    path: Path, *, grid: InputGrid, image_affine: NDArray[np.float64], segments: Any
) -> NDArray[np.uint8]:
    """Read the NIfTI label map in `path` -> uint8 array of `grid.shape`.

    image_affine: (4, 4), as the image's header has it, which may differ from the true affine of
    `grid`; segments: the viewer's own list of segments (`label_info`) or None, see `to_values`.
    Raises InputError for a file that cannot be read or for unknown values, GeometryError when
    it is not on the grid of its image.
    """
    image = open_nifti(path, name="the label map")
    shape = image.shape[:3] if image.shape[3:] == (1,) else image.shape
    if shape != grid.shape:
        msg = f"the label map must have the image's shape {grid.shape}, got {shape}"
        raise GeometryError(msg)
    if image.get_data_dtype().kind not in "iuf":
        msg = f"the label map must hold whole numbers, got {image.get_data_dtype()}"
        raise InputError(msg)
    affine = np.asarray(image.affine, dtype=np.float64)
    shift_mm = min(
        _corner_shift_mm(affine, true, grid.shape) for true in (grid.affine, image_affine)
    )
    if not shift_mm <= CORNER_TOLERANCE_MM:
        msg = (
            f"the label map must lie on its image, but its corners are up to {shift_mm:.1f} mm off"
        )
        raise GeometryError(msg)
    check_whole(path, image, name="the label map")
    try:
        data = np.asanyarray(image.dataobj).reshape(shape)
    except DAMAGED as error:
        msg = "the pixels of the label map cannot be read (damaged or cut short?)"
        raise InputError(msg) from error
    return to_values(data, segments=segments)


def read_label_map_of(
    path: Path, *, scan: ShortAxisScan, image: Path, segments: Any
) -> NDArray[np.uint8]:
    """Read a label map of the scan that was read from `image`, a file or the folder of a series.

    segments and errors: as in `read_label_map`.
    """
    affine = scan.grid.affine if image.is_dir() else header_affine(image)
    return read_label_map(path, grid=scan.grid, image_affine=affine, segments=segments)


def to_values(data: NDArray[Any], *, segments: Any) -> NDArray[np.uint8]:
    """Values as a viewer numbered them -> values of `acsnet.labels.Label`.

    segments: [{"name": ...}, ...]; 3D Slicer numbers a label map by the position of each segment
    in this list, so a deleted segment shifts all values after it. Without a list the values must
    be ours already. Raises InputError for a value that has no name in our table.
    """
    present = np.unique(data)
    if not (np.isfinite(present).all() and (present == np.round(present)).all()):
        msg = "the label map must hold whole numbers"
        raise InputError(msg)
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


def _corner_shift_mm(
    one: NDArray[np.float64], other: NDArray[np.float64], shape: tuple[int, int, int]
) -> float:
    """Largest distance between the places that two affines give to a corner voxel."""
    ends = np.array(np.meshgrid(*[(0, size - 1) for size in shape])).reshape(3, -1)
    corners = np.vstack([ends, np.ones(ends.shape[1])])
    return float(np.linalg.norm(((one - other) @ corners)[:3], axis=0).max())
