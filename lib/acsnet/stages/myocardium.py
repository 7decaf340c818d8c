"""Stage 2: wall and enhancement inside the region of interest.

Paper, "Stage 2: Left ventricle myocardium segmentation network": 128 x 128 centred on the ROI,
signal outside a tight square round it zeroed, intensities rescaled from the ROI. Its formula is not
to be had. Not from the paper: the 99th percentile inside the ROI; beside the equalised image the
network sees the plain one, which keeps the order of brightness of scar and blood over the scan.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_fill_holes, center_of_mass
from skimage.morphology import closing, convex_hull_image, disk, erosion, opening

from acsnet.masks import TOUCHING, box_of, largest_part, parts_meeting
from acsnet.nets.inference import InferenceNetwork
from acsnet.preprocess import StandardScan

MYO_SIDE = 128
SQUARE_MARGIN = 14
"""Pixels of the standard grid from the ROI to the edge of the square kept. Not from the paper."""

ROI_PERCENTILE = 99.0
WALL_THRESHOLD = 0.5
ENHANCEMENT_THRESHOLD = 0.5
"""Probabilities above which a pixel is wall, and enhanced: the even ones. Not from the paper.

In all 57 EMIDEC training patients, each drawn by a network that never saw them, Dice and the
concordance of burden are next to their best from 0.4 to 0.6 (curves: model cards). Elsewhere higher
ones cost more than they gain: a network like the shipped one had a bias of burden of +1 point at
0.5 in 23 other patients of that site and of -2 points in 45 of another.
"""


@dataclass(frozen=True, kw_only=True)
class EnhancementCleanup:
    """Radii in pixels of the standard grid for erosion, opening and closing; 0 leaves one out."""

    erosion: int = 0
    opening: int = 0
    closing: int = 0


def roi_scale(stack: NDArray[np.float32], roi: NDArray[np.bool_]) -> float:
    """The signal that becomes 1: a percentile inside the ROI of the whole scan; 1 if that is 0.

    stack, roi: (slice, row, column).
    """
    scale = float(np.percentile(stack[roi], ROI_PERCENTILE)) if roi.any() else 0.0
    return scale if scale > 0 else 1.0


def window_at(centre: tuple[float, float]) -> tuple[int, int]:
    """Top row and left column of the crop centred at `centre`."""
    return round(centre[0]) - MYO_SIDE // 2, round(centre[1]) - MYO_SIDE // 2


def crop(image: NDArray[np.float32], corner: tuple[int, int]) -> NDArray[np.float32]:
    """(H, W) -> (MYO_SIDE, MYO_SIDE) from `corner`; zeros beyond the image."""
    out = np.zeros((MYO_SIDE, MYO_SIDE), image.dtype)
    source, target = _overlap(image.shape, corner)
    out[target] = image[source]
    return out


def paste(
    patch: NDArray[np.float32], corner: tuple[int, int], shape: tuple[int, int]
) -> NDArray[np.float32]:
    """The reverse of `crop`: (MYO_SIDE, MYO_SIDE) into zeros of `shape`."""
    out = np.zeros(shape, patch.dtype)
    source, target = _overlap(shape, corner)
    out[source] = patch[target]
    return out


def _overlap(
    shape: tuple[int, ...], corner: tuple[int, int]
) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Where a crop at `corner` and an image of `shape` meet, in either's own indices."""
    first = [min(max(0, c), n) for n, c in zip(shape, corner, strict=True)]
    last = [max(min(n, c + MYO_SIDE), a) for a, n, c in zip(first, shape, corner, strict=True)]
    spans = list(zip(first, last, strict=True))
    source = tuple(slice(a, b) for a, b in spans)
    target = tuple(
        slice(max(0, a - c), max(0, b - c)) for (a, b), c in zip(spans, corner, strict=True)
    )
    return source, target


def tight_square(roi: NDArray[np.bool_], margin: int) -> tuple[slice, slice]:
    """Rows and columns of the square round a non-empty (H, W) mask, `margin` pixels wider."""
    box = box_of(roi)
    half = max(at.stop - at.start for at in box) / 2 + margin
    spans = []
    for at, n in zip(box, roi.shape, strict=True):
        middle = (at.start + at.stop) / 2
        spans.append(slice(max(0, round(middle - half)), min(n, round(middle + half))))
    return spans[0], spans[1]


def myocardium_input(
    standard: StandardScan, roi: NDArray[np.bool_], index: int, *, scales: tuple[float, float]
) -> tuple[NDArray[np.float32], tuple[int, int]]:
    """Slice `index` as the network sees it: (6, MYO_SIDE, MYO_SIDE) and the corner of the crop.

    Channels: equalised and plain signal, divided by their scales, of the slice and of the slices
    below and above (not from the paper); zero outside the slice's tight square.
    """
    keep = tight_square(roi[index], SQUARE_MARGIN)
    corner = window_at(center_of_mass(roi[index]))
    channels = []
    for k in (index, max(index - 1, 0), min(index + 1, len(roi) - 1)):
        for stack, scale in zip((standard.equalised, standard.plain), scales, strict=True):
            inside = np.zeros_like(stack[k])
            inside[keep] = stack[k][keep] / scale
            channels.append(crop(inside, corner))
    return np.stack(channels), corner


