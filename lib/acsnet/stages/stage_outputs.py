"""Outputs of the stages: the located ventricle, masks before and after correction, labels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import Label
from acsnet.preprocess import StandardScan, to_scan
from acsnet.scan import ShortAxisScan
from acsnet.stages import myocardium, roi
from acsnet.stages.correction import StackCorrection


@dataclass(frozen=True, kw_only=True)
class Located:
    """Result of stage 1: a scan, apex first, and its left ventricle on the grid of `standard`.

    probability: (slice, H, W) of the left ventricle; ventricle: (slice, H, W) mask, cleaned up;
    other_objects: how many others stage 1 saw that may be it; notes: warnings on the order of the
    slices.
    """

    scan: ShortAxisScan
    standard: StandardScan
    probability: NDArray[np.float32]
    ventricle: NDArray[np.bool_]
    other_objects: int
    notes: tuple[str, ...]

    def on_scan(self) -> NDArray[np.bool_]:
        """(slice, row, column) mask of the left ventricle on the scan's own grid."""
        probability = np.where(self.ventricle, self.probability, 0.0).astype(np.float32)
        return to_scan(probability, self.standard) > roi.THRESHOLD


@dataclass(frozen=True, kw_only=True)
class NetworkMasks:
    """Result of stage 2: what is drawn before any correction, on the scan's own grid.

    All are (slice, row, column).

    wall: `with_enhancement`, except where two scans are compared (`acsnet.stages.standard_tone`);
    small_parts: enhancement that was left out (`acsnet.stages.scar_parts`).
    """

    ventricle: NDArray[np.bool_]
    wall: NDArray[np.bool_]
    enhancement: NDArray[np.bool_]
    small_parts: NDArray[np.bool_]
    wall_probability: NDArray[np.float32]
    enhancement_probability: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Masks:
    """(slice, row, column) masks on the scan's own grid, after anatomical correction."""

    pool: NDArray[np.bool_]
    wall: NDArray[np.bool_]
    enhancement: NDArray[np.bool_]


def with_enhancement(wall: NDArray[np.bool_], enhancement: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(slice, row, column) wall with all enhancement of the slices that have any wall.

    Not from the paper. Enhancement lies in the wall by what it is: a scar as bright as blood may
    look like blood to the network that draws the wall, and still be seen to be enhanced
    (`benchmarks/scar_in_wall.py`).
    """
    return wall | enhancement & wall.any(axis=(1, 2), keepdims=True)


def within(anatomy: StackCorrection, drawn: NetworkMasks) -> Masks:
    """Corrected masks: the wall bounds the enhancement, and the blood pool follows from it."""
    wall = anatomy.wall
    pool = myocardium.blood_pool(wall, drawn.ventricle, anatomy.is_open)
    return Masks(pool=pool, wall=wall, enhancement=wall & drawn.enhancement)


def label_map(masks: Masks, *, core: NDArray[np.bool_] | None = None) -> NDArray[np.uint8]:
    """Label map of masks; core: (slice, row, column) mask of core scar."""
    labels = np.zeros(masks.wall.shape, np.uint8)
    labels[masks.pool] = Label.LV_BLOOD_POOL
    labels[masks.wall] = Label.LV_MYOCARDIUM
    labels[masks.enhancement] = Label.GREY_ZONE
    if core is not None:
        labels[core] = Label.CORE_SCAR
    return labels
