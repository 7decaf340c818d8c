"""What DICOM slices must be to be called one stack, and which axis of a volume its slices are.

And how far apart two affines place a volume. Geometry as in DICOM PS3.3 C.7.6.2.1.1: positions and
directions in LPS mm. Tolerances are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import GeometryError

SAME_COSINE = 2e-3
"""Difference in a direction cosine that is rounding: about 0.1 degree."""

WAY_OUT = "; if one of them is no slice of the stack, put it elsewhere"
"""Of a refusal of images that differ: a picture may lie where the next slice would."""

MAX_TURN_DEGREES = 2.0
"""Between the slices of one stack: 40 mm from its middle a slice lies 1.4 mm off then (ours)."""

MAX_SKEW = 1e-2
"""How far the dot products of row and column cosines may be from 1, 1 and 0."""

SAME_SPACING_MM = 1e-3
MAX_SPACING_CHANGE = 0.005
"""Between slices of one stack: 200 mm from its first pixel a slice lies 1 mm off then (ours)."""

SAME_POSITION_MM = 0.1
REPEATED_STEP = 0.1
"""Of the usual step: a slice planned anew so near to another is that slice again (ours)."""

MAX_SIDEWAYS_MM = 2.5
"""How far a slice may lie beside the normal through its neighbour: it changes no volume, but labels
lie so much aside in that slice (ours)."""

SLICE_AXIS_RATIO = 1.5
"""The slice axis is clear when its spacing is this many times both others. Ours."""

FEW = 0.5
"""Fewer voxels than this share of those along both other axes are slices, else. Ours."""

SAME_SIZE, OTHER_SIZE = 0.01, 0.05
"""Up to the first share two voxel sizes are alike; above the second they differ. Ours."""

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""(4, 4), for affines. It is its own inverse: RAS to LPS, too."""

MAX_SHIFT_VOXELS, MAX_STRETCH_VOXELS = 0.05, 0.25
"""How far the nearest and the farthest corner of a map may lie from their voxels of the image.

As shares of the smallest voxel side. Single precision moves a corner by 0.035 at most. Voxel sizes
rounded to three decimals leave one corner where it is, and move that of 512 pixels by a fifth.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Plane:
    """Where one image lies.

    position_mm: (3,) centre of the first pixel; cosines: (2, 3) direction along a row, along a
    column; spacing_mm: between rows, between columns.
    """

    file: str
    rows: int
    columns: int
    position_mm: NDArray[np.float64]
    cosines: NDArray[np.float64]
    spacing_mm: tuple[float, float]

    @property
    def normal(self) -> NDArray[np.float64]:
        """(3,) unit vector, row x column."""
        normal = np.cross(self.cosines[0], self.cosines[1])
        return np.asarray(normal / np.linalg.norm(normal))


def check_directions(planes: Sequence[Plane]) -> None:
    """Refuse images whose directions are none. Raises GeometryError that names the file."""
    for plane in planes:
        skew = np.abs(plane.cosines @ plane.cosines.T - np.eye(2)).max()
        if skew > MAX_SKEW:
            msg = (
                f"ImageOrientationPatient of {plane.file} must be two perpendicular unit vectors, "
                f"got {_cosines(plane)}"
            )
            raise GeometryError(msg)


def check_parallel(planes: Sequence[Plane]) -> None:
    """Refuse mixed matrices, spacings, orientations. Raises GeometryError of two files' values."""
    first = planes[0]
    for plane in planes:
        if (plane.rows, plane.columns) != (first.rows, first.columns):
            msg = (
                f"mixed matrix sizes: {first.file} has {first.rows} x {first.columns} pixels, "
                f"{plane.file} has {plane.rows} x {plane.columns}{WAY_OUT}"
            )
            raise GeometryError(msg)
    change, both = _largest_spacing_change(planes)
    if change > MAX_SPACING_CHANGE:
        msg = f"mixed pixel spacing: {both}{WAY_OUT}"
        raise GeometryError(msg)
    for plane in planes:
        if turn_degrees(plane, first) > MAX_TURN_DEGREES:
            msg = (
                f"mixed orientations: ImageOrientationPatient is {_cosines(first)} in {first.file} "
                f"and {_cosines(plane)} in {plane.file}{WAY_OUT}"
            )
            raise GeometryError(msg)


