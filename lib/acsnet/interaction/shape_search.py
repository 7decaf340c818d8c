"""Shapes of experts, placed so that they hold the clicks of a slice.

For drafts that are far off: no smooth movement of such a wall, and no possible wall near it, holds
what a reader clicked. Then shapes are laid over the clicks at many places and sizes. Of those that
hold most the ones most like the draft are targets, and walls on the way there are tried, those near
the draft first. Not from the paper.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.anatomy.expert_shapes import ExpertShapes, Region
from acsnet.anatomy.pose import FRAME_SIDE, RMS_PIXELS, Pose, from_frame, pose_of
from acsnet.interaction.clicks import IN_WALL, Kind
from acsnet.interaction.slice_draft import SliceDraft
from acsnet.stages.latent_search import LatentWalk

OFFSETS = np.linspace(-0.75, 0.75, 9)
"""Places of the centre beside that of the draft, in its root mean square radii."""

SIZES = np.array([0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.45, 1.7])
"""Times the size of the draft."""

COMPARED = 2000
"""Placed shapes that hold most clicks, which are compared with the draft."""

TARGETS = 3
"""Of these the most alike."""

SHARES = (0.25, 0.5, 0.75, 1.0)
"""Of the way from the draft to a target."""

GRID = 12
"""Rows and columns of points at which shapes are compared with the draft."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A code, where its wall lies, and how large it is."""

    code: NDArray[np.float32]
    pose: Pose


def walls_towards_clicks(
    draft: SliceDraft, likely: NDArray[np.bool_], walk: LatentWalk
) -> Iterator[NDArray[np.bool_]]:
    """(row, column) walls on the way to shapes that hold most clicks, possible or not.

    Args:
        draft: the slice with its clicks.
        likely: (row, column) wall, not empty, that they are to be like.
        walk: the autoencoder and the prior.
    """
    (case,) = walk.cases([likely], draft.spacing_mm, closed=[draft.closed])
    start = Placed(code=case.code, pose=case.pose)
    targets = placed_shapes(draft, likely, walk.shapes)
    tried = [_between(start, target, share) for share in SHARES for target in targets]
    scores = walk.autoencoder.scores(np.stack([placed.code for placed in tried]))
    height, width = likely.shape
    for placed, score in zip(tried, scores, strict=True):
        yield from_frame(score, draft.spacing_mm, placed.pose, (height, width))


def _between(start: Placed, target: Placed, share: float) -> Placed:
    """The point at a share of the way, straight in code, centre and logarithm of the size."""
    centres = zip(start.pose.centre_mm, target.pose.centre_mm, strict=True)
    row_mm, column_mm = (a + share * (b - a) for a, b in centres)
    size = start.pose.scale_mm ** (1.0 - share) * target.pose.scale_mm**share
    return Placed(
        code=start.code + np.float32(share) * (target.code - start.code),
        pose=Pose(centre_mm=(row_mm, column_mm), scale_mm=size),
    )


def placed_shapes(
    draft: SliceDraft, likely: NDArray[np.bool_], shapes: ExpertShapes
) -> list[Placed]:
    """The shapes that hold most clicks, of these the most like a wall.

    Args:
        draft: the slice with its clicks.
        likely: (row, column) wall, not empty.
        shapes: to place.
    """
    spacing = np.asarray(draft.spacing_mm)
    pose = pose_of(likely, draft.spacing_mm)
    down, right, size = (
        axis.ravel() for axis in np.meshgrid(OFFSETS, OFFSETS, SIZES, indexing="ij")
    )
    radius_mm = pose.scale_mm * RMS_PIXELS
    centres = np.asarray(pose.centre_mm) + radius_mm * np.stack([down, right], axis=1)
    scales = pose.scale_mm * size
    clicks = [c for c in draft.clicks if c.kind not in (Kind.EPICARDIUM, Kind.ENDOCARDIUM)]
    at_mm = np.array([(c.row, c.column) for c in clicks]).reshape(-1, 2) * spacing
    wanted = np.array([_region(c.kind) for c in clicks], np.uint8)
    rows, columns, inside = _pixels(at_mm, centres, scales)
    held = np.where(inside, shapes.regions[:, rows, columns], Region.OUTSIDE) == wanted
    missed = len(wanted) - held.sum(axis=-1)
    order = np.argsort(missed, axis=None, kind="stable")[:COMPARED]
    which, where = np.unravel_index(order, missed.shape)
    points, regions = _sampled(draft, likely)
    rows, columns, inside = _pixels(points * spacing, centres[where], scales[where])
    sampled = np.where(inside, shapes.regions[which[:, None], rows, columns], Region.OUTSIDE)
    unlike = (sampled != regions).mean(axis=-1)
    best = np.lexsort((unlike, missed[which, where]))[:TARGETS]
    return [
        Placed(
            code=shapes.codes[i],
            pose=Pose(
                centre_mm=(float(centres[j, 0]), float(centres[j, 1])), scale_mm=float(scales[j])
            ),
        )
        for i, j in zip(which[best], where[best], strict=True)
    ]


def _region(kind: Kind) -> Region:
    if kind in IN_WALL:
        return Region.WALL
    return Region.CAVITY if kind is Kind.CAVITY else Region.OUTSIDE


def _pixels(
    points_mm: NDArray[np.float64], centres_mm: NDArray[np.float64], scales_mm: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """(place, point) rows and columns of the frame at each place, and whether they are in it."""
    apart = (points_mm[None] - centres_mm[:, None]) / scales_mm[:, None, None]
    index = np.rint(apart + (FRAME_SIDE - 1) / 2.0).astype(np.intp)
    inside = ((index >= 0) & (index < FRAME_SIDE)).all(axis=-1)
    index = np.clip(index, 0, FRAME_SIDE - 1)
    return index[..., 0], index[..., 1], inside


def _sampled(
    draft: SliceDraft, likely: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.uint8]]:
    """Pixels in and round a wall, and what they lie in."""
    regions = np.where(draft.pool_of(likely), Region.CAVITY, Region.OUTSIDE)
    regions[likely] = Region.WALL
    points = np.argwhere(regions != Region.OUTSIDE)
    ends = zip(points.min(axis=0), points.max(axis=0), strict=True)
    steps = (np.linspace(low, high, GRID).round().astype(np.intp) for low, high in ends)
    at = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 2)
    return at, regions[at[:, 0], at[:, 1]].astype(np.uint8)
