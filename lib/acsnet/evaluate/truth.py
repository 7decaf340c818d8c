"""Label maps on disk -> masks of regions: what the values of each truth mean, in one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.io.containers import open_volume
from acsnet.io.label_map import by_name, read_label_map
from acsnet.io.volume import LABEL_SUFFIXES, SUFFIXES, scan_of
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.scan import ShortAxisScan, apex_first_by_position

LV, MYO, ENH, CORE = "lv", "myocardium", "enhancement", "core_scar"
REGIONS = (LV, MYO, ENH, CORE)

AFFINE_TOLERANCE = 0.01
"""Affines are equal when no entry differs by more than this share of the smallest voxel side."""


@dataclass(frozen=True, kw_only=True)
class Truth:
    """One convention: every value that may occur, and the values that make up each region."""

    values: frozenset[int]
    regions: Mapping[str, tuple[int, ...]]


TRUTHS: Mapping[str, Truth] = {
    # Lalande et al., Data 2020;5:89: cavity, healthy wall, infarct, no-reflow.
    "emidec": Truth(
        values=frozenset(range(5)), regions={LV: (1, 2, 3, 4), MYO: (2, 3, 4), ENH: (3, 4)}
    ),
    # Bernard et al., IEEE TMI 2018;37:2514: right ventricle, wall, cavity; cine, no enhancement.
    "acdc": Truth(values=frozenset(range(4)), regions={LV: (2, 3), MYO: (2,)}),
    "acsnet": Truth(
        values=frozenset(int(label) for label in Label),
        regions={LV: LEFT_VENTRICLE, MYO: MYOCARDIUM, ENH: ENHANCEMENT, CORE: (Label.CORE_SCAR,)},
    ),
}


def region_masks(
    labels: NDArray[np.integer[Any]], truth: str, *, source: str
) -> dict[str, NDArray[np.bool_]]:
    """Masks of the regions that a truth has, each of the shape of `labels`.

    Raises InputError for a value that the convention does not know; `source` names the file in it.
    """
    convention = TRUTHS[truth]
    unknown = sorted(set(np.unique(labels).tolist()) - convention.values)
    if unknown:
        msg = (
            f"{source} holds the values {unknown}, which are not labels of '{truth}' "
            f"(0 to {max(convention.values)})"
        )
        raise InputError(msg)
    return {name: np.isin(labels, values) for name, values in convention.regions.items()}


@dataclass(frozen=True, kw_only=True)
class LabelFile:
    """A label map as it lies in its file: labels of any axis order, affine (4, 4) to RAS mm."""

    path: Path
    labels: NDArray[np.int64]
    affine: NDArray[np.float64]


SEG_SUFFIX = ".dcm"


def label_path(folder: Path, case: str) -> Path:
    """The label map of a case in a folder, of whatever format; by default a `.nii.gz` file."""
    endings = (*LABEL_SUFFIXES, *SUFFIXES, SEG_SUFFIX)
    paths = (folder / f"{case}{ending}" for ending in endings)
    return next((path for path in paths if path.is_file()), folder / f"{case}.nii.gz")


def read_label_file(path: Path) -> LabelFile:
    """Read a label map of any format that is read; InputError names file and fault."""
    label_map = by_name(read_label_map(path, name=str(path)))
    return LabelFile(path=path, labels=label_map.labels, affine=label_map.affine)


def turned_to(predicted: LabelFile, expert: LabelFile) -> LabelFile:
    """The predicted map with its axes swapped and flipped into the order of the expert's file.

    No voxel is interpolated: a DICOM series and its NIfTI copy may list the same slices in
    opposite order. An affine that cannot be inverted is left for `check_same_grid` to refuse.
    """
    try:
        relative = np.linalg.solve(expert.affine, predicted.affine)
    except np.linalg.LinAlgError:
        return predicted
    orientation = io_orientation(relative)
    if np.isnan(orientation).any():
        return predicted
    return LabelFile(
        path=predicted.path,
        labels=apply_orientation(predicted.labels, orientation),
        affine=predicted.affine @ inv_ornt_aff(orientation, predicted.labels.shape),
    )


def check_same_grid(predicted: LabelFile, expert: LabelFile) -> None:
    """Raise InputError, naming both files, where two label maps do not lie on one grid."""
    if predicted.labels.shape != expert.labels.shape:
        msg = (
            f"{predicted.path} and {expert.path} must have one shape, "
            f"got {predicted.labels.shape} and {expert.labels.shape}"
        )
        raise InputError(msg)
    difference = float(np.abs(predicted.affine - expert.affine).max())
    if not difference <= AFFINE_TOLERANCE * float(
        np.linalg.norm(expert.affine[:3, :3], axis=0).min()
    ):
        msg = (
            f"{predicted.path} and {expert.path} must have one affine, "
            f"but entries differ by up to {difference:g}"
        )
        raise InputError(msg)


def apex_first_scan(expert: Path, lv: NDArray[np.bool_]) -> ShortAxisScan:
    """The stack that an expert's label file lies on, apex first: its `grid` turns every mask.

    lv: the file's left ventricle, as it lies there. Where the position does not tell apex from
    base, the end with the smaller left ventricle is the apex (ours): right in 233 of the 235
    expert stacks of EMIDEC and ACDC that it was tried on. Errors as `acsnet.io.read_scan`.
    """
    volume = open_volume(expert, name=expert.name)
    return apex_first_by_area(apex_first_by_position(scan_of(volume, name=expert.name)), lv)


def apex_first_by_area(scan: ShortAxisScan, lv: NDArray[np.bool_]) -> ShortAxisScan:
    """A scan in the order that `apex_first_scan` tells; lv: mask on the grid of its input."""
    if scan.apex_first or not lv.any():
        return scan
    areas = np.count_nonzero(scan.grid.from_input(lv), axis=(1, 2))
    ends = areas[np.flatnonzero(areas)[[0, -1]]]
    return scan.reversed() if ends[0] > ends[1] else scan
