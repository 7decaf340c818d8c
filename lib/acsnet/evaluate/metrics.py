"""Agreement of two masks, slice by slice, and of two lists of volumes, patient by patient.

The measures are those of Popescu et al. 2022 (DOI 10.1016/j.cvdhj.2021.11.007), Tables 1 and 2.
NaN marks a value that is not defined; means leave it out and count what is left.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.spatial import KDTree
from scipy.stats import ttest_ind_from_stats

from acsnet.masks import Mask

Values = NDArray[np.float64]

APEX, MIDDLE, BASE = "apex", "middle", "base"
THIRDS = (APEX, MIDDLE, BASE)

NORMAL_95 = 1.96
"""Half-width of the 95 % interval of a normal distribution, in standard errors."""


def slice_balanced_accuracy(predicted: Mask, expert: Mask) -> Values:
    """Mean of sensitivity and specificity over all pixels of each slice, (slice,).

    NaN where the expert drew nothing or everything: one of the two is then not defined.
    """
    positives = np.count_nonzero(expert, axis=(1, 2))
    negatives = np.count_nonzero(~expert, axis=(1, 2))
    hits = np.count_nonzero(predicted & expert, axis=(1, 2))
    rejections = np.count_nonzero(~predicted & ~expert, axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((hits / positives + rejections / negatives) / 2.0)


def slice_hausdorff_mm(
    predicted: Mask,
    expert: Mask,
    in_plane_mm: tuple[float, float],
    *,
    percentile: float = 100.0,
) -> Values:
    """Largest distance from a boundary pixel of one mask to the nearest of the other, (slice,).

    Symmetric; in_plane_mm: distance between rows and between columns; percentile: of the distances
    each way, instead of the largest. A boundary pixel touches the outside by an edge; the image
    border counts as outside. NaN where either mask is empty: there is no distance to nothing.
    """
    distances = np.full(len(expert), np.nan)
    for index in np.flatnonzero(predicted.any(axis=(1, 2)) & expert.any(axis=(1, 2))):
        drawn = _boundary(predicted[index]) * np.asarray(in_plane_mm)
        expert_edge = _boundary(expert[index]) * np.asarray(in_plane_mm)
        ways = KDTree(expert_edge).query(drawn)[0], KDTree(drawn).query(expert_edge)[0]
        distances[index] = max(float(np.percentile(way, percentile)) for way in ways)
    return distances


def _boundary(mask: Mask) -> NDArray[np.int64]:
    """(row, column) mask -> (pixel, 2) indices of those that touch the outside by an edge."""
    return np.argwhere(mask & ~binary_erosion(mask))


def thirds_of_heart(expert_lv: Mask) -> tuple[str, ...]:
    """The third that each slice of an apex-first stack lies in.

    The distance from the first to the last slice with expert left ventricle is cut in three equal
    parts; a slice on a cut is in the middle, and slices beyond an end belong to that end (both
    ours). Raises ValueError where the expert drew no left ventricle.
    """
    drawn = np.flatnonzero(expert_lv.any(axis=(1, 2)))
    if not drawn.size:
        msg = "the expert drew no left ventricle in any slice"
        raise ValueError(msg)
    first, length = drawn[0], drawn[-1] - drawn[0]

    def third(index: int) -> str:
        along = 3 * (index - first)
        return APEX if along < length else BASE if along > 2 * length else MIDDLE

    return tuple(third(index) for index in range(len(expert_lv)))


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over `n` defined values; half_width_95 is None below two of them, value below one."""

    n: int
    value: float | None
    half_width_95: float | None


def mean_95(values: Values) -> Mean:
    """Mean and half-width of its normal 95 % interval, 1.96 sd / sqrt(n), over values not NaN."""
    defined = values[~np.isnan(values)]
    n = len(defined)
    return Mean(
        n=n,
        value=float(defined.mean()) if n else None,
        half_width_95=float(NORMAL_95 * defined.std(ddof=1) / np.sqrt(n)) if n > 1 else None,
    )


def _vary(predicted: Values, expert: Values) -> bool:
    """Whether there are two pairs or more, and either list varies.

    By the range: the variance of equal values is not quite 0 where their mean is rounded.
    """
    return len(expert) > 1 and bool(np.ptp(predicted) > 0 or np.ptp(expert) > 0)


def concordance_correlation(predicted: Values, expert: Values) -> float | None:
    """Lin's coefficient, 2 cov / (var + var + (difference of means)^2), moments over n.

    Lin, Biometrics 1989;45:255. None below two pairs or where nothing varies.
    """
    if not _vary(predicted, expert):
        return None
    spread = predicted.var() + expert.var()
    covariance = np.mean((predicted - predicted.mean()) * (expert - expert.mean()))
    return float(2 * covariance / (spread + (predicted.mean() - expert.mean()) ** 2))


def welch_p(predicted: Values, expert: Values) -> float | None:
    """p value of Welch's t-test on equal means; None where it is not defined."""
    if not _vary(predicted, expert):
        return None
    moments = [
        moment
        for values in (predicted, expert)
        for moment in (values.mean(), values.std(ddof=1), len(values))
    ]
    return float(ttest_ind_from_stats(*moments, equal_var=False).pvalue)


def normalised_mae_percent(predicted: Values, expert: Values) -> float | None:
    """Mean of |predicted - expert| / expert in %, over patients whose expert value is not 0."""
    has = expert > 0
    if not has.any():
        return None
    return float(100.0 * np.mean(np.abs(predicted[has] - expert[has]) / expert[has]))
