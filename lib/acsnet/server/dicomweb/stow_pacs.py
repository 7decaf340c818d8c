"""What viewers store in a PACS (STOW-RS): segmentations of the work list only.

Each object is read, and says afterwards who stored it and when: the name of the login and the
time of receipt, whatever it claims. With our labels it is a draft until somebody accepts it. What
is in the PACS already is never replaced.
"""

from pathlib import Path

from fastapi import HTTPException
from fastapi.responses import JSONResponse
from pydicom.dataset import Dataset

from acsnet.dicom.seg_labels import is_mappable
from acsnet.dicom.seg_write import CONTENT_LABEL
from acsnet.errors import AcsnetError, InputError
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, text_of
from acsnet.pacs.annotations import MODEL, OFFSET, after_all, images_of, set_date
from acsnet.pacs.dicomweb import NotStoredError, is_uid
from acsnet.pacs.worklist import Entry, drawn_on
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.dicomweb.multipart_body import (
    NOT_ON_SCAN,
    check_drawn_on_all,
    check_patient,
    object_files,
    read_sent_seg,
    referenced_series,
    stored_answer,
)
from acsnet.server.identity import logged_in
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.state.audit_trail import note


def store_in_pacs(
    pacs: DicomWebDatastore, body: Path, content_type: str, *, study: str
) -> JSONResponse:
    """Store the objects of a multipart body.

    Args:
        pacs: where to.
        body: the file with the multipart/related body of the request.
        content_type: of the request.
        study: StudyInstanceUID in the address, or empty.

    Returns:
        The answer of the standard, with what was stored.

    Raises:
        HTTPException: as `object_files`, and 409 for an object that is not taken; none of the
            request is stored then.
    """
    objects = []
    for part in object_files(body, content_type):
        with volume_place():
            try:
                objects.append(checked_seg(pacs, part, study=study))
            except AcsnetError as error:
                raise HTTPException(409, f"this is not stored: {error}") from error
    stored = []
    try:
        for seg, entry in objects:
            uid, author = text_of(seg, "SOPInstanceUID"), text_of(seg, "ContentCreatorName")
            pacs.note_save(uid, user=author, image=entry.uid)
            try:
                pacs.service.store(seg)
            except NotStoredError as error:
                raise HTTPException(409, str(error)) from error
            _record(seg, entry)
            stored.append(seg)
    finally:
        pacs.refresh()
    return stored_answer(stored)


def checked_seg(pacs: DicomWebDatastore, part: Path, *, study: str) -> tuple[Dataset, Entry]:
    """A segmentation that may be stored, signed, and the series it was drawn on.

    Raises InputError for anything else.
    """
    seg = read_sent_seg(part)
    with quiet_pydicom():
        series = referenced_series(seg)
        entries = [entry for entry in pacs.entries().values() if series <= set(entry.series)]
        if not entries:
            raise InputError(NOT_ON_SCAN)
        entry = drawn_on(images_of(seg), entries)
        check_patient(seg, address=study, study=entry.study, patient=entry.text("PatientID"))
        uid = text_of(seg, "SOPInstanceUID")
        if not is_uid(uid) or pacs.service.has_instance(uid):
            msg = "its SOPInstanceUID is missing or already in the PACS, where nothing is replaced"
            raise InputError(msg)
        if is_mappable(seg) and entry.together:
            pacs.state_to_label(entry.uid)  # the series are known once they have been checked
            lies_in = set(pacs.entries()[entry.uid].known.in_series)
            parts = (h for h in entry.together if text_of(h, "SeriesInstanceUID") in lies_in)
            check_drawn_on_all(seg, parts)
        _sign(seg, entry)
    return seg, entry


def _sign(seg: Dataset, entry: Entry) -> None:
    """Let a SEG say who stored it, where somebody has to log in, when, and that it is a draft."""
    person = logged_in()
    if person is not None:
        seg.ContentCreatorName = person.name
        if "ContentCreatorIdentificationCodeSequence" in seg:
            del seg.ContentCreatorIdentificationCodeSequence
    if text_of(seg, "ContentCreatorName") == MODEL:
        msg = f"{MODEL!r} is reserved for the model: choose another name"
        raise InputError(msg)
    if is_mappable(seg):
        seg.ContentLabel = CONTENT_LABEL["draft"]
    set_date(seg, after_all(entry.annotations), offset=text_of(seg, OFFSET))


def _record(seg: Dataset, entry: Entry) -> None:
    note(
        "save",
        user=text_of(seg, "ContentCreatorName"),
        image=entry.uid,
        details={"version": text_of(seg, "SOPInstanceUID"), "through": "a viewer"},
    )
