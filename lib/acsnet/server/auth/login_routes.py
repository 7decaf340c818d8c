"""The login page, and `/auth/` as 3D Slicer's module asks for it."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from acsnet.server.auth.middleware import cookie_name, own_address
from acsnet.server.auth.service import Login
from acsnet.server.identity import logged_in
from acsnet.server.web.access_policy import address_of
from acsnet.server.web.headers import LOGIN_PAGE, PAGES
from acsnet.server.web.templates import page

router = APIRouter()
Next = Annotated[str, Form(alias="next")]


def _login(request: Request) -> Login:
    login: Login | None = request.app.state.login
    if login is None:
        raise HTTPException(404, "this server has no login")
    return login


async def _begun(login: Login, request: Request, name: str, password: str) -> str:
    """The id of a new session, in a thread that no other request waits for."""
    return await login.places.run(login.begin, name, password, address=address_of(request.scope))


@router.get(LOGIN_PAGE)
def login_page(request: Request, next: str = PAGES) -> Response:  # noqa: A002 # in the address
    """Ask for name and password."""
    _login(request)
    return page("login.html", next=own_address(next), reason="", user="")


@router.post(LOGIN_PAGE)
async def log_in(
    request: Request,
    name: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    after: Next = PAGES,
) -> Response:
    """Begin a session, always with a new id, and end the one before."""
    login = _login(request)
    try:
        session = await _begun(login, request, name, password)
    except HTTPException as error:
        answer = page(
            "login.html",
            status=error.status_code,
            next=own_address(after),
            reason=error.detail,
            user=name,
        )
        answer.headers.update(error.headers or {})
        return answer
    login.end(request.cookies.get(cookie_name(request), ""))
    forward = RedirectResponse(own_address(after), 303)
    forward.set_cookie(
        cookie_name(request),
        session,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return forward


@router.post("/acsnet/logout")
def log_out(request: Request) -> Response:
    """End the session, of a cookie or of a bearer token."""
    name = cookie_name(request)
    login = _login(request)
    login.end(request.cookies.get(name, ""))
    login.end_header(request.headers.get("authorization", ""))
    forward = RedirectResponse(LOGIN_PAGE, 303)
    forward.delete_cookie(
        name, path="/", httponly=True, samesite="lax", secure=request.url.scheme == "https"
    )
    return forward


@router.get("/auth/")
def auth(request: Request) -> dict[str, bool]:
    """Whether a client has to log in."""
    return {"enabled": request.app.state.login is not None}


@router.post("/auth/token")
async def token(
    request: Request,
    username: Annotated[str, Form()],
    password: Annotated[str, Form()],
) -> dict[str, str]:
    """A token for a name and its password, as 3D Slicer's module asks for it."""
    session = await _begun(_login(request), request, username, password)
    return {"access_token": session, "token_type": "bearer"}


@router.get("/auth/token/valid")
def valid_token(request: Request) -> dict[str, Any]:
    """Who is logged in; HTTP 401 for a token that does not count."""
    _login(request)
    person = logged_in()
    return {} if person is None else {"username": person.name, "roles": [person.role.word]}
