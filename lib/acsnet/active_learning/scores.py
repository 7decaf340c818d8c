"""Active learning scores of a scan, computed from its `Result`. Not from the paper."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.masks import dice, within_mm
from acsnet.preprocess import unit_range
from acsnet.result import Result
from acsnet.scan import ShortAxisScan
from acsnet.stages.correction import Action, StackCorrection
from acsnet.stages.quality_flags import HIGH_DISTANCE

POSSIBLE = 0.25  # probability from which a pixel may be wall, to include narrowly missed slices
BAND_MM = 4.0  # distance around the possible wall in which uncertainty is measured
NOTHING_DRAWN = 1.0  # uncertainty, in bits, without any possible wall: the maximum
EMPTIED_DISTANCE = 2.0 * HIGH_DISTANCE  # latent distance of a slice whose wall was emptied
REGIONS = (MYOCARDIUM, ENHANCEMENT)  # in which two label maps are compared

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
"""Features for comparing scans; signals as by `acsnet.preprocess.unit_range`.

Signal and shape, not features of a network: they need no inference and do not depend on a model.
"""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of a scan from one inference.

    uncertainty: mean entropy around the wall, in bits; correction: mean latent distance of a slice,
    in units of `Prior.gap`; features: values of `FEATURES`, None where undefined.
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

    probability: (slice, row, column), mean over test-time augmentation (Wang et al., Neurocomputing
    2019;338:34, doi:10.1016/j.neucom.2019.01.103); spacing_mm: distance of rows, of columns.
    """
    possible = probability >= POSSIBLE
    if not possible.any():
        return NOTHING_DRAWN
    inside = probability[within_mm(possible, BAND_MM, spacing_mm)].astype(np.float64)
    return float(np.mean(entr(inside) + entr(1.0 - inside)) / np.log(2.0))


def correction_distance(anatomy: StackCorrection) -> float:
    """Mean latent distance by which the wall was moved, over the slices with a drawn wall.

    An emptied wall counts as `EMPTIED_DISTANCE`; 0 without any drawn wall.
    """
    moved = [
        EMPTIED_DISTANCE if slice_.action is Action.EMPTIED else slice_.distance
        for slice_ in anatomy.slices
        if slice_.action is not Action.NOTHING
    ]
    return float(np.mean(moved)) if moved else 0.0


def disagreement(draft: NDArray[np.uint8], reviewed: NDArray[np.uint8]) -> float:
    """1 - Dice of two label maps of one shape, mean over wall and enhancement: from 0 to 1.

    A region in neither agrees.
    """
    shares = [dice(np.isin(draft, region), np.isin(reviewed, region)) for region in REGIONS]
    return 1.0 - float(np.mean(shares))


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
