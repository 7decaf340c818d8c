"""Routes of label maps: save, list the versions, review, withdraw."""

import time
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, File, Form, HTTPException, UploadFile
from fastapi.responses import RedirectResponse

from acsnet.annotations import audit_log
from acsnet.annotations.label_checks import drawn_warnings
from acsnet.io import read_scan, write_label_map
from acsnet.io.label_map import read_label_map_of
from acsnet.measure import measure_drawn
from acsnet.server.app import App
from acsnet.server.datastores.label_intake import author_of, saved_answer, state_of
from acsnet.server.datastores.label_records import DRAFT
from acsnet.server.identity import Role, require, signed
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.routes.common import image_path, known_case, saved_upload
from acsnet.server.state.paths import audit_log_file
from acsnet.server.web import metrics
from acsnet.server.web.request_checks import json_object

router = APIRouter()

MAX_TAGS = 20
"""Of one image: three are ours, others are a client's own."""


@router.put("/datastore/label")
def save_label(
    app: App,
    image: str,
    label: Annotated[UploadFile, File()],
    params: Annotated[str, Form()] = "{}",
    tag: str = "final",
) -> dict[str, Any]:
    """Keep a reader's label map, once it is known to lie on its image and to hold our labels.

    params: a JSON object with `label_info` (the viewer's segments), `state` (draft or reviewed) and
    the reader's name as `user` or `client_id`, which is that of the login where there is one.
    """
    start = time.perf_counter()
    info = signed(json_object(params))
    if tag == DRAFT:
        raise HTTPException(422, f"the tag {DRAFT!r} is for what the model draws")
    author, state = author_of(info), state_of(info)
    if state == "reviewed":
        require(Role.REVIEWER, "a reviewed label")
    path = image_path(app, image)
    if (tags := app.datastore().get_labels_by_image_id(image)) and len({*tags, tag}) > MAX_TAGS:
        raise HTTPException(422, f"an image may have labels under {MAX_TAGS} tags at most")
    with saved_upload(app, label) as sent, volume_place():
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
    audit_log.record(
        audit_log_file(),
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


@router.get("/acsnet/cases/{image}/versions.json")
def versions(app: App, image: str) -> list[dict[str, Any]]:
    """All versions of an image's labels, newest first."""
    known_case(app, image)
    return app.datastore().versions(image)


@router.post("/acsnet/cases/{image}/review")
def review(
    app: App, image: str, version: Annotated[str, Form()], by: Annotated[str, Form()] = ""
) -> RedirectResponse:
    """Say that a version is reviewed, so that it may train, and show the case.

    by: the reviewer, where nobody is logged in.
    """
    known_case(app, image)
    who = signed({"user": by.strip()})
    if not who["user"]:
        raise HTTPException(422, "say who reviewed it")
    app.review(image, version, by=author_of(who))
    return RedirectResponse(f"/acsnet/cases/{quote(image)}", 303)


@router.delete("/datastore/label")
def withdraw(app: App, id: str, tag: str) -> dict[str, Any]:  # noqa: A002 - the name that clients send
    """Take the label map that holds under a tag out of use; its version is kept."""
    known_case(app, id)
    if tag not in app.datastore().get_labels_by_image_id(id):
        raise HTTPException(404, f"image {id!r} has no label with tag {tag!r}")
    app.withdraw(id, tag, by=signed({"user": ""})["user"])
    return {}
