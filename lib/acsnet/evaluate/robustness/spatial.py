"""Changes of a scan's geometry that should not matter: not from the paper.

Each takes a scan with its expert labels and returns another: pixels, labels and the affine move
together, so that what is scored stays the expert's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import LEFT_VENTRICLE
from acsnet.masks import box_of
from acsnet.preprocess import resize
from acsnet.scan import InputGrid, ShortAxisScan

THIN_SLICE_MM = 5.0


@dataclass(frozen=True, kw_only=True)
class LabelledScan:
    """A scan without display windows, and its expert labels.

    labels: (slice, row, column) values of `Label`, all enhancement as GREY_ZONE, so that the larger
    value is the inner region; some healthy wall is drawn.
    """

    scan: ShortAxisScan
    labels: NDArray[np.uint8]


def _moved(
    case: LabelledScan,
    pixels: NDArray[np.float32],
    labels: NDArray[np.uint8],
    affine: NDArray[np.float64],
) -> LabelledScan:
    """Other pixels and labels, as a file of this order and affine (4, 4) would hold them."""
    slices, rows, columns = labels.shape
    grid = InputGrid(shape=(slices, rows, columns), affine=affine, axes=(0, 1, 2))
    pixels = np.ascontiguousarray(pixels, dtype=np.float32)
    scan = replace(case.scan, pixels=pixels, grid=grid, signal=None, instance_uids=())
    return LabelledScan(scan=scan, labels=np.ascontiguousarray(labels))


def resampled(case: LabelledScan, *, spacing_mm: float) -> LabelledScan:
    """Pixels of `spacing_mm`, or what is nearest to it and fills the same field of view.

    The image is bilinear without aliasing. A new pixel belongs to the ventricle, to the wall, to
    the enhancement if most of it does; as each lies in the one before, so do the new ones.
    """
    old = case.labels.shape[1:]
    rows, columns = (
        max(1, round(count * mm / spacing_mm))
        for count, mm in zip(old, case.scan.spacing_mm[1:], strict=True)
    )
    nested = [case.labels >= inner for inner in range(1, int(case.labels.max()) + 1)]
    shares = [resize(region.astype(np.float32), (rows, columns)) for region in nested]
    to_old = np.diag([1.0, old[0] / rows, old[1] / columns, 1.0])
    to_old[:3, 3] = (np.diag(to_old)[:3] - 1.0) / 2.0
    return _moved(
        case,
        resize(case.scan.pixels, (rows, columns)),
        np.sum(np.array(shares) > 0.5, axis=0, dtype=np.uint8),
        case.scan.grid.stack_to_ras @ to_old,
    )


Orientation = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""For slice, row and column: which axis it becomes, and 1 or, if it is run backwards, -1."""

QUARTER_TURNS: Mapping[int, Orientation] = {
    90: ((0, 1), (2, 1), (1, -1)),
    180: ((0, 1), (1, -1), (2, -1)),
    270: ((0, 1), (2, -1), (1, 1)),
}
"""Counter-clockwise, by degrees."""

MIRRORS: Mapping[str, Orientation] = {
    "left-right": ((0, 1), (1, 1), (2, -1)),
    "up-down": ((0, 1), (1, -1), (2, 1)),
}


def reoriented(case: LabelledScan, *, orientation: Orientation, in_header: bool) -> LabelledScan:
    """The image plane turned or mirrored, as another file order.

    in_header: the affine says so, and every pixel stays at its place in the patient; else only the
    pixel's side lengths follow, and the heart itself seems turned or mirrored.
    """
    old = case.scan.grid.stack_to_ras
    to_old = np.eye(4)
    for axis, (target, direction) in enumerate(orientation):
        to_old[axis, :3] = direction * np.eye(3)[target]
        to_old[axis, 3] = 0 if direction > 0 else case.labels.shape[axis] - 1
    affine = old @ to_old
    if not in_header:
        lengths = np.linalg.norm(affine[:3, :3], axis=0)
        affine = old.copy()
        affine[:3, :3] *= lengths / np.linalg.norm(old[:3, :3], axis=0)
    return _moved(
        case,
        _turned(case.scan.pixels, orientation),
        _turned(case.labels, orientation),
        affine,
    )


def _turned(stack: NDArray[Any], orientation: Orientation) -> NDArray[Any]:
    """Another axis order of a (slice, row, column) array."""
    backwards = [axis for axis, (_, direction) in enumerate(orientation) if direction < 0]
    order = np.argsort([target for target, _ in orientation])
    return np.transpose(np.flip(stack, backwards), order)


def slices_reversed(case: LabelledScan) -> LabelledScan:
    """Slices in the opposite order, and nothing but the anatomy to tell which end is the apex."""
    scan = replace(case.scan.reversed(), apex_first=None)
    return LabelledScan(scan=scan, labels=case.labels[::-1])


def thin_slices(case: LabelledScan) -> LabelledScan:
    """Slices every `THIN_SLICE_MM` from the first on, linear between two; labels of the nearer."""
    step = THIN_SLICE_MM / case.scan.spacing_mm[0]
    last = len(case.labels) - 1
    at = step * np.arange(int(last / step + 1e-6) + 1)
    below = np.minimum(at.astype(int), last)
    above = np.minimum(below + 1, last)
    share = (at - below)[:, None, None]
    pixels = (1.0 - share) * case.scan.pixels[below] + share * case.scan.pixels[above]
    nearest = np.minimum(np.floor(at + 0.5).astype(int), last)
    to_old = np.diag([step, 1.0, 1.0, 1.0])
    return _moved(case, pixels, case.labels[nearest], case.scan.grid.stack_to_ras @ to_old)


def half_field_of_view(case: LabelledScan) -> LabelledScan:
    """Half the rows and columns, round the ventricle; more where that would cut it."""
    box = box_of(np.isin(case.labels, LEFT_VENTRICLE))
    starts, crop = [0], [slice(None)]
    for at, count in zip(box, case.labels.shape[1:], strict=True):
        size = max(count // 2, at.stop - at.start)
        start = min(max((at.start + at.stop - size) // 2, 0), count - size)
        starts.append(start)
        crop.append(slice(start, start + size))
    affine = case.scan.grid.stack_to_ras
    affine[:3, 3] += affine[:3, :3] @ starts
    return _moved(case, case.scan.pixels[tuple(crop)], case.labels[tuple(crop)], affine)


def double_field_of_view(case: LabelledScan) -> LabelledScan:
    """Twice the rows and columns, black all round."""
    margins = [(0, 0)] + [(count // 2, count - count // 2) for count in case.labels.shape[1:]]
    affine = case.scan.grid.stack_to_ras
    affine[:3, 3] -= affine[:3, :3] @ [first for first, _ in margins]
    black = case.scan.pixels.min()
    pixels = np.pad(case.scan.pixels, margins, constant_values=black)
    return _moved(case, pixels, np.pad(case.labels, margins), affine)
