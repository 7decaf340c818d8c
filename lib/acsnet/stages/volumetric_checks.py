"""The volumetric checks of stage 3: what lies below the apex or above the base is dropped.

Paper, "Stage 3": the longest run of slices in which the area of the left ventricle never falls by
more than about 40 % ends at i_M; i_C is the first "C" and i_D the first large deviation of area;
the volume is cut at max(i_M, min(i_C + 1, i_D)). At most one "C" may remain. Not from the paper,
for the formula as printed takes the growth of areas at the apex for a deviation, and a missed slice
for the base: i_C and i_D are looked for at the basal end and are the end of the stack where there
is none; a growth is a deviation in the basal third only, and ends the run too; gaps are bridged,
and single odd slices. What ends the run is then a deviation, i_D is i_M + 1, and of the formula
remains: the run is kept, up to the first "C" at its basal end. Before that, and not from the paper
either, what lies beside the ventricle below its apex is dropped by its place (`beside_apex`), for
there the right ventricle may have the area of an apex.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_FALL = 0.4
"""Share of its area that the ventricle may lose from one slice to the next (paper).

Measured on the 197 expert stacks of the EMIDEC and ACDC train lists
(`benchmarks/stack_checks.py`): 1 of 1653 slices is lost, and of false slices put above the base,
with 0.4 or 1.8 times the area of the last, all go. As printed, i_D fires at the apex of most
hearts, and 9.0 % of the slices are lost. On the test lists 0 of 307 are lost.

At 0.3 four of the 1653 slices are lost, at 0.5 none, but of objects as large as the median slice
right below the apex 85 % go instead of 95.4 %. Of small ones (30 %) there only 22.3 % go at 0.4:
without an empty slice between they look like an apex.
"""

MAX_BASAL_GROWTH = 0.6
"""Share of its area that the ventricle may gain (paper) in the basal third (not from the paper)."""

MIN_BASAL_SLICES = 4
"""In a stack of fewer slices no base is told from the apex. Not from the paper."""

MIN_SHARED = 0.25
"""Share of the smaller of two slices' areas in which both meet, unless one lies beside the other.

In the 197 expert stacks neighbours share at least 0.60, and 0.47 and 0.37 where one or two slices
between them are lost (`benchmarks/stack_checks.py`): none of their slices lies beside. Not from the
paper.
"""

BELOW_APEX = "below the apex"
ABOVE_BASE = "above the base"
NOT_JOINED = "not joined to the ventricle"
SECOND_OPEN = "second open slice at the base"


@dataclass(frozen=True, kw_only=True)
class Dropped:
    """A slice that had a wall, and why it is none of the ventricle's."""

    index: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class StackCheck:
    """Result of the checks of a stack.

    ventricle: (slice,) bool, False also where nothing was drawn; dropped: in order of the slices;
    odd: slices kept although their area is unlike that of both neighbours.
    """

    ventricle: NDArray[np.bool_]
    dropped: tuple[Dropped, ...]
    odd: tuple[int, ...] = ()


