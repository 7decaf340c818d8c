"""Acquisition: which open scan to label next, and why. Not from the paper.

Each strategy is a set of parts. Each part ranks the open scans; a scan's value is its mean rank, as
a share from last to first, so that no part outweighs another by its unit. A scan without scores has
rank share 0.5.

- uncertainty: mean entropy around the wall (`acsnet.active_learning.scores`)
- correction: latent distance by which the anatomical checks moved the wall
- disagreement: of model and reviewers in the most similar reviewed scans
- diversity: distance, in feature space, to the nearest scan that is reviewed, begun or assigned;
  repeated, this is greedy k-centre (Gonzalez, doi:10.1016/0304-3975(85)90224-5; Sener and Savarese,
  arXiv:1708.00489); while there is none, closeness to the mean of the open scans
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist

from acsnet.active_learning.scores import FEATURES, Scores
from acsnet.masks import SAME

# The parts, in the words of a reason; {}: "2 of 3 other scans".
PARTS = {
    "uncertainty": "the network is less sure of the wall than in {}",
    "correction": "the anatomical checks moved the wall further than in {}",
    "disagreement": (
        "in the scans most like it, the model was further from the reviewers than in those most "
        "like {}"
    ),
    "diversity": "it is less like the scans that are reviewed or being worked on than {}",
}
TYPICAL = "it is nearer to the mean of the open scans than {}"  # diversity, nothing to be unlike
COMBINED = "acsnet"
STRATEGIES = {COMBINED: tuple(PARTS), **{part: (part,) for part in PARTS}}  # name -> parts
NEIGHBOURS = 3  # reviewed scans whose mean disagreement is that expected of an open one
MIDDLING = 0.5

Values = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Known:
    """A scan as input of the acquisition.

    scores: None if not scored; disagreement: of model and review, None if unknown; shown: when last
    given to a reader, seconds since 1970, 0 for never.
    """

    id: str
    scores: Scores | None = None
    disagreement: float | None = None
    shown: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The chosen scan, the known values of its parts, and the reason in words."""

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
    """Choose up to `count` open scans, best first, each as if the previous were assigned.

    others: scans that are reviewed, begun or assigned; strategy: a key of `STRATEGIES`. Ties are
    broken by the time they were last shown, oldest first, then by id.
    """
    left, given = list(open_scans), list(others)
    chosen: list[Choice] = []
    while left and len(chosen) < count:
        values = part_values(left, given)
        shares = {part: rank_shares(values[part]) for part in STRATEGIES[strategy]}
        total = np.mean(list(shares.values()), axis=0)
        best = min(range(len(left)), key=lambda k: (-total[k], left[k].shown, left[k].id))
        compared = any(other.scores is not None for other in given)
        words = PARTS if compared else {**PARTS, "diversity": TYPICAL}
        chosen.append(_choice(left[best].id, best, {part: values[part] for part in shares}, words))
        given.append(left.pop(best))
    return chosen


def part_values(open_scans: Sequence[Known], others: Sequence[Known]) -> dict[str, Values]:
    """Part -> (open scan,) values, NaN where unknown."""
    features = standardised([*open_scans, *others])
    candidates, centres = features[: len(open_scans)], features[len(open_scans) :]
    reviewed = [k for k, other in enumerate(others) if other.disagreement is not None]
    changed = np.array([others[k].disagreement for k in reviewed], np.float64)
    scored = {
        part: np.array([getattr(scan.scores, part, np.nan) for scan in open_scans])
        for part in ("uncertainty", "correction")
    }
    return {
        **scored,
        "disagreement": expected_disagreement(candidates, centres[reviewed], changed),
        "diversity": diversity(candidates, centres),
    }


def standardised(scans: Sequence[Known]) -> Values:
    """(scan, feature) z-scores of the features; NaN if not scored, 0 for a single missing one.

    A feature that differs by rounding only, as pixel sizes of headers do, tells no scans apart.
    """
    table = np.full((len(scans), len(FEATURES)), np.nan)
    for row, scan in zip(table, scans, strict=True):
        if scan.scores is not None:
            row[:] = np.array(scan.scores.features, dtype=np.float64)
    scored = np.array([scan.scores is not None for scan in scans], bool)
    for column in table.T:
        present = ~np.isnan(column)
        if present.any():
            varies = np.ptp(column[present]) > (SAME - 1.0) * np.abs(column[present]).max()
            spread = column[present].std() if varies else np.inf
            column[present] = (column[present] - column[present].mean()) / spread
        column[scored & ~present] = 0.0
    return table


def diversity(points: Values, centres: Values) -> Values:
    """(point,) distance to the nearest centre; NaN for points that are NaN.

    points, centres: (n, feature); centres that are NaN are left out. Without centres: minus the
    distance to the mean of all points, so that the most typical comes first.
    """
    centres = centres[~np.isnan(centres).any(axis=1)]
    present = ~np.isnan(points).any(axis=1)
    out = np.full(len(points), np.nan)
    if present.any() and len(centres):
        out[present] = cdist(points[present], centres).min(axis=1)
    elif present.any():
        out[present] = -np.linalg.norm(points[present] - points[present].mean(axis=0), axis=1)
    return out


def expected_disagreement(points: Values, reviewed: Values, changed: Values) -> Values:
    """(point,) mean disagreement of the `NEIGHBOURS` nearest reviewed points; NaN if unknown.

    points, reviewed: (n, feature); changed: (n,) disagreement of each reviewed point.
    """
    usable = ~np.isnan(reviewed).any(axis=1)
    reviewed, changed = reviewed[usable], changed[usable]
    out = np.full(len(points), np.nan)
    present = ~np.isnan(points).any(axis=1)
    if len(reviewed) and present.any():
        distance = cdist(points[present], reviewed)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, :NEIGHBOURS]
        out[present] = changed[nearest].mean(axis=1)
    return out


def rank_shares(values: Values) -> Values:
    """(n,) ranks as shares in (0, 1), highest for the largest; ties share; `MIDDLING` for NaN."""
    from scipy.stats import rankdata  # takes long to import

    out = np.full(len(values), MIDDLING)
    present = ~np.isnan(values)
    out[present] = (rankdata(values[present]) - 0.5) / max(present.sum(), 1)
    return out


def _choice(id_: str, index: int, values: dict[str, Values], words: Mapping[str, str]) -> Choice:
    known = {part: float(v[index]) for part, v in values.items() if not np.isnan(v[index])}
    return Choice(id=id_, values=known, reason=_reason(index, values, words))


def _reason(index: int, values: dict[str, Values], words: Mapping[str, str]) -> str:
    """The parts in which the scan ranks above the median, strongest first; words: of each part."""
    reasons = []
    for part, of_scans in values.items():
        others = np.delete(of_scans, index)
        others = others[~np.isnan(others)]
        below = int((others < of_scans[index]).sum())
        if 2 * below > len(others):
            reason = words[part].format(f"{below} of {len(others)} other scans")
            reasons.append((below / len(others), reason))
    if reasons:
        reasons.sort(key=lambda reason: -reason[0])
        return "; ".join(reason for _, reason in reasons)
    if all(np.isnan(of_scans[index]) for of_scans in values.values()):
        return "not scored yet: chosen because it was shown longest ago"
    return "no other scan is known to tell more; shown longest ago"
