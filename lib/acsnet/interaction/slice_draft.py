"""A slice as clicks find it: its wall, its blood pool, and the pool of a wall that moved."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from acsnet.interaction.clicks import IN_WALL, Click, Kind, holds_wall
from acsnet.masks import disc
from acsnet.stages.myocardium import blood_pool

NEW_CAVITY_MM = 3.0
"""Radius of the cavity that a click gives a wall that has none."""

BRUSH_MM = 2.0
"""Radius of the disc that a click paints where moving the borders cannot hold it."""


@dataclass(frozen=True, kw_only=True)
class SliceDraft:
    """(row, column) wall and pool of a slice with the clicks on it.

    closed: the wall is a ring, and only a ring may take its place. spacing_mm: of rows, columns.
    """

    wall: NDArray[np.bool_]
    pool: NDArray[np.bool_]
    closed: bool
    spacing_mm: tuple[float, float]
    clicks: tuple[Click, ...] = ()

    def pool_of(self, wall: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The blood pool of another wall: what it encloses, or for an open one what was blood."""
        is_open = np.array([not self.closed])
        return blood_pool(wall[None], (self.pool | self.wall)[None], is_open)[0]

    def missed_by(self, wall: NDArray[np.bool_]) -> tuple[Click, ...]:
        """The clicks that a wall does not hold."""
        pool = self.pool_of(wall)
        return tuple(click for click in self.clicks if not holds_wall(click, wall, pool))

    def painted(self, wall: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The wall with a disc of wall, or of none, at each click, as with a brush."""
        out = wall.copy()
        for click in self.clicks:
            if click.kind not in (Kind.EPICARDIUM, Kind.ENDOCARDIUM):
                at = click.row, click.column
                out[disc(out.shape, at, BRUSH_MM, self.spacing_mm)] = click.kind in IN_WALL
        return out


def slice_draft(
    wall: NDArray[np.bool_],
    pool: NDArray[np.bool_],
    clicks: Sequence[Click],
    spacing_mm: tuple[float, float],
) -> SliceDraft:
    """The draft of a slice with a wall; a cap gets a cavity where a click asks for one."""
    asks = any(click.kind in (Kind.CAVITY, Kind.ENDOCARDIUM) for click in clicks)
    if asks and not pool.any():
        middle = np.argwhere(wall).mean(axis=0)
        cavity = disc(wall.shape, (middle[0], middle[1]), NEW_CAVITY_MM, spacing_mm)
        wall, pool = wall & ~cavity, wall & cavity
    return SliceDraft(
        wall=wall,
        pool=pool,
        closed=bool((binary_fill_holes(wall) & ~wall).any()),
        spacing_mm=spacing_mm,
        clicks=tuple(clicks),
    )
