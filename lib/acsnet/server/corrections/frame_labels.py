"""Label maps image by image, as a viewer in the browser holds them.

Each image of the series has its own frame: the labels of its rows and columns as acquired, row by
row, as runs of equal values. A frame is named by the SOPInstanceUID of its image, so that neither
the order of the slices nor their orientation can be taken for another.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.labels import Label
from acsnet.scan import ShortAxisScan

Runs = Sequence[int]
"""Value, length, value, length, ...: the labels of one image, row by row."""


def to_frames(scan: ShortAxisScan, labels: NDArray[np.uint8]) -> dict[str, list[int]]:
    """The frames of a label map; images with nothing drawn are left out.

    Args:
        scan: the scan, read from DICOM with an image for each slice.
        labels: (`scan.grid.shape`) values of `acsnet.labels.Label`.

    Returns:
        SOPInstanceUID -> runs.

    Raises:
        InputError: the slices have no images of their own.
    """
    uids = instance_uids(scan)
    stack = scan.grid.from_input(labels)
    return {uid: _runs(mask) for uid, mask in zip(uids, stack, strict=True) if mask.any()}


def from_frames(scan: ShortAxisScan, frames: Mapping[str, Runs]) -> NDArray[np.uint8]:
    """The label map of frames; images without a frame have nothing drawn.

    Args:
        scan: the scan, read from DICOM with an image for each slice.
        frames: SOPInstanceUID -> runs.

    Returns:
        Labels of `scan.grid.shape`.

    Raises:
        InputError: a frame of an image that is no slice of the scan, runs that do not fill its
            matrix, or a value that is none of `acsnet.labels.Label`.
    """
    index = {uid: number for number, uid in enumerate(instance_uids(scan))}
    stack = np.zeros(scan.pixels.shape, dtype=np.uint8)
    for uid, runs in frames.items():
        values = _values(runs, stack.shape[1:], uid)
        if uid in index:
            stack[index[uid]] = values
        elif values.any():
            msg = f"something is drawn on image {uid}, which is not a slice of the scan"
            raise InputError(msg)
    return scan.grid.to_input(stack)


def instance_uids(scan: ShortAxisScan) -> tuple[str, ...]:
    """The SOPInstanceUID of each slice. Raises InputError where slices have none of their own."""
    if len(set(scan.instance_uids)) < len(scan.pixels):
        msg = f"{scan.name} has no DICOM image of its own for each slice: draw on it in 3D Slicer"
        raise InputError(msg)
    return scan.instance_uids


def _runs(values: NDArray[np.uint8]) -> list[int]:
    flat = values.ravel()
    starts = np.concatenate(([0], np.flatnonzero(np.diff(flat)) + 1))
    lengths = np.diff(np.append(starts, flat.size))
    return [int(number) for number in np.stack((flat[starts], lengths), axis=1).ravel()]


def _values(runs: Runs, shape: tuple[int, ...], uid: str) -> NDArray[np.uint8]:
    """(row, column) values of runs."""
    values, lengths = list(runs[0::2]), list(runs[1::2])
    rows, columns = shape
    if len(values) != len(lengths) or min(lengths, default=0) < 1 or sum(lengths) != rows * columns:
        msg = f"the runs of image {uid} must fill its {rows} rows of {columns} pixels"
        raise InputError(msg)
    if not set(values) <= set(Label):
        msg = f"labels of image {uid} must be 0 to {max(Label):d}, got {sorted(set(values))}"
        raise InputError(msg)
    return np.repeat(np.array(values, dtype=np.uint8), lengths).reshape(shape)
