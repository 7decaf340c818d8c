"""DICOMweb over the series of the studies folder, for viewers in the browser.

The folder is only read: what viewers store becomes a label map in the server's own store.

What a request names is looked up among the UIDs that were found in the files; it never becomes
part of a path.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from acsnet.io.series import Series
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.dicomweb import ROOT, Datastore, qido, wado
from acsnet.server.dicomweb.multipart_body import received
from acsnet.server.dicomweb.stow_folder import store_in_folder

router = APIRouter(prefix=ROOT)


class DicomJson(JSONResponse):
    """DICOM JSON model."""

    media_type = "application/dicom+json"


@router.get("/studies")
def studies(store: Datastore, request: Request) -> Response:
    """Search for studies."""
    return _searched(qido.studies(_now(store)), request)


@router.get("/series")
def all_series(store: Datastore, request: Request) -> Response:
    """Search for series of all studies."""
    return _searched(qido.series(_now(store)), request)


@router.get("/studies/{study}/series")
def series(store: Datastore, study: str, request: Request) -> Response:
    """Search for the series of a study."""
    return _searched(qido.series(_chosen(store, study)), request)


@router.get("/studies/{study}/instances")
def study_instances(store: Datastore, study: str, request: Request) -> Response:
    """Search for the instances of a study."""
    return _searched(qido.instances(_chosen(store, study)), request)


@router.get("/studies/{study}/series/{series}/instances")
def series_instances(store: Datastore, study: str, series: str, request: Request) -> Response:
    """Search for the instances of a series."""
    return _searched(qido.instances(_chosen(store, study, series)), request)


@router.get("/studies/{study}/metadata")
def study_metadata(store: Datastore, study: str, request: Request) -> Response:
    """All headers of a study."""
    return DicomJson(list(_metadata(_chosen(store, study), _base(request))))


@router.get("/studies/{study}/series/{series}/metadata")
def series_metadata(store: Datastore, study: str, series: str, request: Request) -> Response:
    """All headers of a series."""
    return DicomJson(list(_metadata(_chosen(store, study, series), _base(request))))


@router.get("/studies/{study}/series/{series}/instances/{instance}/metadata")
def instance_metadata(
    store: Datastore, study: str, series: str, instance: str, request: Request
) -> Response:
    """The header of an instance."""
    path = _path(store, study, series, instance)
    address = f"{_base(request)}/studies/{study}/series/{series}/instances/{instance}"
    return DicomJson([wado.metadata(path, address)])


@router.get("/studies/{study}/series/{series}/instances/{instance}")
def instance_file(store: Datastore, study: str, series: str, instance: str) -> Response:
    """The whole file of an instance."""
    return _multipart(_path(store, study, series, instance).read_bytes(), "application/dicom")


@router.get("/studies/{study}/series/{series}/instances/{instance}/frames/{number}")
def instance_frame(
    store: Datastore, study: str, series: str, instance: str, number: int
) -> Response:
    """One frame in its stored encoding."""
    return _multipart(*wado.frame(_path(store, study, series, instance), number))


@router.get("/studies/{study}/series/{series}/instances/{instance}/bulkdata/{tag}")
def instance_bulk_data(
    store: Datastore, study: str, series: str, instance: str, tag: str
) -> Response:
    """One long binary element."""
    if len(tag) != 8 or not all(digit in "0123456789abcdefABCDEF" for digit in tag):
        raise HTTPException(404, f"there is no element {tag}")
    content = wado.bulk_data(_path(store, study, series, instance), tag)
    return _multipart(content, "application/octet-stream")


@router.post("/studies")
@router.post("/studies/{study}")
async def store_seg(store: Datastore, request: Request, study: str = "") -> Response:
    """Accept what a viewer drew on a series as a draft of its author."""
    app = request.app.state.acsnet
    kind = request.headers.get("content-type", "")
    async with received(request) as body:
        return await run_in_threadpool(
            store_in_folder,
            store,
            body,
            kind,
            study=study,
            on_save=app.trainings.wake,
        )


def _now(store: StudiesDatastore) -> list[Series]:
    """The series after a new look at the folder: viewers search before they fetch."""
    store.refresh()
    return store.series()


def _chosen(store: StudiesDatastore, study: str, series: str | None = None) -> list[Series]:
    matches = [
        candidate
        for candidate in store.series()
        if candidate.text("StudyInstanceUID") == study and series in (None, candidate.uid)
    ]
    if not matches:
        raise HTTPException(404, f"there is no such {'study' if series is None else 'series'}")
    return matches


def _path(store: StudiesDatastore, study: str, series: str, instance: str) -> Path:
    (match,) = _chosen(store, study, series)
    for file in match.files:
        if file.text("SOPInstanceUID") == instance:
            if not store.is_whole(file.path):
                raise HTTPException(
                    404, "the segmentation was damaged, and is made anew: search again"
                )
            return file.path
    raise HTTPException(404, "there is no such instance")


def _metadata(matches: list[Series], base: str) -> Iterator[dict[str, Any]]:
    for series in matches:
        for file in series.files:
            study, instance = file.text("StudyInstanceUID"), file.text("SOPInstanceUID")
            address = f"{base}/studies/{study}/series/{series.uid}/instances/{instance}"
            yield wado.metadata(file.path, address)


def _searched(answers: list[qido.Attributes], request: Request) -> Response:
    try:
        return DicomJson(qido.searched(answers, request.query_params))
    except ValueError as error:
        raise HTTPException(400, "offset and limit must be whole numbers") from error


def _base(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}{ROOT}"


def _multipart(content: bytes, kind: str) -> Response:
    body, content_type = wado.multipart(content, kind)
    return Response(body, headers={"Content-Type": content_type})
