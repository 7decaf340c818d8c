"""What the networks might have drawn as well, summed up: voxel by voxel, by slice, by measure.

Each sample is one of the eight turns and mirrors, seen once with dropout, and goes all the way
through stage 3, as the label map does (Wang et al., Neurocomputing 2019;338:34,
doi:10.1016/j.neucom.2019.01.103). Only the network of stage 2 is sampled (ours): where the
ventricle is looked for stays as it is.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from acsnet.labels import MYOCARDIUM
from acsnet.quantify.features import Features, compute_features
from acsnet.quantify.scar import ScarThreshold
from acsnet.stages.quality_flags import Flag
from acsnet.uncertainty.intervals import Calibration, Interval, intervals

SEED = 0
"""One for all scans: the same scan gives the same numbers."""

TISSUES = 3


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One thing that the networks might have drawn; arrays (slice, row, column), apex first.

    threshold: what split its core scar from grey zone.
    """

    wall_probability: NDArray[np.float32]
    enhancement_probability: NDArray[np.float32]
    labels: NDArray[np.uint8]
    threshold: ScarThreshold


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """How sure a result is.

    voxels: (slice, row, column) 0 to 1, see `voxel_uncertainty`; slices: (slice,) 0 to 1, NaN where
    nobody sees a wall, see `slice_uncertainty`; samples: the measures of each sample; intervals: by
    the name of the feature.
    """

    voxels: NDArray[np.float32]
    slices: NDArray[np.float64]
    samples: tuple[Features, ...]
    intervals: dict[str, Interval]

    def flags(self, calibration: Calibration) -> tuple[Flag, ...]:
        """A doubt where the samples differ more than in nearly all patients of the calibration."""
        seen = self.slices[~np.isnan(self.slices)]
        if not len(seen) or seen.mean() <= calibration.high_uncertainty:
            return ()
        words = (
            f"the network is unsure of the wall: what it might have drawn as well differs by "
            f"{seen.mean():.0%} of a slice on average"
        )
        return (Flag(flag="high_uncertainty", message=words),)


def sum_up(
    samples: Iterable[Sample],
    *,
    labels: NDArray[np.uint8],
    features: Features,
    voxel_ml: float,
    calibration: Calibration,
) -> Uncertainty | None:
    """The uncertainty of a label map, (slice, row, column); None where there are no samples.

    features: measures of the label map.
    """
    drawn, measured = [], []
    total = np.zeros((2, *labels.shape), np.float64)
    for sample in samples:
        drawn.append(np.isin(sample.labels, MYOCARDIUM))
        measured.append(compute_features(sample.labels, voxel_ml, threshold=sample.threshold))
        total += sample.wall_probability, sample.enhancement_probability
    if not measured:
        return None
    wall, enhancement = total / len(measured)
    return Uncertainty(
        voxels=voxel_uncertainty(wall, enhancement),
        slices=slice_uncertainty(np.isin(labels, MYOCARDIUM), np.stack(drawn)),
        samples=tuple(measured),
        intervals=intervals(features, measured, calibration),
    )


def voxel_uncertainty(
    wall: NDArray[np.float64], enhancement: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Entropy of enhancement, wall without it, and neither, as a share of the greatest there is.

    wall, enhancement: mean probability over the samples, any one shape; enhancement lies in the
    wall. 0 is sure, 1 is all three alike.
    """
    enhanced = np.minimum(wall, enhancement)
    parts = entr(enhanced) + entr(wall - enhanced) + entr(1.0 - wall)
    share: NDArray[np.float32] = (parts / np.log(TISSUES)).astype(np.float32)
    return share


def slice_uncertainty(wall: NDArray[np.bool_], samples: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(slice,) 1 - Dice of the wall and that of a sample, mean over the samples; NaN without walls.

    wall: (slice, row, column); samples: (sample, slice, row, column). Like Roy et al., NeuroImage
    2019;195:11 (doi:10.1016/j.neuroimage.2019.03.042), who compare the samples with each other.
    """
    both = 2.0 * (samples & wall).sum(axis=(2, 3))
    either = samples.sum(axis=(2, 3)) + wall.sum(axis=(1, 2))
    # A sample without a wall where there is none agrees, unless no sample has one there either.
    dice = np.where(either > 0, both / np.maximum(either, 1), 1.0)
    return np.where(either.any(axis=0), 1.0 - dice.mean(axis=0), np.nan)
