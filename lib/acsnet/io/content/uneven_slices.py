"""Stacks with uneven slices as dcm2niix writes them: twice, for NIfTI has one distance for all.

The slices as they are, with their first distance for all, and beside them, with `_Eq` behind the
name, a volume that is interpolated to the smallest distance and may end before the last slice.
Other people end names so, too: what counts is that the JSON file beside them is of dcm2niix. Ours.
"""

from pathlib import Path

import numpy as np

from acsnet.errors import AcsnetError, GeometryError
from acsnet.io.containers import open_volume
from acsnet.io.content.side_file import INTERPOLATED, is_of_dcm2niix
from acsnet.io.volume import followed, plain_shape, stem_of
from acsnet.scan import InputGrid

ENDINGS = ("_Eq", "_Eq_1")
"""Of the names of what dcm2niix interpolated."""


def uneven_remarks(path: Path, grid: InputGrid) -> list[str]:
    """What to tell of a volume whose slices lay unevenly, by its name and what lies beside it.

    grid: of the volume. Raises GeometryError where the one distance in its header is wrong by half
    a slice or more over all slices.
    """
    stem = stem_of(path)
    if INTERPOLATED.search(stem):
        return [
            f"its name is {stem!r}, as of slices that dcm2niix interpolated because they lay "
            "unevenly: slices may be missing and the stack may be cut short, use the DICOM series"
        ]
    if (other := _interpolated_from(path)) is None:
        return []
    if not is_of_dcm2niix(path):
        return [
            f"{other.name} beside it is called as slices that dcm2niix interpolated because they "
            "lay unevenly: if they are, slices may be missing, use the DICOM series"
        ]
    step_mm = float(np.linalg.norm(grid.steps_mm[0]))
    header_mm = (grid.shape[grid.axes[0]] - 1) * step_mm
    low_mm, high_mm = _extent_mm(other, grid) or (header_mm, header_mm)
    if not low_mm <= header_mm <= high_mm:
        msg = (
            f"distance between slices of {path.name} must be constant: from the first to the last "
            f"it is {header_mm:.0f} mm by its header, but {low_mm:.0f} to {high_mm:.0f} mm by "
            f"{other.name}, which dcm2niix interpolated: slices are missing or lie unevenly, use "
            "the DICOM series"
        )
        raise GeometryError(msg)
    return [
        f"slices lie unevenly (dcm2niix wrote {other.name}, too): measured as if all lay "
        f"{step_mm:.2f} mm apart, which may be wrong by half a slice: use the DICOM series"
    ]


def _interpolated_from(path: Path) -> Path | None:
    """The file with the interpolated slices of a volume, beside it or what it links to."""
    for place in followed(path):
        stem = stem_of(place)
        suffix = place.name[len(stem) :]
        for ending in ENDINGS:
            if (file := place.with_name(f"{stem}{ending}{suffix}")).is_file():
                return file
    return None


def _extent_mm(file: Path, grid: InputGrid) -> tuple[float, float] | None:
    """From the first to the last slice, at least and at most; None where the file does not tell.

    dcm2niix makes as many slices as fit from the first to half a distance before the last.
    """
    try:
        volume = open_volume(file, name=file.name)
        slices = plain_shape(volume)[grid.axes[0]]
    except (AcsnetError, OSError):
        return None
    # Where the first distance is not the smallest, dcm2niix leaves an affine that is none.
    sizes_mm = volume.pixdim
    if sizes_mm is None:
        sizes_mm = np.linalg.norm(volume.affine[:3, :3], axis=0)
    step_mm = abs(float(sizes_mm[grid.axes[0]]))
    return (slices - 0.5) * step_mm, (slices + 0.5) * step_mm
