"""The way through the latent space from a mask to the nearest wall that is possible.

Paper, "Stage 3": move towards the nearest code of the prior by the smallest step whose decoding is
valid. Not from the paper: validity is judged on the scan's own grid; where digitising a target
there spoils it, the next nearest are tried; the way is scanned before it is halved, for its valid
part need not be one interval.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from acsnet.anatomy.checks import Verdict, check
from acsnet.anatomy.expert_shapes import ExpertShapes, expert_shapes
from acsnet.anatomy.latent_prior import Prior
from acsnet.anatomy.pose import Pose, from_frame, pose_of, to_frame
from acsnet.masks import dice
from acsnet.nets.inference import WallCodec

TARGETS_TRIED = 8
"""Codes of the prior that are tried, nearest first, before a mask is given up."""

SCAN_STEPS = 8
BISECTIONS = 4
"""The step is then known to 1 part in SCAN_STEPS * 2**BISECTIONS of the way."""

MIN_DICE = 0.4
"""Least Dice of a corrected wall with the mask it replaces. Not from the paper."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A mask to be moved; closed: only a ring will do; pose and code: what it is encoded as."""

    mask: NDArray[np.bool_]
    closed: bool
    pose: Pose
    code: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Point:
    """A code, the size of its frame, and its share of the way from the case to its target."""

    code: NDArray[np.float32]
    scale_mm: float
    share: float


@dataclass(frozen=True, kw_only=True)
class ValidWall:
    """A valid point, as a mask on the scan's grid."""

    point: Point
    wall: NDArray[np.bool_]
    verdict: Verdict


_Group = tuple[Case, list[Point]]


@dataclass(frozen=True, kw_only=True)
class LatentWalk:
    """The autoencoder and the prior whose codes are the targets."""

    autoencoder: WallCodec
    prior: Prior

    @cached_property
    def _tree(self) -> KDTree:
        return KDTree(self.prior.codes)

    @cached_property
    def shapes(self) -> ExpertShapes:
        """Shapes of experts, for whoever looks for a possible wall elsewhere than near a mask."""
        return expert_shapes(self.prior, self.autoencoder.scores)

    def cases(
        self,
        masks: list[NDArray[np.bool_]],
        spacing_mm: tuple[float, float],
        *,
        closed: list[bool],
    ) -> list[Case]:
        """Non-empty (row, column) masks with their poses and codes."""
        if not masks:
            return []
        poses = [pose_of(mask, spacing_mm) for mask in masks]
        frames = [to_frame(m, spacing_mm, pose) for m, pose in zip(masks, poses, strict=True)]
        codes = self.autoencoder.codes(np.stack(frames))
        return [
            Case(mask=mask, closed=ring, pose=pose, code=code)
            for mask, ring, pose, code in zip(masks, closed, poses, codes, strict=True)
        ]

    def distance(self, case: Case, moved: ValidWall) -> float:
        """How far the code moved, in typical gaps between two hearts of the prior."""
        return float(np.linalg.norm(moved.point.code - case.code)) / self.prior.gap

    def nearest_valid(
        self, cases: list[Case], spacing_mm: tuple[float, float]
    ) -> list[ValidWall | None]:
        """For each case the valid point nearest to its own code on the way to its target.

        spacing_mm: distance of rows, of columns. None where no target will do. All cases go
        together: each round is one batch.
        """
        starts = [Point(code=c.code, scale_mm=c.pose.scale_mm, share=0.0) for c in cases]
        nearest = self._first_valid(
            [(c, [start]) for c, start in zip(cases, starts, strict=True)], spacing_mm
        )
        moving = [i for i, f in enumerate(nearest) if f is None]
        targets = self._targets([cases[i] for i in moving], spacing_mm)
        ways = [
            (i, cases[i], starts[i], target)
            for i, target in zip(moving, targets, strict=True)
            if target
        ]
        grid = np.arange(1, SCAN_STEPS) / SCAN_STEPS
        scanned = self._first_valid(
            [(c, [_between(a, b.point, t) for t in grid]) for _, c, a, b in ways], spacing_mm
        )
        best = [step or target for step, (_, _, _, target) in zip(scanned, ways, strict=True)]
        # The step before the first valid one was not valid: halve what lies between.
        low = [step.point.share - 1.0 / SCAN_STEPS for step in best]
        for _ in range(BISECTIONS):
            middle = [(a + b.point.share) / 2.0 for a, b in zip(low, best, strict=True)]
            tried = self._first_valid(
                [
                    (c, [_between(a, target.point, t)])
                    for (_, c, a, target), t in zip(ways, middle, strict=True)
                ],
                spacing_mm,
            )
            low = [a if f else t for a, f, t in zip(low, tried, middle, strict=True)]
            best = [f or b for f, b in zip(tried, best, strict=True)]
        for (i, _, _, _), step in zip(ways, best, strict=True):
            nearest[i] = step
        return nearest

    def _targets(
        self, cases: list[Case], spacing_mm: tuple[float, float]
    ) -> list[ValidWall | None]:
        """For each case the nearest code of the prior that is valid on the scan's own grid.

        First with the size of the case, then with the code's own.
        """
        targets: list[ValidWall | None] = [None] * len(cases)
        if not cases:
            return targets
        count = min(TARGETS_TRIED, len(self.prior.codes))
        _, near = self._tree.query([c.code for c in cases], k=np.arange(count) + 1)
        for own_size in (True, False):
            left = [i for i, f in enumerate(targets) if f is None]
            groups = [
                (cases[i], [self._neighbour(cases[i], j, own_size=own_size) for j in near[i]])
                for i in left
            ]
            for i, tried in zip(left, self._first_valid(groups, spacing_mm), strict=True):
                targets[i] = tried
        return targets

    def _neighbour(self, case: Case, j: int, *, own_size: bool) -> Point:
        size = case.pose.scale_mm if own_size else float(self.prior.scale_mm[j])
        return Point(code=self.prior.codes[j], scale_mm=size, share=1.0)

    def _first_valid(
        self, groups: list[_Group], spacing_mm: tuple[float, float]
    ) -> list[ValidWall | None]:
        """Of each case's points, in their order, the first that is valid; decoded in one batch."""
        codes = [point.code for _, points in groups for point in points]
        if not codes:
            return [None] * len(groups)
        scores = iter(self.autoencoder.scores(np.stack(codes)))
        out = []
        for case, points in groups:
            tried = [(point, next(scores)) for point in points]
            walls = (self._placed(case, point, score, spacing_mm) for point, score in tried)
            out.append(next((wall for wall in walls if wall), None))
        return out

    def _placed(
        self,
        case: Case,
        point: Point,
        score: NDArray[np.float32],
        spacing_mm: tuple[float, float],
    ) -> ValidWall | None:
        """The decoded wall on the scan's own grid, if it is valid there and one with the mask."""
        pose = replace(case.pose, scale_mm=point.scale_mm)
        rows, columns = case.mask.shape
        wall = from_frame(score, spacing_mm, pose, (rows, columns))
        if dice(wall, case.mask) < MIN_DICE:
            return None
        verdict = check(wall, spacing_mm, self.prior.limits, closed=case.closed)
        return ValidWall(point=point, wall=wall, verdict=verdict) if verdict.valid else None


def _between(start: Point, target: Point, share: float) -> Point:
    """The point at `share` of the way, straight in the code and in the logarithm of the size."""
    size = start.scale_mm ** (1.0 - share) * target.scale_mm**share
    code = start.code + np.float32(share) * (target.code - start.code)
    return Point(code=code, scale_mm=size, share=share)
