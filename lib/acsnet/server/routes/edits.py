"""A reader's edit in the browser: opened, kept while it is drawn, saved as a version.

What is drawn comes image by image (`frame_labels`), every few seconds as an unsaved edit of its
reader, which is no version, and once as a save, which goes the way of every label map.
"""

import time
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.labels import LABELS
from acsnet.server.app import AcsnetApp, App
from acsnet.server.corrections.frame_labels import from_frames, instance_uids, to_frames
from acsnet.server.corrections.unsaved_edits import UnsavedEdit, UnsavedEdits
from acsnet.server.datastores.label_intake import DrawnLabel, author_of, save_label
from acsnet.server.datastores.protocol import (
    LabelRecord,
    StudyStore,
    find_record,
    record_under_tag,
    require_case,
    scan_to_label,
)
from acsnet.server.errors import ReplacedError, UnknownError
from acsnet.server.identity import logged_in, signed, signed_on_page
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.state.paths import edits_folder

router = APIRouter(prefix="/acsnet/cases/{image}")

ReaderQuery = Annotated[str, Query()]
"""The name that the reader gave, where nobody is logged in."""


class Drawing(BaseModel):
    """What a viewer sends.

    by: the reader; version: it began from; saved: when that was saved;
    tab: that sends it; revision: of the unsaved edit that it went on from, empty for none.
    """

    frames: dict[str, list[int]]
    version: str = ""
    saved: Annotated[str, Field(max_length=64)] = ""
    by: str = ""
    tab: Annotated[str, Field(max_length=64)] = ""
    revision: Annotated[str, Field(max_length=64)] = ""


@router.get("/edit")
@volume_place()
def open_edit(
    app: App, image: str, by: ReaderQuery = "", tag: str = "", revision: str = ""
) -> dict[str, Any]:
    """What a viewer opens: the newest label map, and what its reader has drawn and not saved.

    tag: of another label map than the newest; revision: of another unsaved edit than the newest.
    """
    require_case(app.datastore(), image)
    store = app.datastore()
    scan = read_scan(store.get_image_uri(image))
    instance_uids(scan)
    record = _record_under(store, image, tag)
    frames: dict[str, list[int]] = {}
    if record is not None:
        file = Path(store.get_label_uri(image, record.tag))
        frames = to_frames(scan, read_client_labels(file, grid=scan.grid))
        measured = record_under_tag(store.label_records(image), record.tag)
        record = measured or record
    person, reader = logged_in(), _reader(by)
    edits = _edits(app).of(image, reader)
    newest = edits[0] if edits else None
    unsaved = next((edit for edit in edits if edit.revision == revision), newest)
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
        else {"frames": unsaved.on_all(frames), **_kept(unsaved)},
        "others": [_kept(edit) for edit in edits if edit is not unsaved],
    }


@router.put("/edit")
def keep_edit(app: App, image: str, drawing: Drawing) -> JSONResponse:
    """Keep what a reader has drawn so far, in place of what the tab sent before; it is no version.

    Answers 409 where another tab has changed the edit that it went on from: both are kept.
    """
    require_case(app.datastore(), image)
    edit, clashes = _edits(app).keep(
        image,
        _reader_on_page(drawing.by),
        version=drawing.version,
        saved=drawing.saved,
        frames=drawing.frames,
        tab=drawing.tab,
        revision=drawing.revision,
    )
    detail = "this case is drawn on in another tab, too: both edits are kept, each for itself"
    return JSONResponse(
        {**_kept(edit), **({"detail": detail} if clashes else {})}, 409 if clashes else 200
    )


@router.delete("/edit")
def drop_edit(app: App, image: str, by: ReaderQuery = "", revision: str = "") -> dict[str, Any]:
    """Remove what a reader has drawn and not saved; revision: of one edit, else of all."""
    require_case(app.datastore(), image)
    edits, reader = _edits(app), _reader_on_page(by)
    revisions = [revision] if revision else [edit.revision for edit in edits.of(image, reader)]
    for dropped in revisions:
        edits.drop(image, reader, revision=dropped)
    return {}


@router.post("/edit")
def save_edit(app: App, image: str, drawing: Drawing) -> dict[str, Any]:
    """Save what a reader has drawn as a new version, a draft by that reader.

    Among its warnings are its `remarks`, which are not kept with it, as that somebody has saved
    another version since the one that it began from.
    """
    began = time.perf_counter()
    require_case(app.datastore(), image)
    store, reader = app.datastore(), _reader_on_page(drawing.by)
    records = store.label_records(image)
    with volume_place():
        path, drawn_on = scan_to_label(store, image)
        scan = read_scan(path)
        drawn = DrawnLabel(
            scan=scan,
            labels=from_frames(scan, drawing.frames),
            drawn_on=drawn_on,
            author=reader,
            model=_model_of(records, drawing),
        )
        record, remarks = save_label(
            store,
            image,
            drawn,
            on_save=app.trainings.wake,
            began=began,
            began_from=drawing.version,
        )
    _edits(app).drop(image, reader, tab=drawing.tab, revision=drawing.revision)
    remarks = (*record.missing, *remarks)
    return {**_about(record), "warnings": [*record.warnings, *remarks], "remarks": remarks}


def _model_of(records: tuple[LabelRecord, ...], drawing: Drawing) -> str:
    """The model of the label map that a drawing began from; empty where that is not there."""
    try:
        return find_record(records, drawing.version, saved=drawing.saved).model
    except (UnknownError, ReplacedError):
        return ""


def _record_under(store: StudyStore, image: str, tag: str) -> LabelRecord | None:
    """The newest label map that can be shown, or the one under a tag."""
    records = [record for record in store.label_records(image) if record.tag and record.current]
    if not tag:
        return records[0] if records else None
    record = record_under_tag(records, tag)
    if record is None:
        raise HTTPException(404, f"case {image!r} has no label map {tag!r}")
    return record


def _about(record: LabelRecord) -> dict[str, Any]:
    """A label map for a viewer; `version` is the tag where it has no id."""
    return {
        "version": record.name,
        "tag": record.tag,
        "state": record.state,
        "author": record.author,
        "reviewer": record.reviewer,
        "saved": record.moment,
        "warnings": list(record.warnings),
    }


def _kept(edit: UnsavedEdit) -> dict[str, str]:
    """An unsaved edit for a viewer, without what is drawn."""
    names = ("kept", "version", "saved", "revision")
    return {name: getattr(edit, name) for name in names}


def _reader(name: str) -> str:
    return author_of(signed({"user": name.strip()}))


def _reader_on_page(name: str) -> str:
    """The reader, to change something. Raises as `signed_on_page`."""
    return author_of({"user": signed_on_page(name.strip())})


def _edits(app: AcsnetApp) -> UnsavedEdits:
    return UnsavedEdits(edits_folder(str(app.studies)))
