"""What one inference tells of how much a scan would teach: doubt, corrections, looks. All ours.

Nothing here runs a network: every number follows from a `Result`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.special import entr

from acsnet.evaluate.metrics import volume_dice
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.preprocess import unit_range
from acsnet.result import Result
from acsnet.scan import ShortAxisScan
from acsnet.stages.correction import Action, StackCorrection
from acsnet.stages.doubts import HIGH_DISTANCE

POSSIBLE = 0.25
"""Probability from which on a pixel may be wall: a slice that was only just missed counts too."""

BAND_MM = 4.0
"""How far round the possible wall doubt is looked for."""

NOTHING_DRAWN = 1.0
"""Uncertainty, in bits, where no wall is even possible: the greatest there is."""

EMPTIED_DISTANCE = 2.0 * HIGH_DISTANCE
"""What a slice counts for which no possible wall was near, in gaps between two hearts."""

REGIONS = (MYOCARDIUM, ENHANCEMENT)
"""The regions in which two label maps are compared."""

FEATURES = (
    "slice distance, mm",
    "pixel size, mm",
    "slices with left ventricle",
    "left ventricle, log ml",
    "wall, share of the left ventricle",
    "enhancement, share of the wall",
    "signal of the whole image",
    "signal of the blood pool",
    "signal of the wall without enhancement",
    "signal of the enhancement",
    "spread of the signal of the wall",
)
"""What a scan is compared with others by; signals are those of `acsnet.preprocess.unit_range`.

Signal and shape rather than the networks' inner features: they cost no pass, and stay what they
are when a model is replaced.
"""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What is known of a scan from one inference.

    uncertainty: mean entropy round the wall, in bits; correction: mean latent distance of a slice,
    in gaps between two hearts; features: as `FEATURES`, None for what it has not.
    """

    uncertainty: float
    correction: float
    features: tuple[float | None, ...]


def scores_of(result: Result) -> Scores:
    """The scores of a scan."""
    return Scores(
        uncertainty=wall_uncertainty(result.wall_probability, result.scan.spacing_mm[1:]),
        correction=correction_distance(result.anatomy),
        features=features_of(result.scan, result.labels),
    )


def wall_uncertainty(probability: NDArray[np.float32], spacing_mm: tuple[float, float]) -> float:
    """Mean entropy, in bits, of wall or not wall within `BAND_MM` of the possible wall.

    probability: (slice, row, column), mean over turns and mirrors; where these disagree it lies
    between 0 and 1 (Wang et al., Neurocomputing 2019;338:34, doi:10.1016/j.neucom.2019.01.103).
    spacing_mm: distance of rows, of columns.
    """
    possible = probability >= POSSIBLE
    slices = np.flatnonzero(possible.any(axis=(1, 2)))
    if not len(slices):
        return NOTHING_DRAWN
    near = [distance_transform_edt(~possible[k], sampling=spacing_mm) <= BAND_MM for k in slices]
    inside = probability[slices][np.stack(near)].astype(np.float64)
    return float(np.mean(entr(inside) + entr(1.0 - inside)) / np.log(2.0))


def correction_distance(anatomy: StackCorrection) -> float:
    """Mean latent distance by which the wall was moved, over the slices in which one was drawn.

    A wall that was emptied counts as `EMPTIED_DISTANCE`; 0 where nothing was drawn at all.
    """
    moved = [
        EMPTIED_DISTANCE if slice_.action is Action.EMPTIED else slice_.distance
        for slice_ in anatomy.slices
        if slice_.action is not Action.NOTHING
    ]
    return float(np.mean(moved)) if moved else 0.0


def disagreement(drawn: NDArray[np.uint8], reviewed: NDArray[np.uint8]) -> float:
    """1 - Dice of two label maps of one shape, mean over the wall and its enhancement; 0 if equal.

    A region that is in neither of them agrees.
    """
    dice = [volume_dice(np.isin(drawn, one), np.isin(reviewed, one)) for one in REGIONS]
    return 1.0 - float(np.mean(dice))


def features_of(scan: ShortAxisScan, labels: NDArray[np.uint8]) -> tuple[float | None, ...]:
    """The values of `FEATURES`; labels: (slice, row, column), on the grid of the scan."""
    signal = unit_range(scan.pixels, name=scan.name)
    ventricle, wall = np.isin(labels, LEFT_VENTRICLE), np.isin(labels, MYOCARDIUM)
    enhancement, remote = np.isin(labels, ENHANCEMENT), labels == Label.LV_MYOCARDIUM
    slice_mm, row_mm, column_mm = scan.spacing_mm
    return (
        slice_mm,
        float(np.sqrt(row_mm * column_mm)),
        float(ventricle.any(axis=(1, 2)).sum()),
        float(np.log(ventricle.sum() * scan.voxel_ml)) if ventricle.any() else None,
        float(wall.sum() / ventricle.sum()) if ventricle.any() else None,
        float(enhancement.sum() / wall.sum()) if wall.any() else None,
        _mean(signal if scan.signal is None else signal[scan.signal]),
        _mean(signal[labels == Label.LV_BLOOD_POOL]),
        _mean(signal[remote]),
        _mean(signal[enhancement]),
        float(signal[remote].std()) if remote.any() else None,
    )


def _mean(values: NDArray[np.float32]) -> float | None:
    return float(values.mean()) if len(values) else None