def are_alike(plane: Plane, other: Plane) -> bool:
    """Whether two planes have matrix, pixel spacing and orientation of one stack."""
    return (
        (plane.rows, plane.columns) == (other.rows, other.columns)
        and spacing_change(plane, other) <= MAX_SPACING_CHANGE
        and turn_degrees(plane, other) <= MAX_TURN_DEGREES
    )


def spacing_change(plane: Plane, other: Plane) -> float:
    """Difference in pixel spacing of two planes, as a share of the larger; 0 if it is rounding."""
    both = np.array([plane.spacing_mm, other.spacing_mm])
    apart = np.ptp(both, axis=0)
    return float((apart / both.max(axis=0)).max()) if apart.max() > SAME_SPACING_MM else 0.0


def _largest_spacing_change(planes: Sequence[Plane]) -> tuple[float, str]:
    """`spacing_change` of the two planes that differ most, and both in words."""
    spacings = np.array([plane.spacing_mm for plane in planes])
    along = spacings[:, int((np.ptp(spacings, axis=0) / spacings.max(axis=0)).argmax())]
    pair = [planes[int(end)] for end in sorted((along.argmin(), along.argmax()))]
    both = ", ".join(f"{plane.file} has {plane.spacing_mm} mm" for plane in pair)
    return spacing_change(*pair), both


def turn_degrees(plane: Plane, other: Plane) -> float:
    """Largest angle between the row directions, or the column directions, of two planes."""
    lengths = np.linalg.norm(plane.cosines, axis=1) * np.linalg.norm(other.cosines, axis=1)
    cosines = (plane.cosines * other.cosines).sum(axis=1) / lengths  # rounded, they are no units
    return float(np.rad2deg(np.arccos(np.clip(cosines.min(), -1.0, 1.0))))


def parallel_remarks(planes: Sequence[Plane]) -> list[str]:
    """What to tell of slices that differ a little, where `check_parallel` passed."""
    first, remarks = planes[0], []
    if turned := [p for p in planes if np.abs(p.cosines - first.cosines).max() > SAME_COSINE]:
        degrees = max(turn_degrees(plane, first) for plane in turned)
        remarks.append(
            f"slices differ in orientation by up to {degrees:.1f} degrees ({first.file} and "
            f"{turned[0].file}): taken as parallel"
        )
    change, both = _largest_spacing_change(planes)
    if change:
        remarks.append(
            f"slices differ in pixel spacing by {100 * change:.2g} % ({both}): the median is taken"
        )
    return remarks


def group_by_position(planes: Sequence[Plane]) -> list[list[int]]:
    """Indices of parallel planes that share a position, in ascending order along the normal.

    Breath-holds that were repeated lie a little aside of the first: as near as `REPEATED_STEP`.
    """
    offsets = np.array([plane.position_mm for plane in planes]) @ planes[0].normal
    groups: list[list[int]] = []
    for index in np.argsort(offsets, kind="stable").tolist():
        if groups and offsets[index] - offsets[groups[-1][0]] <= SAME_POSITION_MM:
            groups[-1].append(index)
        else:
            groups.append([index])
    first = np.array([offsets[group[0]] for group in groups])
    steps = np.diff(first)
    near_mm = REPEATED_STEP * float(np.median(steps)) if len(steps) else 0.0
    merged = groups[:1]
    for group, step in zip(groups[1:], steps, strict=True):
        if step <= near_mm:
            merged[-1] = merged[-1] + group
        else:
            merged.append(group)
    return merged


def stack_spacing_mm(planes: Sequence[Plane]) -> NDArray[np.float64]:
    """(2,) distance of rows, and of columns, of a stack: the median of its slices."""
    return np.asarray(np.median([plane.spacing_mm for plane in planes], axis=0))


