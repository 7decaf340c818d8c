"""The noise of a scan, and a scan without most of it. Not from the paper.

Total variation by Chambolle's algorithm, doi:10.1023/B:JMIV.0000011325.36760.1e, slice by slice.
"""

import numpy as np
import pywt
from numpy.typing import NDArray
from scipy.special import ndtri

from acsnet.threads import slice_by_slice


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
    # Here, for the module takes a quarter of the time in which the program starts.
    from skimage.restoration import denoise_tv_chambolle

    smooth = unit.copy()
    smooth[varied] = slice_by_slice(
        lambda plane: denoise_tv_chambolle(plane, weight=sd), unit[varied]
    )
    return smooth
