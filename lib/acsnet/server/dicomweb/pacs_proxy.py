"""DICOMweb proxy to the PACS for viewers in the browser; it adds the login of the PACS.

Viewers search, fetch and store through here, so that no password is in a browser and what a
reader saves is in the work list at once.
"""

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.dicomweb import ROOT, Datastore
from acsnet.server.identity import logged_in
from acsnet.server.state.audit_trail import note

RESOURCES = ("studies", "series", "instances")
PASSED_ON = ("accept", "content-type")
"""Headers of a request that the PACS gets to see: never cookies or a login of the browser."""

router = APIRouter(prefix=ROOT)


@router.get("/{path:path}")
def retrieve(pacs: Datastore, path: str, request: Request) -> Response:
    """Search or fetch."""
    return _forwarded(pacs, path, request, None)


@router.post("/studies")
@router.post("/studies/{study}")
async def store(pacs: Datastore, request: Request, study: str = "") -> Response:
    """Store an object that a viewer sends, and refresh the work list."""
    body = await request.body()
    path = f"studies/{study}" if study else "studies"
    answer = await run_in_threadpool(_forwarded, pacs, path, request, body)
    pacs.refresh()
    person = logged_in()
    if person is not None and answer.status_code < 300:
        details = {"study": study, "through": "a viewer"}
        note("save", user=person.name, details=details)
    return answer


def _forwarded(
    pacs: DicomWebDatastore, path: str, request: Request, body: bytes | None
) -> Response:
    if path.partition("/")[0] not in RESOURCES:
        raise HTTPException(404, "there is no such resource")
    headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
    status, kind, content = pacs.forward(
        request.method, path, query=request.url.query, headers=headers, body=body
    )
    if "json" in kind:
        own = f"{str(request.base_url).rstrip('/')}{ROOT}/"
        theirs = f"{pacs.name()}/"
        content = content.replace(theirs.encode(), own.encode())
    return Response(content, status, headers={"Content-Type": kind})
