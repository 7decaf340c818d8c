"""The PACS behind this server as DICOMweb, for viewers in the browser: it adds the login.

Viewers search, fetch and store through here, so that no password is in a browser and what a
reader saves is in the work list at once. They see the series of the work list and what was made
from these, and nothing else of the PACS. What a PACS answers is passed on only as a type that no
browser takes for a page.
"""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response, StreamingResponse

from acsnet.dicom.dicom_json import objects_in, without_padding
from acsnet.errors import PacsError
from acsnet.pacs.dicomweb import Answer
from acsnet.pacs.dicomweb.search import JSON, Page, all_matches, is_past_end, query_text
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.dicomweb import ROOT, Datastore
from acsnet.server.dicomweb.multipart_body import received
from acsnet.server.dicomweb.stow_pacs import store_in_pacs

KINDS = frozenset(
    {
        "application/dicom",
        "application/dicom+json",
        "application/json",
        "application/octet-stream",
        "image/dicom-rle",
        "image/gif",
        "image/jls",
        "image/jp2",
        "image/jpeg",
        "image/jphc",
        "image/jpx",
        "image/png",
        "multipart/related",
    }
)
"""Types of answers that are passed on: none that a browser would run."""

MAX_MATCHES = 20_000
"""Of a search in the PACS, from which the answers for a viewer are picked."""

LIMITS = {"offset": "0", "limit": "10000"}
"""Parameters of a search, and what they are where a viewer does not say."""

STUDY, SERIES = "0020000D", "0020000E"

_UID = r"[0-9][0-9.]{0,63}"
_ADDRESS = re.compile(
    r'("BulkDataURI": "|"00081190": \{(?:"vr": "[A-Z]{2}", )?"Value": \[")'
    r'(?:https?:/)?/(?:[^"\s]*?/)?(?=studies/[0-9])'
)
"""The name of what holds an address in JSON (the tag is that of RetrieveURL), and the part of the
address before what our own go on with.
"""
_UID_IN = re.compile(rf"(?<=/){_UID}")
_SEARCH = re.compile(
    rf"studies|series|instances|studies/{_UID}/(series|instances|metadata)"
    rf"|studies/{_UID}/series/{_UID}/instances"
)
_RETRIEVE = re.compile(
    rf"studies/(?P<study>{_UID})/series/(?P<series>{_UID})(/metadata|/rendered|/thumbnail|/instances/{_UID}"
    r"(/metadata|/rendered|/thumbnail|/frames/[0-9,]+(/rendered|/thumbnail)?"
    r"|/bulk(data)?/[A-Za-z0-9/.,_-]+)?)?"
)

router = APIRouter(prefix=ROOT)


@router.get("/{path:path}")
def retrieve(pacs: Datastore, path: str, request: Request) -> Response:
    """Search or fetch."""
    if _SEARCH.fullmatch(path):
        return _searched(pacs, path, request)
    target = _RETRIEVE.fullmatch(path)
    if target is None:
        raise HTTPException(404, "there is no such resource")
    if not pacs.shows(target["study"], target["series"]):
        raise HTTPException(404, "there is no such series in the work list")
    answer = pacs.service.fetch(
        path, query=request.url.query, accept=request.headers.get("accept", "*/*")
    )
    kind = _checked_kind(answer)
    if kind.endswith("json"):
        return _json(answer.json(), request)
    return StreamingResponse(answer.pieces(), headers={"Content-Type": answer.kind})


@router.post("/studies")
@router.post("/studies/{study}")
async def store(pacs: Datastore, request: Request, study: str = "") -> Response:
    """Store what a viewer drew on a series of the work list, and look at the PACS again."""
    async with received(request) as body:
        kind = request.headers.get("content-type", "")
        return await run_in_threadpool(store_in_pacs, pacs, body, kind, study=study)


def _searched(pacs: DicomWebDatastore, path: str, request: Request) -> Response:
    """The answers of a search that are about the work list, between `offset` and `limit`."""
    asked = parse_qsl(request.url.query, keep_blank_values=True)
    query = [(name, value) for name, value in asked if name not in LIMITS]  # some come twice
    limits = {**LIMITS, **dict(asked)}
    try:
        start, count = (int(limits[name]) for name in LIMITS)
    except ValueError as error:
        raise HTTPException(400, "offset and limit must be whole numbers") from error
    studies = {entry.study for entry in pacs.entries().values()}
    whole_study = path == "studies"

    def is_shown(attributes: Any) -> bool:
        study, series = _value(attributes, STUDY), _value(attributes, SERIES)
        if study not in studies:
            return False
        return whole_study or (bool(series) and pacs.shows(study, series))

    cut: list[str] = []
    shown = filter(is_shown, _matches(pacs, path, query, on_cut=cut.append))
    answers = list(islice(shown, max(start, 0), max(start, 0) + max(count, 0)))
    response = _json(answers, request)
    if cut:
        response.headers["Warning"] = cut[0]
    return response


def _matches(
    pacs: DicomWebDatastore,
    path: str,
    query: list[tuple[str, str]],
    *,
    on_cut: Callable[[str], None],
) -> Iterator[Any]:
    """What the PACS answers to a search, `MAX_MATCHES` at most; metadata come on one page."""

    def page_at(limits: list[tuple[str, str]]) -> Page:
        answer = pacs.service.fetch(path, query=query_text([*query, *limits]), accept=JSON)
        is_refused = is_past_end(limits, answer.status)
        if answer.status == 204 or is_refused:
            answer.close()
            return Page(matches=[], is_refused=is_refused)
        _checked_kind(answer)
        try:
            matches = objects_in(answer.json())
        except ValueError as error:
            msg = "an answer of the PACS cannot be understood"
            raise PacsError(msg) from error
        return Page(matches=matches, warning=answer.warning)

    if path.endswith("metadata"):
        yield from page_at([]).matches
        return
    identity = partial(json.dumps, sort_keys=True)
    is_whole = partial(pacs.service.page_sizes.is_whole, _UID_IN.sub("", path))
    matches = all_matches(page_at, identity=identity, on_cut=on_cut, is_whole=is_whole)
    yield from islice(matches, MAX_MATCHES)
    if next(matches, None) is not None:
        on_cut(f'299 ACSNet: "only {MAX_MATCHES} matches of the PACS were looked at"')


def _value(attributes: Any, tag: str) -> str:
    """The first value of an attribute in DICOM JSON; empty for none."""
    try:
        return str(without_padding(attributes[tag]["Value"][0]))
    except (LookupError, TypeError):
        return ""


def _checked_kind(answer: Answer) -> str:
    """The media type of an answer.

    Raises HTTPException for what the PACS refuses; PacsError for a redirect, a fault of the PACS
    and a type that is not passed on.
    """
    kind = answer.kind.partition(";")[0].strip().lower()
    if 200 <= answer.status < 300 and kind in KINDS:
        return kind
    answer.close()
    if 400 <= answer.status < 500 and answer.status not in (401, 403):
        raise HTTPException(answer.status, f"the PACS answered HTTP {answer.status}")
    if 200 <= answer.status < 300:
        msg = "the PACS answered with a type of content that is not passed on"
        raise PacsError(msg)
    msg = f"the PACS answered HTTP {answer.status}"
    raise PacsError(msg)


def _json(content: Any, request: Request) -> Response:
    """DICOM JSON with addresses in the PACS, which may call itself by other names, made ours."""
    own = f"{str(request.base_url).rstrip('/')}{ROOT}/"
    text = _ADDRESS.sub(lambda address: address[1] + own, json.dumps(content))
    return Response(text, media_type=JSON)
