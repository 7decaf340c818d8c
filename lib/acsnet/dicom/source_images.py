"""The MR images of a DICOM object, one a slice."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from acsnet.errors import InputError
from acsnet.io.dicom_files import quiet_pydicom, text_of
from acsnet.io.geometry import Plane
from acsnet.scan import ShortAxisScan


def source_stack(scan: ShortAxisScan, headers: Iterable[Dataset]) -> tuple[Dataset, ...]:
    """The image of each slice of the scan, in the scan's order.

    headers: datasets of the series in any order, pixels not needed. Raises InputError for a scan
    that was not read from DICOM and for a slice without image.
    """
    if not scan.instance_uids:
        msg = (
            f"{scan.name} has no DICOM image of its own for each slice to refer to: it was not "
            "read from DICOM, or its images are frames of one object, lie in several series or "
            "share a SOPInstanceUID"
        )
        raise InputError(msg)
    by_uid = {text_of(header, "SOPInstanceUID"): header for header in headers}
    missing = [uid for uid in scan.instance_uids if uid not in by_uid]
    if missing:
        msg = (
            f"{len(missing)} of {len(scan.instance_uids)} images of {scan.name} are not there, "
            f"the first is {missing[0]}"
        )
        raise InputError(msg)
    return tuple(by_uid[uid] for uid in scan.instance_uids)


def read_headers(folder: Path) -> list[Dataset]:
    """The headers of all files of a series, without pixels."""
    with quiet_pydicom():
        return [
            pydicom.dcmread(file, stop_before_pixels=True, force=True)
            for file in sorted(folder.iterdir())
        ]


def read_dataset(file: Path) -> Dataset:
    """A DICOM object that this software wrote."""
    with quiet_pydicom():
        return pydicom.dcmread(file)


def file_content(dataset: Dataset) -> bytes:
    """A DICOM object as the content of a file."""
    stream = BytesIO()
    dataset.save_as(stream, write_like_original=False)
    return stream.getvalue()


def planes_of(sources: Sequence[Dataset]) -> list[Plane]:
    """The plane of each image by its tags, which `read_scan` has checked."""
    return [
        Plane(
            file=text_of(source, "SOPInstanceUID"),
            rows=int(source.Rows),
            columns=int(source.Columns),
            position_mm=np.array(source.ImagePositionPatient, dtype=float),
            cosines=np.array(source.ImageOrientationPatient, dtype=float).reshape(2, 3),
            spacing_mm=(float(source.PixelSpacing[0]), float(source.PixelSpacing[1])),
        )
        for source in sources
    ]


def slice_step_mm(planes: Sequence[Plane]) -> float:
    """Distance between neighbouring slices along their normal."""
    length = (planes[-1].position_mm - planes[0].position_mm) @ planes[0].normal
    return abs(float(length)) / (len(planes) - 1)


def check_shape(labels: NDArray[np.uint8], sources: Sequence[Dataset]) -> None:
    """Raise InputError for a label map that is not on the images' grid."""
    shape = (len(sources), int(sources[0].Rows), int(sources[0].Columns))
    if labels.shape != shape:
        msg = f"label map must be {shape} (slice, row, column), got {labels.shape}"
        raise InputError(msg)
