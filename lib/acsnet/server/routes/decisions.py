"""Routes for what a reader decides on a label map: accept, reject, withdraw, and the next case.

A page sends forms and is sent on to a page; a program sends JSON and gets JSON.
"""

import time
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response

from acsnet.annotations.reading_details import MAX_COMMENT, check_text
from acsnet.server.acceptance import accept_version
from acsnet.server.app import AcsnetApp, App
from acsnet.server.datastores.label_intake import author_of
from acsnet.server.datastores.label_records import READER_DRAFT
from acsnet.server.datastores.protocol import (
    LabelRecord,
    StudyStore,
    find_record,
    record_under_tag,
    require_case,
)
from acsnet.server.errors import ReplacedError, UnshownError
from acsnet.server.identity import signed, signed_on_page
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.state.audit_trail import note
from acsnet.server.web import metrics
from acsnet.server.web.error_responses import wants_page
from acsnet.server.web.templates import page

router = APIRouter()

NAMES = ("version", "saved", "state", "by", "comment", "warnings_shown", "next")
"""Fields of a decision, see `accept` and `reject`."""

DESCRIBED = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {
                "schema": {
                    "type": "object",
                    "properties": {name: {} for name in NAMES},
                    "additionalProperties": False,
                }
            }
            for kind in ("application/json", "application/x-www-form-urlencoded")
        },
    }
}
"""What OpenAPI says of a decision's body, which is read as either of two kinds."""


async def _fields(request: Request) -> dict[str, Any]:
    """The fields of a form or of a JSON object."""
    if request.headers.get("content-type", "").startswith("application/json"):
        try:
            sent = await request.json()
        except (ValueError, RecursionError) as error:
            raise HTTPException(422, "the body is not JSON") from error
        if not isinstance(sent, dict):
            raise HTTPException(422, "send a JSON object")
        return {**_known(sent), "is_program": True}
    form = await request.form()
    sent = _known({name: str(value) for name, value in form.items()})
    return {**sent, "warnings_shown": [str(value) for value in form.getlist("warnings_shown")]}


def _known(sent: dict[str, Any]) -> dict[str, Any]:
    """Raise HTTP 422 for a field that there is not."""
    if unknown := [name for name in sent if name not in NAMES]:
        msg = f"there is no field {unknown[0][:40]!r}; there is {', '.join(NAMES)}"
        raise HTTPException(422, msg)
    return sent


Fields = Annotated[dict[str, Any], Depends(_fields)]


@router.post("/acsnet/cases/{image}/accept", openapi_extra=DESCRIBED)
def accept(app: App, request: Request, image: str, fields: Fields) -> Response:
    """Say that a label map is right as it is: from now on it is the reviewed one of its case.

    fields: `version`, an id or tag; `saved`, when the one that was looked at was saved; `by`, where
    nobody is logged in; `comment`; `warnings_shown`, the warnings that the reader was shown or
    their digest; `next`, to go on to the next case.
    """
    store = app.datastore()
    require_case(store, image)
    by, comment = who_and_why(fields)
    version, shown = str(fields.get("version", "")), _shown(fields)
    saved = str(fields.get("saved") or "")
    start = time.perf_counter()
    try:
        with volume_place():
            before, record = accept_version(
                store,
                image,
                version,
                saved=saved,
                by=by,
                comment=comment,
                warnings_shown=shown,
                looked_at=app.shown_versions.holds,
            )
    except UnshownError as error:
        return _unshown(request, image, fields, error)
    if before.state != "reviewed":
        details = {"version": record.id, "of": before.name, "decision": "accepted"}
        seconds = time.perf_counter() - start
        about = {"user": by, "model": record.model, "image": image, "seconds": seconds}
        if before.id != record.id:
            note("save", **about, details={"version": record.id, "state": record.state})
            metrics.SAVES.labels(record.state).inc()
        note("review", **about, details=details)
        app.trainings.wake()
    return _answer(app, image, fields, record, by=by)


@router.post("/acsnet/cases/{image}/reject", openapi_extra=DESCRIBED)
def reject(app: App, image: str, fields: Fields) -> Response:
    """Say that a label map is wrong: it is kept, and neither shown nor trained on.

    fields: as of `accept`; `comment`, the reason, must be there; `state`, in which the reader saw
    it, to withdraw nothing that was accepted since.
    """
    record, by = _withdrawn(app, image, fields, decision="rejected")
    return _answer(app, image, fields, record, by=by)


@router.post("/acsnet/cases/{image}/withdraw", openapi_extra=DESCRIBED)
def withdraw(app: App, image: str, fields: Fields) -> Response:
    """Take any version out of use; it is kept. fields: as of `reject`, without need of a reason."""
    record, by = _withdrawn(app, image, fields, decision="withdrawn")
    return _answer(app, image, fields, record, by=by)


@router.get("/acsnet/next")
def next_case(app: App, by: str = "", after: str = "") -> RedirectResponse:
    """Go to the next case that needs a reader, or to the work list where none does.

    by: the reader, where nobody is logged in; after: the case that was open.
    """
    return RedirectResponse(_next_page(app, by=by, after=after), 303)


