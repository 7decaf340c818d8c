"""Clicks on scar, or off it -> the likeliest scar that holds them.

Errors of a draft go together: where it missed scar, or took healthy wall for scar, it was as wrong
around, and, to a lesser degree, in the slices beside. Of all changes of how sure the draft is of
its scar that make it sure of what clicks say, the likeliest is taken, as of the walls. Dark cores
grow by a geodesic distance, as of Criminisi et al. 2008, doi:10.1007/978-3-540-88682-2_9. Not from
the paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from skimage.graph import MCP_Geometric

from acsnet.interaction.clicks import Click, Kind
from acsnet.interaction.least_change import multipliers
from acsnet.interaction.scar_errors import MOST_APART_MM, ScarCovariance, draft_log_odds
from acsnet.masks import SAME, box_of

CORE_MM = 8.0
"""Reach of a click on a dark core, where the signal stays as it is at the click."""

STEEPNESS = 10.0
"""A millimetre to a dark core costs 1 + (steepness * share of the contrast)^2."""

SURE = 1.0
"""Log-odds of what a click says, chosen with `ScarCovariance`: with 2 the overlap with the expert's
scar gets worse."""

DARKEST, BRIGHTEST = -0.5, 1.5
"""Signal beyond, as a share of the contrast, says no more."""

SCAR_ERRORS = ScarCovariance()
"""Covariance of errors of drafts; none between slices more than `MOST_APART_MM` apart."""


@dataclass(frozen=True, kw_only=True)
class GrownScar:
    """(slice, row, column) masks of all enhancement, and of the dark cores that clicks point at."""

    enhancement: NDArray[np.bool_]
    obstruction: NDArray[np.bool_]


def grow_scar(
    pixels: NDArray[np.float32],
    wall: NDArray[np.bool_],
    enhancement: NDArray[np.bool_],
    clicks: Sequence[Click],
    spacing_mm: tuple[float, float, float],
    *,
    measured: NDArray[np.bool_] | None = None,
) -> GrownScar:
    """Enhancement after clicks on scar, on dark cores and on healthy wall; others are ignored.

    Args:
        pixels: (slice, row, column) signal.
        wall: (slice, row, column) whole wall, which bounds all scar.
        enhancement: (slice, row, column) of the draft.
        clicks: on the scan.
        spacing_mm: distance of slices, of rows, of columns.
        measured: mask of what has signal; None for everything. The rest counts as remote wall.
    """
    out = enhancement & wall
    cores = np.zeros_like(out)
    inside = [click for click in clicks if wall[click.at]]
    on_wall = [click for click in inside if click.kind in (Kind.SCAR, Kind.HEALTHY)]
    on_cores = [click for click in inside if click.kind is Kind.OBSTRUCTION]
    if not (on_wall or on_cores):
        return GrownScar(enhancement=out, obstruction=cores)
    box = (slice(None), *box_of(wall.any(axis=0), margin=1))
    lit = wall if measured is None else wall & measured
    remote, contrast = _signal_range(pixels, lit, enhancement)
    above = np.where(lit, pixels - remote, np.float32(0.0))[box]
    signal = np.clip(above / contrast, DARKEST, BRIGHTEST)
    here = [_within(click, box) for click in on_wall]
    if here:
        out[box] = _likeliest_scar(signal, wall[box], out[box], here, spacing_mm)
    for k in sorted({click.slice for click in on_cores}):
        dark, other = (
            _ways([c for c in group if c.slice == k], signal[k], wall[box][k], spacing_mm[1:])
            for group in ([_within(click, box) for click in on_cores], here)
        )
        cores[box][k] = (dark <= CORE_MM * SAME) & (dark <= other)
    return GrownScar(enhancement=out | cores, obstruction=cores)


def _within(click: Click, box: tuple[slice, slice, slice]) -> Click:
    """A click counted from the corner of a box."""
    return replace(click, row=click.row - box[1].start, column=click.column - box[2].start)


def _signal_range(
    pixels: NDArray[np.float32], wall: NDArray[np.bool_], enhancement: NDArray[np.bool_]
) -> tuple[float, float]:
    """Signal of the remote wall, and how far above it scar lies."""
    remote = pixels[wall & ~enhancement]
    low = float(np.median(remote)) if remote.size else 0.0
    spread = float(np.percentile(pixels[wall], 99.0) - low) if wall.any() else 0.0
    return low, max(spread, float(np.finfo(np.float32).tiny))


def _likeliest_scar(
    signal: NDArray[np.float32],
    wall: NDArray[np.bool_],
    scar: NDArray[np.bool_],
    clicks: Sequence[Click],
    spacing_mm: tuple[float, float, float],
) -> NDArray[np.bool_]:
    """(slice, row, column) scar that is likeliest after clicks on scar and on healthy wall."""
    out = scar.copy()
    covariance = SCAR_ERRORS
    if spacing_mm[0] > MOST_APART_MM * SAME:
        covariance = replace(covariance, along_mm=spacing_mm[0])
    odds = {
        k: draft_log_odds(signal[k], scar[k], spacing_mm[1:])
        for k in range(len(wall))
        if any(abs(k - c.slice) * spacing_mm[0] < covariance.along_mm for c in clicks)
    }
    places = _places(np.array([click.at for click in clicks]), signal, spacing_mm)
    says = np.array([1.0 if click.kind is Kind.SCAR else -1.0 for click in clicks])
    drawn = np.array([odds[c.slice][c.row, c.column] for c in clicks])
    # Where the draft has what a click says, it is to be no less sure of it.
    least = np.maximum(SURE - says * drawn, 0.0)
    weights = says * multipliers(says[:, None] * covariance(places, places) * says, least)
    for k, before in odds.items():
        at = np.argwhere(wall[k])
        points = _places(np.insert(at, 0, k, axis=1), signal, spacing_mm)
        change = covariance(points, places) @ weights
        out[k][wall[k]] = before[wall[k]] + change > 0.0
    for click in clicks:
        out[click.at] = click.kind is Kind.SCAR
    return out


def _places(
    index: NDArray[np.intp], signal: NDArray[np.float32], spacing_mm: tuple[float, float, float]
) -> NDArray[np.float64]:
    """(n, 3) of slice, row, column -> (n, 4) of their mm and the signal there."""
    return np.column_stack([index * np.asarray(spacing_mm), signal[tuple(index.T)]])


def _ways(
    clicks: Sequence[Click],
    signal: NDArray[np.float32],
    wall: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
) -> NDArray[np.float64]:
    """(row, column) cost of the cheapest way through the wall from any click, in mm."""
    out = np.full(wall.shape, np.inf)
    for click in clicks:
        apart = signal - signal[click.row, click.column]
        cost = np.where(wall, 1.0 + (STEEPNESS * apart) ** 2, -1.0)
        ways, _ = MCP_Geometric(cost, sampling=spacing_mm).find_costs([(click.row, click.column)])
        out = np.minimum(out, ways)
    return out
