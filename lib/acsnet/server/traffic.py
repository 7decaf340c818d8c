"""How many requests are answered at once, and none any more once the server is being stopped."""

import shutil
import tempfile
import time
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from acsnet.server.login.person import logged_in
from acsnet.server.state import state_folder
from acsnet.server.turns import LoadError, stopping

MAX_AT_ONCE = 24
"""Requests with a body: the inferences that wait, and a few saves. Below the forty threads that the
web framework has, so that pages are shown whatever is uploaded."""

MIN_FREE_BYTES = 2**30
"""Of the disk: labels, records and logs must still find room when no upload does."""

ALWAYS = ("/healthz", "/readyz", "/metrics")
"""Answered whatever goes on."""


class DiskFullError(LoadError):
    """An upload for which there is no room."""


def free_bytes() -> int:
    """Of the disk that has least, among those of the state folder and of uploads."""
    state = state_folder()
    there = next(folder for folder in (state, *state.parents) if folder.exists())
    return min(shutil.disk_usage(place).free for place in (there, Path(tempfile.gettempdir())))


class Traffic:
    """The requests under way in this process."""

    def __init__(self) -> None:
        self.under_way = 0
        self.uploads = 0
        self.stopped = False

    def check(self, method: str, length: int) -> None:
        """Raises LoadError for a request that has to be asked again later."""
        if self.stopped:
            raise stopping()
        if method not in ("POST", "PUT"):
            return
        if self.uploads >= MAX_AT_ONCE:
            msg = f"{self.uploads} requests are worked on: ask again later"
            raise LoadError(msg, retry_after_s=5)
        if free_bytes() - length < MIN_FREE_BYTES:
            msg = "the disk of the server is full: tell the one who looks after it"
            raise DiskFullError(msg, retry_after_s=600)

    def wait(self, *, limit_s: float) -> bool:
        """Wait, in a thread, until every request is answered; whether that was in time."""
        end = time.monotonic() + limit_s
        while self.under_way and time.monotonic() < end:
            time.sleep(0.05)
        return not self.under_way


traffic = Traffic()
"""Of this process."""


def asker(request: Request, name: str) -> str:
    """Who waits in the queue: who is logged in, else the address and the name a client gives."""
    person = logged_in()
    if person is not None:
        return person.name
    return f"{request.client.host if request.client else ''} {name}"


class CountTraffic:
    """ASGI middleware that counts requests and answers 503 to those that are too many."""

    def __init__(self, app: ASGIApp, traffic: Traffic = traffic) -> None:
        self.app, self.traffic = app, traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or not."""
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await self.app(scope, receive, send)
            return
        method, length = scope["method"], Headers(scope=scope).get("content-length", "0")
        try:
            self.traffic.check(method, int(length) if length.isdecimal() else 0)
        except LoadError as error:
            await load_answer(scope, error)(scope, receive, send)
            return
        uploads = method in ("POST", "PUT")
        self.traffic.under_way += 1
        self.traffic.uploads += uploads
        try:
            await self.app(scope, receive, send)
        finally:
            self.traffic.under_way -= 1
            self.traffic.uploads -= uploads


def load_answer(scope: Scope, error: LoadError) -> JSONResponse:
    """HTTP 503 (507 for a full disk), when to ask again, and the reason for the metrics."""
    scope.setdefault("state", {})["refusal"] = type(error).__name__
    headers = {"Retry-After": str(error.retry_after_s), "Connection": "close"}
    status = 507 if isinstance(error, DiskFullError) else 503
    return JSONResponse({"detail": str(error)}, status, headers=headers)
