"""Liveness, readiness, metrics and log.

All but the log answer without a thread of the web framework, whatever else goes on.
"""

from collections import deque
from pathlib import Path
from typing import Annotated, Any

import anyio
from anyio import to_thread
from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from monailabel.config import settings
from prometheus_client import generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from acsnet import __version__
from acsnet.dicom.dicom_json import objects_in
from acsnet.errors import AcsnetError
from acsnet.server.app import AcsnetApp, App
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.inference.model_server import ALIASES_DAMAGED
from acsnet.server.web import metrics
from acsnet.server.web.load_limits import free_bytes, traffic
from acsnet.settings import read_settings

LONGEST_S = 3.0
"""For a look at disks and PACS; one that hangs is not ready."""

DICOM_JSON = "application/dicom+json"
NO_CACHE = {"Cache-Control": "no-store"}

router = APIRouter()
_limiter = anyio.CapacityLimiter(2)


@router.get("/healthz")
async def healthz() -> JSONResponse:
    """Liveness: the process answers."""
    return JSONResponse({"status": "ok", "version": __version__}, headers=NO_CACHE)


@router.get("/readyz")
async def readyz(app: App) -> JSONResponse:
    """Readiness: 200 if scans can be segmented and labels saved, else 503 with the reasons."""
    reasons = ["the studies or the state folder do not answer"]
    with anyio.move_on_after(LONGEST_S):
        reasons = await to_thread.run_sync(not_ready, app, abandon_on_cancel=True, limiter=_limiter)
    metrics.READY.set(not reasons)
    status = 503 if reasons else 200
    return JSONResponse({"ready": not reasons, "reasons": reasons}, status, headers=NO_CACHE)


@router.get("/metrics")
async def prometheus() -> Response:
    """All metrics, as text for Prometheus."""
    metrics.FREE_BYTES.set(free_bytes())
    metrics.observe_gpu()
    content = generate_latest(metrics.REGISTRY)
    return Response(content, media_type=CONTENT_TYPE_LATEST, headers=NO_CACHE)


def not_ready(app: AcsnetApp) -> list[str]:
    """Reasons why the server cannot work, without paths or names of scans; empty if it can."""
    reasons = []
    if traffic.stopped:
        reasons.append("the server is being stopped")
    if refused := app.served.refused:
        reason = f"model {refused} is live and its weights cannot be loaded"
        if refused == ALIASES_DAMAGED:
            reason = "aliases.json is damaged: it is not known which model is live"
        reasons.append(reason)
    least_gb = read_settings().limits.free_gb
    if free_bytes() < least_gb * 2**30:
        reasons.append(f"less than {least_gb:g} GB of disk are free")
    reasons += app.missing_folders()
    try:
        app.datastore().status()
    except (AcsnetError, OSError, ValueError):
        reasons.append("the list of scans cannot be read")
    if not _answers(app.datastore()):
        reasons.append("the PACS does not answer as a DICOMweb service")
    return reasons


def _answers(store: Any) -> bool:
    """Whether a PACS answers a search in DICOM JSON; a folder has none."""
    if isinstance(store, StudiesDatastore):
        return True
    try:
        answer = store.service.fetch("studies", query="limit=1", accept=DICOM_JSON)
        if answer.status != 200 or "json" not in answer.kind:
            answer.close()
            return bool(answer.status == 204)  # it has no studies yet
        objects_in(answer.json())
    except (AcsnetError, ValueError):
        return False
    return True


@router.get("/logs/")
def log(lines: Annotated[int, Query(ge=1, le=10_000)] = 300) -> PlainTextResponse:
    """The end of the server's log, as text: MONAI Label's page fetches scripts from outside."""
    file = Path(settings.MONAI_LABEL_APP_DIR) / "logs" / "app.log"
    if not file.is_file():
        raise HTTPException(404, "there is no log yet")
    with file.open(encoding="utf-8", errors="replace") as stream:
        return PlainTextResponse("".join(deque(stream, lines)))
