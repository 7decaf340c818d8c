"""Slices in the order of the anatomy, apex first."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from acsnet.preprocess import StandardScan
from acsnet.scan import ShortAxisScan
from acsnet.stages import roi


def in_anatomical_order(
    scan: ShortAxisScan, standard: StandardScan, probability: NDArray[np.float32]
) -> tuple[ShortAxisScan, StandardScan, tuple[str, ...]]:
    """Scan and standard scan, apex first: by the header, else by the areas of the ROI.

    probability: (slice, row, column) of the left ventricle, as `roi.predict_roi` gives it. Returns
    a note, too, where the areas speak against the header.
    """
    anatomy_agrees = roi.apex_is_first(roi.one_object(probability))
    if scan.apex_first:
        note = "slice positions say apex first, but the ventricle shrinks from there to the base"
        return scan, standard, () if anatomy_agrees else (note,)
    if anatomy_agrees:
        return replace(scan, apex_first=True), standard, ()
    return replace(scan.reversed(), apex_first=True), standard.reversed(), ()
