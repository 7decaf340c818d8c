"""What viewers store where scans come from a folder (STOW-RS): label maps by one more way in.

The studies folder is never written to. A SEG is read, checked and measured as what 3D Slicer saves,
and becomes a draft by its author in the server's own store; the object itself is not kept.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from pydicom.dataset import Dataset

from acsnet.dicom.seg_read import SegReading, read_seg
from acsnet.dicom.source_images import source_stack
from acsnet.errors import AcsnetError, InputError
from acsnet.io import read_scan
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, text_of
from acsnet.io.dicom_files.folder import headers_at
from acsnet.scan import ShortAxisScan
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.datastores.label_intake import DrawnLabel, author_of, save_label
from acsnet.server.datastores.protocol import scan_to_label
from acsnet.server.dicomweb.multipart_body import (
    NOT_ON_SCAN,
    check_drawn_on_all,
    check_patient,
    object_files,
    read_sent_seg,
    referenced_series,
    stored_answer,
)
from acsnet.server.identity import signed
from acsnet.server.inference.work_queue import volume_place


def store_in_folder(
    store: StudiesDatastore,
    body: Path,
    content_type: str,
    *,
    study: str,
    on_save: Callable[[], None],
) -> JSONResponse:
    """Accept the objects of a multipart body as drafts of their authors.

    Args:
        store: where to.
        body: the file with the multipart/related body of the request.
        content_type: of the request.
        study: StudyInstanceUID in the address, or empty.
        on_save: called for each new label map.

    Returns:
        The answer of the standard, with what was accepted.

    Raises:
        HTTPException: as `object_files`, and 409 for an object that is not taken. Where one cannot
            be read none of the request is; where one cannot be measured those before it are.
    """
    accepted = []
    with volume_place():
        try:
            readings = [
                _reading(store, part, study=study) for part in object_files(body, content_type)
            ]
            for seg, image, drawn_on, scan, reading in readings:
                author = author_of(signed({"user": text_of(seg, "ContentCreatorName")}))
                drawn = DrawnLabel(
                    scan=scan,
                    labels=scan.grid.to_input(reading.labels),
                    drawn_on=drawn_on,
                    author=author,
                    notes=reading.warnings,
                )
                save_label(store, image, drawn, on_save=on_save, through="a viewer")
                accepted.append(seg)
        except AcsnetError as error:
            raise HTTPException(409, f"this is not stored: {error}") from error
    return stored_answer(accepted)


def _reading(
    store: StudiesDatastore, part: Path, *, study: str
) -> tuple[Dataset, str, str, ShortAxisScan, SegReading]:
    """A SEG, id and state of the scan it was drawn on, the scan, and what it says.

    Raises AcsnetError for an object that is not taken.
    """
    seg = read_sent_seg(part)
    with quiet_pydicom():
        image = _image_of(store, seg)
        info = store.get_image_info(image)
        check_patient(
            seg,
            address=study,
            study=str(info.get("StudyInstanceUID", "")),
            patient=str(info.get("PatientID", "")),
        )
        path, drawn_on = scan_to_label(store, image)
        scan, folder = read_scan(path), Path(path)
        sources = source_stack(scan, headers_at(folder))
        check_drawn_on_all(seg, sources)
        reading = read_seg(seg, sources)
        if not reading.labels.any():
            msg = "nothing is drawn"
            raise InputError(msg)
    return seg, image, drawn_on, scan, reading


def _image_of(store: StudiesDatastore, seg: Dataset) -> str:
    """The id of the scan that a SEG was drawn on; a series may hold several scans."""
    named, study = referenced_series(seg), text_of(seg, "StudyInstanceUID")
    images = [
        image
        for image in store.list_images()
        if _may_be(store.get_image_info(image), named, study)
        and store.verdict(image).reason is None
        and named <= _series_of(Path(store.get_image_uri(image)))
    ]
    if len(images) == 1:
        return images[0]
    instances = {
        text_of(instance, "ReferencedSOPInstanceUID")
        for item in seg.ReferencedSeriesSequence
        for instance in item.get("ReferencedInstanceSequence") or []
    }
    for image in images:
        if instances & set(read_scan(store.get_image_uri(image)).instance_uids):
            return image
    raise InputError(NOT_ON_SCAN)


def _may_be(info: Mapping[str, Any], series: Collection[str], study: str) -> bool:
    """Whether a scan may lie in some series: they are its first, or of its study."""
    return info.get("SeriesInstanceUID") in series or info.get("StudyInstanceUID") == study


def _series_of(folder: Path) -> set[str]:
    return {text_of(header, "SeriesInstanceUID") for header in headers_at(folder)}
