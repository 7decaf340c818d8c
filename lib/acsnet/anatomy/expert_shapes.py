"""Some shapes of expert walls that cover the latent space, decoded. Not from the paper."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from acsnet.anatomy.latent_prior import Prior

SHAPES = 96


class Region(IntEnum):
    """What a pixel of a slice lies in."""

    OUTSIDE = 0
    WALL = 1
    CAVITY = 2


@dataclass(frozen=True, kw_only=True)
class ExpertShapes:
    """codes: (n, code); regions: (n, FRAME_SIDE, FRAME_SIDE) `Region` of each pixel, decoded."""

    codes: NDArray[np.float32]
    regions: NDArray[np.uint8]


def expert_shapes(
    prior: Prior, decode: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> ExpertShapes:
    """The shapes of `SHAPES` expert walls; decode: (n, code) -> (n, FRAME_SIDE, FRAME_SIDE)."""
    experts = prior.codes[: prior.experts]
    codes = experts[spread(experts, SHAPES)]
    walls = decode(codes) > 0
    filled = np.stack([binary_fill_holes(wall) for wall in walls])
    regions = np.where(walls, Region.WALL, np.where(filled, Region.CAVITY, Region.OUTSIDE))
    return ExpertShapes(codes=codes, regions=regions.astype(np.uint8))


def spread(codes: NDArray[np.float32], count: int) -> NDArray[np.intp]:
    """Numbers of (n, code) codes: first the middle one, then always the furthest from all before.

    Returns (count,), or all where there are no more.
    """
    chosen = [int(np.linalg.norm(codes - codes.mean(axis=0), axis=1).argmin())]
    apart = np.full(len(codes), np.inf)
    while len(chosen) < min(count, len(codes)):
        apart = np.minimum(apart, np.linalg.norm(codes - codes[chosen[-1]], axis=1))
        chosen.append(int(apart.argmax()))
    return np.array(chosen)
