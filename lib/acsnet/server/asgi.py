"""The web application: our routes, and those of MONAI Label that its viewers need.

`acsnet serve` runs it, and so does
`monailabel start_server --app apps/acsnet --studies DIR --uvicorn_app acsnet.server.asgi:app`.
MONAI Label's own application is not used: it has routes that open any path on the server, start
a second copy of the app, or change the studies folder.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import RedirectResponse, Response

from acsnet.io.dicom_files import silence_pydicom
from acsnet.server.settings import set_environment

set_environment()
silence_pydicom()

from monailabel.config import settings  # noqa: E402

settings.__init__()  # pydantic-settings: reads the environment again, in place

from monailabel.interfaces.utils.app import app_instance  # noqa: E402

from acsnet import __version__  # noqa: E402
from acsnet.pacs.settings import is_dicomweb  # noqa: E402
from acsnet.server import (  # noqa: E402
    case_reports,
    dicomweb_folder,
    dicomweb_pacs,
    loop_routes,
    pages,
    routes,
    train_routes,
    viewers,
)
from acsnet.server.error_answers import add_error_handlers  # noqa: E402
from acsnet.server.guard import LOOPBACK_ORIGIN, Guard  # noqa: E402
from acsnet.server.stock_routes import add_stock_routes  # noqa: E402


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Load the app, which refuses to start without verified weights; tidy up at the end."""
    instance = app_instance()
    instance.server_mode(True)
    instance.on_init_complete()
    yield
    instance.close()


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
    add_error_handlers(application)
    archive = dicomweb_pacs if is_dicomweb(settings.MONAI_LABEL_STUDIES) else dicomweb_folder
    for room in (routes, loop_routes, train_routes, archive, viewers, pages, case_reports):
        application.include_router(room.router)
    add_stock_routes(application)
    return application


app = build()


@app.get("/")
def home() -> RedirectResponse:
    """Send a person who opens the server's address to the work list."""
    return RedirectResponse("/acsnet/", 303)


@app.get("/favicon.ico")
def icon() -> Response:
    """Browsers ask for it; there is none."""
    return Response(status_code=204)
