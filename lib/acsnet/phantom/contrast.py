"""From tissue to pixel values: inversion recovery signal, texture, coil, blur and noise. Ours."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from acsnet.phantom.anatomy import Tissue
from acsnet.phantom.spec import PhantomSpec

SCALE = 1000.0
"""Pixel value of signal 1."""

TEXTURE_MM = 4.0
TEXTURE: dict[Tissue, float] = {
    Tissue.FAT: 0.12,
    Tissue.MUSCLE: 0.12,
    Tissue.BONE: 0.15,
    Tissue.LUNG: 0.5,
    Tissue.LIVER: 0.08,
    Tissue.SPLEEN: 0.08,
    Tissue.BLOOD: 0.05,
    Tissue.LV_BLOOD_POOL: 0.05,
    Tissue.LV_MYOCARDIUM: 0.1,
    Tissue.GREY_ZONE: 0.1,
    Tissue.CORE_SCAR: 0.06,
}
"""Standard deviation of slow signal variation, as a share of the tissue's own signal."""


def tissue_signal(spec: PhantomSpec) -> NDArray[np.float64]:
    """Signal of each `Tissue`, indexed by its value."""
    look = spec.contrast
    signal = np.zeros(len(Tissue))
    signal[Tissue.FAT] = look.fat
    signal[Tissue.MUSCLE] = look.myocardium + 0.08
    signal[Tissue.BONE] = 0.55 * look.fat
    signal[Tissue.LUNG] = look.lung
    signal[Tissue.LIVER] = look.liver
    signal[Tissue.SPLEEN] = 0.6 * look.liver + 0.4 * look.blood
    signal[Tissue.GAS] = 0.02
    signal[[Tissue.BLOOD, Tissue.LV_BLOOD_POOL]] = look.blood
    signal[[Tissue.LV_MYOCARDIUM, Tissue.PAPILLARY]] = look.myocardium
    signal[Tissue.CORE_SCAR] = look.core
    signal[Tissue.GREY_ZONE] = look.myocardium + look.grey_zone * (look.core - look.myocardium)
    return signal


def render(
    tissue: NDArray[np.uint8], spec: PhantomSpec, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Noise-free signal before the coil: (slice, part, row, column) tissue -> (slice, row, column).

    The parts of a slice's thickness are averaged, which is its partial volume.
    """
    row_mm, column_mm = spec.spacing_mm[1:]
    texture = np.zeros(len(Tissue))
    for kind, share in TEXTURE.items():
        texture[kind] = share
    grain = gaussian_filter(
        rng.normal(size=(tissue.shape[0], *spec.matrix)),
        (0, TEXTURE_MM / row_mm, TEXTURE_MM / column_mm),
    )
    grain /= grain.std()
    whole = tissue_signal(spec)[tissue] * (1 + texture[tissue] * grain[:, None])
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
    towards = rng.uniform(0, 2 * np.pi)
    coil = np.exp(
        -spec.bias * (down * np.sin(towards) + right * np.cos(towards))
        - 0.5 * spec.bias * (down**2 + right**2)
    )
    real = signal * coil + spec.noise * rng.normal(size=signal.shape)
    if spec.phase_sensitive:
        return np.round(SCALE * real).astype(np.int16)
    imaginary = spec.noise * rng.normal(size=signal.shape)
    return np.round(SCALE * np.hypot(real, imaginary)).astype(np.int16)