def stack_affine(planes: Sequence[Plane]) -> NDArray[np.float64]:
    """Ordered planes -> (4, 4) from index (column, row, slice) to RAS mm, as NIfTI has it."""
    first, last = planes[0], planes[-1]
    mean = np.mean([plane.cosines for plane in planes], axis=0)
    usual = min(planes, key=lambda plane: float(np.abs(plane.cosines - mean).max())).cosines
    along_row, along_column = usual / np.linalg.norm(usual, axis=1, keepdims=True)
    row_mm, column_mm = stack_spacing_mm(planes)
    affine, to_ras = np.eye(4), LPS_TO_RAS[:3, :3]
    affine[:3, 0] = to_ras @ along_row * column_mm
    affine[:3, 1] = to_ras @ along_column * row_mm
    affine[:3, 2] = to_ras @ (last.position_mm - first.position_mm) / (len(planes) - 1)
    affine[:3, 3] = to_ras @ first.position_mm
    return affine


def _cosines(plane: Plane) -> str:
    return "\\".join(f"{cosine:.4f}" for cosine in plane.cosines.ravel())


def slice_row_column(
    shape: tuple[int, int, int], sizes_mm: NDArray[np.float64], warnings: list[str]
) -> tuple[int, int, int]:
    """Input axes that are slice, row and column."""
    second, largest = np.argsort(sizes_mm)[1:]
    if round(sizes_mm[largest] / sizes_mm[second], 3) >= SLICE_AXIS_RATIO:
        slice_axis = int(largest)
    else:
        slice_axis, which = _likely_slice_axis(shape, sizes_mm)
        warnings.append(
            f"slice axis not clear from voxel size {in_text(sizes_mm)} mm: axis {slice_axis} of "
            f"shape {shape} taken, {which}"
        )
    column, row = (axis for axis in range(3) if axis != slice_axis)
    return slice_axis, row, column


def _likely_slice_axis(
    shape: tuple[int, int, int], sizes_mm: NDArray[np.float64]
) -> tuple[int, str]:
    """The slice axis of voxels that are next to cubes, and why it is.

    A stack of thin slices that was cut out around the heart has as many slices as rows, or more:
    then the axis whose voxel size differs from the other two, for pixels are square next to always.
    """
    fewest = [axis for axis in range(3) if shape[axis] == min(shape)]
    few = len(fewest) == 1 and min(shape) <= FEW * sorted(shape)[1]
    alone = _alone(sizes_mm)
    if alone is not None and not few:
        return alone, "the one whose voxel size differs"
    which = "the one with fewest voxels" if len(fewest) == 1 else "the last of the shortest"
    return fewest[-1], which


def _alone(sizes_mm: NDArray[np.float64]) -> int | None:
    """The axis whose voxel size differs from those of the other two, which are alike; else None."""
    for axis in range(3):
        first, second = np.delete(sizes_mm, axis)
        apart = np.abs(np.log(sizes_mm[axis] / np.array([first, second])))
        if abs(first - second) <= SAME_SIZE * max(first, second) and apart.min() > OTHER_SIZE:
            return axis
    return None


def in_text(sizes_mm: NDArray[np.float64]) -> str:
    """Sizes as messages give them, such as "1.25 x 1.25 x 8"."""
    return " x ".join(f"{size:.4g}" for size in sizes_mm)


def corner_distances_mm(
    difference: NDArray[np.float64], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    """(8,) distances between the places that two affines give to a corner voxel.

    difference: (4, 4) of the two; shape: three sizes.
    """
    ends = np.array(np.meshgrid(*[(0, size - 1) for size in shape])).reshape(3, -1)
    corners = np.vstack([ends, np.ones(ends.shape[1])])
    return np.asarray(np.linalg.norm((difference @ corners)[:3], axis=0))


def are_on_voxels(corners_off_mm: NDArray[np.float64], affine: NDArray[np.float64]) -> bool:
    """Whether a map with corners so far off lies on the voxels of an image, up to rounding.

    corners_off_mm: by `corner_distances_mm`; affine: (4, 4) of the image.
    """
    off_voxels = corners_off_mm / np.linalg.norm(affine[:3, :3], axis=0).min()
    return bool(off_voxels.min() <= MAX_SHIFT_VOXELS and off_voxels.max() <= MAX_STRETCH_VOXELS)
