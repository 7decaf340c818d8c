"""A new scar in a patient's wall: a sector from the endocardium outward, at times right through.

Large transmural scars as bright as blood, with a dark core of microvascular obstruction, are rare
in training data and are taken for blood. Ours: they are put into the walls of other patients, over
several slices, before a scan is standardised. Not from the paper: the ranges.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter

from acsnet.preprocess import unit_range
from acsnet.train.augment.inversion_time import tissue_levels
from acsnet.train.data.case import POOL, SCAR, WALL, TrainingCase

MIN_WALL_PIXELS, MIN_POOL_PIXELS = 30, 20
"""A slice with less has no sector to speak of."""

MIN_SCAR_PIXELS, MIN_CORE_PIXELS = 8, 6
MAX_SLICES = 5
SPAN_DEG = (35.0, 170.0)
DEPTH = (0.5, 1.05)
"""Part of the wall from the endocardium that is scar; above 1 it is transmural."""

LEVEL_OF_POOL = (0.8, 1.35)
OBSTRUCTED_SHARE = 0.4
"""Of the scars have a dark core."""

CORE_OF_WALL = (0.5, 1.05)
"""Signal of the core as a share of the healthy wall's."""

CORE_DEPTH = 0.75
"""Obstruction lies at the endocardial side: this part of the wall at most."""

CORE_SPAN = 2.0 / 3.0
"""Of the scar's span that its core may take."""

TURN_SD = 0.1
"""Radians by which the middle of the sector is off from slice to slice."""

SPAN_JITTER = (0.8, 1.1)
EDGE_PIXELS, CORE_EDGE_PIXELS = 0.8, 0.7
"""Standard deviations of the Gaussians that soften the edges of scar and core."""

TEXTURE_SD, TEXTURE_PIXELS = 0.3, 1.5
"""White noise of this deviation, smoothed by a Gaussian of so many pixels, in the scar's signal."""


@dataclass(frozen=True, kw_only=True)
class WallPosition:
    """Where each pixel of a slice lies in its ring, both (row, column).

    angle: radians round the centre of the blood pool, from the direction of growing columns to that
    of growing rows; depth: 0 at the endocardium, 1 at the epicardium.
    """

    angle: NDArray[np.float64]
    depth: NDArray[np.float64]


def wall_position(wall: NDArray[np.bool_], pool: NDArray[np.bool_]) -> WallPosition:
    """Angle and depth of (row, column) pixels; `pool` must not be empty."""
    row, column = np.argwhere(pool).mean(axis=0)
    rows, columns = np.indices(wall.shape)
    inner = distance_transform_edt(~pool)
    outer = distance_transform_edt(wall | pool)
    return WallPosition(
        angle=np.arctan2(rows - row, columns - column),
        depth=inner / np.maximum(inner + outer, 1e-6),
    )


def sector(
    position: WallPosition, wall: NDArray[np.bool_], *, middle: float, span: float, depth: float
) -> NDArray[np.bool_]:
    """(row, column) part of the wall within half a span of `middle` (radians) and below `depth`."""
    away = np.abs((position.angle - middle + np.pi) % (2.0 * np.pi) - np.pi)
    return wall & (away < span / 2.0) & (position.depth < depth)


def painted(
    signal: NDArray[np.float32],
    region: NDArray[np.bool_],
    level: float | NDArray[np.float64],
    *,
    edge: float,
) -> NDArray[np.float32]:
    """(row, column) signal brought to `level` inside the region; edge: softness in pixels."""
    weight = np.clip(gaussian_filter(region.astype(np.float32), edge), 0.0, 1.0)
    out: NDArray[np.float32] = (signal + weight * (level - signal)).astype(np.float32)
    return out


def with_new_scar(case: TrainingCase, rng: np.random.Generator) -> TrainingCase:
    """The case with one more scar over neighbouring slices, its signal in [0, 1] or just above.

    A case with fewer than two slices that have room for a scar stays as it is.
    """
    unit = unit_range(case.scan.pixels, name=case.scan.name).copy()
    tissue = case.tissue.copy()
    levels = tissue_levels(unit, tissue)
    wide = [
        k
        for k, drawn in enumerate(tissue)
        if (drawn >= WALL).sum() > MIN_WALL_PIXELS and (drawn == POOL).sum() > MIN_POOL_PIXELS
    ]
    if levels is None or len(wide) < 2:
        return case
    count = int(rng.integers(1, min(MAX_SLICES, len(wide)) + 1))
    first = int(rng.integers(0, len(wide) - count + 1))
    middle, span = rng.uniform(-np.pi, np.pi), np.radians(rng.uniform(*SPAN_DEG))
    depth = rng.uniform(*DEPTH)
    level = levels.pool * rng.uniform(*LEVEL_OF_POOL)
    is_obstructed = rng.random() < OBSTRUCTED_SHARE
    for k in wide[first : first + count]:
        wall = tissue[k] >= WALL
        position = wall_position(wall, tissue[k] == POOL)
        here = middle + rng.normal(0.0, TURN_SD)
        wide_span = span * rng.uniform(*SPAN_JITTER)
        scar = sector(position, wall, middle=here, span=wide_span, depth=depth)
        if scar.sum() < MIN_SCAR_PIXELS:
            continue
        noise = gaussian_filter(rng.standard_normal(scar.shape), TEXTURE_PIXELS)
        texture = level * (1.0 + TEXTURE_SD * noise)
        unit[k] = painted(unit[k], scar, texture, edge=EDGE_PIXELS)
        core = sector(position, wall, middle=here, span=CORE_SPAN * span, depth=CORE_DEPTH)
        core &= binary_erosion(scar)
        if is_obstructed and core.sum() >= MIN_CORE_PIXELS:
            dark = levels.wall * rng.uniform(*CORE_OF_WALL)
            unit[k] = painted(unit[k], core, dark, edge=CORE_EDGE_PIXELS)
        tissue[k][scar] = SCAR
    return replace(case, scan=replace(case.scan, pixels=unit, windows=None), tissue=tissue)
