"""Stage 1: find the left ventricle (wall and blood pool) in every slice.

Paper, "Stage 1: ROI segmentation network". Not from the paper: the grid it works on (`ROI_MM`), the
padding to a square of at least 192 pixels, and the reading of "very large jumps".
"""

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as connected_components

from acsnet.nets.inference import InferenceNetwork
from acsnet.preprocess import (
    STANDARD_MM,
    StandardScan,
    between_neighbours,
    crop_of_square,
    pad_to_square,
    resize,
)

ROI_MM = 2.0
ROI_SIDE = 192
CORE_PERCENTILES = (20, 80)
"""Of short-axis height: the slices whose objects set the centre of the ventricle."""

MAX_BASAL_GROWTH = 1.6
"""A slice of the basal third that grows by more than this factor ends the ventricle."""

MAX_OFFSET_MM = 35.0
"""Largest distance of a slice's ventricle from the centre of the stack's. Not from the paper."""

RIVAL_SHARE = 0.3
"""Of the volume of the largest object in the middle slices: a smaller one is no ventricle.

In three of 197 scans of the EMIDEC and ACDC train lists another object is larger than this
(`benchmarks/location.py`). Not from the paper.
"""

THRESHOLD = 0.5


def roi_grid(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """(slice, H, W) on the standard grid -> the coarser grid of this stage, same field of view."""
    _, height, width = stack.shape
    ratio = STANDARD_MM / ROI_MM
    return resize(stack, (max(1, round(height * ratio)), max(1, round(width * ratio))))


def predict_roi(net: InferenceNetwork, standard: StandardScan) -> NDArray[np.float32]:
    """Probability of left ventricle, (slice, H, W) on the standard grid.

    Not from the paper: each slice goes in between its neighbours, which show whether it lies beyond
    the valves or the apex; and the mean over views finds the hearts that the network misses when
    they lie another way round. A scan of noise gives zeros.
    """
    if standard.is_noise:
        return np.zeros_like(standard.plain)
    coarse = roi_grid(standard.equalised) / 255.0
    square = pad_to_square(coarse, side=ROI_SIDE, multiple=net.config.stride)
    probability = net(between_neighbours(square))[:, 0]
    inside = crop_of_square(probability, (coarse.shape[1], coarse.shape[2]))
    return resize(inside, (standard.plain.shape[1], standard.plain.shape[2]))


def possible_centres(probability: NDArray[Any]) -> list[tuple[float, float]]:
    """(slice, H, W) -> row and column, in pixels, of what may be the ventricle, likeliest first.

    Not from the paper: these are the large objects of the middle slices (`RIVAL_SHARE`), and that
    of the highest mean probability comes first; of equal ones that nearest to the middle of the
    field. Nearness alone would take another organ where a field is cut beside the heart. A mean
    over all would be drawn aside by a stomach or a kidney that the network takes for a ventricle,
    and an aorta, as wide in every slice, may have more volume than a small heart.
    """
    mask = probability > THRESHOLD
    occupied = np.flatnonzero(mask.any(axis=(1, 2)))
    if not len(occupied):
        return []
    low, high = np.percentile([occupied[0], occupied[-1]], CORE_PERCENTILES)
    core = slice(int(np.floor(low)), int(np.ceil(high)) + 1)
    # Where only slices at both ends hold something, all of them count.
    middle_slices = core if mask[core].any() else slice(None)
    mask, probability = mask[middle_slices], probability[middle_slices]
    objects, sizes, centres = _objects(mask)
    likelihood = np.bincount(objects[mask], probability[mask])[1:] / sizes
    away = np.hypot(*(centres - (np.array(mask.shape[1:]) - 1) / 2.0).T)
    order = np.lexsort((away, -likelihood))
    large = order[sizes[order] >= RIVAL_SHARE * sizes.max()]
    return [(float(row), float(column)) for row, column in centres[large]]


def _objects(
    mask: NDArray[np.bool_],
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
    """Objects of a (..., H, W) mask: their numbers in it from 1, sizes (n,), centres (n, 2).

    Centres are row and column, in pixels.
    """
    objects = connected_components(mask, connectivity=1)
    values = objects[mask]
    sizes = np.bincount(values)[1:]
    sums = [np.bincount(values, at)[1:] for at in np.nonzero(mask)[-2:]]
    return objects, sizes, np.stack(sums, axis=1) / sizes[:, None]


def ventricle_centre(probability: NDArray[Any]) -> tuple[float, float] | None:
    """(slice, H, W) -> row and column, in pixels, of the ventricle's centre over the middle slices.

    None if there is none.
    """
    return next(iter(possible_centres(probability)), None)


def other_objects(probability: NDArray[Any]) -> int:
    """How many objects may be the ventricle, but for the one that is taken.

    probability: (slice, H, W) of left ventricle on the standard grid, in pixels of `STANDARD_MM`.
    """
    first, *others = possible_centres(probability) or [(0.0, 0.0)]
    away_mm = [STANDARD_MM * float(np.hypot(*np.subtract(other, first))) for other in others]
    return sum(mm > MAX_OFFSET_MM for mm in away_mm)


def nearest_component(mask: NDArray[np.bool_], centre: tuple[float, float]) -> NDArray[np.bool_]:
    """(H, W) -> the connected component whose centre lies nearest to `centre`, of the same shape.

    centre: row and column, in pixels of `STANDARD_MM`. Empty if that is further away than
    `MAX_OFFSET_MM`: no ventricle drifts so far in its stack.
    """
    if not mask.any():
        return mask
    objects, _, centres = _objects(mask)
    distance_mm = STANDARD_MM * np.hypot(*(centres - centre).T)
    keep = objects == distance_mm.argmin() + 1
    return np.asarray(keep & (distance_mm.min() <= MAX_OFFSET_MM))


def prune_base(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(slice, H, W), apex first -> empty from a very large jump of area in the basal third on."""
    areas = mask.sum(axis=(1, 2)).astype(float)
    occupied = np.flatnonzero(areas)
    out = mask.copy()
    if len(occupied) < 3:
        return out
    first_basal = occupied[0] + 2 * (occupied[-1] - occupied[0]) // 3
    for before, here in pairwise(occupied):
        if here > first_basal and areas[here] > MAX_BASAL_GROWTH * areas[before]:
            out[here:] = False
            break
    return out


def one_object(probability: NDArray[Any]) -> NDArray[np.bool_]:
    """(slice, H, W) -> in each slice the one component nearest to the ventricle's centre."""
    mask = probability > THRESHOLD
    centre = ventricle_centre(probability)
    if centre is None:
        return mask
    return np.stack([nearest_component(slice_, centre) for slice_ in mask])


def stand_in(nearest: NDArray[np.bool_], mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(slice, H, W): a slice whose objects all were too far away gets that of its neighbour.

    nearest: `mask` after `one_object`. Not from the paper: the ventricle may reach that far, and
    stage 2 draws nothing where there is no wall.
    """
    out = nearest.copy()
    occupied = nearest.any(axis=(1, 2))
    for k in np.flatnonzero(mask.any(axis=(1, 2)) & ~occupied):
        beside = [j for j in (k - 1, k + 1) if 0 <= j < len(nearest) and occupied[j]]
        if beside:
            out[k] = nearest[beside[0]]
    return out


def clean_roi(probability: NDArray[Any]) -> NDArray[np.bool_]:
    """(slice, H, W) of left ventricle, apex first -> its mask.

    It has one component a slice, and nothing above a jump of area near the base.
    """
    return prune_base(stand_in(one_object(probability), probability > THRESHOLD))


def apex_is_first(mask: NDArray[np.bool_]) -> bool:
    """Whether areas of a (slice, H, W) mask grow from the first slice on. Not from the paper."""
    areas = mask.sum(axis=(1, 2)).astype(float)
    occupied = np.flatnonzero(areas)
    if len(occupied) < 2:
        return True
    half = len(occupied) // 2
    return bool(areas[occupied[:half]].mean() <= areas[occupied[-half:]].mean())
