"""Another inversion time: the same heart, its wall, blood and scar at other levels of signal.

A shorter inversion time leaves the wall grey beside the blood, the right one nulls it, and how
bright scar is beside blood changes with the time after contrast. Not from the paper: either a
rising curve that takes the median of each tissue to a new level, and so changes the whole image, or
the levels of wall and scar moved in place, which a curve cannot do where they overlap in signal.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter

from acsnet.preprocess import unit_range
from acsnet.train.data.case import POOL, SCAR, WALL, TrainingCase

CURVE_SHARE = 0.5
"""Share of the scans that get the curve, where blood is brighter than the wall."""

POOL_LEVELS = (0.25, 0.9)
"""Of white, in the scans that get the curve; in the others blood stays as it is."""

WALL_OF_POOL = (0.1, 0.95)
"""Level of the healthy wall as a share of the blood's: from nulled to hardly darker."""

SCAR_ABOVE_POOL = (0.1, 0.9)
"""Level of scar between blood (0) and white (1), where scar was brighter than blood."""

SCAR_OF_POOL = (0.7, 1.4)
"""Level of scar as a share of the blood's, where levels are moved in place."""

MIN_GAP = 0.04
"""Of white, between levels that are to be told apart by a curve."""

MIN_STEP = 0.01
"""Of white, between two points of a curve: closer ones count as one."""

MAX_POOL = 0.92
MAX_SCAR = 0.95
"""Of white: a curve through brighter levels would have no room above them."""

MIN_SCAR_PIXELS = 20
EDGE_PIXELS = 0.8
"""Standard deviation of the Gaussian that softens the edge of what is moved in place."""

MAX_SIGNAL = 1.3
"""Of white: scar moved in place may be brighter than anything in the scan was."""


@dataclass(frozen=True, kw_only=True)
class TissueLevels:
    """Median signal of the tissues of a scan in [0, 1]; scar: None where there is too little."""

    wall: float
    pool: float
    scar: float | None


def tissue_levels(unit: NDArray[np.float32], tissue: NDArray[np.uint8]) -> TissueLevels | None:
    """Levels of (slice, row, column) signal in [0, 1]; None without blood pool or wall."""
    pool, wall, scar = (unit[tissue == value] for value in (POOL, WALL, SCAR))
    if not (len(pool) and len(wall)):
        return None
    return TissueLevels(
        wall=float(np.median(wall)),
        pool=float(np.median(pool)),
        scar=float(np.median(scar)) if len(scar) > MIN_SCAR_PIXELS else None,
    )


def anchored_curve(
    unit: NDArray[np.float32], anchors: Sequence[tuple[float, float]]
) -> NDArray[np.float32]:
    """Signal in [0, 1] along a smooth rising curve through black, white and the anchors.

    unit: any shape; anchors: pairs of a level and what becomes of it, both rising. One that is
    less than `MIN_STEP` above the point before it, or below white, is left out.
    """
    points = [(0.0, 0.0)]
    for point in anchors:
        if points[-1][0] + MIN_STEP < point[0] < 1.0 - MIN_STEP:
            points.append(point)
    x, y = zip(*points, (1.0, 1.0), strict=True)
    curved: NDArray[np.float32] = PchipInterpolator(x, y)(unit).astype(np.float32)
    return curved


def moved_in_place(
    unit: NDArray[np.float32], region: NDArray[np.bool_], change: float
) -> NDArray[np.float32]:
    """(slice, row, column) signal with `change` added inside the region, softly at its edges."""
    weight = gaussian_filter(region.astype(np.float32), (0.0, EDGE_PIXELS, EDGE_PIXELS))
    moved: NDArray[np.float32] = (unit + change * weight).astype(np.float32)
    return moved


def other_inversion_time(case: TrainingCase, rng: np.random.Generator) -> TrainingCase:
    """The case with its signal in [0, `MAX_SIGNAL`] as at another inversion time.

    A case without blood pool or without wall stays as it is.
    """
    unit = unit_range(case.scan.pixels, name=case.scan.name)
    levels = tissue_levels(unit, case.tissue)
    if levels is None:
        return case
    has_room = levels.wall + MIN_GAP < levels.pool < MAX_POOL
    if rng.random() < CURVE_SHARE and has_room:
        out = anchored_curve(unit, random_anchors(levels, rng))
    else:
        wall = levels.pool * rng.uniform(*WALL_OF_POOL)
        out = moved_in_place(unit, case.tissue == WALL, wall - levels.wall)
        if levels.scar is not None:
            scar = levels.pool * rng.uniform(*SCAR_OF_POOL)
            out = moved_in_place(out, case.tissue == SCAR, scar - levels.scar)
    pixels = np.clip(out, 0.0, MAX_SIGNAL)
    return replace(case, scan=replace(case.scan, pixels=pixels, windows=None))


def random_anchors(levels: TissueLevels, rng: np.random.Generator) -> list[tuple[float, float]]:
    """New levels of wall, blood and, where it is brighter than blood, scar, for a curve."""
    pool = rng.uniform(*POOL_LEVELS)
    anchors = [(levels.wall, pool * rng.uniform(*WALL_OF_POOL)), (levels.pool, pool)]
    if levels.scar is not None and levels.pool + MIN_GAP < levels.scar < MAX_SCAR:
        anchors.append((levels.scar, pool + (1.0 - pool) * rng.uniform(*SCAR_ABOVE_POOL)))
    return anchors
