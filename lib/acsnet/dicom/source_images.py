"""The MR images of a DICOM object, one a slice."""

from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import DicomFile, quiet_pydicom, text_of
from acsnet.io.dicom_stack.frames import frames_of
from acsnet.io.dicom_stack.planes import plane_of
from acsnet.io.geometry import Plane
from acsnet.scan import ShortAxisScan


def source_stack(scan: ShortAxisScan, headers: Iterable[Dataset]) -> tuple[Dataset, ...]:
    """The image of each slice of the scan, in the scan's order; of a frame its own header.

    headers: datasets of the series in any order, pixels not needed. Raises InputError for a scan
    that was not read from DICOM, for images that share a SOPInstanceUID and for a slice without
    image.
    """
    images = list(headers)
    if not scan.instance_uids:
        raise InputError(_no_reference(scan.name, images))
    wanted = set(scan.instance_uids)
    by_key: dict[tuple[str, int], Dataset] = {}
    for header in images:
        uid = text_of(header, "SOPInstanceUID")
        if uid not in wanted:
            continue
        for frame in frames_of(DicomFile(Path(), uid, header)):
            by_key[uid, 0 if frame.frame is None else frame.frame + 1] = frame.header
    frames = scan.frame_numbers or (0,) * len(scan.instance_uids)
    keys = list(zip(scan.instance_uids, frames, strict=True))
    missing = [uid for uid, number in keys if (uid, number) not in by_key]
    if missing:
        msg = (
            f"{len(missing)} of {len(scan.instance_uids)} images of {scan.name} are not there, "
            f"the first is {missing[0]}"
        )
        raise InputError(msg)
    return tuple(by_key[key] for key in keys)


def _no_reference(name: str, images: Sequence[Dataset]) -> str:
    uids = [text_of(image, "SOPInstanceUID") for image in images if "Rows" in image]
    if not uids:
        return f"{name} was not read from DICOM: no DICOM object can refer to its slices"
    shared = next((uid for uid in uids if uid and uids.count(uid) > 1), None)
    fault = "have no SOPInstanceUID" if shared is None else f"share the SOPInstanceUID {shared}"
    return (
        f"images of {name} {fault}, by which a DICOM object would refer to each: export them again "
        "with a SOPInstanceUID of its own for each image; the NIfTI label map is not affected"
    )


def read_dataset(file: Path) -> Dataset:
    """A DICOM object that this software wrote."""
    with quiet_pydicom():
        return pydicom.dcmread(file)


def file_content(dataset: Dataset) -> bytes:
    """A DICOM object as the content of a file."""
    stream = BytesIO()
    dataset.save_as(stream, write_like_original=False)
    return stream.getvalue()


def source_planes(sources: Sequence[Dataset]) -> list[Plane]:
    """The plane of each image by its tags, which `read_scan` has checked."""
    return [plane_of(DicomFile(Path(), text_of(s, "SOPInstanceUID"), s)) for s in sources]


def slice_step_mm(planes: Sequence[Plane]) -> float:
    """Distance between neighbouring slices along their normal."""
    length = (planes[-1].position_mm - planes[0].position_mm) @ planes[0].normal
    return abs(float(length)) / (len(planes) - 1)


def check_shape(labels: NDArray[np.uint8], sources: Sequence[Dataset]) -> None:
    """Raise InputError for a label map that is not (image, row, column) of the images' grid."""
    shape = (len(sources), int(sources[0].Rows), int(sources[0].Columns))
    if labels.shape != shape:
        msg = f"label map must be {shape} (slice, row, column), got {labels.shape}"
        raise InputError(msg)
