"""Label maps on disk -> masks of regions: what the values of each truth mean, in one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.orientations import apply_orientation, inv_ornt_aff, io_orientation
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.limits import check_size
from acsnet.io.nifti import DAMAGED, check_whole, open_nifti
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.scan import ShortAxisScan

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


def read_label_file(path: Path) -> LabelFile:
    """Read a NIfTI label map, 3-D or 4-D with one volume; InputError names file and fault."""
    image = open_nifti(path, name=str(path))
    shape = image.shape[:3] if image.shape[3:] == (1,) else image.shape
    if len(shape) != 3 or min(shape) < 1:
        msg = f"{path} must be a 3-D label map, got shape {image.shape}"
        raise InputError(msg)
    check_size(str(path), slices=max(shape[2], 2), rows=shape[0], columns=shape[1], item_bytes=8)
    check_whole(path, image, name=str(path))
    try:
        values = np.asarray(image.dataobj).reshape(shape)
    except DAMAGED as error:
        msg = f"the pixels of {path} cannot be read: {error}"
        raise InputError(msg) from error
    if values.dtype.kind not in "iuf":
        msg = f"{path} must hold whole numbers, got {values.dtype}"
        raise InputError(msg)
    labels = np.nan_to_num(values, nan=-1).astype(np.int64)
    if not np.array_equal(labels, values):
        msg = f"{path} holds values that are not whole numbers, so it is no label map"
        raise InputError(msg)
    return LabelFile(path=path, labels=labels, affine=np.asarray(image.affine, dtype=np.float64))


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
    return apex_first_by_area(read_scan(expert), lv)


def apex_first_by_area(scan: ShortAxisScan, lv: NDArray[np.bool_]) -> ShortAxisScan:
    """A scan in the order that `apex_first_scan` tells; lv: mask on the grid of its input."""
    if scan.apex_first or not lv.any():
        return scan
    areas = np.count_nonzero(scan.grid.from_input(lv), axis=(1, 2))
    ends = areas[np.flatnonzero(areas)[[0, -1]]]
    return scan.reversed() if ends[0] > ends[1] else scan
