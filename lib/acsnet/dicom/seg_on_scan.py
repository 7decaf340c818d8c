"""A DICOM SEG as the label map of an image, wherever the image was read from."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from acsnet.dicom.header import FRAME_OF_REFERENCE
from acsnet.dicom.seg_labels import is_seg
from acsnet.dicom.seg_read import SegReading, read_seg
from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import damage_as, quiet_pydicom, text_of
from acsnet.io.dicom_files.folder import headers_at
from acsnet.io.dicom_stack.decoding.transfer_syntax import set_syntax
from acsnet.io.geometry import LPS_TO_RAS
from acsnet.labels import is_only_numbered
from acsnet.scan import ShortAxisScan


def seg_on_scan(
    path: Path,
    scan: ShortAxisScan,
    *,
    image: Path | None = None,
    by_number: Callable[[str, int], bool] = is_only_numbered,
) -> SegReading:
    """A SEG on the grid of a scan: its labels are an array of `scan.grid.shape`.

    Its frames are placed by their positions; the scan may be a copy in another format. image: what
    the scan was read from; if that is DICOM, the SEG has to be of its frame of reference, or to
    refer to its images. by_number: as `read_seg` takes it. Raises InputError for what is no SEG,
    GeometryError for frames that lie on no slice, or in another frame of reference.
    """
    unread = f"{path} cannot be read as DICOM (damaged or cut short?)"
    with damage_as(unread), quiet_pydicom():
        seg = pydicom.dcmread(path, force=True)
        if not (kind := UID(text_of(seg, "SOPClassUID")).name):
            raise InputError(unread)
        set_syntax(seg, name=path.name)
        own = text_of(seg, FRAME_OF_REFERENCE)
    if not is_seg(seg):
        msg = f"{path} must be a segmentation (DICOM SEG), got {kind}: export it as SEG or NIfTI"
        raise InputError(msg)
    headers = _headers(scan, image)
    images = _planes_as_images(scan, headers, own=own)
    reading = read_seg(seg, images, by_number=by_number)
    return replace(reading, labels=scan.grid.to_input(reading.labels))


def _headers(scan: ShortAxisScan, image: Path | None) -> dict[str, Dataset]:
    """The header of each image of a scan by SOPInstanceUID; empty where they are not DICOM."""
    if image is None or not scan.instance_uids:
        return {}
    by_uid = {text_of(header, "SOPInstanceUID"): header for header in headers_at(image)}
    return {uid: by_uid[uid] for uid in scan.instance_uids if uid in by_uid}


def _planes_as_images(
    scan: ShortAxisScan, headers: Mapping[str, Dataset], *, own: str
) -> list[Dataset]:
    """What `read_seg` asks of images, one a slice, in the order of the scan.

    headers: of the images, where they are DICOM; own: frame of reference where they have none.
    """
    names = (text_of(header, FRAME_OF_REFERENCE) for header in headers.values())
    frame_of_reference = next(names, "") or own
    to_lps = LPS_TO_RAS @ scan.grid.stack_to_ras
    _, row_mm, column_mm = scan.spacing_mm
    uids = scan.instance_uids or ("",) * len(scan.pixels)
    images = []
    for number, uid in enumerate(uids):
        image = Dataset()
        image.SOPInstanceUID = uid
        image.SeriesInstanceUID = text_of(headers.get(uid, Dataset()), "SeriesInstanceUID")
        setattr(image, FRAME_OF_REFERENCE, frame_of_reference)
        image.Rows, image.Columns = scan.pixels.shape[1:]
        place = to_lps[:3, :3] @ [number, 0, 0] + to_lps[:3, 3]
        image.ImagePositionPatient = place.tolist()
        directions = (to_lps[:3, 2] / column_mm, to_lps[:3, 1] / row_mm)
        image.ImageOrientationPatient = np.concatenate(directions).tolist()
        image.PixelSpacing = [row_mm, column_mm]
        images.append(image)
    return images
