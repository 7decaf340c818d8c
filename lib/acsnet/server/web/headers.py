"""The security headers of every answer, in one place: what a browser may do with what we send.

Three kinds of answers: our own pages, the viewers, and all else, which is data. Data is never to
be shown as a page: whatever an archive or a client sent, no script in it runs in our origin.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGES = "/acsnet/"
"""The work list, and what the addresses of our own pages begin with, which a person reads."""
LOGIN_PAGE = f"{PAGES}login"
VIEWERS = ("/ohif/", "/viewer/")

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing from outside, and no script but the file that this server sends."""

VIEWER_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self' data: blob:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""OHIF's libraries build code at run time; nothing at all may come from another server."""

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""An answer that is opened as a page has an origin of its own, and nothing runs in it."""

OWN_PAGE = "own_page"
"""Noted in a request's state: its answer is a page of ours, whatever its address."""

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

NO_STORE = "no-store"
"""Patients in no cache: of the browser, of a proxy, on the disk of a shared machine."""


class SecurityHeaders:
    """ASGI middleware that gives each answer the headers of its kind.

    A route may say how long its answer is kept, where that is not of patients.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(ALWAYS)
                own = scope.get("state", {}).get(OWN_PAGE)
                policy = PAGE_POLICY if own else policy_for(scope["path"])
                headers["Content-Security-Policy"] = policy
                if not scope["path"].startswith(VIEWERS):
                    headers.setdefault("Cache-Control", NO_STORE)
            await send(message)

        await self.app(scope, receive, answer)


def policy_for(path: str) -> str:
    """The content security policy of what is at an address."""
    if path.startswith(PAGES):
        return PAGE_POLICY
    return VIEWER_POLICY if path.startswith(VIEWERS) else DATA_POLICY
