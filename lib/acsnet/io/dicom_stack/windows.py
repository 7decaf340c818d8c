"""The windows that the headers of a stack have, as they fit its values."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from acsnet.io.dicom_files.dicom_file import DicomFile, number_of
from acsnet.io.dicom_stack.pixels import Image
from acsnet.io.signal import Cleaned

INTENSITIES = (0.5, 99.5)
"""Percentiles between which the signal of a stack lies."""

MAX_WIDTH_RATIO, MAX_APART = 3.0, 1.5
"""Of a slice's window and the usual one: of their widths, and of the distance of their centres to
the usual width. Scanners choose windows slice by slice, 1.7 times as wide at most in Sunnybrook's.
"""

SAMPLED = 50_000
"""Voxels that tell them well enough."""


def stored_windows(chosen: Sequence[DicomFile]) -> tuple[NDArray[np.float32] | None, list[str]]:
    """(slice, 2) first window centre and width of each slice; None unless each has one."""
    windows: list[tuple[float, float]] = []
    unusable: list[str] = []
    for file in chosen:
        tags = [file.text(tag) for tag in ("WindowCenter", "WindowWidth")]
        centre, width = (number_of(text.split("\\")[0]) for text in tags)
        if centre is not None and width is not None and width > 0:
            windows.append((centre, width))
        elif any(tags):
            unusable.append(f"{file.name} (centre {tags[0] or 'none'}, width {tags[1] or 'none'})")
    if len(windows) == len(chosen):
        return np.array(windows, dtype=np.float32), []
    if unusable:
        return None, [f"window left unused, it is unusable in {unusable[0]}"]
    if windows:
        return None, [f"window left unused, only {len(windows)} of {len(chosen)} slices have one"]
    return None, []


def fitting_windows(
    windows: NDArray[np.float32] | None, images: Sequence[Image], clean: Cleaned
) -> tuple[NDArray[np.float32] | None, tuple[str, ...]]:
    """The windows of the slices as they fit the values of the stack.

    windows: (slice, 2) centre and width as the headers have them, of rescaled values by the
    standard (PS3.3 C.11.2.1.2), of stored values as some scanners write them. The reading whose
    upper end lies nearer to the brightest of the signal is taken (ours). Slices that had to be
    brought to one gain have no window that is true of them, and where the window of a single one of
    even slices is another, all get the usual one.
    """
    if windows is None or not clean.even or any(image.rescaled for image in images):
        return None, ()
    slopes = np.array([image.slope for image in images])
    intercepts = np.array([image.intercept for image in images])
    if (slopes == 1.0).all() and (intercepts == 0.0).all():
        return _alike(windows)
    rescaled = np.stack(
        [windows[:, 0] * slopes + intercepts, windows[:, 1] * np.abs(slopes)], axis=1
    ).astype(np.float32)
    signal = clean.pixels if clean.signal is None else clean.pixels[clean.signal]
    low, high = np.percentile(signal[:: max(1, signal.size // SAMPLED)], INTENSITIES)
    as_rescaled, as_stored = (
        abs(float(np.median(w[:, 0] + w[:, 1] / 2)) - high) for w in (windows, rescaled)
    )
    if as_rescaled <= as_stored or not high > low:
        return _alike(windows)
    words = "the window in the file is given in stored values: it was rescaled like the pixels"
    alike, remarks = _alike(rescaled)
    return alike, (words, *remarks)


def _alike(windows: NDArray[np.float32]) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """The windows, or the usual one for all slices where one is quite another, and a remark."""
    centre, width = np.median(windows, axis=0)
    ratio = np.abs(np.log(windows[:, 1] / width))
    apart = (ratio > np.log(MAX_WIDTH_RATIO)) | (np.abs(windows[:, 0] - centre) > MAX_APART * width)
    if not apart.any():
        return windows, ()
    which = ", ".join(str(k + 1) for k in np.flatnonzero(apart))
    words = f"slices {which} have a window unlike the others': the usual one is used for all"
    return np.broadcast_to([centre, width], windows.shape).astype(np.float32), (words,)
