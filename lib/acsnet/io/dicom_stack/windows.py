"""The windows that the headers of a stack have, as they fit its values."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from acsnet.io.dicom_stack.pixels import Image
from acsnet.io.signal import Cleaned

INTENSITIES = (0.5, 99.5)
"""Percentiles between which the signal of a stack lies."""

SAMPLED = 50_000
"""Voxels that tell them well enough."""


def fitting_windows(
    windows: NDArray[np.float32] | None, images: Sequence[Image], clean: Cleaned
) -> tuple[NDArray[np.float32] | None, tuple[str, ...]]:
    """The windows of the slices as they fit the values of the stack.

    windows: (slice, 2) centre and width as the headers have them, of rescaled values by the
    standard (PS3.3 C.11.2.1.2), of stored values as some scanners write them. The reading whose
    upper end lies nearer to the brightest of the signal is taken (ours). Slices that had to be
    brought to one gain have no window that is true of them.
    """
    if windows is None or not clean.even or any(image.precise for image in images):
        return None, ()
    slopes = np.array([image.slope for image in images])
    intercepts = np.array([image.intercept for image in images])
    if (slopes == 1.0).all() and (intercepts == 0.0).all():
        return windows, ()
    rescaled = np.stack(
        [windows[:, 0] * slopes + intercepts, windows[:, 1] * np.abs(slopes)], axis=1
    ).astype(np.float32)
    signal = clean.pixels if clean.signal is None else clean.pixels[clean.signal]
    low, high = np.percentile(signal[:: max(1, signal.size // SAMPLED)], INTENSITIES)
    as_rescaled, as_stored = (
        abs(float(np.median(w[:, 0] + w[:, 1] / 2)) - high) for w in (windows, rescaled)
    )
    if as_rescaled <= as_stored or not high > low:
        return windows, ()
    words = "the window in the file is given in stored values: it was rescaled like the pixels"
    return rescaled, (words,)
