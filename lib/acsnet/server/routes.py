"""The routes that take files or run networks: checked, and never in the way of other requests.

They are plain functions, so the web framework runs each in a thread of its own, where MONAI
Label's own routes would hold up every other request until they are done.
"""

import shutil
import tempfile
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import (
    APIRouter,
    BackgroundTasks,
    Body,
    File,
    Form,
    HTTPException,
    Query,
    Request,
    UploadFile,
)
from fastapi.responses import FileResponse, PlainTextResponse
from monailabel.config import settings
from monailabel.endpoints.infer import ResultType, send_response
from monailabel.interfaces.utils.app import app_instance
from monailabel.utils.sessions import SessionInfo

from acsnet.evaluate.drawn import measure_drawn
from acsnet.io import read_scan, write_image, write_label_map
from acsnet.io.containers import open_volume
from acsnet.loop import audit
from acsnet.loop.drawn import drawn_warnings
from acsnet.server import metrics
from acsnet.server.app import AcsnetApp
from acsnet.server.checks import (
    HEADER_SUFFIXES,
    SLICE_SUFFIXES,
    json_object,
    result_suffix,
    upload_name,
    upload_suffix,
)
from acsnet.server.infer_task import KEEP_VALID, SCAR_METHOD, UNCERTAINTY
from acsnet.server.label_maps import read_label_map_of
from acsnet.server.label_records import DRAFT
from acsnet.server.login.person import require, signed
from acsnet.server.login.roles import Role
from acsnet.server.saving import author_of, saved_answer, state_of
from acsnet.server.state import audit_log
from acsnet.server.traffic import asker
from acsnet.server.turns import MAX_RETRY_S, LoadError
from acsnet.server.volumes import volume_place

router = APIRouter()

TAKEN = (SCAR_METHOD, KEEP_VALID, UNCERTAINTY, "label_info", "client_id")
"""What of a client's parameters reaches a task."""

MAX_TAGS = 20
"""Of one image: three are ours, others are a client's own."""

MAX_SESSIONS, MAX_SESSIONS_OF_ONE = 100, 25
"""Scans that clients may keep with the server at once; each is gone an hour after its last use."""
SESSION_S = 3600


@router.post("/infer/{model}")
def infer(
    http: Request,
    background_tasks: BackgroundTasks,
    model: str,
    image: str = "",
    session_id: str = "",
    params: Annotated[str, Form()] = "{}",
    file: Annotated[UploadFile | None, File()] = None,
    label: Annotated[UploadFile | None, File()] = None,
    output: ResultType | None = None,
) -> Any:
    """Segment a session's scan, an uploaded file or an image of the datastore, in this order.

    label: a label map on it, for the tasks that take one.
    """
    app: AcsnetApp = app_instance()
    models = sorted(app.info()["models"])
    if model not in models:
        raise HTTPException(404, f"there is no model {model!r}; there is {', '.join(models)}")
    if output is ResultType.dicom_seg:
        raise HTTPException(422, "DICOM SEG is not available: ask for image, json or all")
    wishes = signed(json_object(params))
    request = {"model": model, "result_extension": result_suffix(wishes)}
    request |= {name: wishes[name] for name in TAKEN if name in wishes}
    request["asker"] = asker(http, author_of(wishes))
    with ExitStack() as uploads:
        if label is not None:
            request["label"] = str(uploads.enter_context(_saved(app, label)))
        if file is not None and not session_id:
            request["image"] = str(uploads.enter_context(_saved(app, file)))
        elif session_id:
            request["image"] = _held(app, session_id, used=True).image
        else:
            request |= {"image": str(_image(app, image)), "image_id": image}
        result = app.infer(request)
    return send_response(app.datastore(), result, output, background_tasks)


@router.post("/activelearning/{strategy}")
def next_sample(
    strategy: str, params: Annotated[dict[str, Any] | None, Body()] = None
) -> dict[str, Any]:
    """The scan that a reader gets next and why; only a reason where there is none."""
    app: AcsnetApp = app_instance()
    signs = signed(params or {})
    author_of(signs)
    return app.next_sample({**signs, "strategy": strategy})


@router.put("/datastore/label")
def save_label(
    image: str,
    label: Annotated[UploadFile, File()],
    params: Annotated[str, Form()] = "{}",
    tag: str = "final",
) -> dict[str, Any]:
    """Keep a reader's label map, once it is known to lie on its image and to hold our labels.

    params: a JSON object with `label_info` (the viewer's segments), `state` (draft or reviewed) and
    the reader's name as `user` or `client_id`, which is that of the login where there is one.
    """
    app: AcsnetApp = app_instance()
    start = time.perf_counter()
    info = signed(json_object(params))
    if tag == DRAFT:
        raise HTTPException(422, f"the tag {DRAFT!r} is for what the model draws")
    author, state = author_of(info), state_of(info)
    if state == "reviewed":
        require(Role.REVIEWER, "a reviewed label")
    path = _image(app, image)
    if (tags := app.datastore().get_labels_by_image_id(image)) and len({*tags, tag}) > MAX_TAGS:
        raise HTTPException(422, f"an image may have labels under {MAX_TAGS} tags at most")
    with _saved(app, label) as sent, volume_place():
        scan = read_scan(path)
        segments = info.get("label_info")
        labels = read_label_map_of(sent, scan=scan, image=path, segments=segments)
        notes = drawn_warnings(
            scan.grid.from_input(labels),
            scan.spacing_mm[1:],
            limits=app.served.current().pipeline.corrector.limits,
            reversed_slices=scan.grid.reversed_slices,
        )
        features = measure_drawn(scan, labels).features_dict()
        features["warnings"] += notes
        canonical = sent.with_name("label.nii.gz")
        write_label_map(canonical, labels, scan.grid)
        kept: dict[str, Any] = {"user": author, "state": state, "features": features}
        label_id = app.datastore().save_label(image, str(canonical), tag, kept)
    audit.record(
        audit_log(),
        "save",
        user=author,
        model=kept["model"],
        image=image,
        seconds=time.perf_counter() - start,
        details={"version": kept["version"], "state": state},
    )
    metrics.SAVES.labels(state).inc()
    app.on_save_label(image, label_id)
    return {**saved_answer(kept), "image": image, "label": label_id}


