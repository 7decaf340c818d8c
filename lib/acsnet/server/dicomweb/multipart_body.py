"""The objects of a STOW-RS request (DICOM PS3.18 section 10.5) as files, and its answer."""

import mmap
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from email.message import Message
from pathlib import Path
from typing import Any

from fastapi import HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydicom.dataset import Dataset

from acsnet.dicom.seg_labels import is_seg
from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, read_header, text_of
from acsnet.pacs.storescu import read_whole

MAX_OBJECTS = 16
"""Of one request: viewers store one."""

NOT_ON_SCAN = "it must be drawn on one series of the work list, or on those that one scan lies in"

NAME = "SeriesDescription"


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[Path]:
    """The body of a request as a file, for as long as it is looked at."""
    with tempfile.TemporaryDirectory(dir=request.app.state.acsnet.scratch) as folder:
        path = Path(folder) / "body"
        with path.open("xb") as stream:
            async for piece in request.stream():
                await run_in_threadpool(stream.write, piece)
        yield path


def object_files(body: Path, content_type: str) -> Iterator[Path]:
    """Each object of a body as a file beside it.

    Raises HTTPException: 415 for another type of body, 400 for one that is cut short or does not
    hold 1 to `MAX_OBJECTS` objects.
    """
    places = list(_parts(body, _boundary(content_type)))
    if not 1 <= len(places) <= MAX_OBJECTS:
        raise HTTPException(400, f"store 1 to {MAX_OBJECTS} objects at once, got {len(places)}")
    for number, place in enumerate(places):
        part = body.with_name(f"part-{number}.dcm")
        _copy(body, part, place)
        yield part


def read_sent_seg(part: Path) -> Dataset:
    """A segmentation that a viewer sent. Raises InputError for any other or a damaged object."""
    with quiet_pydicom():
        read_header(part, "the object")  # bounded, also where it is deflated
        seg = read_whole(part)
        if not is_seg(seg):
            msg = "only segmentations (SEG) are taken from viewers"
            raise InputError(msg)
    return seg


def referenced_series(seg: Dataset) -> frozenset[str]:
    """SeriesInstanceUIDs of the series that a SEG was drawn on. Raises InputError for none."""
    items = seg.get("ReferencedSeriesSequence") or []
    uids = frozenset(text_of(item, "SeriesInstanceUID") for item in items)
    if not uids:
        raise InputError(NOT_ON_SCAN)
    return uids


def check_drawn_on_all(seg: Dataset, headers: Iterable[Dataset]) -> None:
    """Raise InputError for a SEG on one of several series that a scan lies in.

    Its viewer had no other, so that the other slices would be empty. headers: of images of the
    scan, or of its series.
    """
    names = {
        text_of(header, "SeriesInstanceUID"): " ".join(
            filter(None, (text_of(header, "SeriesNumber"), repr(text_of(header, NAME))))
        )
        for header in headers
    }
    named = referenced_series(seg) & names.keys()
    if len(names) > 1 and len(named) == 1:
        others = ", ".join(name for uid, name in names.items() if uid not in named)
        msg = (
            f"the scan lies in {len(names)} series, and this is drawn on one of them, without the "
            f"slices of series {others}: draw with Correct on the case page, which shows them all"
        )
        raise InputError(msg)


def check_patient(seg: Dataset, *, address: str, study: str, patient: str) -> None:
    """Raise InputError for a SEG of another study or patient than the series it was drawn on.

    Args:
        seg: what was sent.
        address: StudyInstanceUID in the address of the request, or empty.
        study: StudyInstanceUID of the series.
        patient: PatientID of the series.
    """
    own = text_of(seg, "StudyInstanceUID")
    for whose, uid in (("its StudyInstanceUID", own), ("the study of the address", address or own)):
        if uid != study:
            msg = f"{whose} must be {study}, that of the series it was drawn on, got {uid!r}"
            raise InputError(msg)
    if text_of(seg, "PatientID") != patient:
        msg = f"its PatientID must be that of the series it was drawn on, in study {study}"
        raise InputError(msg)


def stored_answer(segs: Sequence[Dataset]) -> JSONResponse:
    """The answer of the standard, with what was stored."""
    sequence = {"vr": "SQ", "Value": [_reference(seg) for seg in segs]}
    return JSONResponse({"00081199": sequence}, media_type="application/dicom+json")


def _boundary(content_type: str) -> bytes:
    """The boundary of a multipart/related body of DICOM files. Raises HTTPException 415."""
    header = Message()
    header["Content-Type"] = content_type
    boundary = str(header.get_param("boundary", ""))
    kind = str(header.get_param("type", "application/dicom")).lower()
    if (
        header.get_content_type() != "multipart/related"
        or kind != "application/dicom"
        or not boundary
    ):
        raise HTTPException(415, 'send multipart/related; type="application/dicom"')
    return boundary.encode("ascii", "replace")


def _parts(body: Path, boundary: bytes) -> Iterator[tuple[int, int]]:
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


def _copy(body: Path, part: Path, place: tuple[int, int]) -> None:
    begin, end = place
    with body.open("rb") as source, part.open("xb") as target:
        source.seek(begin)
        while begin < end and (piece := source.read(min(2**20, end - begin))):
            target.write(piece)
            begin += len(piece)


def _reference(seg: Dataset) -> dict[str, Any]:
    return {
        "00081150": {"vr": "UI", "Value": [text_of(seg, "SOPClassUID")]},
        "00081155": {"vr": "UI", "Value": [text_of(seg, "SOPInstanceUID")]},
    }
