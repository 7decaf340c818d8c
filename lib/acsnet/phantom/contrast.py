"""From tissue to pixels: inversion recovery signal, texture, coil, blur, noise.

Not from the paper.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from acsnet.phantom.anatomy import Tissue
from acsnet.phantom.spec import PhantomSpec

SCALE = 1000.0  # pixel value of signal 1
TEXTURE_MM = 4.0
# Standard deviation of slow signal variation by `Tissue`, as a share of the tissue's signal.
TEXTURE = np.zeros(len(Tissue))
TEXTURE[[Tissue.FAT, Tissue.MUSCLE]] = 0.12
TEXTURE[[Tissue.LIVER, Tissue.SPLEEN]] = 0.08
TEXTURE[[Tissue.BLOOD, Tissue.LV_BLOOD_POOL]] = 0.05
TEXTURE[[Tissue.LV_MYOCARDIUM, Tissue.GREY_ZONE]] = 0.1
TEXTURE[[Tissue.BONE, Tissue.LUNG, Tissue.CORE_SCAR]] = 0.15, 0.5, 0.06


def tissue_signal(spec: PhantomSpec) -> NDArray[np.float64]:
    """Signal of each `Tissue`, indexed by its value."""
    contrast, myocardium = spec.contrast, spec.contrast.myocardium
    signal = np.zeros(len(Tissue))
    signal[Tissue.FAT] = contrast.fat
    signal[Tissue.MUSCLE] = myocardium + 0.08
    signal[Tissue.BONE] = 0.55 * contrast.fat
    signal[Tissue.LUNG] = contrast.lung
    signal[Tissue.LIVER] = contrast.liver
    signal[Tissue.SPLEEN] = 0.6 * contrast.liver + 0.4 * contrast.blood
    signal[Tissue.GAS] = 0.02
    signal[[Tissue.BLOOD, Tissue.LV_BLOOD_POOL]] = contrast.blood
    signal[[Tissue.LV_MYOCARDIUM, Tissue.PAPILLARY]] = myocardium
    signal[Tissue.CORE_SCAR] = contrast.core
    signal[Tissue.GREY_ZONE] = myocardium + contrast.grey_zone * (contrast.core - myocardium)
    return signal


def render(
    tissue: NDArray[np.uint8], spec: PhantomSpec, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Noise-free signal before the coil: (slice, part, row, column) tissue -> (slice, row, column).

    The parts of a slice's thickness are averaged (partial volume).
    """
    row_mm, column_mm = spec.spacing_mm[1:]
    grain = gaussian_filter(
        rng.normal(size=(tissue.shape[0], *spec.matrix)),
        (0, TEXTURE_MM / row_mm, TEXTURE_MM / column_mm),
    )
    grain /= grain.std()
    whole = tissue_signal(spec)[tissue] * (1 + TEXTURE[tissue] * grain[:, None])
    blur = (0, spec.blur_mm / row_mm, spec.blur_mm / column_mm)
    signal: NDArray[np.float64] = gaussian_filter(whole.mean(axis=1), blur)
    return signal


def acquire(
    signal: NDArray[np.float64], spec: PhantomSpec, rng: np.random.Generator
) -> NDArray[np.int16]:
    """Coil sensitivity and noise, rounded to pixel values; (slice, row, column)."""
    rows, columns = spec.matrix
    down = (np.arange(rows)[:, None] - rows / 2) * spec.spacing_mm[1] / 100
    right = (np.arange(columns) - columns / 2) * spec.spacing_mm[2] / 100
    angle = rng.uniform(0, 2 * np.pi)
    coil = np.exp(
        -spec.bias * (down * np.sin(angle) + right * np.cos(angle))
        - 0.5 * spec.bias * (down**2 + right**2)
    )
    real = signal * coil + spec.noise * rng.normal(size=signal.shape)
    if spec.phase_sensitive:
        return np.round(SCALE * real).astype(np.int16)
    imaginary = spec.noise * rng.normal(size=signal.shape)
    return np.round(SCALE * np.hypot(real, imaginary)).astype(np.int16)
