"""Scar by its signal: what tells of a scar whether it has grown.

Not from the paper. The networks draw what looks like a scar, not where its signal ends: of a scar
that had grown by a third they drew 24 % more in phantoms and 16 % in infarcts (medians). The wall
near it that was brighter than half-way between healthy wall and scar grew by 27 and 18 %. Between
two scans of an unchanged heart it moves as little, in the median, and more where their contrast
differs, which makes the interval wide (`benchmarks/uncertainty.py`). The threshold is that of full
width at half maximum (Amado et al. 2004, doi:10.1016/j.jacc.2004.09.020), with the signal that a
quarter of the scar exceeds in place of its maximum. By itself it is no measure of scar: away from
the scar that the networks drew, noise and blood at the border of the wall are as bright.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.masks import crop_around, within_mm
from acsnet.quantify.volumes import volume_ml
from acsnet.uncertainty.appearance import LEAST_VOXELS, PERCENTILE

REACH_MM = 8.0
"""From the scar that is drawn: half of a third of the extent of a large scar, on either side."""
SMOOTHING_MM = 1.0
"""Standard deviation of the Gaussian that takes noise away, in the slice."""


def half_signal_volume_ml(
    pixels: NDArray[np.floating[Any]],
    labels: NDArray[np.uint8],
    *,
    spacing_mm: tuple[float, float, float],
) -> float | None:
    """Volume of the wall near drawn scar that is brighter than half-way from healthy wall to scar.

    pixels, labels: (slice, row, column). An obstruction, which is dark, counts as it is drawn. None
    without healthy wall, with little scar, or where scar is no brighter than the healthy wall.
    """
    if not (labels == Label.LV_MYOCARDIUM).any():
        return None
    crop = (..., *crop_around(labels > 0, spacing_mm[1:], margin_mm=4 * SMOOTHING_MM))
    pixels, labels = pixels[crop], labels[crop]
    bright = np.isin(labels, (Label.CORE_SCAR, Label.GREY_ZONE))
    if bright.sum() < LEAST_VOXELS:
        return None
    width = (0.0, *(SMOOTHING_MM / mm for mm in spacing_mm[1:]))
    smooth = gaussian_filter(pixels.astype(np.float64), width)
    healthy = float(np.median(smooth[labels == Label.LV_MYOCARDIUM]))
    scar = float(np.percentile(smooth[bright], PERCENTILE))
    if scar <= healthy:
        return None
    near = np.isin(labels, MYOCARDIUM) & within_mm(
        np.isin(labels, ENHANCEMENT), REACH_MM, spacing_mm[1:]
    )
    counted = (near & (smooth > (healthy + scar) / 2.0)) | (
        labels == Label.MICROVASCULAR_OBSTRUCTION
    )
    return volume_ml(counted, math.prod(spacing_mm) / 1000.0)
