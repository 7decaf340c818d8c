"""Files to scans and label maps to files: the only package that knows file formats."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from acsnet.errors import InputError
from acsnet.io.containers import read_volume
from acsnet.io.content.uneven_slices import uneven_remarks
from acsnet.io.content.volume_names import content_of_volume
from acsnet.io.dicom import read_dicom_file, read_dicom_files, read_dicom_folder
from acsnet.io.dicom_files.dicom_file import is_dicom_file, quiet_pydicom
from acsnet.io.dicom_files.folder import headers_of
from acsnet.io.limits import THIN_MM, WIDE_MM
from acsnet.io.nifti import write_image, write_label_map, write_map
from acsnet.scan import ShortAxisScan, apex_first_by_position

__all__ = ["read_scan", "read_series", "write_image", "write_label_map", "write_map"]


def read_scan(
    path: str | Path, *, phase: int | None = None, series: str | Sequence[str] | None = None
) -> ShortAxisScan:
    """Read a short-axis stack from a volume file or a folder with a DICOM series.

    Args:
        path: NIfTI, NRRD, MetaImage or enhanced DICOM file, or folder of DICOM files.
        phase: which image of each slice to use, from 1, if a DICOM series has several.
        series: SeriesInstanceUID or SeriesNumber, if a folder has several series; a list of them
            to join them to one stack.

    Returns:
        The scan, with slices from apex to base if the slice positions tell the direction.

    Raises:
        InputError: the file cannot be read or is not a scan; the message gives the reason.
        GeometryError: the slices do not form one regular stack.
    """
    path = Path(path)
    try:
        if path.is_dir():
            scan = read_dicom_folder(path, phase=phase, series=series)
        elif path.is_file() and is_dicom_file(path):
            scan = read_dicom_file(path, phase=phase)
        elif path.is_file():
            if series is not None or phase not in (None, 1):
                msg = f"phase and series are for DICOM folders, {path.name} is a file"
                raise InputError(msg)
            scan = _named(read_volume(path), path)
        else:
            msg = f"{path.name} does not exist, or is neither a file nor a folder"
            raise InputError(msg)
    except PermissionError as error:
        msg = f"{Path(error.filename or path).name} cannot be read: permission denied"
        raise InputError(msg) from error
    return apex_first_by_position(_remarked(scan))


def read_series(paths: Sequence[Path], *, name: str, phase: int | None = None) -> ShortAxisScan:
    """Read one stack from DICOM files that lie anywhere; name: of the case. As `read_scan`."""
    with quiet_pydicom():
        files, remarks = headers_of({path: path.name for path in paths})
    if not files:
        msg = f"{name} holds no DICOM files"
        raise InputError(msg)
    scan = read_dicom_files(files, name=name, passed_over=remarks, phase=phase)
    return apex_first_by_position(_remarked(scan))


def _remarked(scan: ShortAxisScan) -> ShortAxisScan:
    """The scan, with warnings of slices very near or far apart, and of neighbours all the same."""
    remarks = []
    step_mm = round(scan.spacing_mm[0], 2)  # as headers hold it, in 32 bits: 3.9999999
    if not THIN_MM <= step_mm <= WIDE_MM:
        cause = ", as in 3-D LGE" if step_mm < THIN_MM else ""
        remarks.append(
            f"slices lie {step_mm:.2f} mm apart{cause}: the networks were trained on stacks of 5 "
            "to 13 mm, so check the labels"
        )
    same = [
        f"{index + 1} and {index + 2}"
        for index, (plane, following) in enumerate(pairwise(scan.pixels))
        if np.ptp(plane) > 0 and np.array_equal(plane, following)
    ]
    if same:
        remarks.append(
            f"slices {', '.join(same)} are the same pixel for pixel (copied to fill the stack?): "
            "volumes count both"
        )
    return replace(scan, warnings=(*scan.warnings, *remarks)) if remarks else scan


def _named(scan: ShortAxisScan, path: Path) -> ShortAxisScan:
    """The volume, with contrast and view as its name, what lies beside it and its slices suggest.

    Raises InputError for a modality other than MR, GeometryError for uneven slices.
    """
    content = content_of_volume(path, scan)
    warnings = (*scan.warnings, *uneven_remarks(path, scan.grid), *content.remarks)
    return replace(scan, contrast=content.contrast, view=content.view, warnings=warnings)
