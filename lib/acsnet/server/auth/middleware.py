"""Authentication middleware: identifies the person behind a request and checks their role."""

import re
from dataclasses import replace
from urllib.parse import quote, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from acsnet.files.hosts import origin_of
from acsnet.server.auth.roles import rule_of
from acsnet.server.auth.service import Login, refuse
from acsnet.server.errors import AccountsError
from acsnet.server.identity import Person, Role, denied, request_of
from acsnet.server.web.access_policy import address_of
from acsnet.server.web.error_responses import acsnet_error, error_response
from acsnet.server.web.headers import LOGIN_PAGE, PAGES, VIEWERS

SHOWN = (PAGES, *VIEWERS)
"""Where a person in a browser is sent to the login, and a program is told to log in."""
SAFE = ("GET", "HEAD", "OPTIONS")

_PLAIN = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


class LoginMiddleware:
    """ASGI middleware; without a `login` every request passes."""

    def __init__(self, app: ASGIApp, login: Login | None) -> None:
        self.app = app
        self.login = login

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on, or answer it."""
        if self.login is None or scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            person = await _admitted(self.login, request)
        except HTTPException as error:
            await (await _refusal(request, error))(scope, receive, send)
            return
        except AccountsError as error:
            await (await acsnet_error(request, error))(scope, receive, send)
            return
        if person is None:
            await self.app(scope, receive, send)
            return
        with request_of(person):
            await self.app(scope, receive, send)


def cookie_name(request: Request) -> str:
    """Name of the session cookie; over TLS only this host can set it."""
    return "__Host-acsnet" if request.url.scheme == "https" else "acsnet"


def own_address(text: str) -> str:
    """The page to show after the login: an address of this server, else the work list."""
    plain = _PLAIN.fullmatch(text) and not urlsplit(text).netloc
    return text if plain else PAGES


async def _admitted(login: Login, request: Request) -> Person | None:
    """The person who asks; None for public addresses."""
    rule = rule_of(request.method, request.scope["path"])
    if rule is not None and rule.role is Role.PUBLIC:
        return None
    person = await _identified(login, request)
    if rule is None:
        raise HTTPException(404, "there is nothing at this address")
    if person.role < rule.role:
        asked = f"{request.method} {request.scope['path']}"
        raise HTTPException(403, denied(person, rule.role, asked))
    return person


async def _identified(login: Login, request: Request) -> Person:
    if header := request.headers.get("authorization"):
        address = address_of(request.scope)
        if login.hashes(header):
            return await login.places.run(login.by_header, header, address=address)
        if "." in header:  # a JWT: the provider's keys may have to be fetched
            return await run_in_threadpool(login.by_header, header, address=address)
        return login.by_header(header, address=address)
    person = login.by_session(request.cookies.get(cookie_name(request), ""))
    if person is None:
        refuse("log in first")
    # The access policy lets pages of listed sites pass, too: these have to bring a token. A browser
    # that sends no origin is too old.
    own = origin_of(f"{request.url.scheme}://{request.headers.get('host', '')}")
    if request.method not in SAFE and origin_of(request.headers.get("origin", "")) != own:
        raise HTTPException(403, "this may be requested only from a page of this server")
    return replace(person, in_browser=True)


async def _refusal(request: Request, error: HTTPException) -> Response:
    page = request.method == "GET" and request.scope["path"].startswith(SHOWN)
    if error.status_code == 401 and page and "text/html" in request.headers.get("accept", ""):
        query = f"?{request.url.query}" if request.url.query else ""
        address = quote(request.scope["path"]) + query
        return RedirectResponse(f"{LOGIN_PAGE}?{urlencode({'next': address})}", 303)
    return await error_response(request, error.status_code, error.detail, headers=error.headers)
