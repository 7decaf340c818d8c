"""Turn cine into LGE-like scans, with a pseudo-scar whose mask is known: one function a step.

Paper, "Imaging data and processing" and its Figure 2: random basic shapes cut from the wall, random
erosion, Gaussian blur, addition to the dark wall, speckle noise, histogram match to a random LGE
scan. Not from the paper: sizes, strengths and the choice of shapes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter
from skimage.exposure import match_histograms

MAX_SHAPES = 3
SHAPE_RADIUS_MM = (6.0, 28.0)
ELLIPSE_SHARE = 0.6
"""The other shapes are rectangles."""

CENTRE_JITTER = 2.0
"""Standard deviation in pixels of a shape's centre about a pixel of the wall."""

ERODED_SHARE = 0.3
BLUR_MM = (0.6, 2.0)
SPECKLE_SD = (0.0, 0.05)
SCAR_OVER_POOL = (0.85, 1.6)
"""Scar signal as a share of the blood pool's: late after contrast from darker to brighter.

After the histogram match 0.96 to 1.2 is left of it. The EMIDEC train list has 0.93 to 1.07.
"""

TEXTURE_SD, TEXTURE_PIXELS = 0.1, 2.0
"""White noise of this deviation, smoothed by a Gaussian of so many pixels, in the scar's signal."""


@dataclass(frozen=True, kw_only=True)
class Steps:
    """A scan after each step; all are (slice, row, column).

    cut: the shapes inside the wall; scar: what erosion leaves of them, the label; weight: the scar
    blurred, in [0, 1]; added, speckled, matched: pixels.
    """

    cut: NDArray[np.bool_]
    scar: NDArray[np.bool_]
    weight: NDArray[np.float32]
    added: NDArray[np.float32]
    speckled: NDArray[np.float32]
    matched: NDArray[np.float32]


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
        if rng.random() < ELLIPSE_SHARE
        else (np.abs(along) <= a) & (np.abs(across) <= b)
    )
    return np.asarray(inside)


def cut_shapes(
    wall: NDArray[np.bool_], spacing_mm: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.bool_]:
    """(row, column) wall -> what a few random shapes cover of it."""
    covered = np.zeros_like(wall)
    points = np.argwhere(wall)
    for _ in range(int(rng.integers(1, MAX_SHAPES + 1))):
        centre = points[rng.integers(len(points))] + rng.normal(0.0, CENTRE_JITTER, 2)
        covered |= random_shape(
            (wall.shape[0], wall.shape[1]), (centre[0], centre[1]), spacing_mm, rng
        )
    return covered & wall


def erode(scar: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """(row, column) mask, at random one pixel thinner, but never gone."""
    eroded = binary_erosion(scar, iterations=1)
    return eroded if rng.random() < ERODED_SHARE and eroded.any() else scar


def blur(
    scar: NDArray[np.bool_], spacing_mm: tuple[float, float], rng: np.random.Generator
) -> NDArray[np.float32]:
    """(row, column) mask -> weight in [0, 1] with soft edges."""
    sigma = rng.uniform(*BLUR_MM) / np.asarray(spacing_mm)
    weight: NDArray[np.float32] = gaussian_filter(scar.astype(np.float32), sigma)
    return weight


def add_to_wall(
    image: NDArray[np.float32],
    weight: NDArray[np.float32],
    pool: NDArray[np.bool_],
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Raise the signal by `weight` towards a share of the blood pool's median, with a texture.

    image, weight (in [0, 1]), pool: (row, column).
    """
    target = float(np.median(image[pool])) * rng.uniform(*SCAR_OVER_POOL)
    noise = gaussian_filter(rng.standard_normal(image.shape), TEXTURE_PIXELS)
    texture = 1.0 + TEXTURE_SD * noise
    out: NDArray[np.float32] = image + weight * (target * texture - image).astype(np.float32)
    return out


def speckle(image: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """A (row, column) image with multiplicative noise."""
    noise = rng.standard_normal(image.shape).astype(np.float32)
    out: NDArray[np.float32] = image * (1.0 + rng.uniform(*SPECKLE_SD) * noise)
    return out


def match(pixels: NDArray[np.float32], reference: NDArray[np.float32]) -> NDArray[np.float32]:
    """(slice, row, column) with the histogram of a whole true LGE scan, of any shape."""
    return match_histograms(pixels, reference).astype(np.float32)


def lge_like_steps(
    pixels: NDArray[np.float32],
    wall: NDArray[np.bool_],
    pool: NDArray[np.bool_],
    *,
    spacing_mm: tuple[float, float],
    reference: NDArray[np.float32],
    enhanced_share: float,
    rng: np.random.Generator,
) -> Steps:
    """Cine (slice, row, column) through all the steps.

    reference: pixels of a true LGE scan, whose histogram is taken over; enhanced_share: the
    probability that a slice gets a scar, equal to the share of enhanced slices in true LGE.
    """
    cut, scar = np.zeros(wall.shape, bool), np.zeros(wall.shape, bool)
    weight = np.zeros(wall.shape, np.float32)
    added = pixels.astype(np.float32, copy=True)
    speckled = np.empty_like(added)
    for k in range(len(added)):
        if wall[k].any() and pool[k].any() and rng.random() < enhanced_share:
            cut[k] = cut_shapes(wall[k], spacing_mm, rng)
            scar[k] = erode(cut[k], rng)
            weight[k] = blur(scar[k], spacing_mm, rng)
            added[k] = add_to_wall(added[k], weight[k], pool[k], rng)
        speckled[k] = speckle(added[k], rng)
    return Steps(
        cut=cut,
        scar=scar,
        weight=weight,
        added=added,
        speckled=speckled,
        matched=match(speckled, reference),
    )
