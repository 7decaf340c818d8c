"""The short-axis stack that every stage takes: pixels, geometry and where they came from.

Inside the package an array is (slice, row, column); readers in `acsnet.io` make it so, and
`InputGrid` is the exact way back to the grid of the file that was read.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Contrast = Literal["lge", "cine", "other"]
View = Literal["short axis", "long axis"]

UNFIT = "this looks like"
"""How every warning begins that a scan is no short-axis LGE."""

APEXWARD_RAS = np.array([-1.0, 1.0, -1.0]) / np.sqrt(3.0)
"""From base to apex: left, anterior, inferior, in RAS coordinates (usual lie of the heart)."""

MIN_TILT_COSINE = float(np.cos(np.deg2rad(5.0)))
"""A stack along a patient axis is no planned short axis: its header was lost. Ours."""

MIN_APEXWARD_COSINE = 0.3
"""Below this the stack direction does not tell apex from base. Ours."""


@dataclass(frozen=True, kw_only=True)
class InputGrid:
    """The grid of the file that was read.

    shape: of the input array; affine: (4, 4), input index -> RAS mm; axes: the input axes that
    became slice, row and column; reversed_slices: whether slices run against the input's order;
    stored_affine: (4, 4) as in a file whose affine has no millimetres, else None.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    axes: tuple[int, int, int]
    reversed_slices: bool = False
    stored_affine: NDArray[np.float64] | None = None

    @property
    def header_affine(self) -> NDArray[np.float64]:
        """(4, 4) as the file has it, right or not: with it label maps overlay in every viewer."""
        return self.affine if self.stored_affine is None else self.stored_affine

    def slice_number(self, index: int) -> int:
        """The number, from 1 and as the file runs, of slice `index` of the stack."""
        return self.shape[self.axes[0]] - index if self.reversed_slices else index + 1

    def from_input(self, array: NDArray[Any]) -> NDArray[Any]:
        """Input array of `shape` -> (slice, row, column)."""
        stack = np.transpose(array, self.axes)
        return stack[::-1] if self.reversed_slices else stack

    def to_input(self, stack: NDArray[Any]) -> NDArray[Any]:
        """(slice, row, column) -> array of the input's `shape`, voxel for voxel."""
        stack = stack[::-1] if self.reversed_slices else stack
        return np.ascontiguousarray(np.transpose(stack, np.argsort(self.axes)))

    @property
    def steps_mm(self) -> NDArray[np.float64]:
        """(3, 3): row i is the step in RAS mm from one slice, row or column to the next."""
        steps = self.affine[:3, :3].T[list(self.axes)].copy()
        if self.reversed_slices:
            steps[0] = -steps[0]
        return steps

    @property
    def stack_to_ras(self) -> NDArray[np.float64]:
        """(4, 4): index of slice, row and column -> RAS mm."""
        first = np.zeros(3)
        if self.reversed_slices:
            first[self.axes[0]] = self.shape[self.axes[0]] - 1
        matrix = np.eye(4)
        matrix[:3, :3] = self.steps_mm.T
        matrix[:3, 3] = self.affine[:3, :3] @ first + self.affine[:3, 3]
        return matrix


@dataclass(frozen=True, kw_only=True)
class ShortAxisScan:
    """One short-axis stack.

    pixels: (slice, row, column) float32, rescaled but not windowed; apex_first: True once the
    order is known to run from apex to base, None while only the anatomy can tell; windows:
    (slice, 2) window centre and width of each slice, or None; signal: of the shape of pixels,
    False where nothing was measured (padding, blank slices, NaN) and pixels only fill, or None
    where all is signal; contrast, view: what the file tells that it shows, LGE in short axis where
    it tells nothing; instance_uids: one a slice for DICOM, with frame_numbers, from 1, where slices
    are frames of objects; height_cm, weight_kg: of the patient, as the header has them.
    """

    name: str
    pixels: NDArray[np.float32]
    grid: InputGrid
    apex_first: bool | None = None
    windows: NDArray[np.float32] | None = None
    signal: NDArray[np.bool_] | None = None
    contrast: Contrast = "lge"
    view: View = "short axis"
    instance_uids: tuple[str, ...] = ()
    frame_numbers: tuple[int, ...] = ()
    height_cm: float | None = None
    weight_kg: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def shows_scar(self) -> bool:
        """Whether its bright wall can be scar: only on LGE, and measured only in short axis."""
        return self.contrast == "lge" and self.view == "short axis"

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between slice centres along the normal, between rows, between columns."""
        steps = self.grid.steps_mm
        normal = np.cross(steps[1], steps[2])
        slice_mm = abs(float(steps[0] @ normal)) / float(np.linalg.norm(normal))
        return slice_mm, float(np.linalg.norm(steps[1])), float(np.linalg.norm(steps[2]))

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel, the gap to the next slice included."""
        return abs(float(np.linalg.det(self.grid.affine[:3, :3]))) / 1000.0

    def reversed(self) -> "ShortAxisScan":
        """The same scan with its slices in the opposite order."""
        grid = replace(self.grid, reversed_slices=not self.grid.reversed_slices)
        return replace(
            self,
            pixels=self.pixels[::-1],
            grid=grid,
            windows=None if self.windows is None else self.windows[::-1],
            signal=None if self.signal is None else self.signal[::-1],
            instance_uids=self.instance_uids[::-1],
            frame_numbers=self.frame_numbers[::-1],
        )


def apex_first_by_area(scan: ShortAxisScan, lv: NDArray[np.bool_]) -> ShortAxisScan:
    """Order slices apex to base; lv: mask of the left ventricle on the grid of the input.

    Where the position did not tell apex from base, the end with the smaller left ventricle is the
    apex (ours): right in 233 of the 235 expert stacks of EMIDEC and ACDC that it was tried on.
    """
    if scan.apex_first or not lv.any():
        return scan
    areas = np.count_nonzero(scan.grid.from_input(lv), axis=(1, 2))
    ends = areas[np.flatnonzero(areas)[[0, -1]]]
    return scan.reversed() if ends[0] > ends[1] else scan


def is_fit(warnings: Iterable[str]) -> bool:
    """Whether a reader should be offered a scan with these warnings of its reader."""
    return not any(warning.startswith(UNFIT) for warning in warnings)


def long_axis_cosine(grid: InputGrid) -> float | None:
    """Cosine between the way from slice to slice and the usual axis of the left ventricle.

    None for a stack along a patient axis, whose header may have been lost. Planes along the axis
    have a small one, short-axis planes a large one.
    """
    step = grid.steps_mm[0]
    direction = step / np.linalg.norm(step)
    if float(np.abs(direction).max()) > MIN_TILT_COSINE:
        return None
    return float(direction @ APEXWARD_RAS)


def apex_first_by_position(scan: ShortAxisScan) -> ShortAxisScan:
    """Order slices apex to base from the patient axes; unchanged where these do not tell.

    A stack that lies along a patient axis (headers lost in conversion) or across the usual long
    axis of the heart says nothing: `apex_first` stays None for the anatomy to decide. Ours.
    """
    apexward = long_axis_cosine(scan.grid)
    if apexward is None or abs(apexward) < MIN_APEXWARD_COSINE:
        return replace(scan, apex_first=None)
    ordered = scan.reversed() if apexward > 0 else scan
    return replace(ordered, apex_first=True)