@router.get("/datastore/image")
@router.head("/datastore/image")
def download_image(image: str, background_tasks: BackgroundTasks) -> FileResponse:
    """An image as a NIfTI file: a series that passes the geometry gate is turned into one."""
    app: AcsnetApp = app_instance()
    path = _image(app, image)
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
def add_image(file: Annotated[UploadFile, File()], image: str = "") -> dict[str, str]:
    """Take a client's scan into the server's own folder, so that its label can be saved."""
    app: AcsnetApp = app_instance()
    name = image or upload_name(file.filename).removesuffix(upload_suffix(file.filename))
    with _saved(app, file) as path, volume_place():
        try:
            return {"image": app.datastore().add_image(name, str(path), {})}
        except FileExistsError as error:
            raise HTTPException(409, str(error)) from error


@router.get("/datastore/")
def datastore(output: Literal["all", "stats"] = "stats") -> dict[str, Any]:
    """All records of the datastore, or how many there are."""
    store = app_instance().datastore()
    found: dict[str, Any] = store.json() if output == "all" else store.status()
    return found


@router.get("/session/{session_id}", response_model=None)
def session(session_id: str, image: bool = False) -> dict[str, Any] | FileResponse:
    """What is known of a session; image: its NIfTI file."""
    app: AcsnetApp = app_instance()
    held = _held(app, session_id, used=False)
    if not image:
        return _shown(held)
    if not Path(held.image).is_file():
        raise HTTPException(422, "the session holds the files of a series")
    return FileResponse(held.image, filename=Path(held.image).name)


@router.put("/session/")
def create_session(
    http: Request,
    files: Annotated[list[UploadFile], File()],
    uncompress: bool = False,
    expiry: Annotated[int, Query(ge=0, le=SESSION_S)] = 0,
) -> dict[str, Any]:
    """Hold a client's scan for a while: one volume file, or the DICOM files of one series.

    expiry: seconds after its last use; 0 for an hour.
    """
    app: AcsnetApp = app_instance()
    owner = asker(http, "")
    held = [app.session_owners.get(one, "") for one in list(app.sessions())]
    if len(held) >= MAX_SESSIONS or held.count(owner) >= MAX_SESSIONS_OF_ONE:
        msg = f"there are {len(held)} sessions already: end one, or ask again later"
        raise LoadError(msg, retry_after_s=MAX_RETRY_S)
    if uncompress:
        raise HTTPException(422, "archives are not taken: send a NIfTI file or DICOM files")
    names = [upload_name(file.filename) for file in files]
    if len(set(names)) != len(names):
        raise HTTPException(422, "the names of the uploaded files must differ")
    with tempfile.TemporaryDirectory(dir=app.scratch) as temporary:
        if len(files) == 1 and not names[0].lower().endswith(SLICE_SUFFIXES):
            scan = Path(temporary) / f"scan{upload_suffix(files[0].filename)}"
            _copy(files[0], scan)
        else:
            scan = Path(temporary) / "series"
            scan.mkdir()
            for file, name in zip(files, names, strict=True):
                _copy(file, scan / name)
        session_id, added = app.sessions().add_session(str(scan), expiry or SESSION_S)
    app.session_owners = {
        one: app.session_owners.get(one, owner) for one in [*app.sessions(), session_id]
    }
    return {"session_id": session_id, "session_info": _shown(added)}


@router.get("/logs/")
def log(lines: Annotated[int, Query(ge=1, le=10_000)] = 300) -> PlainTextResponse:
    """The end of the server's log, as text: MONAI Label's page fetches scripts from outside."""
    file = Path(settings.MONAI_LABEL_APP_DIR) / "logs" / "app.log"
    if not file.is_file():
        raise HTTPException(404, "there is no log yet")
    with file.open(encoding="utf-8", errors="replace") as stream:
        return PlainTextResponse("".join(deque(stream, lines)))


def _image(app: AcsnetApp, image: str) -> Path:
    """The file of an image of the datastore; HTTP 404 for a name that it does not list."""
    if not image:
        raise HTTPException(422, "name an image or a session, or send a file")
    path = app.datastore().get_image_uri(image)
    if not path:
        raise HTTPException(404, f"there is no image {image!r} in the studies")
    return Path(path)


def _shown(held: SessionInfo) -> dict[str, Any]:
    """What a client is told of a session: not where on this machine it lies."""
    return {name: value for name, value in held.to_json().items() if name not in ("path", "image")}


def _held(app: AcsnetApp, session_id: str, *, used: bool) -> SessionInfo:
    found: SessionInfo | None = app.sessions().get_session(session_id, update_ts=used)
    if found is None:
        raise HTTPException(404, "there is no such session: it may have expired")
    return found


@contextmanager
def _saved(app: AcsnetApp, upload: UploadFile) -> Iterator[Path]:
    """An uploaded NIfTI file on disk, for as long as it is looked at."""
    suffix = upload_suffix(upload.filename)
    with tempfile.TemporaryDirectory(dir=app.scratch) as folder:
        path = Path(folder) / f"upload{suffix}"
        _copy(upload, path)
        yield path


def _copy(upload: UploadFile, path: Path) -> None:
    with path.open("xb") as stream:
        shutil.copyfileobj(upload.file, stream)
