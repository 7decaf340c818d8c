"""What viewers store (STOW-RS, DICOM PS3.18 section 10.5): segmentations of the work list only.

Each object is read, and says afterwards who stored it and when: the name of the login and the
time of receipt, whatever it claims. What is in the PACS already is never replaced.
"""

import mmap
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from email.message import Message
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydicom.dataset import Dataset

from acsnet.dicom.seg_labels import is_seg
from acsnet.errors import AcsnetError, InputError
from acsnet.io.dicom_files import quiet_pydicom, read_header, text_of
from acsnet.pacs.annotations import MODEL
from acsnet.pacs.dicomweb import NotStoredError, is_uid
from acsnet.pacs.storescu import read_whole
from acsnet.pacs.worklist import Entry
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.identity import logged_in
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.state.audit_trail import note

MAX_OBJECTS = 16
"""Of one request: viewers store one."""


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[Path]:
    """The body of a request as a file, for as long as it is looked at."""
    with tempfile.TemporaryDirectory(dir=request.app.state.acsnet.scratch) as folder:
        path = Path(folder) / "body"
        with path.open("xb") as stream:
            async for piece in request.stream():
                await run_in_threadpool(stream.write, piece)
        yield path


async def store_received(
    pacs: DicomWebDatastore, body: Path, request: Request, *, study: str
) -> JSONResponse:
    """Store the objects of a multipart body.

    Args:
        pacs: where to.
        body: the file with the multipart/related body of the request.
        request: for its content type.
        study: StudyInstanceUID in the address, or empty.

    Returns:
        The answer of the standard, with what was stored.

    Raises:
        HTTPException: 415 for another type of body, 409 for an object that is not taken; none of
            the request is stored then.
    """
    boundary = boundary_of(request.headers.get("content-type", ""))
    return await run_in_threadpool(_stored, pacs, body, boundary, study)


def boundary_of(content_type: str) -> bytes:
    """The boundary of a multipart/related body of DICOM files. Raises HTTPException 415."""
    told = Message()
    told["Content-Type"] = content_type
    boundary = str(told.get_param("boundary", ""))
    kind = str(told.get_param("type", "application/dicom")).lower()
    if (
        told.get_content_type() != "multipart/related"
        or kind != "application/dicom"
        or not boundary
    ):
        raise HTTPException(415, 'send multipart/related; type="application/dicom"')
    return boundary.encode("ascii", "replace")


def parts_of(body: Path, boundary: bytes) -> Iterator[tuple[int, int]]:
    """Where the content of each part of a multipart body begins and ends (RFC 2046, 5.1.1)."""
    if not body.stat().st_size:
        return
    with body.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        mark = b"--" + boundary
        at = data.find(mark)
        while at >= 0 and data[at + len(mark) : at + len(mark) + 2] != b"--":
            begin = data.find(b"\r\n\r\n", at)
            end = data.find(b"\r\n" + mark, begin)
            if min(begin, end) < 0:
                raise HTTPException(400, "the body ends in the middle of a part")
            yield begin + 4, end
            at = end + 2


def _stored(pacs: DicomWebDatastore, body: Path, boundary: bytes, study: str) -> JSONResponse:
    places = list(parts_of(body, boundary))
    if not 1 <= len(places) <= MAX_OBJECTS:
        raise HTTPException(400, f"store 1 to {MAX_OBJECTS} objects at once, got {len(places)}")
    objects = []
    for number, place in enumerate(places):
        part = body.with_name(f"part-{number}.dcm")
        _copy(body, part, place)
        with volume_place():
            try:
                objects.append(_checked(pacs, part, study=study))
            except AcsnetError as error:
                raise HTTPException(409, f"this is not stored: {error}") from error
    stored = []
    try:
        for seg, entry in objects:
            try:
                pacs.service.store(seg)
            except NotStoredError as error:
                raise HTTPException(409, str(error)) from error
            _record(seg, entry)
            stored.append(seg)
    finally:
        pacs.refresh()
    sequence = [_reference(seg) for seg in stored]
    return JSONResponse(
        {"00081199": {"vr": "SQ", "Value": sequence}}, media_type="application/dicom+json"
    )


def _copy(body: Path, part: Path, place: tuple[int, int]) -> None:
    begin, end = place
    with body.open("rb") as source, part.open("xb") as target:
        source.seek(begin)
        while begin < end and (piece := source.read(min(2**20, end - begin))):
            target.write(piece)
            begin += len(piece)


def _checked(pacs: DicomWebDatastore, part: Path, *, study: str) -> tuple[Dataset, Entry]:
    """A segmentation that may be stored, signed, and the series it was drawn on.

    Raises InputError for anything else.
    """
    name = "the object"
    with quiet_pydicom():
        read_header(part, name)  # bounded, also where it is deflated
        seg = read_whole(part)
        if not is_seg(seg):
            msg = "only segmentations (SEG) are taken from viewers"
            raise InputError(msg)
        entry = _entry_of(pacs, seg)
        if study not in ("", entry.study) or text_of(seg, "StudyInstanceUID") != entry.study:
            msg = "its StudyInstanceUID must be that of the series it was drawn on"
            raise InputError(msg)
        if text_of(seg, "PatientID") != entry.text("PatientID"):
            msg = "its PatientID must be that of the series it was drawn on"
            raise InputError(msg)
        uid = text_of(seg, "SOPInstanceUID")
        if not is_uid(uid) or pacs.service.has_instance(uid):
            msg = "its SOPInstanceUID is none, or in the PACS already: what is stored stays"
            raise InputError(msg)
        _sign(seg)
    return seg, entry


def _entry_of(pacs: DicomWebDatastore, seg: Dataset) -> Entry:
    """The series of the work list that a SEG was drawn on. Raises InputError for another."""
    entries = pacs.entries()
    referenced = [
        text_of(item, "SeriesInstanceUID") for item in seg.get("ReferencedSeriesSequence") or []
    ]
    if len(set(referenced)) != 1 or referenced[0] not in entries:
        msg = "it must be drawn on one series of the work list"
        raise InputError(msg)
    return entries[referenced[0]]


def _sign(seg: Dataset) -> None:
    """Let a SEG say who stored it, where somebody has to log in, and when it came in."""
    person, now = logged_in(), datetime.now()  # DICOM times are local
    if person is not None:
        seg.ContentCreatorName = person.name
        if "ContentCreatorIdentificationCodeSequence" in seg:
            del seg.ContentCreatorIdentificationCodeSequence
    if text_of(seg, "ContentCreatorName") == MODEL:
        msg = f"{MODEL!r} is what the model signs with: choose another name"
        raise InputError(msg)
    for kind in ("Content", "InstanceCreation", "Series"):
        setattr(seg, f"{kind}Date", now.strftime("%Y%m%d"))
        setattr(seg, f"{kind}Time", now.strftime("%H%M%S.%f"))


def _record(seg: Dataset, entry: Entry) -> None:
    note(
        "save",
        user=text_of(seg, "ContentCreatorName"),
        image=entry.uid,
        details={"version": text_of(seg, "SOPInstanceUID"), "through": "a viewer"},
    )


def _reference(seg: Dataset) -> dict[str, Any]:
    return {
        "00081150": {"vr": "UI", "Value": [text_of(seg, "SOPClassUID")]},
        "00081155": {"vr": "UI", "Value": [text_of(seg, "SOPInstanceUID")]},
    }
