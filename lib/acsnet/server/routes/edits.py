"""A reader's edit in the browser: opened, kept while it is drawn, saved as a version.

What is drawn comes image by image (`frame_labels`), every few seconds as an unsaved edit of its
reader, which is no version, and once as a save, which goes the way of every label map.
"""

import time
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel

from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.labels import LABELS
from acsnet.server.app import AcsnetApp, App
from acsnet.server.corrections.frame_labels import from_frames, instance_uids, to_frames
from acsnet.server.corrections.unsaved_edits import UnsavedEdits
from acsnet.server.datastores.label_intake import accept_label, author_of, record_save
from acsnet.server.datastores.label_records import DRAWN
from acsnet.server.datastores.protocol import LabelRecord, StudyStore, held_under
from acsnet.server.identity import logged_in, signed
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.routes.common import known_case
from acsnet.server.state.paths import edits_folder

router = APIRouter(prefix="/acsnet/cases/{image}")

Reader = Annotated[str, Query()]
"""The name that the reader gave, where nobody is logged in."""


class Drawing(BaseModel):
    """What a viewer sends. by: the reader, where nobody is logged in; version: it began from."""

    frames: dict[str, list[int]]
    version: str = ""
    by: str = ""


@router.get("/edit")
@volume_place()
def open_edit(app: App, image: str, by: Reader = "", tag: str = "") -> dict[str, Any]:
    """What a viewer opens: the newest label map, and what its reader has drawn and not saved.

    tag: of another label map than the newest.
    """
    known_case(app, image)
    store = app.datastore()
    scan = read_scan(store.get_image_uri(image))
    instance_uids(scan)
    record = _record_under(store, image, tag)
    frames: dict[str, list[int]] = {}
    if record is not None:
        file = Path(store.get_label_uri(image, record.tag))
        frames = to_frames(scan, read_client_labels(file, grid=scan.grid))
        record = held_under(store.label_records(image), record.tag) or record  # measured by now
    person, reader = logged_in(), _reader(by)
    unsaved = _edits(app).of(image, reader)
    return {
        "image": image,
        "login": "" if person is None else person.name,
        "labels": [
            {
                "value": int(info.label),
                "name": info.name,
                "description": info.description,
                "colour": info.colour,
            }
            for info in LABELS
        ],
        "slices": list(scan.instance_uids),
        "frames": frames,
        "shown": None if record is None else _about(record),
        "unsaved": None
        if unsaved is None
        else {"frames": unsaved.frames, "kept": unsaved.kept, "version": unsaved.version},
    }


@router.put("/edit")
def keep_edit(app: App, image: str, drawing: Drawing) -> dict[str, Any]:
    """Keep what a reader has drawn so far, in place of what was kept before; it is no version."""
    known_case(app, image)
    edit = _edits(app).keep(
        image, _reader(drawing.by), version=drawing.version, frames=drawing.frames
    )
    return {"kept": edit.kept}


@router.delete("/edit")
def drop_edit(app: App, image: str, by: Reader = "") -> dict[str, Any]:
    """Remove what a reader has drawn and not saved."""
    known_case(app, image)
    _edits(app).drop(image, _reader(by))
    return {}


@router.post("/edit")
def save_edit(app: App, image: str, drawing: Drawing) -> dict[str, Any]:
    """Save what a reader has drawn as a new version, a draft by that reader."""
    start = time.perf_counter()
    known_case(app, image)
    store, reader = app.datastore(), _reader(drawing.by)
    known = {record.id for record in store.label_records(image)}
    with volume_place():
        scan = read_scan(store.get_image_uri(image))
        labels = from_frames(scan, drawing.frames)
        record = accept_label(store, image, scan, labels, author=reader, state="draft", tag=DRAWN)
    unnoted: tuple[str, ...] = ()
    if record.id not in known:  # else a save was repeated, as its answer did not arrive
        unnoted = record_save(image, record, seconds=time.perf_counter() - start)
        app.on_save_label(image, image)
    _edits(app).drop(image, reader)
    about = _about(record)
    return about | {"warnings": [*about["warnings"], *record.missing, *unnoted]}


def _record_under(store: StudyStore, image: str, tag: str) -> LabelRecord | None:
    """The newest label map that can be shown, or the one under a tag."""
    records = [record for record in store.label_records(image) if record.tag and record.current]
    if not tag:
        return records[0] if records else None
    record = held_under(records, tag)
    if record is None:
        raise HTTPException(404, f"case {image!r} has no label map {tag!r}")
    return record


def _about(record: LabelRecord) -> dict[str, Any]:
    """A label map for a viewer; `version` is the tag where it has no id."""
    return {
        "version": record.id or record.tag,
        "tag": record.tag,
        "state": record.state,
        "author": record.author,
        "reviewer": record.reviewer,
        "saved": None if record.saved is None else record.saved.isoformat(timespec="seconds"),
        "warnings": list(record.warnings),
    }


def _reader(name: str) -> str:
    return author_of(signed({"user": name.strip()}))


def _edits(app: AcsnetApp) -> UnsavedEdits:
    return UnsavedEdits(edits_folder(str(app.studies)))
