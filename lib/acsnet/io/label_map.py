"""The one reader of label maps: whole numbers on a grid, from a person, a client or a data set."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation
from numpy.typing import NDArray

from acsnet.errors import GeometryError, InputError
from acsnet.io.limits import check_size
from acsnet.io.nifti import DAMAGED, check_whole, open_nifti
from acsnet.labels import LABEL_VALUES, find_label
from acsnet.scan import InputGrid, ShortAxisScan

AFFINE_TOLERANCE = 0.01
"""Affines are equal when no entry differs by more than this share of the smallest voxel side."""

CORNER_TOLERANCE_MM = 0.1
"""Viewers write affines in single precision; a real shift is a good part of a pixel. Ours."""

CLIENTS = "the label map"
"""What messages call the file of a client, who does not know under which name it lies here."""


@dataclass(frozen=True, kw_only=True)
class LabelFile:
    """A label map as it lies in its file: labels of any axis order, affine (4, 4) to RAS mm."""

    path: Path
    labels: NDArray[np.int64]
    affine: NDArray[np.float64]


def read_label_file(path: Path, *, name: str = "") -> LabelFile:
    """Read a NIfTI label map, 3-D or 4-D with one volume.

    Args:
        path: the file.
        name: what messages call it; its path if there is none.

    Raises:
        InputError: it is missing, damaged, or not a stack of whole numbers; names file and fault.
    """
    name = name or str(path)
    if not path.is_file():
        msg = f"{name} is not there"
        raise InputError(msg)
    image = open_nifti(path, name=name)
    shape = image.shape[:3] if image.shape[3:] == (1,) else image.shape
    if len(shape) != 3 or min(shape) < 1:
        msg = f"{name} must be a 3-D label map, got shape {image.shape}"
        raise InputError(msg)
    check_size(name, slices=max(shape[2], 2), rows=shape[0], columns=shape[1], item_bytes=8)
    check_whole(path, image, name=name)
    try:
        values = np.asarray(image.dataobj).reshape(shape)
    except DAMAGED as error:
        msg = f"the pixels of {name} cannot be read (damaged or cut short?)"
        raise InputError(msg) from error
    if values.dtype.kind not in "iuf":
        msg = f"{name} must hold whole numbers, got {values.dtype}"
        raise InputError(msg)
    labels = np.where(np.isfinite(values), values, -1).astype(np.int64)
    if not np.array_equal(labels, values):
        msg = f"{name} holds values that are not whole numbers, so it is no label map"
        raise InputError(msg)
    return LabelFile(path=path, labels=labels, affine=np.asarray(image.affine, dtype=np.float64))


def read_labels(path: Path) -> NDArray[np.uint8]:
    """A label map that was checked when it was stored, as it lies in its file."""
    return read_label_file(path).labels.astype(np.uint8)


def read_labels_on(path: Path, *, scan: ShortAxisScan, image: Path) -> NDArray[np.int64]:
    """The label map of a file on the grid of a scan, its axes turned to those of the scan's file.

    Args:
        path: NIfTI label map, values of any convention.
        scan: what was read from `image`.
        image: NIfTI file or DICOM folder, for messages.

    Returns:
        Labels of `scan.grid.shape`.

    Raises:
        InputError: as `read_label_file`, and, naming both files, where they differ in grid.
    """
    drawn = read_label_file(path)
    place = LabelFile(
        path=image,
        labels=np.broadcast_to(np.int64(0), scan.grid.shape),
        affine=scan.grid.header_affine,
    )
    turned = turned_to(drawn, place)
    check_same_grid(turned, place)
    return turned.labels


def turned_to(predicted: LabelFile, expert: LabelFile) -> LabelFile:
    """The predicted map with its axes swapped and flipped into the order of the expert's file.

    No voxel is interpolated: a DICOM series and its NIfTI copy may list the same slices in
    opposite order. An affine that cannot be inverted is left for `check_same_grid` to refuse.
    """
    try:
        relative = np.linalg.solve(expert.affine, predicted.affine)
    except np.linalg.LinAlgError:
        return predicted
    orientation = io_orientation(relative)
    if np.isnan(orientation).any():
        return predicted
    return LabelFile(
        path=predicted.path,
        labels=apply_orientation(predicted.labels, orientation),
        affine=predicted.affine @ inv_ornt_aff(orientation, predicted.labels.shape),
    )


def check_same_grid(predicted: LabelFile, expert: LabelFile) -> None:
    """Raise InputError, naming both files, where two label maps do not lie on one grid."""
    if predicted.labels.shape != expert.labels.shape:
        msg = (
            f"{predicted.path} and {expert.path} must have one shape, "
            f"got {predicted.labels.shape} and {expert.labels.shape}"
        )
        raise InputError(msg)
    difference = float(np.abs(predicted.affine - expert.affine).max())
    if not difference <= AFFINE_TOLERANCE * float(
        np.linalg.norm(expert.affine[:3, :3], axis=0).min()
    ):
        msg = (
            f"{predicted.path} and {expert.path} must have one affine, "
            f"but entries differ by up to {difference:g}"
        )
        raise InputError(msg)


def read_label_map(path: Path, *, grid: InputGrid, segments: Any = None) -> NDArray[np.uint8]:
    """Read the label map that a client sent of the scan on `grid`, with the values of our table.

    Args:
        path: NIfTI file, in the axis order of the scan's own file.
        grid: of the scan; the affine may be the true one or that of the scan's header.
        segments: the viewer's own list of segments (`label_info`) or None, see `to_values`.

    Returns:
        Labels of `grid.shape`.

    Raises:
        InputError: a file that cannot be read, or unknown values.
        GeometryError: it is not on the grid of its image.
    """
    sent = read_label_file(path, name=CLIENTS)
    if sent.labels.shape != grid.shape:
        msg = f"{CLIENTS} must have the image's shape {grid.shape}, got {sent.labels.shape}"
        raise GeometryError(msg)
    shift_mm = min(
        _corner_shift_mm(sent.affine, true, grid.shape)
        for true in (grid.affine, grid.header_affine)
    )
    if not shift_mm <= CORNER_TOLERANCE_MM:
        msg = f"{CLIENTS} must lie on its image, but its corners are up to {shift_mm:.1f} mm off"
        raise GeometryError(msg)
    return to_values(sent.labels, segments=segments)


def to_values(data: NDArray[np.integer[Any]], *, segments: Any) -> NDArray[np.uint8]:
    """Values as a viewer numbered them -> values of `acsnet.labels.Label`.

    segments: [{"name": ...}, ...]; 3D Slicer numbers a label map by the position of each segment
    in this list, so a deleted segment shifts all values after it. Without a list the values must
    be ours already. Raises InputError for a value that has no name in our table.
    """
    if segments is None:
        segments = [{"name": name} for name in LABEL_VALUES]
    if not isinstance(segments, list) or not all(isinstance(item, dict) for item in segments):
        msg = 'label_info must be a list like [{"name": "core_scar"}]'
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


def _corner_shift_mm(
    one: NDArray[np.float64], other: NDArray[np.float64], shape: tuple[int, int, int]
) -> float:
    """Largest distance between the places that two affines give to a corner voxel."""
    ends = np.array(np.meshgrid(*[(0, size - 1) for size in shape])).reshape(3, -1)
    corners = np.vstack([ends, np.ones(ends.shape[1])])
    return float(np.linalg.norm(((one - other) @ corners)[:3], axis=0).max())
