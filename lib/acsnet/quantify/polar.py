"""Polar coordinates of a slice around the ventricle, in mm, for pixels of any shape.

Angle 0 points along the columns; angles grow clockwise with rows down and columns to the right.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

CHORDS = 120  # radial chords in a slice, every 3 degrees
CHORD_ANGLES: NDArray[np.float64] = np.arange(CHORDS) * (2.0 * np.pi / CHORDS)
STEP_MM = 0.1  # sampling step along a ray


def centre_of(region: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(2,) row and column of the centroid of a (row, column) mask that is not empty."""
    centroid: NDArray[np.float64] = np.argwhere(region).mean(axis=0)
    return centroid


def angles_at(
    shape: tuple[int, int], centre: NDArray[np.float64], spacing_mm: tuple[float, float]
) -> NDArray[np.float64]:
    """(row, column) angle of each pixel around `centre`, in radians."""
    rows, columns = np.indices(shape)
    angle: NDArray[np.float64] = np.arctan2(
        (rows - centre[0]) * spacing_mm[0], (columns - centre[1]) * spacing_mm[1]
    )
    return angle


def sample_rays(
    image: NDArray[np.generic],
    centre: NDArray[np.float64],
    distance_mm: NDArray[np.float64],
    spacing_mm: tuple[float, float],
    *,
    outside: float = 0.0,
) -> NDArray[np.float64]:
    """(chord, step) linear samples of a (row, column) image along all chords.

    distance_mm: (step,) or (chord, step) from the centre. Samples of a mask cross 0.5 at its edge,
    half way between pixels.
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
    """Upper bound of the distance from `centre` to the edge of a (row, column) mask, not empty."""
    offset_mm = (np.argwhere(region) - centre) * spacing_mm
    return float(np.hypot(*offset_mm.T).max() + np.hypot(*spacing_mm))
