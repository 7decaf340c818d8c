"""Geometry of a plane region: outline, convex hull, and rays from its centre; lengths in mm.

Not from the paper: built on scikit-image's contours and SciPy's hulls.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull
from skimage.draw import polygon
from skimage.measure import find_contours

RAYS = 72  # directions from the centre of the cavity, every 5 degrees
RAY_STEP = 0.25  # sampling step along a ray, in pixels


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A closed outline of a region, in mm; hull: corners (n, 2) of its convex hull, in pixels."""

    area_mm2: float
    length_mm: float
    concavity_mm: float
    hull_area_mm2: float
    hull: NDArray[np.float64]

    @property
    def radius_mm(self) -> float:
        """Radius of the disc of the same area."""
        return float(np.sqrt(self.area_mm2 / np.pi))

    @property
    def circularity(self) -> float:
        """4 pi A / P^2: 1 for a disc, less for any other shape."""
        return 4.0 * np.pi * self.area_mm2 / self.length_mm**2

    @property
    def solidity(self) -> float:
        """Area as a share of its convex hull's."""
        return self.area_mm2 / self.hull_area_mm2

    def hull_mask(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """(row, column) pixels within the convex hull."""
        out = np.zeros(shape, bool)
        out[polygon(*self.hull.T, shape)] = True
        return out


def outline(region: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> Outline:
    """The longest outline of a padded (row, column) region, through the middles of pixel edges."""
    curve = max(find_contours(region.astype(np.float32), 0.5, fully_connected="high"), key=len)
    points = curve * np.asarray(spacing_mm)
    row, column = points[:-1].T
    next_row, next_column = points[1:].T
    hull = ConvexHull(points[:-1])
    return Outline(
        area_mm2=0.5 * abs(float(np.sum(row * next_column - next_row * column))),
        length_mm=float(np.hypot(next_row - row, next_column - column).sum()),
        concavity_mm=_deepest(points[:-1], hull),
        hull_area_mm2=float(hull.volume),  # what SciPy calls the area of a plane hull
        hull=curve[hull.vertices],
    )


def _deepest(points: NDArray[np.float64], hull: ConvexHull) -> float:
    """Distance of the deepest of (n, 2) points to a convex hull around them."""
    # Distances to the hull's edges are negative inside: the largest is to the nearest edge.
    below = points @ hull.equations[:, :2].T + hull.equations[:, 2]
    return max(0.0, float(-below.max(axis=1).min()))


def along_rays(
    wall: NDArray[np.bool_], inside: NDArray[np.bool_], spacing_mm: tuple[float, float]
) -> tuple[NDArray[np.bool_], float]:
    """(RAYS, steps) whether points on rays from the centroid of `inside` are wall; mm a step."""
    spacing = np.asarray(spacing_mm)
    centre = np.argwhere(inside).mean(axis=0)
    angle = np.arange(RAYS) * (2.0 * np.pi / RAYS)
    step_mm = RAY_STEP * float(spacing.min())
    reach = np.arange(0.0, float(np.linalg.norm(wall.shape * spacing)), step_mm)
    direction = np.stack([np.sin(angle), np.cos(angle)]) / spacing[:, None]
    index = np.rint(centre[:, None, None] + direction[:, :, None] * reach).astype(int)
    limit = np.asarray(wall.shape)[:, None, None] - 1
    met = wall[tuple(np.clip(index, 0, limit))] & ((index >= 0) & (index <= limit)).all(axis=0)
    return met, step_mm


def inward_depth(met: NDArray[np.bool_], step_mm: float) -> float:
    """Concavity (mm) of the cavity of an open wall, from `along_rays`.

    Deepest point below its convex hull of the curve on which rays first meet the wall, which leaves
    the mouth out. Infinite if the wall covers the centre, NaN if fewer than 3 rays meet it.
    """
    if met[0, 0]:
        return float(np.inf)
    covered = met.any(axis=1)
    if covered.sum() < 3:
        return float(np.nan)
    angle = (np.arange(RAYS) * (2.0 * np.pi / RAYS))[covered]
    reach = met.argmax(axis=1)[covered] * step_mm
    points = np.stack([np.sin(angle), np.cos(angle)], axis=1) * reach[:, None]
    # With the centre, curves to one side have a hull too.
    return _deepest(points, ConvexHull(np.vstack([points, [0.0, 0.0]])))
