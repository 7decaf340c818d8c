"""Masks of pixels: box, largest part, Dice, a crop round them, what they hide mirrored."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, find_objects
from scipy.ndimage import label as components

Mask = NDArray[np.bool_]
Crop = tuple[slice, slice]
"""Rows and columns."""

TOUCHING = np.ones((3, 3), bool)
TOUCHING_3D = np.ones((3, 3, 3), bool)
"""Pixels and voxels that share an edge or a corner touch."""

SAME = 1.0 + 1e-6
"""Lengths, areas and volumes that differ by less than this factor are the same.

In an oblique stack, or by a header of 32-bit numbers, a pixel of 2 mm has 2.00000002 or 1.99999998
mm: three of them reach 6 mm all the same.
"""


def box_of(mask: Mask, *, margin: int = 0) -> Crop:
    """Rows and columns of all that a mask holds, `margin` pixels wider.

    mask: (row, column) or (slice, row, column). Empty where the mask is; it stops at the edge of
    the image.
    """
    plane = mask.any(axis=0) if mask.ndim == 3 else mask
    boxes = find_objects(plane.astype(np.uint8))
    if not boxes:
        return slice(0, 0), slice(0, 0)
    rows, columns = (slice(max(0, span.start - margin), span.stop + margin) for span in boxes[0])
    return rows, columns


def crop_around(mask: Mask, spacing_mm: tuple[float, ...], *, margin_mm: float) -> Crop:
    """Rows and columns around a mask as in `box_of`: a square in mm where the image has room.

    spacing_mm: distance of rows, of columns. All of the image where the mask is empty.
    """
    box = box_of(mask)
    if box[0].stop == 0:
        return slice(None), slice(None)
    sides_mm = [(at.stop - at.start) * mm for at, mm in zip(box, spacing_mm, strict=True)]
    side_mm = max(sides_mm) + 2 * margin_mm
    row, column = (
        span_about((at.start + at.stop) / 2, side_mm / mm, length)
        for at, mm, length in zip(box, spacing_mm, mask.shape[-2:], strict=True)
    )
    return row, column


def span_about(middle: float, extent: float, length: int) -> slice:
    """`extent` pixels about `middle`, shifted into the `length` pixels there are."""
    size = min(round(extent), length)
    start = min(max(round(middle - size / 2), 0), length - size)
    return slice(start, start + size)


def disc(
    shape: tuple[int, ...],
    middle: tuple[float, float],
    radius_mm: float,
    spacing_mm: tuple[float, float],
) -> Mask:
    """(row, column) mask of the pixels within a radius of a place, row and column from 0.

    spacing_mm: distance of rows, of columns. Pixels at the radius (see `SAME`) are within.
    """
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    down, right = (rows - middle[0]) * spacing_mm[0], (columns - middle[1]) * spacing_mm[1]
    inside: Mask = np.hypot(down, right) <= radius_mm * SAME
    return inside


def largest_part(mask: Mask) -> Mask:
    """The largest part of a mask that is joined by edges; the mask itself if it is of one part."""
    parts, count = components(mask)
    if count < 2:
        return mask
    largest: Mask = parts == np.bincount(parts.ravel())[1:].argmax() + 1
    return largest


def largest_parts(mask: Mask) -> Mask:
    """As `largest_part`, but all that are equally large: a mirror image has the same ones."""
    parts, _ = components(mask)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0  # what is not in the mask
    largest: Mask = mask & (sizes[parts] == sizes.max())
    return largest


def parts_meeting(mask: Mask, region: Mask, *, corners: bool = False) -> Mask:
    """The connected parts of a (row, column) mask that a region meets.

    corners: whether pixels that share no more than a corner are of one part.
    """
    parts, _ = components(mask, TOUCHING if corners else None)
    return np.isin(parts, parts[mask & region])


def within_mm(mask: Mask, reach_mm: float, spacing_mm: tuple[float, float]) -> Mask:
    """(slice, row, column) what lies within a distance of a mask in its slice.

    spacing_mm: of rows, of columns. What lies at the distance (see `SAME`) is within.
    """
    out = np.zeros_like(mask)
    for k in np.flatnonzero(mask.any(axis=(1, 2))):
        out[k] = distance_transform_edt(~mask[k], sampling=spacing_mm) <= reach_mm * SAME
    return out


def slice_dice(first: Mask, second: Mask) -> NDArray[np.float64]:
    """2 |A and B| / (|A| + |B|) of each slice, (slice,); 1 where both are empty."""
    both = np.count_nonzero(first & second, axis=(1, 2))
    total = np.count_nonzero(first, axis=(1, 2)) + np.count_nonzero(second, axis=(1, 2))
    return np.where(total == 0, 1.0, 2.0 * both / np.maximum(total, 1))


def dice(first: Mask, second: Mask) -> float:
    """2 |A and B| / (|A| + |B|) of two masks of one shape; 1 where both are empty."""
    total = int(np.count_nonzero(first)) + int(np.count_nonzero(second))  # NumPy's own from 2.4
    return 2.0 * int(np.count_nonzero(first & second)) / total if total else 1.0


def mirrored_at_edges(stack: NDArray[np.float32], signal: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(slice, H, W), with a mirror image of the signal beyond its edges, where there is none.

    Where the mirror shows no signal either, the value of the nearest edge is repeated.
    """
    out = stack.copy()
    mask = source = None
    for plane, measured in zip(out, signal, strict=True):
        if measured.all() or not measured.any():
            continue
        if mask is None or (measured != mask).any():  # most slices lack the same corners
            mask, source = measured, _mirrored_indices(measured)
        plane[~measured] = plane[source]
    return out


def _mirrored_indices(measured: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the signal that is shown at each place of a (H, W) mask without any."""
    _, edge = distance_transform_edt(~measured, return_indices=True)
    place, edge = np.indices(measured.shape)[:, ~measured], edge[:, ~measured]
    mirrored = np.clip(2 * edge - place, 0, np.array(measured.shape)[:, None] - 1)
    rows, columns = np.where(measured[tuple(mirrored)], mirrored, edge)
    return rows, columns


def reaching_edges(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Of a (row, column) mask the connected parts that reach an edge of it."""
    edges = np.ones_like(mask)
    edges[1:-1, 1:-1] = False
    return parts_meeting(mask, edges)
