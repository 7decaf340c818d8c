"""Limits on bodies by route and by exact content type, and on how much one person asks for at once.

Both look at heads of requests only: what is refused is never read.
"""

from collections import Counter

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from acsnet.files.hosts import is_loopback
from acsnet.server.auth.roles import BODIES, MAX_UNREAD_BYTES, UPLOAD, Rule, rule_of
from acsnet.server.errors import LoadError
from acsnet.server.identity import logged_in
from acsnet.server.web.access_policy import address_group, address_of
from acsnet.server.web.load_limits import BESIDE_WAITING, load_answer
from acsnet.settings import read_settings


def takes_place(method: str, path: str) -> bool:
    """Whether a request is work that only so many may ask for at once; no login, no logout."""
    rule = rule_of(method, path)
    return rule is not None and rule.takes_place


def body_refusal(rule: Rule, headers: Headers, *, upload_mb: int) -> tuple[int, str] | None:
    """HTTP status and reason for a body that the route does not take, or None."""
    declared = headers.get("content-length", "0")
    if not declared.isdecimal() or (length := int(declared)) > upload_mb * 2**20:
        return 413, f"an upload may have at most {upload_mb} MB"
    kinds = BODIES[rule.body]
    if not kinds:
        return (413, "this takes no body") if length > MAX_UNREAD_BYTES else None
    if "transfer-encoding" in headers:
        return 411, "send the request with its Content-Length"
    if length == 0:
        return None
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in kinds:
        return 415, f"send this as {' or '.join(kinds)}"
    most = kinds[kind]
    if most != UPLOAD and length > most:
        return 413, f"a body of {kind} may have at most {most} bytes here"
    return None


class BodyLimits:
    """ASGI middleware that answers requests with a body that their route does not take."""

    def __init__(self, app: ASGIApp, upload_mb: int) -> None:
        self.app, self.upload_mb = app, upload_mb

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one HTTP request."""
        rule = rule_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        if rule is not None:
            refused = body_refusal(rule, Headers(scope=scope), upload_mb=self.upload_mb)
            if refused is not None:
                await JSONResponse({"detail": refused[1]}, refused[0])(scope, receive, send)
                return
        await self.app(scope, receive, send)


class PersonalPlaces:
    """ASGI middleware that lets one person, or one address, have half of all places at most.

    It stands behind the login. Where nobody has to log in, all who are on this machine are one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._held: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request through, or not."""
        if scope["type"] != "http" or not takes_place(scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return
        owner = _owner(Request(scope))
        most = max(1, (read_settings().limits.waiting + BESIDE_WAITING) // 2)
        if owner and self._held[owner] >= most:
            error = LoadError(f"{most} requests of yours are worked on: ask again later")
            error.retry_after = 5
            await load_answer(scope, error)(scope, receive, send)
            return
        self._held[owner] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._held[owner] -= 1
            if not self._held[owner]:
                del self._held[owner]


def _owner(request: Request) -> str:
    person = logged_in()
    if person is not None:
        return f"person {person.name}"
    address = address_of(request.scope)
    return "" if is_loopback(address) else f"address {address_group(address)}"
