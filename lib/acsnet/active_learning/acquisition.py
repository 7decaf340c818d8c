"""Which of the open scans comes next, and why. Pure: numbers in, a choice and its reason out.

Each strategy is a set of parts. Each part puts the open scans in order, and a scan's value is the
mean of its places in those orders, as shares of the way from last to first; so no part outweighs
another by its unit. A scan that has not been scored is taken as middling. All ours.

- uncertainty: mean entropy round the wall, see `acsnet.active_learning.scores`
- correction: latent distance that the anatomical checks moved the wall
- disagreement: of the model and the reviewers in the reviewed scans that are most like it
- diversity: distance, in feature space, to the nearest scan that is reviewed or given to a reader.
  One after the other this is greedy k-centre (Gonzalez, doi:10.1016/0304-3975(85)90224-5; Sener and
  Savarese, arXiv:1708.00489)
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.stats import rankdata

from acsnet.active_learning.scores import FEATURES, Scores

PARTS = {
    "uncertainty": "the network is less sure of the wall",
    "correction": "the anatomical checks moved the wall further",
    "disagreement": "the model was further from the reviewers in the scans most like it",
    "diversity": "it is less like the scans that are reviewed or being worked on",
}
"""The parts, in the words of a reason, which go on with "than in ... other scans"."""

COMBINED = "acsnet"
STRATEGIES: dict[str, tuple[str, ...]] = {COMBINED: tuple(PARTS)} | {
    part: (part,) for part in PARTS
}
"""Strategy -> its parts."""

NEIGHBOURS = 3
"""Reviewed scans whose disagreement stands for that of an open one."""

MIDDLING = 0.5

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a scan.

    scores: None if not scored; disagreement: with its review, None if unknown or not reviewed;
    shown: when it was last given to a reader, seconds since 1970, 0 for never.
    """

    id: str
    scores: Scores | None = None
    disagreement: float | None = None
    shown: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The scan that was chosen, the values of the parts that are known, and the reason in words."""

    id: str
    values: dict[str, float]
    reason: str


def choose(
    open_scans: Sequence[Known],
    others: Sequence[Known],
    *,
    strategy: str,
    count: int = 1,
) -> list[Choice]:
    """Up to `count` of the open scans, best first, each chosen as if those before were given out.

    others: scans that are reviewed or being worked on; strategy: a key of `STRATEGIES`. Equal ones
    come in the order in which they were shown longest ago, then by id.
    """
    left, given = list(open_scans), list(others)
    chosen: list[Choice] = []
    while left and len(chosen) < count:
        values = part_values(left, given)
        shares = {part: place_shares(values[part]) for part in STRATEGIES[strategy]}
        total = np.mean(list(shares.values()), axis=0)
        best = min(range(len(left)), key=lambda k: (-total[k], left[k].shown, left[k].id))
        chosen.append(_choice(left[best].id, best, {part: values[part] for part in shares}))
        given.append(left.pop(best))
    return chosen


def part_values(open_scans: Sequence[Known], others: Sequence[Known]) -> dict[str, Values]:
    """Part -> (open scan,) values, NaN where unknown."""
    features = standardised([*open_scans, *others])
    own, theirs = features[: len(open_scans)], features[len(open_scans) :]
    known = [k for k, other in enumerate(others) if other.disagreement is not None]
    changed = np.array([others[k].disagreement for k in known], np.float64)
    return {
        "uncertainty": np.array(
            [np.nan if one.scores is None else one.scores.uncertainty for one in open_scans]
        ),
        "correction": np.array(
            [np.nan if one.scores is None else one.scores.correction for one in open_scans]
        ),
        "disagreement": expected(own, theirs[known], changed),
        "diversity": novelty(own, theirs),
    }


def standardised(scans: Sequence[Known]) -> Values:
    """(scan, feature): features less their mean over their standard deviation; NaN if not scored.

    A scored scan that lacks a feature is at the mean of it.
    """
    rows = [one.scores.features if one.scores else (None,) * len(FEATURES) for one in scans]
    table = np.array(rows, dtype=np.float64).reshape(len(scans), len(FEATURES))
    scored = np.array([one.scores is not None for one in scans], bool)
    for column in table.T:
        there = ~np.isnan(column)
        if there.any():
            spread = float(column[there].std())
            column[there] = (column[there] - column[there].mean()) / (spread or 1.0)
        column[scored & ~there] = 0.0
    return table


def novelty(points: Values, centres: Values) -> Values:
    """(point,) distance to the nearest centre; NaN for a point that is NaN.

    points, centres: (n, feature); a centre that is NaN is left out. Without centres the point that
    is nearest to the mean of all points comes first: minus the distance to it.
    """
    centres = centres[~np.isnan(centres).any(axis=1)]
    there = ~np.isnan(points).any(axis=1)
    out = np.full(len(points), np.nan)
    if not there.any():
        return out
    if len(centres):
        out[there] = cdist(points[there], centres).min(axis=1)
    else:
        out[there] = -np.linalg.norm(points[there] - points[there].mean(axis=0), axis=1)
    return out


def expected(points: Values, reviewed: Values, changed: Values) -> Values:
    """(point,) mean of `changed` over the `NEIGHBOURS` nearest reviewed points; NaN if unknown.

    points, reviewed: (n, feature); changed: (n,) disagreement of each reviewed one.
    """
    usable = ~np.isnan(reviewed).any(axis=1)
    reviewed, changed = reviewed[usable], changed[usable]
    out = np.full(len(points), np.nan)
    there = ~np.isnan(points).any(axis=1)
    if len(reviewed) and there.any():
        distance = cdist(points[there], reviewed)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, :NEIGHBOURS]
        out[there] = changed[nearest].mean(axis=1)
    return out


def place_shares(values: Values) -> Values:
    """(n,) places from last to first as shares in (0, 1), equal ones alike; `MIDDLING` for NaN."""
    out = np.full(len(values), MIDDLING)
    there = ~np.isnan(values)
    out[there] = (rankdata(values[there]) - 0.5) / max(there.sum(), 1)
    return out


def _choice(id_: str, index: int, values: dict[str, Values]) -> Choice:
    own = {part: float(of[index]) for part, of in values.items() if not np.isnan(of[index])}
    return Choice(id=id_, values=own, reason=_reason(index, values))


def _reason(index: int, values: dict[str, Values]) -> str:
    """In words, the strongest part first; only what speaks for the scan."""
    found = []
    scored = False
    for part, of in values.items():
        others = np.delete(of, index)
        others = others[~np.isnan(others)]
        scored = scored or not np.isnan(of[index])
        below = int((others < of[index]).sum())
        if 2 * below > len(others):
            found.append((below / len(others), PARTS[part], f"than in {below} of {len(others)}"))
    if found:
        found.sort(key=lambda one: -one[0])
        return "; ".join(f"{words} {share} other scans" for _, words, share in found)
    if scored:
        return "no other scan is known to tell more; shown longest ago"
    return "not scored yet: taken in turn, shown longest ago"
