"""Routes of label maps: save, list the versions, withdraw what holds under a tag."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, HTTPException, UploadFile

from acsnet import NOTICE
from acsnet.measure import numbers_of
from acsnet.server.app import App
from acsnet.server.datastores.label_intake import (
    login_author,
    read_drawn_file,
    save_label,
    state_of,
)
from acsnet.server.datastores.protocol import each_once, require_case
from acsnet.server.identity import Role, require, signed
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.measures_now import measures_of
from acsnet.server.routes.common import image_path, saved_upload
from acsnet.server.state.audit_trail import note
from acsnet.server.web.request_checks import json_object

router = APIRouter()

MAX_TAGS = 20
"""Of an image: three are ours, others are a client's own."""


@router.put("/datastore/label")
def put_label(
    app: App,
    image: str,
    label: Annotated[UploadFile, File()],
    params: Annotated[str, Form()] = "{}",
    tag: str = "final",
) -> dict[str, Any]:
    """Keep a reader's label map, once it is known to lie on its image and to hold our labels.

    3D Slicer shows the answer as it is: who, warnings and measurements.

    params: a JSON object with `label_info` (the viewer's segments), `state` (draft or reviewed) and
    the reader's name as `user` or `client_id`, which is that of the login where there is one.
    """
    began = time.perf_counter()
    info = signed(json_object(params))
    if state_of(info) == "reviewed":
        require(Role.REVIEWER, "a reviewed label")
    image_path(app, image)
    store = app.datastore()
    if (tags := store.get_labels_by_image_id(image)) and len({*tags, tag}) > MAX_TAGS:
        raise HTTPException(422, f"an image may have labels under {MAX_TAGS} tags at most")
    with saved_upload(app, label) as sent, volume_place():
        drawn = read_drawn_file(store, image, sent, tag=tag, info=info)
        record, unnoted = save_label(store, image, drawn, on_save=app.trainings.wake, began=began)
    # 3D Slicer shows the answer under "Show details", from its first line on.
    return {
        "warnings": [*record.warnings, *record.missing, *unnoted],
        "version": record.id,
        "state": record.state,
        "author": record.author,
        "model": record.model,
        "measurements": {
            name: round(value, 2) for name, value in numbers_of(dict(record.features)).items()
        },
        "notice": NOTICE,
        "image": image,
        "label": image,
    }


@router.get("/acsnet/cases/{image}/versions.json")
def versions(app: App, image: str) -> list[dict[str, Any]]:
    """All versions of an image's labels, newest first, with their measures of now.

    Only those that are fetched by a tag are measured for it: a warning says where another would be.
    """
    store = app.datastore()
    require_case(store, image)
    records, now = each_once(store.label_records(image)), measures_of(store)
    shown = [(now.of if record.tag else now.at_once_of)(image, record) for record in records]
    return [record.to_info() for record in shown]


@router.delete("/datastore/label")
def withdraw(app: App, id: str, tag: str) -> dict[str, Any]:  # noqa: A002 - the name that clients send
    """Take the label map that holds under a tag out of use; its version is kept."""
    require_case(app.datastore(), id)
    if tag not in app.datastore().get_labels_by_image_id(id):
        raise HTTPException(404, f"image {id!r} has no label with tag {tag!r}")
    by = login_author()
    kept = app.datastore().withdraw(id, tag, by=by)
    note("withdraw", user=by, image=id, details={"version": kept.id, "tag": tag})
    return {}
