"""Error responses: one sentence and the right status, as a page where a person reads it."""

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from acsnet.errors import ON_SERVER, AcsnetError, ChoiceError, worded
from acsnet.files.reasons import is_full
from acsnet.server.errors import (
    DISK_FULL,
    MAX_RETRY_S,
    DiskFullError,
    MemoryShortError,
    printable,
)
from acsnet.server.web.headers import LOGIN_PAGE, OWN_PAGE, PAGES
from acsnet.server.web.templates import page

UNNAMED = "a file must be sent with a file name (filename=)"
"""Without one a part of a form is a field of text."""

BAD_FORM = "There was an error parsing the body"
"""What FastAPI says of a form, also where it is the server that cannot keep its files."""

ENTERED = {
    "height_cm": "Height (cm)",
    "weight_kg": "Weight (kg)",
    "indication": "Indication",
    "comment": "Comment",
}
"""Fields of our forms that hold what a person typed, and what the pages call them."""

MAX_ENTERED_BYTES = 64 * 2**10
"""Of a refused form that is read, as `auth/roles` lets forms have: it may be sent by anybody."""

logger = logging.getLogger(__name__)


def add_error_handlers(application: FastAPI) -> None:
    """Answer every error with one sentence and its status."""
    application.add_exception_handler(AcsnetError, acsnet_error)
    application.add_exception_handler(RequestValidationError, validation_error)
    application.add_exception_handler(HTTPException, http_error)
    application.add_exception_handler(MemoryError, memory_error)
    application.add_exception_handler(OSError, place_error)
    application.add_exception_handler(Exception, own_error)


async def acsnet_error(request: Request, error: Exception) -> Response:
    """One of our own errors, which knows its status and when to ask again."""
    assert isinstance(error, AcsnetError)  # noqa: S101 # registered for no other
    if error.client_message != str(error):  # the log says what a client may not know
        logger.error("%s", error)
    count_refusal(request, error)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    choice = isinstance(error, ChoiceError)
    reason = worded(error, ON_SERVER) if choice else error.client_message
    return await error_response(request, error.status, printable(reason), headers=headers)


async def validation_error(request: Request, error: Exception) -> Response:
    """Parameters of the wrong kind, by name; never what was sent, which JSON may not hold."""
    faults = error.errors() if isinstance(error, RequestValidationError) else []
    places = [".".join(map(str, fault["loc"][1:])) or "the body" for fault in faults]
    form = request.headers.get("content-type", "").lower().startswith("multipart/")
    reason = "; ".join(
        f"{place}: {_of_form(fault['msg']) if form else fault['msg']}"
        for place, fault in zip(places, faults, strict=True)
    )
    return await error_response(request, 422, printable(reason))


def _of_form(fault: str) -> str:
    """What the checks say of a part of a form, with what may be wrong with the form itself."""
    if fault == "Field required":
        return "it is missing, or the form ends before its closing boundary (Content-Length?)"
    if "Expected UploadFile" in fault:
        return UNNAMED
    return fault


async def memory_error(request: Request, error: Exception) -> Response:
    """A request for which there is not enough memory just now; others may still be answered."""
    msg = "the server has not enough memory for this just now: ask again later"
    return await acsnet_error(request, MemoryShortError(msg))


async def place_error(request: Request, error: Exception) -> Response:
    """A file that cannot be had, for the disk is full or a folder of the server's own is gone."""
    if is_full(error):
        return await acsnet_error(request, DiskFullError(DISK_FULL, retry_after=600))
    if not await run_in_threadpool(request.app.state.acsnet.missing_folders):
        raise error
    count_refusal(request, error)
    reason = "the studies or the state folder cannot be reached: ask again later"
    return await error_response(request, 503, reason, headers={"Retry-After": str(MAX_RETRY_S)})


async def own_error(request: Request, error: Exception) -> Response:
    """A fault of the server: the log has the rest, under the id of the request."""
    identifier = request.scope.get("state", {}).get("request_id", "")
    headers = {"X-Request-ID": identifier} if identifier else None
    reason = "an internal error occurred; the log of the server has details"
    return await error_response(request, 500, reason, headers=headers)


async def http_error(request: Request, error: Exception) -> Response:
    """What a route refuses by itself, such as a name that it does not know."""
    headers = getattr(error, "headers", None)
    status = getattr(error, "status_code", 500)
    reason = printable(str(getattr(error, "detail", "")))
    if reason == BAD_FORM and isinstance(error.__cause__, OSError):
        return await place_error(request, error.__cause__)
    if reason.startswith("Part exceeded maximum size"):
        reason = f"a field of the form is too long; {UNNAMED}"
    if reason == "Not Found" and wants_page(request):
        reason = "there is nothing at this address"
    return await error_response(request, status, reason, headers=headers)


def count_refusal(request: Request, error: Exception) -> None:
    """Let the metrics tell refusals of one status apart."""
    request.scope.setdefault("state", {})["refusal"] = type(error).__name__


def wants_page(request: Request) -> bool:
    """Whether a person reads the answer: at one of our pages, or wherever a browser goes."""
    kinds = request.headers.get("accept", "")
    if request.headers.get("content-type", "").startswith("application/json"):
        return False
    if request.url.path.startswith(PAGES):
        return "application/json" not in kinds
    return "text/html" in kinds


async def error_response(
    request: Request, status: int, reason: str, *, headers: Mapping[str, str] | None = None
) -> Response:
    """One sentence, as a page where a person reads it, with what they had typed."""
    if wants_page(request):
        request.scope.setdefault("state", {})[OWN_PAGE] = True
        response: Response = page(
            "error.html",
            status=status,
            reason=reason,
            came_from=came_from(request),
            login=LOGIN_PAGE if status == 401 else "",
            entered=await _entered(request),
        )
        response.headers.update(headers or {})
        return response
    return JSONResponse({"detail": reason}, status, headers=dict(headers or {}))


async def _entered(request: Request) -> dict[str, str]:
    """What a person typed into the form that was refused: name of the field -> text."""
    headers = request.headers
    length = headers.get("content-length", "")
    is_form = (
        request.method == "POST"  # bodies of others have no limit of time
        and headers.get("content-type") == "application/x-www-form-urlencoded"
        and "transfer-encoding" not in headers  # it would be what counts, and not the length
        and length.isdecimal()
        and int(length) <= MAX_ENTERED_BYTES
    )
    if not is_form:
        return {}
    try:
        form = await request.form()
    except (ClientDisconnect, HTTPException, RuntimeError):  # it broke off, or is no form
        return {}
    return {name: str(form[key]) for key, name in ENTERED.items() if form.get(key)}


def came_from(request: Request) -> str:
    """The page of ours that a browser was on, without the server's name; empty for any other."""
    before = urlsplit(request.headers.get("referer", ""))
    ours = before.netloc == request.headers.get("host") and before.path.startswith(PAGES)
    if not ours or before.path == request.url.path:
        return ""
    return f"{before.path}?{before.query}" if before.query else before.path
