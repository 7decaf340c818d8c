"""How sure a draft is of its scar, and how errors of it go together. Not from the paper."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

DEPTH_MM = 5.0
"""Depth at which a draft is nearly as sure as it gets: 3/4 of the way."""

PER_DEPTH, PER_SIGNAL, BASE = 3.2, 0.5, -0.5
"""Log-odds of scar: of depth, of the signal as a share of the contrast, of neither. By logistic
regression on drafts of the 38 patients of the EMIDEC train list with an infarct, as they are, at
thresholds of 0.2 and 0.8, and under five changes of the signal. The loss (0.246) is near that of
the network's own probability (0.227): what a draft is sure of can be read from its labels."""

LEAST = 0.05
"""Beside the border of its scar a draft is no nearer to even."""

MOST_APART_MM = 13.0
"""Distance of slices up to which errors are taken to run on."""


def draft_log_odds(
    signal: NDArray[np.float32],
    scar: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
) -> NDArray[np.float64]:
    """(row, column) log-odds of scar in a slice: positive where the draft has some, and only there.

    Args:
        signal: (row, column), 0 in remote wall and 1 in the brightest scar.
        scar: (row, column) of the draft.
        spacing_mm: distance of rows, of columns.
    """
    depth = np.full(scar.shape, -np.inf)
    if scar.any():
        depth = distance_transform_edt(scar, sampling=spacing_mm) - distance_transform_edt(
            ~scar, sampling=spacing_mm
        )
    odds = PER_DEPTH * np.tanh(depth / DEPTH_MM) + PER_SIGNAL * signal + BASE
    out: NDArray[np.float64] = np.where(scar, np.maximum(odds, LEAST), np.minimum(odds, -LEAST))
    return out


@dataclass(frozen=True, kw_only=True)
class ScarCovariance:
    """How errors of the log-odds go together: less with distance, not at all from some distance on.

    Of some 20 choices of these and of `acsnet.interaction.scar_growth.SURE`, on drafts of the train
    list, one with an error of the burden after three clicks within 0.15 points of the least: those
    with less change more that was right, further from a click (`benchmarks/clicks_scar.py`).

    reach_mm: distance in a slice at which they are independent; along_mm: the same along the stack;
    signal: difference of signals, as a share of the contrast, that lowers the rest to 0.6.
    """

    reach_mm: float = 60.0
    along_mm: float = 26.0
    signal: float = 0.7

    def __call__(
        self, first: NDArray[np.float64], second: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(n, 4) and (m, 4) of position along the stack, row and column (mm), signal -> (n, m)."""
        apart = first[:, None] - second[None]
        within = np.hypot(apart[..., 1], apart[..., 2])
        alike = np.exp(-((apart[..., 3] / self.signal) ** 2) / 2.0)
        out: NDArray[np.float64] = (
            fading(within / self.reach_mm) * fading(np.abs(apart[..., 0]) / self.along_mm) * alike
        )
        return out


def fading(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 1 at 0 to 0 from 1 on: Wendland 1995, doi:10.1007/BF02123482, smooth of order 2."""
    out: NDArray[np.float64] = np.maximum(1.0 - share, 0.0) ** 4 * (4.0 * share + 1.0)
    return out
