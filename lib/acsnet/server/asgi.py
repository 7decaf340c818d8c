"""The web application: our routes, and those of MONAI Label that its viewers need.

`acsnet serve` runs it, and so does
`monailabel start_server --app apps/acsnet --studies DIR --uvicorn_app acsnet.server.asgi:app`.
MONAI Label's own application is not used: it has routes that open any path on the server, start
a second copy of the app, or change the studies folder.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, PlainTextResponse

from acsnet.server.settings import set_environment

set_environment()

from monailabel.config import settings  # noqa: E402

settings.__init__()  # pydantic-settings: reads the environment again, in place

from monailabel.endpoints import activelearning, datastore, info, logs, session  # noqa: E402
from monailabel.interfaces.exception import MONAILabelException  # noqa: E402
from monailabel.interfaces.utils.app import app_instance  # noqa: E402

from acsnet import __version__  # noqa: E402
from acsnet.errors import AcsnetError  # noqa: E402
from acsnet.server.guard import LOOPBACK_ORIGIN, Guard  # noqa: E402
from acsnet.server.routes import router  # noqa: E402

STOCK_ROUTES: frozenset[tuple[str, str]] = frozenset(
    {
        ("GET", "/info/"),
        ("POST", "/activelearning/{strategy}"),
        ("GET", "/datastore/"),
        ("GET", "/datastore/image"),
        ("HEAD", "/datastore/image"),
        ("GET", "/datastore/image/info"),
        ("GET", "/datastore/label"),
        ("HEAD", "/datastore/label"),
        ("GET", "/datastore/label/info"),
        ("DELETE", "/datastore/label"),
        ("GET", "/session/{session_id}"),
        ("DELETE", "/session/{session_id}"),
        ("GET", "/logs/"),
    }
)
"""What 3D Slicer's module calls, beside our own routes."""


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Load the app, which refuses to start without verified weights; tidy up at the end."""
    instance = app_instance()
    instance.server_mode(True)
    instance.on_init_complete()
    yield
    instance.close()


def user_error(_: Request, error: Exception) -> JSONResponse:
    """An error that the user can act on, as readable JSON."""
    return JSONResponse({"detail": str(error)}, 422)


def monailabel_error(_: Request, error: Exception) -> JSONResponse:
    """What MONAI Label reports of a request: an unknown name, a wrong parameter."""
    return JSONResponse({"detail": getattr(error, "msg", str(error))}, 422)


def build() -> FastAPI:
    """Put the application together."""
    application = FastAPI(
        title="ACSNet",
        version=__version__,
        description="Research use only, not a medical device",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    # The last one added is the first to see a request.
    application.add_middleware(
        CORSMiddleware,
        allow_origin_regex=LOOPBACK_ORIGIN,
        allow_methods=["*"],
        allow_headers=["*"],
    )
    application.add_middleware(Guard)
    application.add_exception_handler(AcsnetError, user_error)
    application.add_exception_handler(MONAILabelException, monailabel_error)
    application.include_router(router)
    stock = [
        route
        for module in (info, activelearning, datastore, session, logs)
        for route in module.router.routes
    ]
    application.router.routes.extend(
        route
        for route in stock
        if any((method, route.path) in STOCK_ROUTES for method in route.methods)
    )
    return application


app = build()


@app.get("/", response_class=PlainTextResponse)
def home() -> str:
    """What a person sees who opens the server's address in a browser."""
    return (
        "ACSNet: scar on late gadolinium enhancement cardiac MRI.\n"
        "Research use only, not a medical device.\n"
        "In 3D Slicer open the MONAI Label module and enter this address as its server.\n"
    )
