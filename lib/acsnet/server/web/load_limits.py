"""Limits on concurrent requests and uploads, and the shutdown of both."""

import asyncio
import shutil
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from anyio import from_thread
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acsnet.server.errors import DISK_FULL, DiskFullError, LoadError, StoppingError
from acsnet.server.identity import logged_in
from acsnet.server.state.paths import state_folder
from acsnet.settings import read_settings

BESIDE_WAITING = 8
"""Requests with a body at once, besides the inferences that may wait: a few saves. With these they
stay below the forty threads of the web framework: pages are shown whatever is uploaded."""

BODY_S = 30.0
"""For a body to come, and more for a long one: `SLOWEST` bytes a second."""
SLOWEST = 100_000

LOGINS = ("/acsnet/login", "/auth/token")
"""Take none of the places: anybody may send these, and must not shut the others out."""

ALWAYS = ("/healthz", "/readyz", "/metrics")
"""Answered whatever goes on."""


def free_bytes() -> int:
    """Free bytes of the fuller disk, of the state folder or of uploads."""
    state = state_folder()
    there = next(folder for folder in (state, *state.parents) if folder.exists())
    return min(shutil.disk_usage(place).free for place in (there, Path(tempfile.gettempdir())))


class Traffic:
    """Counts of the requests under way in this process."""

    def __init__(self) -> None:
        self.under_way = 0
        self.uploads = 0
        self.stopped = False

    def check(self, *, upload: bool, length: int) -> None:
        """Raises LoadError for a request that has to be asked again later."""
        if self.stopped:
            raise StoppingError
        if not upload:
            return
        limits = read_settings().limits
        if length > limits.upload_mb * 2**20:
            return  # the guard refuses it, as too long
        if self.uploads >= limits.waiting + BESIDE_WAITING:
            msg = f"{self.uploads} requests are worked on: ask again later"
            raise LoadError(msg, retry_after=5)
        if free_bytes() - length < limits.free_gb * 2**30:
            raise DiskFullError(DISK_FULL, retry_after=600)

    def wait(self, *, limit_s: float) -> bool:
        """Wait, in a thread, until every request is answered; whether that was in time."""
        end = time.monotonic() + limit_s
        while self.under_way and time.monotonic() < end:
            time.sleep(0.05)
        return not self.under_way


traffic = Traffic()
"""Of this process."""


def asker(request: Request, name: str) -> str:
    """Owner of a place in the queue: the login, else address and name of the client."""
    person = logged_in()
    if person is not None:
        return person.name
    return f"{request.client.host if request.client else ''} {name}"


def gone(request: Request) -> Callable[[], bool]:
    """Whether the client of a request has closed its connection; to be asked in a thread."""
    return partial(from_thread.run, request.is_disconnected)


class CountTraffic:
    """ASGI middleware that counts requests and answers 503 to those that are too many."""

    def __init__(self, app: ASGIApp, traffic: Traffic = traffic) -> None:
        self.app, self.traffic = app, traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or answer 503."""
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self.app(scope, receive, send)
            return
        sends = scope["method"] in ("POST", "PUT")
        headers = Headers(scope=scope)
        told = headers.get("content-length", "0")
        length = int(told) if told.isdecimal() else 0
        uploads = sends and scope["path"] not in LOGINS
        try:
            self.traffic.check(upload=uploads, length=length)
        except LoadError as error:
            await load_answer(scope, error)(scope, receive, send)
            return
        self.traffic.under_way += 1
        self.traffic.uploads += uploads
        body = sends and (length > 0 or "transfer-encoding" in headers)
        try:
            await self.app(scope, in_time(receive, length) if body else receive, send)
        finally:
            self.traffic.under_way -= 1
            self.traffic.uploads -= uploads


def in_time(receive: Receive, length: int) -> Receive:
    """The parts of a body of `length` bytes; HTTP 408 where they come too slowly."""
    end, whole = time.monotonic() + BODY_S + length / SLOWEST, False

    async def part() -> Message:
        nonlocal whole
        if whole:  # what comes now is the end of the connection, in a long time
            return await receive()
        try:
            message = await asyncio.wait_for(receive(), max(end - time.monotonic(), 0.0))
        except asyncio.TimeoutError as error:
            raise HTTPException(
                408, "the request came too slowly", headers={"Connection": "close"}
            ) from error
        whole = not message.get("more_body", False)
        return message

    return part


def load_answer(scope: Scope, error: LoadError) -> JSONResponse:
    """HTTP 503 (507 for a full disk), when to ask again, and the reason for the metrics."""
    scope.setdefault("state", {})["refusal"] = type(error).__name__
    headers = {"Retry-After": str(error.retry_after), "Connection": "close"}
    return JSONResponse({"detail": str(error)}, error.status, headers=headers)
