"""One log line and one metric for each request, by route and without its names."""

import logging
import re
import time
import uuid
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from acsnet.server.errors import BROKEN_OFF
from acsnet.server.web import metrics
from acsnet.server.web.log_lines import request_id

HEADER = "X-Request-ID"
SANE = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

REFUSALS = {
    400: "name",
    401: "login",
    403: "access",
    404: "unknown",
    405: "method",
    409: "busy",
    411: "size",
    413: "size",
    415: "type",
    422: "input",
}
"""What a status is counted as where the answer does not say more."""

logger = logging.getLogger(__name__)


class RequestLog:
    """ASGI middleware; the outermost, so that it sees what the others refuse."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give one request its id and say how it went."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sent = Headers(scope=scope).get(HEADER, "")
        identifier = sent if SANE.fullmatch(sent) else uuid.uuid4().hex
        token = request_id.set(identifier)
        scope.setdefault("state", {})["request_id"] = identifier
        start, status, whole = time.perf_counter(), BROKEN_OFF, False

        async def part() -> Message:
            nonlocal whole
            message = await receive()
            whole = whole or not message.get("more_body", False)
            return message

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                gone = whole and await Request(scope, receive).is_disconnected()
                status = BROKEN_OFF if gone else message["status"]
                MutableHeaders(scope=message)[HEADER] = identifier
            await send(message)

        try:
            await self.app(scope, part, answer)
        except Exception:
            status = 500
            raise
        finally:
            self._tell(scope, status, time.perf_counter() - start)
            request_id.reset(token)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        route = route_of(scope)
        metrics.REQUESTS.labels(method, route, status).observe(seconds)
        if status >= 400:
            reason = scope.get("state", {}).get("refusal") or REFUSALS.get(status, "error")
            metrics.REFUSALS.labels(reason).inc()
        fields = {"method": method, "route": route, "status": status, "seconds": round(seconds, 4)}
        logger.info("request", extra={"fields": fields})


def route_of(scope: Scope) -> str:
    """The address as it is declared, such as `/acsnet/cases/{image}`; never what was asked for."""
    route: Any = scope.get("route")
    return str(getattr(route, "path", "")) or "none"
