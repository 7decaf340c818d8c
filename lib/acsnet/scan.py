"""The short-axis stack that every stage takes: its pixels and its geometry.

Inside the package, arrays are (slice, row, column). The readers in `acsnet.io` bring them to this
order, and `InputGrid` maps them back to the grid of the file exactly.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Contrast = Literal["lge", "cine", "other"]
View = Literal["short axis", "long axis"]

UNFIT = "this looks like"
"""Beginning of every warning which says that a scan is not short-axis LGE."""

NO_SIGNAL = "taken as no signal"
"""In every warning that tells which voxels are passed over: of all doubts the least."""

APEXWARD_RAS = np.array([-1.0, 1.0, -1.0]) / np.sqrt(3.0)
"""From base to apex: left, anterior, inferior, in RAS coordinates (usual lie of the heart)."""

MIN_TILT_COSINE = float(np.cos(np.deg2rad(5.0)))
"""A stack along a patient axis is not a planned short axis: its header was lost. Own rule."""

MIN_APEXWARD_COSINE = 0.3
"""Below this, the direction of the stack does not tell apex from base. Own rule."""


@dataclass(frozen=True, kw_only=True)
class InputGrid:
    """The grid of the file that was read.

    Attributes:
        shape: shape of the array in the file.
        affine: (4, 4), index in the file -> RAS mm.
        axes: axes of the file that became slice, row and column.
        reversed_slices: whether slices run against the order of the file.
        stored_affine: (4, 4) affine as the header has it, where that has other units than mm, two
            transforms or none, or voxel sizes that disagree; else None.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    axes: tuple[int, int, int]
    reversed_slices: bool = False
    stored_affine: NDArray[np.float64] | None = None

    @property
    def header_affine(self) -> NDArray[np.float64]:
        """(4, 4) as in the file, right or wrong: with it, label maps overlay the image."""
        return self.affine if self.stored_affine is None else self.stored_affine

    def slice_number(self, index: int) -> int:
        """Number of slice `index` of the stack, from 1 in the order of the file."""
        return self.shape[self.axes[0]] - index if self.reversed_slices else index + 1

    def from_input(self, array: NDArray[Any]) -> NDArray[Any]:
        """Convert an array on the grid of the file to (slice, row, column)."""
        stack = np.transpose(array, self.axes)
        return stack[::-1] if self.reversed_slices else stack

    def to_input(self, stack: NDArray[Any]) -> NDArray[Any]:
        """Convert a (slice, row, column) array to the grid of the file, voxel for voxel."""
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

    Attributes:
        name: name of the case.
        pixels: (slice, row, column) float32, rescaled but not windowed.
        grid: the grid of the file, and the way back to it.
        apex_first: True if slices are known to run from apex to base; None if only the anatomy
            can tell.
        windows: (slice, 2) window centre and width of each slice, or None.
        signal: mask like pixels, False where nothing was measured (padding, blank slices, NaN);
            None if everything is signal.
        contrast: what the file says about the contrast; "lge" if it says nothing.
        view: what the file says about the view; "short axis" if it says nothing.
        instance_uids: SOPInstanceUID of each slice, for DICOM.
        frame_numbers: frame of each slice, from 1, if slices are frames of multi-frame objects.
        height_cm, weight_kg: of the patient, from the header.
        warnings: remarks of the reader of the file.
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
        """Whether scar can be measured: only on LGE, and only in short axis."""
        return self.contrast == "lge" and self.view == "short axis"

    @property
    def measured(self) -> NDArray[np.bool_]:
        """(slice, row, column) mask of what has signal; all of it where `signal` is None."""
        return np.ones(self.pixels.shape, bool) if self.signal is None else self.signal

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distances (mm) between slices along their normal, between rows, between columns."""
        steps = self.grid.steps_mm
        normal = np.cross(steps[1], steps[2])
        slice_mm = abs(float(steps[0] @ normal)) / float(np.linalg.norm(normal))
        return slice_mm, float(np.linalg.norm(steps[1])), float(np.linalg.norm(steps[2]))

    @property
    def voxel_ml(self) -> float:
        """Volume (ml) of one voxel, including the gap to the next slice."""
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
    """Order slices from apex to base; lv: mask of the left ventricle, `grid.shape`.

    If the position did not tell apex from base, the end with the smaller left ventricle is the
    apex. Own rule: right in 233 of the 235 expert stacks of EMIDEC and ACDC on which it was tried.
    """
    if scan.apex_first or not lv.any():
        return scan
    areas = np.count_nonzero(scan.grid.from_input(lv), axis=(1, 2))
    ends = areas[np.flatnonzero(areas)[[0, -1]]]
    return scan.reversed() if ends[0] > ends[1] else scan


def named_as_case(scan: ShortAxisScan, case: str) -> ShortAxisScan:
    """A scan from a volume file under the id of its case: files of two patients may have one name.

    That of DICOM keeps the name of its folder: its id is a UID, and its tags name the patient.
    """
    return scan if scan.instance_uids else replace(scan, name=case)


def is_fit(warnings: Iterable[str]) -> bool:
    """Whether a scan with these warnings should be offered to a reader: not if it is not LGE."""
    return not any(is_unfit(warning) for warning in warnings)


def is_unfit(warning: str) -> bool:
    """Whether a warning says that its scan is not short-axis LGE."""
    return warning.startswith(UNFIT)


def long_axis_cosine(grid: InputGrid) -> float | None:
    """Cosine between the slice direction and the usual long axis of the left ventricle.

    It is large for short-axis planes and small for planes along the long axis. None for a stack
    along a patient axis, whose header may have been lost.
    """
    step = grid.steps_mm[0]
    direction = step / np.linalg.norm(step)
    if float(np.abs(direction).max()) > MIN_TILT_COSINE:
        return None
    return float(direction @ APEXWARD_RAS)


def apex_first_by_position(scan: ShortAxisScan) -> ShortAxisScan:
    """Order slices from apex to base by the patient axes; unchanged if these do not tell.

    A stack along a patient axis (header lost in conversion), or across the usual long axis of the
    heart, tells nothing. `apex_first` is then None, and the anatomy decides later. Own rule.
    """
    apexward = long_axis_cosine(scan.grid)
    if apexward is None or abs(apexward) < MIN_APEXWARD_COSINE:
        return replace(scan, apex_first=None)
    ordered = scan.reversed() if apexward > 0 else scan
    return replace(ordered, apex_first=True)
