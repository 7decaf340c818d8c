"""Turn cine into LGE-like scans, with a pseudo-scar whose mask is known.

Paper, "Imaging data and processing" and its Figure 2: random basic shapes cut from the wall, random
erosion, Gaussian blur, addition to the dark wall, speckle noise, histogram match to a random LGE
scan.
Sizes, strengths and the choice of shapes are not printed there: ours.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter
from skimage.exposure import match_histograms

MAX_SHAPES = 3
SHAPE_RADIUS_MM = (6.0, 28.0)
BLUR_MM = (0.6, 2.0)
SPECKLE_SD = (0.02, 0.12)
SCAR_OVER_POOL = (0.75, 1.35)
"""Scar signal as a share of the blood pool's: late after contrast from darker to brighter."""


def random_shape(
    shape: tuple[int, int],
    centre: tuple[float, float],
    spacing_mm: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """An ellipse or a rectangle of random size and angle round `centre` (row, column)."""
    rows, columns = np.indices(shape)
    y = (rows - centre[0]) * spacing_mm[0]
    x = (columns - centre[1]) * spacing_mm[1]
    angle = rng.uniform(0.0, np.pi)
    along = x * np.cos(angle) + y * np.sin(angle)
    across = y * np.cos(angle) - x * np.sin(angle)
    a, b = rng.uniform(*SHAPE_RADIUS_MM), rng.uniform(*SHAPE_RADIUS_MM) / 2.0
    inside = (
        (along / a) ** 2 + (across / b) ** 2 <= 1.0
        if rng.random() < 0.6
        else (np.abs(along) <= a) & (np.abs(across) <= b)
    )
    return np.asarray(inside)


def pseudo_scar(
    wall: NDArray[np.bool_], spacing_mm: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """(row, column) wall -> random shapes inside it, eroded at random."""
    scar = np.zeros_like(wall)
    points = np.argwhere(wall)
    for _ in range(int(rng.integers(1, MAX_SHAPES + 1))):
        centre = points[rng.integers(len(points))] + rng.normal(0.0, 2.0, 2)
        scar |= random_shape(
            (wall.shape[0], wall.shape[1]), (centre[0], centre[1]), spacing_mm, rng
        )
    scar &= wall
    eroded = binary_erosion(scar, iterations=1)
    return eroded if rng.random() < 0.3 and eroded.any() else scar


def add_scar(
    image: NDArray[np.float32],
    scar: NDArray[np.bool_],
    pool: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Raise the signal inside the blurred scar to a share of the blood pool's median."""
    sigma = rng.uniform(*BLUR_MM) / np.asarray(spacing_mm)
    weight = gaussian_filter(scar.astype(np.float32), sigma)
    target = float(np.median(image[pool])) * rng.uniform(*SCAR_OVER_POOL)
    texture = 1.0 + 0.1 * gaussian_filter(rng.standard_normal(image.shape), 2.0)
    out: NDArray[np.float32] = image + weight * (target * texture - image).astype(np.float32)
    return out


def speckle(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """Multiplicative noise."""
    noise = rng.standard_normal(image.shape).astype(np.float32)
    out: NDArray[np.float32] = image * (1.0 + rng.uniform(*SPECKLE_SD) * noise)
    return out


def lge_like(
    pixels: NDArray[np.float32],
    wall: NDArray[np.bool_],
    pool: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float],
    reference: NDArray[np.float32],
    enhanced_share: float,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Cine (slice, row, column) -> LGE-like pixels and the pseudo-scar mask.

    reference: pixels of a true LGE scan, whose histogram is taken over; enhanced_share: the
    probability that a slice gets a scar, equal to the share of enhanced slices in true LGE.
    """
    out = pixels.astype(np.float32, copy=True)
    scar = np.zeros(wall.shape, bool)
    for k in range(len(out)):
        if wall[k].any() and pool[k].any() and rng.random() < enhanced_share:
            scar[k] = pseudo_scar(wall[k], spacing_mm, rng)
            out[k] = add_scar(out[k], scar[k], pool[k], spacing_mm, rng)
        out[k] = speckle(out[k], rng)
    return match_histograms(out, reference).astype(np.float32), scar
