"""Changes of a scan's signal, as they differ between hospitals, before it is standardised.

Scale and offset (negative phase-sensitive values too) need none of this: standardisation is blind
to them. Not from the paper: the ranges. `intensity` is (slice, row, column) in [0, 1].
"""

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.ndimage import gaussian_filter, zoom

CURVE_JITTER = 0.18
BIAS_STRENGTH = 0.45
MAX_NOISE_SD = 0.15
COARSEST_MM = 2.4


def tone_curve(intensity: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """(slice, row, column) after a random rising curve through (0, 0) and (1, 1).

    That is gamma and contrast of another protocol.
    """
    x = np.linspace(0.0, 1.0, 5)
    y = np.sort(np.clip(x + rng.uniform(-CURVE_JITTER, CURVE_JITTER, 5), 0.0, 1.0))
    y = (y - y[0]) / max(y[-1] - y[0], 1e-3)
    out: NDArray[np.float32] = PchipInterpolator(x, y)(intensity).astype(np.float32)
    return out


def bias_field(intensity: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """(slice, row, column) times a smooth gain over the field of view, as surface coils give."""
    coarse = rng.uniform(-BIAS_STRENGTH, BIAS_STRENGTH, (4, 4))
    _, rows, columns = intensity.shape
    field = zoom(coarse, (rows / 4, columns / 4), order=3, mode="nearest", grid_mode=True)
    out: NDArray[np.float32] = (intensity * np.exp(field)).astype(np.float32)
    return out


def coarse_pixels(
    intensity: NDArray[np.float32], spacing_mm: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.float32]:
    """(slice, row, column) with the blur of a scan with pixels of up to `COARSEST_MM`.

    spacing_mm: distance of rows, of columns.
    """
    target = rng.uniform(0.7, COARSEST_MM)
    sigma = [0.5 * np.sqrt(max(target**2 - mm**2, 0.0)) / mm for mm in spacing_mm]
    return gaussian_filter(intensity, (0.0, *sigma))


def rician_noise(intensity: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """(slice, row, column) as the magnitude of a signal with normal noise in both channels."""
    sd = rng.uniform(0.0, MAX_NOISE_SD)
    real, imaginary = (rng.normal(0.0, sd, intensity.shape).astype(np.float32) for _ in range(2))
    return np.hypot(intensity + real, imaginary)


def corrupt(
    intensity: NDArray[np.float32], spacing_mm: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.float32]:
    """(slice, row, column) after each change with even odds, in the order of a scanner.

    spacing_mm: distance of rows, of columns.
    """
    out = intensity
    if rng.random() < 0.5:
        out = tone_curve(out, rng)
    if rng.random() < 0.5:
        out = bias_field(out, rng)
    if rng.random() < 0.5:
        out = coarse_pixels(out, spacing_mm, rng)
    if rng.random() < 0.5:
        out = rician_noise(out, rng)
    return out
