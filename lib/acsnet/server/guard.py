"""The door of the server: who may ask, from where, and for names only, never for paths.

There is no login yet, so the door opens to this machine alone, whatever address the server is
bound to. The host and origin checks keep a web page in the user's browser from reaching it.
"""

from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from acsnet.server.checks import name_fault, path_fault

MAX_UPLOAD_BYTES = 512 * 1024 * 1024
"""Ours: several times the largest short-axis series, phases included."""

LOOPBACK_ORIGIN = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def refusal(
    *, client: str, headers: Headers, method: str, path: str, query: str
) -> tuple[int, str] | None:
    """HTTP status and reason for a request that must not go further, or None."""
    host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
    origin = headers.get("origin")
    if not is_loopback(client) or not is_loopback(host):
        return 403, "this server answers its own machine only, as it has no login yet"
    if origin is not None and not is_loopback(urlsplit(origin).hostname or ""):
        return 403, "this server answers pages of its own machine only, as it has no login yet"
    faults = [path_fault(path)]
    faults += [name_fault(key, value) for key, value in parse_qsl(query, keep_blank_values=True)]
    if fault := next(filter(None, faults), None):
        return 400, fault
    return _length_refusal(headers) if method in ("POST", "PUT", "PATCH") else None


def _length_refusal(headers: Headers) -> tuple[int, str] | None:
    if "transfer-encoding" in headers:
        return 411, "send the request with its Content-Length"
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > MAX_UPLOAD_BYTES:
        return 413, f"an upload may have at most {MAX_UPLOAD_BYTES // 2**20} MB"
    return None


class Guard:
    """ASGI middleware that answers refused requests itself and passes the others on."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check one HTTP request."""
        if scope["type"] == "http":
            client = scope.get("client")
            refused = refusal(
                client=client[0] if client else "",
                headers=Headers(scope=scope),
                method=scope["method"],
                path=scope["path"],
                query=scope["query_string"].decode("latin-1"),
            )
            if refused is not None:
                status, detail = refused
                await JSONResponse({"detail": detail}, status)(scope, receive, send)
                return
        await self.app(scope, receive, send)