@dataclass(frozen=True, kw_only=True)
class MyocardiumCrops:
    """What the network sees of a scan: images (n, 6, MYO_SIDE, MYO_SIDE) of n slices.

    indices: of these slices; corners: of their crops; shape: (slice, H, W) of the standard grid.
    """

    images: NDArray[np.float32]
    indices: tuple[int, ...]
    corners: tuple[tuple[int, int], ...]
    shape: tuple[int, ...]

    def back(self, probability: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 2, MYO_SIDE, MYO_SIDE) -> (2, slice, H, W), zero where the network did not look."""
        out = np.zeros((2, *self.shape), np.float32)
        plane = self.shape[1], self.shape[2]
        for k, corner, patch in zip(self.indices, self.corners, probability, strict=True):
            for channel in range(2):
                out[channel, k] = paste(patch[channel], corner, plane)
        return out


def myocardium_crops(standard: StandardScan, roi: NDArray[np.bool_]) -> MyocardiumCrops | None:
    """One crop for each slice that has an ROI, (slice, H, W); None where no slice has one."""
    indices = np.flatnonzero(roi.any(axis=(1, 2)))
    if not len(indices):
        return None
    scales = roi_scale(standard.equalised, roi), roi_scale(standard.plain, roi)
    inputs, corners = zip(
        *(myocardium_input(standard, roi, k, scales=scales) for k in indices), strict=True
    )
    return MyocardiumCrops(
        images=np.stack(inputs),
        indices=tuple(indices.tolist()),
        corners=corners,
        shape=standard.plain.shape,
    )


def predict_myocardium(
    net: InferenceNetwork, standard: StandardScan, roi: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Probabilities of wall and of enhancement, (2, slice, H, W) on the standard grid.

    The network draws in all slices that have an ROI at once; the others stay zero.
    """
    crops = myocardium_crops(standard, roi)
    if crops is None:
        return np.zeros((2, *standard.plain.shape), np.float32)
    return crops.back(net(crops.images))


def sample_myocardium(
    net: InferenceNetwork, standard: StandardScan, roi: NDArray[np.bool_], *, seed: int
) -> Iterator[NDArray[np.float32]]:
    """What the network might draw as well: each view once, with dropout; as `predict_myocardium`.

    Turns, mirrors and dropout together (Wang et al., Neurocomputing 2019;338:34,
    doi:10.1016/j.neucom.2019.01.103). Nothing comes where no slice has an ROI. `net` is not
    changed, and one seed gives the same samples of the same scan.
    """
    crops = myocardium_crops(standard, roi)
    if crops is not None:
        for probability in net.samples(crops.images, seed=seed):
            yield crops.back(probability)


def clean_enhancement(
    enhancement: NDArray[np.bool_], cleanup: EnhancementCleanup
) -> NDArray[np.bool_]:
    """(slice, H, W) -> eroded, opened, closed slice by slice, where there is anything at all."""
    if not enhancement.any():
        return enhancement
    margin = 2 * max(cleanup.erosion, cleanup.opening, cleanup.closing)
    rows, columns = box_of(enhancement, margin=margin)
    steps = (
        (erosion, cleanup.erosion),
        (opening, cleanup.opening),
        (closing, cleanup.closing),
    )
    near = enhancement[:, rows, columns]
    for operation, radius in steps:
        if radius:
            near = np.stack([operation(slice_, disk(radius)) for slice_ in near])
    out = np.zeros_like(enhancement)
    out[:, rows, columns] = near
    return out


def blood_pool(
    wall: NDArray[np.bool_], roi: NDArray[np.bool_], is_open: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """What the wall encloses, (slice, row, column); where it is open, the ROI within its hull.

    is_open: (slice,). A closed ring encloses its pool exactly. An open "C"-shaped basal wall does
    not: there the pool is what the ROI network saw inside the wall's convex hull (not from the
    paper). A possible wall and its pool pass `acsnet.anatomy.checks.check_ventricle`.
    """
    pool = np.zeros_like(wall)
    rows, columns = box_of(wall)
    for k in np.flatnonzero(wall.any(axis=(1, 2))):
        near, located = wall[k, rows, columns], roi[k, rows, columns]
        inside = _open_pool(near, located) if is_open[k] else binary_fill_holes(near)
        pool[k, rows, columns] = inside & ~near
    return pool


def _open_pool(wall: NDArray[np.bool_], roi: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pool of an open (row, column) wall: one part that touches it, without holes.

    What wall and pool enclose is blood too: an open wall alone encloses nothing, so that every hole
    borders the pool and stays one part with it.
    """
    inside = roi & convex_hull_image(wall) & ~wall
    beside = parts_meeting(inside, binary_dilation(wall, TOUCHING))
    if not beside.any():
        return beside
    filled: NDArray[np.bool_] = binary_fill_holes(wall | largest_part(beside))
    return filled & ~wall