def beside_apex(ventricle: NDArray[np.bool_]) -> tuple[Dropped, ...]:
    """Slices below the apex, by their place: the ventricle ends above the first that lies beside.

    ventricle: (slice, row, column) wall and what it encloses, apex first. From the middle of the
    drawn slices down, each is compared with the drawn one above it (`MIN_SHARED`); a single slice
    out of place between two that meet is passed over.
    """
    drawn = np.flatnonzero(ventricle.any(axis=(1, 2))).tolist()
    if len(drawn) < MIN_BASAL_SLICES:
        return ()

    def meet(a: int, b: int) -> bool:
        shared = np.count_nonzero(ventricle[a] & ventricle[b])
        smaller = min(np.count_nonzero(ventricle[a]), np.count_nonzero(ventricle[b]))
        return bool(shared >= MIN_SHARED * smaller)

    around = zip(drawn, drawn[1:], drawn[2:], strict=False)
    out_of_place = {k for a, k, b in around if meet(a, b) and not meet(a, k) and not meet(k, b)}
    placed = [k for k in drawn if k not in out_of_place]
    for above, below in pairwise(placed[len(placed) // 2 :: -1]):
        if not meet(below, above):
            return tuple(Dropped(index=k, reason=BELOW_APEX) for k in drawn if k <= below)
    return ()


def check_slice_areas(
    lv_area_mm2: NDArray[Any],
    is_open: NDArray[np.bool_],
    *,
    max_fall: float = MAX_FALL,
) -> StackCheck:
    """Which slices are the ventricle's, apex first.

    lv_area_mm2: (slice,) wall and what it encloses, 0 where there is no wall; is_open: (slice,)
    whether the wall is a "C". Of the "C" slices at the basal end the first may stay. A "C" with a
    closed wall above it is no basal one: it is left alone, for stage 3 to close. Where anything is
    drawn, something is kept.
    """
    ventricle = np.zeros(len(lv_area_mm2), bool)
    parts = _parts(lv_area_mm2 > 0)
    runs = [(part, run) for part in parts for run in _runs(lv_area_mm2[part], max_fall=max_fall)]
    if not runs:
        return StackCheck(ventricle=ventricle, dropped=())
    # Of runs of the same length the one of larger volume.
    part, run = max(runs, key=lambda pair: (len(pair[1]), lv_area_mm2[pair[0][pair[1]]].sum()))
    whole = part[run]
    kept = whole[: _first_basal_open(is_open[whole]) + 1]
    ventricle[kept] = True
    reasons = dict.fromkeys(np.flatnonzero(lv_area_mm2 > 0).tolist(), NOT_JOINED)
    reasons |= dict.fromkeys(part[: run[0]].tolist(), BELOW_APEX)
    reasons |= dict.fromkeys(whole.tolist(), SECOND_OPEN)
    reasons |= dict.fromkeys(part[run[-1] + 1 :].tolist(), ABOVE_BASE)
    dropped = [Dropped(index=k, reason=why) for k, why in reasons.items() if not ventricle[k]]
    odd = odd_slices(lv_area_mm2[kept], max_fall=max_fall)
    return StackCheck(
        ventricle=ventricle, dropped=tuple(dropped), odd=tuple(kept[list(odd)].tolist())
    )


def _parts(drawn: NDArray[np.bool_]) -> list[NDArray[np.intp]]:
    """Indices of the drawn slices, parted at gaps.

    Not from the paper: a gap is bridged where the slices on either side outnumber its empty ones. A
    slice that the network missed costs no half of a heart; a lone object off its end is not joined.
    """
    index = np.flatnonzero(drawn)
    if not len(index):
        return []
    gap = np.diff(index) - 1
    below = np.arange(1, len(index))
    parted = (gap > 0) & (gap >= np.minimum(below, len(index) - below))
    return np.split(index, np.flatnonzero(parted) + 1)


def _runs(area: NDArray[Any], *, max_fall: float) -> list[NDArray[np.intp]]:
    """Positions of (drawn slice,) areas, parted where the area deviates from the slice before."""
    count = len(area)
    first_basal = 1 + 2 * (count - 1) // 3 if count >= MIN_BASAL_SLICES else count
    odd = odd_slices(area, max_fall=max_fall)
    ends = []
    before = area[0]
    for k in range(1, count):
        if k in odd:
            continue
        grows = k >= first_basal and area[k] > (1.0 + MAX_BASAL_GROWTH) * before
        if grows or area[k] < (1.0 - max_fall) * before:
            ends.append(k)
        before = area[k]
    return np.split(np.arange(count), ends)


def odd_slices(area: NDArray[Any], *, max_fall: float) -> tuple[int, ...]:
    """Positions of single slices, far from either end, that deviate where the next does not.

    area: (drawn slice,). Not from the paper: a slice drawn far too small or large ends no run.
    """

    def like(k: int, before: float) -> bool:
        return bool((1.0 - max_fall) * before <= area[k] <= (1.0 + MAX_BASAL_GROWTH) * before)

    odd: list[int] = []
    for k in range(2, len(area) - 2):
        before = area[k - 1]
        if k - 1 not in odd and not like(k, before) and like(k + 1, before):
            odd.append(k)
    return tuple(odd)


def _first_basal_open(is_open: NDArray[np.bool_]) -> int:
    """Where the open slices at the basal end begin; the number of slices where there are none."""
    closed = np.flatnonzero(~is_open)
    return int(closed[-1]) + 1 if len(closed) else 0
