"""Limits on concurrent requests and uploads, and the shutdown of both."""

import asyncio
import os
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
from acsnet.server.web.access_policy import address_of
from acsnet.settings import read_settings

BESIDE_WAITING = 8
"""Requests with a body at once, besides the inferences that may wait: a few saves. With these they
stay below the forty threads of the web framework: pages are shown whatever is uploaded."""

BODY_S = 30.0
"""For a body to come, and more for a long one: at least `SLOWEST` bytes a second."""
SLOWEST = 100_000
IDLE_S = 10.0
"""Between two parts of a body."""
MAX_RECEIVING = 64
"""Bodies that come in at once. The one that has stood still longest makes room for the next."""

ALWAYS_ANSWERED = ("/healthz", "/readyz", "/metrics")
"""Answered whatever goes on."""


def free_bytes() -> int:
    """Free bytes of the fuller disk, of the state folder or of temporary files.

    Where a folder is gone, what is around it counts: `/readyz` says that it is.
    """
    places = (state_folder(), Path(tempfile.gettempdir()))
    there = (
        next(folder for folder in (place, *place.parents) if os.access(folder, os.F_OK))
        for place in places
    )
    return min(shutil.disk_usage(place).free for place in there)


class Traffic:
    """Counts of the requests under way in this process."""

    def __init__(self) -> None:
        self.under_way = 0
        self.uploads = 0
        self.stopped = False

    def check(self, *, upload: bool, length: int, place: bool = True) -> None:
        """Raises LoadError for a request that has to be asked again later.

        place: whether it needs its place now; not as long as its body comes in.
        """
        if self.stopped:
            raise StoppingError
        if not upload:
            return
        limits = read_settings().limits
        if length > limits.upload_mb * 2**20:
            return  # refused as too long
        if place and self.uploads >= limits.waiting + BESIDE_WAITING:
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
    return f"{address_of(request.scope)} {name}"


def gone(request: Request) -> Callable[[], bool]:
    """Whether the client of a request has closed its connection; to be asked in a thread."""
    return partial(from_thread.run, request.is_disconnected)


class CountTraffic:
    """ASGI middleware that counts requests and answers 503 to those that are too many.

    takes_place: whether a method and an address are work, of which there may be so much at once.
    It has its place from when its body is whole: a body that does not come keeps nobody out.
    """

    def __init__(
        self,
        app: ASGIApp,
        traffic: Traffic = traffic,
        takes_place: Callable[[str, str], bool] = lambda method, path: path.startswith("/infer/"),
        *,
        body_s: float = BODY_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self.app, self.traffic, self._takes_place = app, traffic, takes_place
        self._body_s, self._idle_s = body_s, idle_s
        self._receiving: dict[Body, None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or not."""
        if scope["type"] != "http" or scope["path"] in ALWAYS_ANSWERED:
            await self.app(scope, receive, send)
            return
        sends = scope["method"] in ("POST", "PUT")
        headers = Headers(scope=scope)
        declared = headers.get("content-length", "0")
        length = int(declared) if declared.isdecimal() else 0
        works = sends and self._takes_place(scope["method"], scope["path"])
        try:
            self.traffic.check(upload=works, length=length, place=not length)
        except LoadError as error:
            await load_answer(scope, error)(scope, receive, send)
            return
        whole = self.traffic if works and length else None
        body = Body(receive, whole=whole, body_s=self._body_s, idle_s=self._idle_s)
        self.traffic.under_way += 1
        if works and not length:
            self.traffic.uploads += 1
            body.has_place = True
        if sends and length:
            self._make_room()
            self._receiving[body] = None
        # Without a body the client's channel is left alone, which tells when it has gone.
        comes = sends and (length > 0 or "transfer-encoding" in headers)
        try:
            await self.app(scope, body.part if comes else receive, send)
        finally:
            self.traffic.under_way -= 1
            self.traffic.uploads -= body.has_place
            self._receiving.pop(body, None)
            body.close()

    def _make_room(self) -> None:
        coming = [body for body in self._receiving if not body.is_whole]
        if len(coming) >= MAX_RECEIVING:
            min(coming, key=lambda body: body.last).give_up()


class Body:
    """The body of one request as it comes in; HTTP 408 where it comes too slowly.

    whole: where a place is taken once it is whole; last: when a part came last.
    """

    def __init__(
        self, receive: Receive, *, whole: Traffic | None, body_s: float, idle_s: float
    ) -> None:
        self._receive, self._traffic = receive, whole
        self._body_s, self._idle_s = body_s, idle_s
        self._begun = self.last = time.monotonic()
        self._size = 0
        self._given_up = asyncio.Event()
        self._coming: asyncio.Future[Message] | None = None
        self.is_whole = self.has_place = False

    def give_up(self) -> None:
        """Wait no longer for what is missing."""
        self._given_up.set()

    async def part(self) -> Message:
        """The next part; once it is whole what comes is the end of the connection, in a while."""
        if self.is_whole:
            return await self._receive()
        due = self._begun + self._body_s + self._size / SLOWEST
        left_s = min(due - time.monotonic(), self._idle_s)
        message = await self._next(left_s)
        self.last = time.monotonic()
        self._size += len(message.get("body", b""))
        if not message.get("more_body", False):
            self.is_whole = True
            self._take_place()
        return message

    async def _next(self, left_s: float) -> Message:
        # Kept where who asks for it is cancelled, as a look whether the client is there always is.
        coming = self._coming or asyncio.ensure_future(self._receive())
        self._coming = coming
        if not coming.done():
            given_up = asyncio.ensure_future(self._given_up.wait())
            try:
                await asyncio.wait(
                    (coming, given_up),
                    timeout=max(left_s, 0.0),
                    return_when=asyncio.FIRST_COMPLETED,
                )
            finally:
                given_up.cancel()
        if coming.done():
            self._coming = None
            return coming.result()
        raise HTTPException(408, "the request came too slowly", headers={"Connection": "close"})

    def close(self) -> None:
        """The request is answered: whatever else comes is of no use."""
        if self._coming is not None:
            self._coming.cancel()

    def _take_place(self) -> None:
        if self._traffic is None:
            return
        try:
            self._traffic.check(upload=True, length=0)
        except LoadError as error:
            headers = {"Retry-After": str(error.retry_after), "Connection": "close"}
            raise HTTPException(error.status, str(error), headers=headers) from error
        self._traffic.uploads += 1
        self.has_place = True


def load_answer(scope: Scope, error: LoadError) -> JSONResponse:
    """HTTP 503 (507 for a full disk), when to ask again, and the reason for the metrics."""
    scope.setdefault("state", {})["refusal"] = type(error).__name__
    headers = {"Retry-After": str(error.retry_after), "Connection": "close"}
    return JSONResponse({"detail": str(error)}, error.status, headers=headers)
