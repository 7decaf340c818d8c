"""Scales of the images of a stack beyond slope and intercept: one for all of them. Ours."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from acsnet.gains import slice_gains, zero_level
from acsnet.io.dicom_files.dicom_file import DAMAGED, DicomFile

PHILIPS = "Philips MR Imaging DD 001"
MIN_SCALES_APART = 1.01
"""Ratio of the scales of two images that are not one."""

RESCALED = ("RescaleSlope", "RescaleIntercept", "ModalityLUTSequence")
"""One of these tells the scale of an image already."""

Line = tuple[float, float]
"""Factor and offset: what the values of an image are to be multiplied by, and what is added."""


def on_one_scale(
    planes: Sequence[NDArray[np.float32]], files: Sequence[DicomFile], slopes: Sequence[float]
) -> tuple[NDArray[np.float32], str] | None:
    """Images whose other scales differ, by these if that makes neighbours more alike.

    planes: (row, column) of each slice, rescaled by slope and intercept; files, slopes: of each.
    Gives (slice, row, column) and what to tell of it; None where no other scale is of use. Some
    software changes one scale and keeps the other.
    """
    for line_of, what in _SCALES.items():
        lines = [line_of(file, slope) for file, slope in zip(files, slopes, strict=True)]
        known = [line for line in lines if line is not None]
        if len(known) < len(lines):
            continue
        factors, offsets = np.array(known).T
        if factors.max() < MIN_SCALES_APART * factors.min() and not np.ptp(offsets):
            continue
        usual = float(np.median(factors))
        stack = np.stack(planes)
        to_scale = (np.array([factors, offsets]) / usual)[:, :, None, None]
        precise = (stack * to_scale[0] + to_scale[1]).astype(np.float32)
        if unevenness(precise) < unevenness(stack):
            return precise, f"slices have different {what}: brought to one scale"
    return None


def unevenness(stack: NDArray[np.float32]) -> float:
    """Natural logarithm of the brightness of slices over that of their neighbours, summed up.

    Padding is not found yet: the darkest value of a slice does not count.
    """
    signal = stack > stack.min(axis=(1, 2), keepdims=True)
    gains = slice_gains(stack, signal, zero=zero_level(stack, signal).value)
    return float(np.abs(np.diff(np.log(gains))).sum())


def _philips_line(file: DicomFile, slope: float) -> Line | None:
    """By the private scale slope of an image; None where it has none.

    The precise value is (stored * slope + intercept) / (slope * scale), as dcm2niix has it.
    """
    try:
        block = file.header.private_block(0x2005, PHILIPS)
        scale = float(block[0x0E].value)
    except DAMAGED:
        return None
    return (1.0 / (slope * scale), 0.0) if math.isfinite(scale) and scale > 0 else None


def _real_world_line(file: DicomFile, _slope: float) -> Line | None:
    """By the one linear Real World Value Mapping (PS3.3 C.7.6.16.2.11) of an image that has no
    other scale; None where there is none.
    """
    if any(tag in file.header for tag in RESCALED):
        return None
    try:
        items = list(file.header.get("RealWorldValueMappingSequence") or ())
        (item,) = items
        factor, offset = (
            _number(item, "RealWorldValueSlope"),
            _number(item, "RealWorldValueIntercept"),
        )
    except DAMAGED:
        return None
    return (
        (factor, offset) if math.isfinite(offset) and math.isfinite(factor) and factor > 0 else None
    )


def _number(item: Dataset, tag: str) -> float:
    return float(item[tag].value)


_SCALES: dict[Callable[[DicomFile, float], Line | None], str] = {
    _philips_line: "private scales (Philips)",
    _real_world_line: "scales (RealWorldValueMappingSequence) and no RescaleSlope",
}
