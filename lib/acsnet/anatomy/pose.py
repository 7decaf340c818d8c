"""Pose of a wall, and the frame of the autoencoder: centred and scaled to one size.

Paper: 128 x 128 masks. Not from the paper: their alignment. The centroid of the wall is the centre
of the frame and the root mean square distance of its pixels from there is `RMS_PIXELS`, so that a
code describes shape alone and a small apex has as many pixels as a dilated base.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform

from acsnet.errors import GeometryError

FRAME_SIDE = 128
RMS_PIXELS = 36.0  # the outer radius of a ring is then 36 to 51 pixels


@dataclass(frozen=True, kw_only=True)
class Pose:
    """Position and size of a wall in its slice.

    centre_mm: (row, column) from the first pixel; scale_mm: size of a pixel of the frame.
    """

    centre_mm: tuple[float, float]
    scale_mm: float


def pose_of(wall: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> Pose:
    """The pose of a (row, column) mask; spacing_mm: distance of rows, of columns.

    Raises GeometryError for an empty mask.
    """
    points = np.argwhere(wall) * np.asarray(spacing_mm)
    if not len(points):
        msg = "an empty mask has no pose"
        raise GeometryError(msg)
    centre = points.mean(axis=0)
    # The second moment of a pixel itself: a single pixel is no point.
    pixel = float(np.square(spacing_mm).sum()) / 12.0
    rms_mm = float(np.sqrt(np.square(points - centre).sum(axis=1).mean() + pixel))
    return Pose(centre_mm=(float(centre[0]), float(centre[1])), scale_mm=rms_mm / RMS_PIXELS)


def to_frame(
    wall: NDArray[np.bool_], spacing_mm: tuple[float, float], pose: Pose, *, side: int = FRAME_SIDE
) -> NDArray[np.float32]:
    """(row, column) mask -> (side, side) share of wall in [0, 1], linearly interpolated."""
    step = pose.scale_mm / np.asarray(spacing_mm)
    corner = np.asarray(pose.centre_mm) / spacing_mm - step * (side - 1) / 2.0
    out: NDArray[np.float32] = affine_transform(
        wall.astype(np.float32), step, corner, (side, side), order=1
    )
    return out


def from_frame(
    score: NDArray[np.float32],
    spacing_mm: tuple[float, float],
    pose: Pose,
    shape: tuple[int, int],
) -> NDArray[np.bool_]:
    """(FRAME_SIDE, FRAME_SIDE) scores, wall where above 0 -> (row, column) mask of `shape`."""
    step = np.asarray(spacing_mm) / pose.scale_mm
    middle = (FRAME_SIDE - 1) / 2.0
    # Only pixels inside the frame are computed: a slice may have many more.
    centre = np.asarray(pose.centre_mm) / spacing_mm
    half = middle / step
    first = np.maximum(np.floor(centre - half), 0).astype(int)
    last = np.minimum(np.ceil(centre + half) + 1, shape).astype(int)
    out = np.zeros(shape, bool)
    size = last - first
    if (size > 0).all():
        corner = middle + (first - centre) * step
        inside = affine_transform(score, step, corner, tuple(size), order=1, cval=-1.0)
        out[first[0] : last[0], first[1] : last[1]] = inside > 0
    return out
