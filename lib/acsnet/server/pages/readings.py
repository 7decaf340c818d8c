"""What a reader enters for a case: body size, indication, comment, marks in the slices."""

import json
import re
import time
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Form, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel

from acsnet.annotations.marks import NOT_USED, measure_marked
from acsnet.annotations.reading_details import DetailsStore, ReadingDetails
from acsnet.errors import AcsnetError, InputError
from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.quantify.quantification import NOTHING, Given
from acsnet.server.app import App
from acsnet.server.datastores.label_intake import author_of
from acsnet.server.datastores.label_reports import entered
from acsnet.server.datastores.protocol import StudyStore, require_case
from acsnet.server.errors import ReplacedError
from acsnet.server.identity import signed_on_page
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.state.audit_trail import note
from acsnet.server.state.paths import DETAILS
from acsnet.server.web.error_responses import wants_page

router = APIRouter(prefix="/acsnet")


class Entered(BaseModel, extra="forbid"):
    """The fields of the form, all of them text.

    Attributes:
        by: the reader, where nobody is logged in.
        height_cm: a number, with a point or a comma.
        weight_kg: a number, with a point or a comma.
        indication: for the report.
        comment: for the report.
        rv_insertion: JSON, slice number -> [row, column].
        remote_region: JSON, slice number -> [row, column].
        scan: state of the scan that the reader was shown, empty where nobody says.
        saved: when what the reader was shown was saved, empty where there was nothing.
    """

    by: str = ""
    height_cm: str = ""
    weight_kg: str = ""
    indication: str = ""
    comment: str = ""
    rv_insertion: str = ""
    remote_region: str = ""
    scan: str = ""
    saved: str = ""


_NUMBER = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)")
"""As people type it; `float` passes over the underscore of `1_80`."""


@router.post("/cases/{image}/details")
def save_details(
    app: App, request: Request, image: str, fields: Annotated[Entered, Form()]
) -> Response:
    """Keep what was entered in place of what was there, and show the case.

    Where JSON is asked for, the answer is `saved`, when that was, for the next save of this page.
    A new mark that can be used on none of its label maps is refused. Raises HTTP 409 where another
    scan or other details are there now.
    """
    store = app.datastore()
    require_case(store, image)
    height, weight = _number("height", fields.height_cm), _number("weight", fields.weight_kg)
    details = ReadingDetails.from_dict(
        {
            "height_cm": height,
            "weight_kg": weight,
            "body_size_source": None if height is None else "entered",
            "indication": fields.indication.replace("\r\n", "\n").strip(),
            "comment": fields.comment.replace("\r\n", "\n").strip(),
            "rv_insertion": _points("the insertion of the right ventricle", fields.rv_insertion),
            "remote_region": _points("the remote region", fields.remote_region),
        }
    )
    who = signed_on_page(fields.by.strip())
    if not who:
        raise HTTPException(422, "enter your name: there is no login")
    start = time.perf_counter()
    state = store.state_to_keep(image)
    if fields.scan and fields.scan != state:
        msg = "the files of this scan were replaced or changed since you opened it: open it again"
        raise ReplacedError(msg)
    before, _ = entered(store.folder, image, scan=state)
    _check_marks(store, image, _new_marks(details, before))
    entry = DetailsStore(store.folder / DETAILS).save(
        image, details, reader=author_of({"user": who}), scan=state, shown=fields.saved
    )
    note(
        "save",
        user=entry.reader,
        image=image,
        seconds=time.perf_counter() - start,
        details={"what": "details"},
    )
    if not wants_page(request):
        return JSONResponse({"saved": entry.moment})
    return RedirectResponse(f"/acsnet/cases/{quote(image)}#details", 303)


def _new_marks(details: ReadingDetails, before: ReadingDetails) -> Given:
    """The marks that were not there before."""
    points = {
        number: point
        for number, point in (details.rv_insertion or {}).items()
        if (before.rv_insertion or {}).get(number) != tuple(point)
    }
    same = details.remote_region == before.remote_region
    return Given(
        rv_insertion_by_slice=points or None,
        remote_by_slice=None if same else details.remote_region,
    )


def _check_marks(store: StudyStore, image: str, marks: Given) -> None:
    """Raise InputError for marks that can be used on no label map which is valid now.

    Where there is none, or none that can be measured, all may be.
    """
    if marks == NOTHING:
        return
    records = [record for record in store.label_records(image) if record.tag and record.current]
    reasons = []
    with volume_place():
        for record in records:
            try:
                scan = read_scan(store.get_image_uri(image))
                labels = read_client_labels(Path(store.version_uri(image, record)), grid=scan.grid)
                measured = measure_marked(scan, labels, given=marks)
            except AcsnetError:
                continue
            notes = [note for note in measured.warnings if note.startswith(NOT_USED)]
            if not notes:
                return
            reasons.append(notes[0].removeprefix(NOT_USED))
    if reasons:
        raise InputError(reasons[0])


def _number(name: str, text: str) -> float | None:
    """A number that was typed, with a point or a comma; None for nothing. Raises HTTP 422."""
    if not text.strip():
        return None
    if not _NUMBER.fullmatch(text.strip()):
        raise HTTPException(422, f"{name} must be a number, got {text!r}")
    return float(text.strip().replace(",", "."))


def _points(name: str, text: str) -> Any:
    """Slice number -> [row, column] as the script sends it. Raises HTTP 422."""
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise HTTPException(422, f"{name} is not JSON") from None
