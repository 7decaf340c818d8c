"""Angles and rays round the ventricle, in mm, so that pixels need not be square.

An angle is that of (down, right) in the plane of a slice as it lies in the array: 0 points along
the columns, and it grows clockwise where rows run down and columns to the right.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

CHORDS = 120
"""Radial chords in a slice, every 3 degrees."""

CHORD_ANGLES: NDArray[np.float64] = np.arange(CHORDS) * (2.0 * np.pi / CHORDS)
STEP_MM = 0.1
"""Step along a ray when a length is taken."""


def centre_of(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(2,) row and column of the middle of a (row, column) mask that is not empty."""
    middle: NDArray[np.float64] = np.argwhere(region).mean(axis=0)
    return middle


def angles_at(
    shape: tuple[int, int], centre: NDArray[np.float64], spacing_mm: tuple[float, float]
) -> NDArray[np.float64]:
    """(row, column) angle of each pixel as seen from `centre`."""
    rows, columns = np.indices(shape)
    down, right = (rows - centre[0]) * spacing_mm[0], (columns - centre[1]) * spacing_mm[1]
    turned: NDArray[np.float64] = np.arctan2(down, right)
    return turned


def sample_rays(
    image: NDArray[np.generic],
    centre: NDArray[np.float64],
    distance_mm: NDArray[np.float64],
    spacing_mm: tuple[float, float],
    *,
    outside: float = 0.0,
) -> NDArray[np.float64]:
    """(chord, step) linear samples of a (row, column) image.

    distance_mm: (step,) or (chord, step) from the centre. Between a mask's pixels the samples pass
    0.5 half way, which is where its edge is: finer than the pixel.
    """
    direction = np.stack([np.sin(CHORD_ANGLES), np.cos(CHORD_ANGLES)])
    direction /= np.asarray(spacing_mm)[:, None]
    index = centre[:, None, None] + direction[:, :, None] * np.atleast_2d(distance_mm)
    values: NDArray[np.float64] = map_coordinates(
        image.astype(np.float64), index, order=1, cval=outside
    )
    return values


def reach_mm(
    region: NDArray[np.bool_], centre: NDArray[np.float64], spacing_mm: tuple[float, float]
) -> float:
    """A length that no ray from `centre` exceeds inside a (row, column) mask that is not empty."""
    away = (np.argwhere(region) - centre) * spacing_mm
    return float(np.hypot(*away.T).max() + np.hypot(*spacing_mm))
