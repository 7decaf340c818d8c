"""Placement of segmentation frames on the slices and pixels of an MR series."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from acsnet.dicom.seg_frames import Frame
from acsnet.dicom.source_images import slice_step_mm
from acsnet.errors import GeometryError, InputError
from acsnet.io.geometry import MAX_SPACING_CHANGE, Plane, spacing_change

# Tolerated distance of a frame's corners from its slice: mm, and share of the slice distance.
MAX_OFF_SLICE_MM, MAX_OFF_SLICE = 1.0, 0.25
SAME_GRID_PIXELS = 0.01  # grids whose corners differ less are identical: rounding of the tags


def slices_of(frames: Sequence[Frame], planes: Sequence[Plane]) -> list[int]:
    """The slice of each frame. Raises GeometryError if frames lie on no slice."""
    normal = planes[0].normal
    depths = np.array([plane.position_mm @ normal for plane in planes])
    tolerance_mm = min(MAX_OFF_SLICE_MM, MAX_OFF_SLICE * slice_step_mm(planes))
    chosen: list[int] = []
    off: list[tuple[int, float]] = []
    for frame in frames:
        away = np.abs(_corners(frame.plane) @ normal - depths[:, None]).max(axis=1)
        chosen.append(int(away.argmin()))
        if away.min() > tolerance_mm:
            off.append((frame.number, float(away.min())))
    if off:
        numbers = sorted({number for number, _ in off})
        msg = (
            f"{len(numbers)} of {len({frame.number for frame in frames})} drawn frames lie on no "
            f"slice of the series: frame {off[0][0]} is {off[0][1]:.2f} mm off the nearest "
            f"(at most {tolerance_mm:.2f} mm)"
        )
        raise GeometryError(msg)
    return chosen


def check_images(frames: Sequence[Frame], slices: Sequence[int], planes: Sequence[Plane]) -> None:
    """Raises InputError if a frame refers to the image of another slice than it lies on."""
    files = [plane.file for plane in planes]
    for frame, index in zip(frames, slices, strict=True):
        if files.count(frame.image) == 1 and (named := files.index(frame.image)) != index:
            msg = (
                f"frame {frame.number} of the segmentation lies on slice {index + 1} by its "
                f"position, and refers to the image of slice {named + 1} (damaged or converted?)"
            )
            raise InputError(msg)


def on_slice(frame: Frame, plane: Plane) -> tuple[NDArray[np.bool_], bool, int]:
    """The frame's mask on a slice's grid, whether it was resampled, and count of pixels outside."""
    alike = spacing_change(frame.plane, plane) <= MAX_SPACING_CHANGE
    if frame.mask.shape == (plane.rows, plane.columns) and alike:
        # The frames of a SEG have one spacing, also where those of the images differ a little.
        like = replace(plane, spacing_mm=frame.plane.spacing_mm)
        apart = _indices(_corners(frame.plane), like) - _indices(_corners(like), like)
        if np.abs(apart).max() < SAME_GRID_PIXELS:
            return frame.mask, False, 0
    nearest, inside, apart_pixels = _nearest(plane, frame.plane)
    mask = frame.mask[nearest[..., 0], nearest[..., 1]] & inside
    lost = frame.mask & ~_nearest(frame.plane, plane)[1]
    return mask, apart_pixels > SAME_GRID_PIXELS, int(lost.sum())


def _steps_mm(plane: Plane) -> NDArray[np.float64]:
    """(2, 3): step (mm) to the next row, and to the next column."""
    along_row, along_column = plane.cosines / np.linalg.norm(plane.cosines, axis=1, keepdims=True)
    return np.array([along_column * plane.spacing_mm[0], along_row * plane.spacing_mm[1]])


def _corners(plane: Plane) -> NDArray[np.float64]:
    """(4, 3) centres of the corner pixels in mm."""
    last = (plane.rows - 1, plane.columns - 1)
    ends = np.array([(0, 0), (0, last[1]), (last[0], 0), last], dtype=np.float64)
    return plane.position_mm + ends @ _steps_mm(plane)


def _indices(points_mm: NDArray[np.float64], plane: Plane) -> NDArray[np.float64]:
    """(..., 3) points -> (..., 2) fractional row and column of a plane."""
    steps = _steps_mm(plane)
    indices: NDArray[np.float64] = (
        (points_mm - plane.position_mm) @ steps.T / (steps**2).sum(axis=1)
    )
    return indices


def _nearest(of: Plane, on: Plane) -> tuple[NDArray[np.intp], NDArray[np.bool_], float]:
    """For each pixel of one plane: nearest (row, column) of another, and whether it is inside.

    The third value is the largest distance of such a pair, in pixels.
    """
    pixels = np.moveaxis(np.indices((of.rows, of.columns)), 0, -1).astype(np.float64)
    exact = _indices(of.position_mm + pixels @ _steps_mm(of), on)
    nearest = np.floor(exact + 0.5).astype(np.intp)
    inside = ((nearest >= 0) & (nearest < (on.rows, on.columns))).all(axis=-1)
    apart = float(np.abs(exact - nearest).max())
    return np.clip(nearest, 0, (on.rows - 1, on.columns - 1)), inside, apart
