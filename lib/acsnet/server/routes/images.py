"""Routes of scans: those of the datastore, and those that clients send."""

import tempfile
import uuid
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, File, HTTPException, Query, Request, UploadFile
from fastapi.responses import FileResponse, RedirectResponse
from monailabel.utils.sessions import SessionInfo

from acsnet.errors import InputError
from acsnet.io import read_scan, write_image
from acsnet.io.containers import open_volume
from acsnet.io.dicom_files.dicom_file import DICOM_SUFFIXES, is_volume, read_header
from acsnet.server.app import App
from acsnet.server.datastores.label_intake import login_author
from acsnet.server.datastores.protocol import require_case
from acsnet.server.errors import LoadError
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.routes.common import client_session, copy_upload, image_path, saved_upload
from acsnet.server.state.audit_trail import note
from acsnet.server.web.load_limits import asker
from acsnet.server.web.request_checks import (
    HEADER_SUFFIXES,
    SCAN_SUFFIXES,
    upload_name,
    upload_suffix,
)

router = APIRouter()

MAX_SESSIONS, MAX_SESSIONS_OF_ONE = 100, 25
"""Scans that clients may keep with the server at once; each is gone an hour after its last use."""
SESSION_S = 3600


@router.get("/datastore/image")
@router.head("/datastore/image")
def download_image(app: App, image: str, background_tasks: BackgroundTasks) -> FileResponse:
    """An image as a NIfTI file: a series that passes the geometry gate is turned into one."""
    path = image_path(app, image)
    if path.is_dir() or path.name.endswith(HEADER_SUFFIXES):
        with volume_place():
            scan = read_scan(path)
            path = app.scratch / f"{uuid.uuid4().hex}.nii.gz"
            write_image(path, scan)
        background_tasks.add_task(path.unlink)
        return FileResponse(path, filename=f"{image}.nii.gz", background=background_tasks)
    open_volume(path, name=path.name)  # a link among the scans may lead to what is none
    return FileResponse(path, filename=path.name)


@router.put("/datastore/")
@router.put("/datastore/image")
def add_image(app: App, file: Annotated[UploadFile, File()], image: str = "") -> dict[str, str]:
    """Take a client's scan into the server's own folder, so that its label can be saved."""
    name = image or upload_name(file.filename).removesuffix(upload_suffix(file.filename))
    with saved_upload(app, file) as path, volume_place():
        try:
            added = app.datastore().add_image(name, str(path), {})
        except FileExistsError as error:
            raise HTTPException(409, str(error)) from error
    note("upload", user=login_author(), image=added)
    return {"image": added}


@router.post("/acsnet/cases/{image}/remove")
def remove_image(app: App, image: str) -> RedirectResponse:
    """Remove a scan that a client uploaded; labels that were drawn on it are kept."""
    require_case(app.datastore(), image)
    app.datastore().remove_image(image)
    note("remove", user=login_author(), image=image)
    return RedirectResponse("/acsnet/", 303)


@router.get("/datastore/")
def datastore(app: App, output: Literal["all", "stats"] = "stats") -> dict[str, Any]:
    """All records of the datastore, or how many there are."""
    store = app.datastore()
    records: dict[str, Any] = store.json() if output == "all" else store.status()
    return records


@router.get("/session/{session_id}", response_model=None)
def session(
    app: App, http: Request, session_id: str, image: bool = False
) -> dict[str, Any] | FileResponse:
    """What is known of a session; image: its NIfTI file."""
    held = client_session(app, session_id, http, used=False)
    if not image:
        return _shown(held)
    if not Path(held.image).is_file():
        raise HTTPException(422, "the session holds the files of a series")
    return FileResponse(held.image, filename=Path(held.image).name)


@router.delete("/session/{session_id}")
def end_session(app: App, http: Request, session_id: str) -> dict[str, Any]:
    """Give up a scan that this client keeps with the server."""
    client_session(app, session_id, http, used=False)
    app.sessions().remove_session(session_id)
    return {}


@router.put("/session/")
def create_session(
    app: App,
    http: Request,
    files: Annotated[list[UploadFile], File()],
    uncompress: bool = False,
    expiry: Annotated[int, Query(ge=0, le=SESSION_S)] = 0,
) -> dict[str, Any]:
    """Hold a client's scan for a while: one volume file, or the DICOM files of one series.

    expiry: seconds after its last use; 0 for an hour. Raises LoadError where there are enough.
    """
    owner = asker(http, "")
    held = [app.session_owners.get(key, "") for key in list(app.sessions())]
    if len(held) >= MAX_SESSIONS or held.count(owner) >= MAX_SESSIONS_OF_ONE:
        msg = f"there are {len(held)} sessions already: end one, or ask again later"
        raise LoadError(msg)
    if uncompress:
        raise HTTPException(422, "archives are not accepted: send a NIfTI file or DICOM files")
    names = [upload_name(file.filename) for file in files]
    if len(set(names)) != len(names):
        raise HTTPException(422, "the names of the uploaded files must differ")
    with tempfile.TemporaryDirectory(dir=app.scratch) as temporary:
        if len(files) == 1 and names[0].lower().endswith(SCAN_SUFFIXES):
            scan = Path(temporary) / f"scan{upload_suffix(files[0].filename)}"
            copy_upload(files[0], scan)
        else:
            scan = Path(temporary) / "series"
            scan.mkdir()
            for file, name in zip(files, names, strict=True):
                copy_upload(file, scan / name)
            _check_series(sorted(scan.iterdir()))
        session_id, added = app.sessions().add_session(str(scan), expiry or SESSION_S)
    app.session_owners = {
        key: app.session_owners.get(key, owner) for key in [*app.sessions(), session_id]
    }
    return {"session_id": session_id, "session_info": _shown(added)}


def _check_series(files: list[Path]) -> None:
    """Refuse files that are not those of a series: HTTP 422 for volumes, 415 for one of no format.

    A volume beside DICOM files, as converters leave one, is passed over by the reader. Raises
    InputError for one file that claims to be DICOM and cannot be read.
    """
    volumes = [file for file in files if is_volume(file)]
    if volumes and not any(_may_be_dicom(file) for file in files if file not in volumes):
        if any(file.suffix.lower() in HEADER_SUFFIXES for file in volumes):
            raise HTTPException(
                422, "pixels in a file beside their header: save it as one file (.mha, .nrrd, .nii)"
            )
        raise HTTPException(422, "send one volume file, or the DICOM files of one series")
    if len(files) == 1 and files[0].suffix.lower() not in DICOM_SUFFIXES:
        file, _ = read_header(files[0], files[0].name)
        if file is None:
            upload_suffix(files[0].name)


def _may_be_dicom(file: Path) -> bool:
    """Whether a file is DICOM, or claims to be and cannot be read."""
    try:
        return read_header(file, file.name)[0] is not None
    except InputError:
        return True


def _shown(held: SessionInfo) -> dict[str, Any]:
    """What a client is told of a session: not where on this machine it lies."""
    return {name: value for name, value in held.to_json().items() if name not in ("path", "image")}