def _withdrawn(
    app: AcsnetApp, image: str, fields: dict[str, Any], *, decision: str
) -> tuple[LabelRecord, str]:
    require_case(app.datastore(), image)
    by, reason = who_and_why(fields)
    if decision == "rejected" and not reason:
        raise HTTPException(422, "give the reason, in the comment")
    store = app.datastore()
    version = str(fields.get("version", ""))
    saved, state = str(fields.get("saved") or ""), str(fields.get("state") or "")
    record = find_record(store.label_records(image), version, saved=saved)
    if record.state == "withdrawn":
        _check_kept(record, by=by, reason=reason)
        return record, by
    kept = store.withdraw(image, record.name, by=by, reason=reason, saved=saved, state=state)
    _check_kept(kept, by=by, reason=reason)
    details = {"version": kept.id, "tag": record.tag, "decision": decision}
    note("withdraw", user=by, image=image, details=details)
    app.trainings.wake()
    return kept, by


def _check_kept(record: LabelRecord, *, by: str, reason: str) -> None:
    """Check that the withdrawal on record is the one that comes in; who withdraws first is kept.

    Raises ReplacedError where it is by somebody else, or for another reason.
    """
    if record.withdrawn_by == by and reason in ("", record.comment):
        return
    lost = "reason" if reason else "withdrawal"
    who = record.withdrawn_by or "somebody"
    msg = f"this label map was already withdrawn by {who}; your {lost} is not kept"
    raise ReplacedError(msg)


def who_and_why(fields: dict[str, Any]) -> tuple[str, str]:
    """Who decides, and what they say of it.

    Raises HTTP 422 where nobody says who, and as `signed_on_page`.
    """
    who = signed_on_page(str(fields.get("by") or "").strip())
    if not who:
        raise HTTPException(422, "enter your name: there is no login")
    comment = str(fields.get("comment") or "").replace("\r\n", "\n").strip()
    check_text("the comment", comment, limit=MAX_COMMENT)
    return author_of({"user": who}), comment


def _shown(fields: dict[str, Any]) -> list[str]:
    shown = fields.get("warnings_shown") or []
    return [str(line) for line in shown] if isinstance(shown, list) else [str(shown)]


def _unshown(request: Request, image: str, fields: dict[str, Any], error: UnshownError) -> Response:
    """HTTP 409: the warnings, on a page with what it takes to accept them."""
    if fields.get("is_program") or not wants_page(request):
        about = {"warnings": list(error.warnings), "digest": error.digest}
        return JSONResponse({"detail": str(error), **about}, 409)
    names = ("version", "saved", "by", "comment", "next")
    sent = {name: str(fields.get(name, "")) for name in names}
    return page(
        "warnings.html",
        status=409,
        image=image,
        reason=str(error),
        warnings=error.warnings,
        digest=error.digest,
        fields=sent,
    )


def _answer(
    app: AcsnetApp, image: str, fields: dict[str, Any], record: LabelRecord, *, by: str
) -> Response:
    following = str(fields.get("next") or "") not in ("", "0", "False", "false")
    address = _next_page(app, by=by, after=image) if following else case_address(image)
    if following:
        address += f"{'&' if '?' in address else '?'}{urlencode({'before': image})}"
    if fields.get("is_program"):
        return JSONResponse({**record.to_info(), "image": image, "page": address})
    return RedirectResponse(address, 303)


def case_address(image: str) -> str:
    """Address of the page of a case."""
    return f"/acsnet/cases/{quote(image)}"


def _next_page(app: AcsnetApp, *, by: str, after: str) -> str:
    """Address of the next case: by the site's strategy, then what waits for a reviewer."""
    who = signed({"client_id": by.strip()})
    author = author_of(who)
    following = app.next_sample({"client_id": who["client_id"]})
    if "id" in following and following["id"] != after:
        return case_address(str(following["id"]))
    waiting = _waiting(app.datastore(), by=author, besides=after)
    if waiting:
        return f"{case_address(waiting[0])}?version={READER_DRAFT}"
    labels = app.datastore().get_labels_by_image_id(after) if after else {}
    left = "id" in following or READER_DRAFT in labels
    reason = str(following.get("reason", ""))
    why = "this was the last case that needs a reader" if left else reason.partition(": ")[2]
    return f"/acsnet/?{urlencode({'finished': why or reason})}"


def _waiting(store: StudyStore, *, by: str, besides: str) -> list[str]:
    """Cases with a person's draft that nobody has reviewed.

    Those of others come before those of `by`, and of both those after `besides` first.
    """
    drafts = {
        image: record_under_tag(store.label_records(image), READER_DRAFT)
        for image in store.list_images()
        if image != besides
        and READER_DRAFT in store.get_labels_by_image_id(image)
        and store.verdict(image).is_offered
    }
    authors = {image: draft.author for image, draft in drafts.items() if draft is not None}
    return sorted(authors, key=lambda image: (authors[image] == by, image <= besides, image))
