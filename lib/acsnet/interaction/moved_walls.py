"""Clicks on a stack -> the nearest possible walls that hold them.

All clicks of a scan are fulfilled at once and from the draft on: their order matters only where
they contradict each other, and one that is taken back leaves no trace. Nor does one that no
possible wall fulfils. Not from the paper.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from acsnet.interaction.clicks import Click, Kind, holds_wall
from acsnet.interaction.demands import demands_of
from acsnet.interaction.displacement import DRAFT_ERRORS, likeliest
from acsnet.interaction.possible_slice import SliceMover, shifted
from acsnet.interaction.radial_profile import profile_of
from acsnet.interaction.slice_draft import SliceDraft, slice_draft
from acsnet.stages.correction import Corrector

LEAST_ALONG = 0.25
"""Slices less correlated with that of every click do not move: where slices are 8 to 13 mm apart,
the one below and the one above do."""


@dataclass(frozen=True, kw_only=True)
class MovedWalls:
    """Walls after clicks.

    wall, pool: (slice, row, column); held: of each click, whether the walls have what it says.
    """

    wall: NDArray[np.bool_]
    pool: NDArray[np.bool_]
    held: tuple[bool, ...]


def move_walls(
    wall: NDArray[np.bool_],
    pool: NDArray[np.bool_],
    clicks: Sequence[Click],
    spacing_mm: tuple[float, float, float],
    *,
    corrector: Corrector,
) -> MovedWalls:
    """Move the walls of a stack to clicks; every wall that moved passes the anatomical checks.

    The answer is that of the clicks that are held together, as if nobody had made the others.

    Args:
        wall: (slice, row, column) of the draft, apex first.
        pool: (slice, row, column) blood pool of the draft.
        clicks: as `check_clicks` gives them; those on scar say here that there is wall.
        spacing_mm: distance of slices, of rows, of columns.
        corrector: of the pipeline: limits, and the way through the latent space.
    """
    mover = SliceMover(corrector=corrector)
    drafts = _drafts(wall, pool, clicks, spacing_mm)
    profiles = {k: profile_of(d.wall, d.pool, d.spacing_mm) for k, d in drafts.items()}
    at_mm = {k: k * spacing_mm[0] for k in drafts}
    movement = likeliest(
        [
            demand
            for k, draft in drafts.items()
            for demand in demands_of(draft, profiles[k], position_mm=at_mm[k])
        ],
        DRAFT_ERRORS,
    )
    moved = {
        k: mover.to_clicks(draft, shifted(draft, profiles[k], movement, at_mm[k]))
        for k, draft in drafts.items()
        if draft.clicks
    }
    out = _answer(wall, pool, clicks, drafts, moved)
    if not all(out.held):
        # What clicks demand that are not held has shifted all walls: ask for the others alone.
        kept = [click for click, is_held in zip(clicks, out.held, strict=True) if is_held]
        fewer = move_walls(wall, pool, kept, spacing_mm, corrector=corrector)
        return replace(fewer, held=_held(clicks, fewer.wall, fewer.pool))
    beside = {
        k: mover.beside(draft, profiles[k], movement, at_mm[k])
        for k, draft in drafts.items()
        if not draft.clicks
    }
    return _answer(wall, pool, clicks, drafts, moved | beside)


def _answer(
    wall: NDArray[np.bool_],
    pool: NDArray[np.bool_],
    clicks: Sequence[Click],
    drafts: Mapping[int, SliceDraft],
    moved: Mapping[int, NDArray[np.bool_] | None],
) -> MovedWalls:
    """The stack with other walls in some slices; None where a slice stays as it was."""
    walls, pools = wall.copy(), pool.copy()
    for k, new in moved.items():
        if new is not None and not np.array_equal(new, wall[k]):
            walls[k], pools[k] = new, drafts[k].pool_of(new)
    return MovedWalls(wall=walls, pool=pools, held=_held(clicks, walls, pools))


def _held(
    clicks: Sequence[Click], wall: NDArray[np.bool_], pool: NDArray[np.bool_]
) -> tuple[bool, ...]:
    return tuple(holds_wall(click, wall[click.slice], pool[click.slice]) for click in clicks)


def _drafts(
    wall: NDArray[np.bool_],
    pool: NDArray[np.bool_],
    clicks: Sequence[Click],
    spacing_mm: tuple[float, float, float],
) -> Mapping[int, SliceDraft]:
    """The slices that clicks may move. One without a wall starts from that of the nearest slice."""
    walled = np.flatnonzero(wall.any(axis=(1, 2)))
    if not len(walled) or not len(clicks):
        return {}
    at = np.array([click.slice for click in clicks])
    drafts = {}
    for k in range(len(wall)):
        own = [click for click in clicks if click.slice == k]
        has_wall = bool(wall[k].any())
        asked = any(click.kind is not Kind.OUTSIDE for click in own)
        near = (DRAFT_ERRORS.along(np.abs(at - k) * spacing_mm[0]) >= LEAST_ALONG).any()
        if near and (has_wall or asked):
            source = k if has_wall else int(walled[np.abs(walled - k).argmin()])
            drafts[k] = slice_draft(wall[source], pool[source], own, spacing_mm[1:])
    return drafts
