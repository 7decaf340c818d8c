"""Uncertainty from Monte Carlo samples of stage 2, by voxel and by slice; intervals of measures.

Each sample is one of the eight views with dropout, and passes stage 3 like the label map (Wang et
al., Neurocomputing 2019;338:34, doi:10.1016/j.neucom.2019.01.103). Not from the paper: only the
network of stage 2 is sampled, the ROI is fixed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from acsnet.labels import MYOCARDIUM
from acsnet.quantify.features import Features
from acsnet.quantify.features_document import Flag, Interval
from acsnet.uncertainty.calibration import Calibration
from acsnet.uncertainty.doubt import unclear_percent
from acsnet.uncertainty.intervals import OF_SPLIT, intervals

SEED = 0  # of all scans: the same scan gives the same numbers

TISSUES = 3

OTHER_SPLIT = (
    "core scar and grey zone have no intervals: these were fitted for the threshold half way from "
    "remote wall to peak"
)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One sample, (slice, row, column), apex first; wall: mask after stage 3."""

    wall_probability: NDArray[np.float32]
    enhancement_probability: NDArray[np.float32]
    wall: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """Uncertainty of a result.

    voxels: (slice, row, column) 0 to 1, by `voxel_uncertainty`; slices: (slice,) 0 to 1, NaN if
    without wall, by `slice_uncertainty`; intervals: by measure, None where none were fitted for the
    networks; unclear: percent of the wall, by `acsnet.uncertainty.doubt`; notes: warnings.
    """

    voxels: NDArray[np.float32]
    slices: NDArray[np.float64]
    intervals: dict[str, Interval] | None
    unclear: float
    notes: tuple[str, ...] = ()

    def flags(self, calibration: Calibration) -> tuple[Flag, ...]:
        """A flag if as much is unclear as in patients whose burden was far off."""
        if self.unclear <= calibration.high_uncertainty:
            return ()
        words = (
            f"the scar burden is in doubt: {self.unclear:.0f} % of the wall is neither clearly "
            "scar nor clearly not"
        )
        return (Flag(flag="high_uncertainty", message=words),)


def summarise_samples(
    samples: Iterable[Sample],
    *,
    labels: NDArray[np.uint8],
    features: Features,
    enhancement_probability: NDArray[np.float32],
    weights: Mapping[str, str],
    calibration: Calibration,
) -> Uncertainty | None:
    """The uncertainty of a label map with its measures; None without samples.

    labels, enhancement_probability: (slice, row, column); weights: name of each network -> SHA-256
    of its weights. Without intervals, and with a note, where these are not the calibrated ones;
    without those of core scar and grey zone where these were split by another threshold.
    """
    walls = []
    total = np.zeros((2, *labels.shape), np.float64)
    for sample in samples:
        walls.append(sample.wall)
        total += sample.wall_probability, sample.enhancement_probability
    if not walls:
        return None
    wall, enhancement = total / len(walls)
    labelled = np.isin(labels, MYOCARDIUM)
    unclear = unclear_percent(enhancement_probability, labelled)
    misfit = calibration.misfit(weights)
    fitted = intervals(features, unclear=unclear, rules=calibration.rules, level=calibration.level)
    notes = (f"there are no intervals: {misfit}",) if misfit else ()
    other_split = features.scar_threshold is not None and features.scar_method != "remote"
    if not misfit and other_split and not fitted.keys().isdisjoint(OF_SPLIT):
        fitted = {name: fitted[name] for name in fitted if name not in OF_SPLIT}
        notes = (OTHER_SPLIT,)
    return Uncertainty(
        voxels=voxel_uncertainty(wall, enhancement),
        slices=slice_uncertainty(labelled, np.stack(walls)),
        intervals=None if misfit else fitted,
        unclear=unclear,
        notes=notes,
    )


def voxel_uncertainty(
    wall: NDArray[np.float64], enhancement: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Entropy of enhancement, other wall, and background, as a share of ln 3, its maximum.

    wall, enhancement: mean probability over the samples, of any same shape; resampling can leave
    one a rounding error above 1.
    """
    wall = np.minimum(wall, 1.0)
    enhanced = np.minimum(wall, enhancement)
    parts = entr(enhanced) + entr(wall - enhanced) + entr(1.0 - wall)
    share: NDArray[np.float32] = (parts / np.log(TISSUES)).astype(np.float32)
    return share


def slice_uncertainty(wall: NDArray[np.bool_], samples: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(slice,) 1 - Dice of the wall and a sample's, mean over the samples; NaN without walls.

    wall: (slice, row, column); samples: (sample, slice, row, column). After Roy et al., NeuroImage
    2019;195:11 (doi:10.1016/j.neuroimage.2019.03.042), who compare the samples with each other.
    """
    both = 2.0 * (samples & wall).sum(axis=(2, 3))
    either = samples.sum(axis=(2, 3)) + wall.sum(axis=(1, 2))
    # No wall in both is agreement, unless no sample has a wall in that slice.
    dice = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    return np.where(either.any(axis=0), 1.0 - dice.mean(axis=0), np.nan)
