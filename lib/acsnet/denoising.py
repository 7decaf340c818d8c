"""The noise of a scan, and a scan without most of it. Not from the paper.

Total variation by Chambolle's algorithm, doi:10.1023/B:JMIV.0000011325.36760.1e, slice by slice and
with the same results as scikit-image's `denoise_tv_chambolle`. That one's module takes a quarter
of the time in which the program starts, and makes new arrays in each of up to 200 iterations.
"""

import numpy as np
import pywt
from numpy.typing import NDArray
from scipy.special import ndtri

from acsnet.threads import slice_by_slice

MAX_ITERATIONS = 200
MIN_GAIN = 2e-4
"""Share of its first value by which an iteration has to lower the energy, or it is the last."""

STEP = 0.25
"""Of the gradient descent: the largest that is sure to converge in two dimensions."""


def noise_sd(unit: NDArray[np.float32]) -> float:
    """Standard deviation of white noise in (slice, row, column); 0 for an image without noise.

    From the finest diagonal wavelets (doi:10.1093/biomet/81.3.425) that are not 0, as in padding.
    """
    _, (_, _, finest) = pywt.dwt2(unit, "db2", axes=(1, 2))
    magnitude = np.abs(finest[finest != 0.0])
    return float(np.median(magnitude) / ndtri(0.75)) if len(magnitude) else 0.0


def denoised(unit: NDArray[np.float32], sd: float) -> NDArray[np.float32]:
    """(slice, row, column) in [0, 1], denoised by total variation with weight `sd`.

    On six EMIDEC training patients left out of training the Dice of enhancement rises from 0.652
    to 0.661, and with added noise of 10 % of white from 0.43 to 0.51.
    """
    # Slices of one value need no smoothing and would take the maximum of iterations.
    varied = np.ptp(unit, axis=(1, 2)) > 0.0
    if sd == 0.0 or not varied.any():
        return unit
    smooth = unit.copy()
    smooth[varied] = slice_by_slice(lambda plane: _smoothed(plane, weight=sd), unit[varied])
    return smooth


def _smoothed(image: NDArray[np.float32], *, weight: float) -> NDArray[np.float32]:
    """(H, W) with less total variation, the more the greater the weight."""
    out = image.copy()
    # The dual field, the gradient of `out` and a term of either, along rows and columns.
    field = np.zeros((2, *image.shape), np.float32)
    gradient, term = np.zeros_like(field), np.empty_like(field)
    change, length = np.zeros_like(image), np.empty_like(image)
    first = last = 0.0
    for iteration in range(MAX_ITERATIONS):
        if iteration:
            np.add(field[0], field[1], out=change)
            np.negative(change, out=change)
            change[1:] += field[0, :-1]
            change[:, 1:] += field[1, :, :-1]
            np.add(image, change, out=out)
        np.subtract(out[1:], out[:-1], out=gradient[0, :-1])
        np.subtract(out[:, 1:], out[:, :-1], out=gradient[1, :, :-1])
        np.square(gradient, out=term)
        np.add(term[0], term[1], out=length)
        np.sqrt(length, out=length)
        energy = np.square(change, out=term[0]).sum() + weight * length.sum()
        energy /= float(image.size)
        if iteration and np.abs(last - energy) < MIN_GAIN * first:
            break
        first, last = first if iteration else energy, energy
        length *= STEP / weight
        length += 1.0
        field -= np.multiply(gradient, STEP, out=term)
        field /= length
    return out
