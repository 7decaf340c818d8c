"""The operating point of stage 2: the thresholds and the clean-up with which its masks are best.

Everything is measured on patients that a network was never trained on. A threshold moves Dice,
volume and burden at once, so each is chosen by a rule that names all of them (ours): of the
settings whose Dice is next to the best, the wall's is the one with the least bias of its volume and
the scar's the one with the highest concordance of scar burden.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.evaluate.metrics import concordance_correlation
from acsnet.masks import Mask, slice_dice
from acsnet.quantify.volumes import burden_percent
from acsnet.stages.myocardium import EnhancementCleanup

WALL_TOLERANCE = 0.003
SCAR_TOLERANCE = 0.01
"""Dice below the best that a setting may have and still be chosen for what it measures."""


@dataclass(frozen=True, kw_only=True)
class WallScore:
    """One patient at one threshold: mean Dice of the slices drawn, volume over the expert's."""

    dice: float
    volume_ratio: float


@dataclass(frozen=True, kw_only=True)
class ScarScore:
    """One patient at one setting; dice: mean of the slices with scar drawn, None without any."""

    dice: float | None
    burden_percent: float
    expert_burden_percent: float


@dataclass(frozen=True, kw_only=True)
class WallPoint:
    """All patients at one threshold; bias: of the wall's volume, in percent of the expert's."""

    threshold: float
    patients: int
    dice: float
    bias_percent: float


@dataclass(frozen=True, kw_only=True)
class ScarPoint:
    """All patients at one setting.

    dice: mean over patients with scar drawn; bias: of scar burden, in points; concordance: Lin's,
    of scar burden; false_scar: burden where the expert drew none, mean over these patients; missed:
    patients with an expert burden above 5 % in whom none was found.
    """

    threshold: float
    cleanup: EnhancementCleanup
    patients: int
    dice: float
    bias_points: float
    concordance: float
    false_scar_percent: float
    missed: int


MIN_MISSED_PERCENT = 5.0


def wall_score(wall: Mask, expert_wall: Mask) -> WallScore:
    """(slice, row, column) masks; only slices where the expert drew the wall count."""
    drawn = expert_wall.any(axis=(1, 2))
    return WallScore(
        dice=float(slice_dice(wall, expert_wall)[drawn].mean()),
        volume_ratio=float(wall[drawn].sum() / expert_wall.sum()),
    )


def scar_score(scar: Mask, wall: Mask, expert_scar: Mask, expert_wall: Mask) -> ScarScore:
    """(slice, row, column) masks; scar counts inside its wall, where the expert drew the wall."""
    drawn = expert_wall.any(axis=(1, 2))
    inside = scar & wall
    enhanced = expert_scar.any(axis=(1, 2))
    dice = slice_dice(inside, expert_scar)[enhanced]
    burden = burden_percent(float(inside[drawn].sum()), float(wall[drawn].sum()))
    truth = burden_percent(float(expert_scar.sum()), float(expert_wall.sum()))
    return ScarScore(
        dice=float(dice.mean()) if len(dice) else None,
        burden_percent=burden or 0.0,
        expert_burden_percent=truth or 0.0,
    )


def wall_point(threshold: float, scores: Sequence[WallScore]) -> WallPoint:
    """What the patients give together."""
    ratios = [score.volume_ratio for score in scores]
    return WallPoint(
        threshold=threshold,
        patients=len(scores),
        dice=float(np.mean([score.dice for score in scores])),
        bias_percent=100.0 * (float(np.mean(ratios)) - 1.0),
    )


def scar_point(
    threshold: float, cleanup: EnhancementCleanup, scores: Sequence[ScarScore]
) -> ScarPoint:
    """What the patients give together; NaN where none of them has such a number."""
    found = np.array([score.burden_percent for score in scores])
    drawn = np.array([score.expert_burden_percent for score in scores])
    dice = [score.dice for score in scores if score.dice is not None]
    concordance = concordance_correlation(found, drawn)
    return ScarPoint(
        threshold=threshold,
        cleanup=cleanup,
        patients=len(scores),
        dice=_mean(np.array(dice)),
        bias_points=_mean(found - drawn),
        concordance=np.nan if concordance is None else concordance,
        false_scar_percent=_mean(found[drawn == 0.0]),
        missed=int(((drawn > MIN_MISSED_PERCENT) & (found == 0.0)).sum()),
    )


def best_wall(points: Sequence[WallPoint]) -> WallPoint:
    """Of the points within `WALL_TOLERANCE` of the best Dice the one with the least bias."""
    best = max(point.dice for point in points)
    near = [point for point in points if point.dice >= best - WALL_TOLERANCE]
    return min(near, key=lambda point: abs(point.bias_percent))


def best_scar(points: Sequence[ScarPoint]) -> ScarPoint:
    """Of the points within `SCAR_TOLERANCE` of the best Dice the one with the best concordance."""
    best = max(point.dice for point in points)
    near = [point for point in points if point.dice >= best - SCAR_TOLERANCE]
    return max(near, key=lambda point: point.concordance)


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if len(values) else float("nan")
