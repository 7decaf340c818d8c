"""The web application: our routes, and those of MONAI Label that its viewers need.

`acsnet serve` runs it, and so does
`monailabel start_server --app apps/acsnet --studies DIR --uvicorn_app acsnet.server.asgi:app`.
MONAI Label's own application is not used: it has routes that open any path on the server, start
a second copy of the app, or change the studies folder.
"""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import RedirectResponse, Response
from starlette.formparsers import MultiPartParser
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from acsnet.io.dicom_files.dicom_file import silence_pydicom
from acsnet.server.monailabel_settings import set_environment

set_environment()
silence_pydicom()

from acsnet import __version__  # noqa: E402
from acsnet.pacs.config import is_dicomweb  # noqa: E402
from acsnet.server.app import load_app  # noqa: E402
from acsnet.server.auth import login_routes  # noqa: E402
from acsnet.server.auth.access_log import AccessLog  # noqa: E402
from acsnet.server.auth.body_limits import (  # noqa: E402
    BodyLimits,
    PersonalPlaces,
    takes_place,
)
from acsnet.server.auth.middleware import LoginMiddleware  # noqa: E402
from acsnet.server.auth.service import Login  # noqa: E402
from acsnet.server.dicomweb import folder_archive, pacs_proxy  # noqa: E402
from acsnet.server.monailabel_settings import studies_address  # noqa: E402
from acsnet.server.pages import (  # noqa: E402
    batches,
    case_reports,
    compare,
    readings,
    slices,
    trainings,
    viewers,
)
from acsnet.server.pages import routes as pages  # noqa: E402
from acsnet.server.pages.case_index import index_of  # noqa: E402
from acsnet.server.routes import (  # noqa: E402
    annotation,
    clicks,
    decisions,
    edits,
    health,
    images,
    inference,
    labels,
    training,
)
from acsnet.server.routes.monailabel import add_stock_routes  # noqa: E402
from acsnet.server.web import templates  # noqa: E402
from acsnet.server.web.access_policy import AccessPolicyMiddleware, Policy, policy_of  # noqa: E402
from acsnet.server.web.error_responses import add_error_handlers  # noqa: E402
from acsnet.server.web.headers import SecurityHeaders  # noqa: E402
from acsnet.server.web.load_limits import CountTraffic  # noqa: E402
from acsnet.server.web.request_log import RequestLog  # noqa: E402
from acsnet.settings import Settings, read_settings  # noqa: E402

MAX_FILES, MAX_FIELDS, MAX_FIELD_BYTES = 1000, 50, 256 * 1024
"""Files of a series are many; fields are few and short, and are kept in memory."""
SPOOL_BYTES = 64 * 1024
"""Of an uploaded file in memory; the rest of it is on the disk."""


@asynccontextmanager
async def lifespan(application: FastAPI) -> AsyncIterator[None]:
    """Load the app at the start and close it at the end."""
    instance = load_app()
    application.state.acsnet = instance
    instance.server_mode(True)
    instance.on_init_complete()
    # The first who looks at a work list of thousands need not wait until it is put together.
    cases = index_of(instance.datastore())
    threading.Thread(target=cases.listed, name="work list", daemon=True).start()
    yield
    instance.close()


ROUTES = (
    health,
    login_routes,
    inference,
    images,
    labels,
    edits,
    annotation,
    clicks,
    decisions,
    training,
    viewers,
    pages,
    slices,
    compare,
    readings,
    trainings,
    batches,
    case_reports,
)
"""Modules with a router each."""


def build() -> FastAPI:
    """Build the web application. Raises InputError for settings that would leave it open."""
    site = read_settings()
    policy = policy_of(site)
    login = Login(site) if site.login.required else None
    application = FastAPI(
        title="ACSNet",
        version=__version__,
        description="Research use only, not a medical device",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        form_limits={
            "max_files": MAX_FILES,
            "max_fields": MAX_FIELDS,
            "max_part_size": MAX_FIELD_BYTES,
        },
    )
    MultiPartParser.spool_max_size = SPOOL_BYTES
    _add_middleware(application, site=site, policy=policy, login=login)
    application.state.login = login
    add_error_handlers(application)
    templates.environment.globals["has_stock_viewer"] = viewers.has_stock_viewer
    archive = pacs_proxy if is_dicomweb(studies_address()) else folder_archive
    for room in (*ROUTES, archive):
        application.include_router(room.router)
    add_stock_routes(application)
    return application


def _add_middleware(
    application: FastAPI, *, site: Settings, policy: Policy, login: Login | None
) -> None:
    server = site.server
    # The last one added is the first to see a request.
    application.add_middleware(PersonalPlaces)
    application.add_middleware(AccessLog, behind_login=True)
    application.add_middleware(LoginMiddleware, login=login)
    application.add_middleware(BodyLimits, upload_mb=site.limits.upload_mb)
    if server.origins:
        application.add_middleware(
            CORSMiddleware,
            allow_origins=server.origins,
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["Accept", "Authorization", "Content-Type"],
        )
    application.add_middleware(AccessPolicyMiddleware, policy=policy)
    application.add_middleware(AccessLog, behind_login=False)
    application.add_middleware(CountTraffic, takes_place=takes_place)
    application.add_middleware(SecurityHeaders)
    application.add_middleware(RequestLog)
    if server.behind_tls_proxy:
        application.add_middleware(ProxyHeadersMiddleware, trusted_hosts=list(server.proxies))


app = build()


@app.get("/")
def home() -> RedirectResponse:
    """Redirect to the work list."""
    return RedirectResponse("/acsnet/", 303)


@app.get("/favicon.ico")
def icon() -> Response:
    """No icon, without an error in the log."""
    return Response(status_code=204)
