"""Access log: one audit event for each access, each refusal and each logout.

A person who goes through the slices of a scan looks at one scan: the same event of the same person
is written once in `ONCE_S`. Refusals are counted by address, so that they do not fill the disk.
"""

import asyncio
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acsnet.annotations import audit_log
from acsnet.annotations.audit_log import Event
from acsnet.server.auth.roles import rule_of
from acsnet.server.identity import logged_in
from acsnet.server.state.paths import audit_log_file
from acsnet.server.web.access_policy import address_group, address_of

HERE: frozenset[str] = frozenset(
    {"view", "list", "edit", "session", "batch", "score", "next", "logout"}
)
"""Events that are written here; the others are written where they are done, with more detail."""
REFUSED = (401, 403, 413, 415, 429)

ONCE_S = 600.0
MAX_KEYS = 10_000
MAX_REFUSALS = 1000
"""Lines of refusals in `ONCE_S`, from however many addresses they come."""
MAX_OBJECT = 200

_NAMED = re.compile(r"/acsnet/cases/([^/]+)|/session/([^/]+)")
_SERIES = re.compile(r"/dicomweb/(?:studies/([0-9.]+))?(?:/series/([0-9.]+))?")
_QUERIES = ("image", "label", "id")

logger = logging.getLogger(__name__)


class Once:
    """Says whether a key is new within `ONCE_S`, and how often it came meanwhile."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._change = threading.Lock()
        self._known: OrderedDict[tuple[str, ...], tuple[float, int]] = OrderedDict()

    def count(self, key: tuple[str, ...]) -> int | None:
        """Times that a key came since it was last new, itself among them; None if it is not new."""
        now = self._clock()
        with self._change:
            since, times = self._known.get(key, (-ONCE_S, 0))
            if now - since < ONCE_S:
                self._known[key] = since, times + 1
                return None
            self._known[key] = now, 0
            self._known.move_to_end(key)
            while len(self._known) > MAX_KEYS:
                self._known.popitem(last=False)
            return times + 1


def object_of(path: str, query: str) -> str:
    """The scan, label or series that a request names; empty for none."""
    match = _NAMED.match(path)
    if match is not None:
        name = match[1] or match[2]
    elif path.startswith("/dicomweb/"):
        uids = _SERIES.match(path)
        name = (uids[2] or uids[1] or "") if uids is not None else ""
    else:
        asked = dict(parse_qsl(query))
        name = next((asked[name] for name in _QUERIES if name in asked), "")
    return name[:MAX_OBJECT]


class AccessLog:
    """ASGI middleware, one before the login, which sees refusals, and one behind it.

    behind_login: whether it is the one that knows who asks.
    """

    def __init__(
        self, app: ASGIApp, behind_login: bool, *, max_refusals: int = MAX_REFUSALS
    ) -> None:
        self.app, self._behind_login = app, behind_login
        self._max_refusals = max_refusals
        self._once, self._refusals = Once(), Once()
        self._lines: list[float] = []
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="audit")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and write what there is to be written before it is answered."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                write = self._access if self._behind_login else self._refusal
                job = write(scope, message["status"])
                if job is not None:
                    await asyncio.get_running_loop().run_in_executor(self._writer, _safely, job)
            await send(message)

        await self.app(scope, receive, answer)

    def _access(self, scope: Scope, status: int) -> Callable[[], None] | None:
        rule = rule_of(scope["method"], scope["path"])
        if rule is None or rule.event not in HERE or status >= 400:
            return None
        person = logged_in()
        user, image = "" if person is None else person.name, _object(scope)
        if self._once.count((rule.event, user, address_of(scope), image)) is None:
            return None
        details = {"address": address_of(scope)}
        event: Event = rule.event  # type: ignore[assignment] # one of HERE
        return lambda: audit_log.record(
            audit_log_file(), event, user=user, image=image, details=details
        )

    def _refusal(self, scope: Scope, status: int) -> Callable[[], None] | None:
        if status not in REFUSED:
            return None
        address = address_of(scope)
        times = self._refusals.count((address_group(address), str(status)))
        now = time.monotonic()
        self._lines = [at for at in self._lines if now - at < ONCE_S]
        if times is None or len(self._lines) >= self._max_refusals:
            return None
        self._lines.append(now)
        rule = rule_of(scope["method"], scope["path"])
        details: dict[str, str | int | float | bool | None] = {
            "address": address,
            "status": status,
            "asked_for": "" if rule is None else rule.event,
            "times": times,
        }
        return lambda: audit_log.record(
            audit_log_file(), "refused", image=_object(scope), details=details
        )


def _object(scope: Scope) -> str:
    return object_of(scope["path"], scope["query_string"].decode("latin-1"))


def _safely(job: Callable[[], None]) -> None:
    """Write a line; a log that cannot be written keeps nobody from the images, and is told."""
    try:
        job()
    except OSError:
        logger.exception("the audit log could not be written")
