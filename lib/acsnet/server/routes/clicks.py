"""Routes of clicks for our own pages and viewers: JSON, on the acquired grid.

Slices count from 1 as the file runs, as in `features.json`; rows and columns are pixels from 0.
"""

import base64
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from fastapi import APIRouter, HTTPException, Request
from numpy.typing import NDArray
from pydantic import BaseModel

from acsnet.errors import InputError
from acsnet.interaction.clicks import MAX_CLICKS, Kind
from acsnet.interaction.nearest_walls import suggest_walls
from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.server.app import App
from acsnet.server.corrections.click_tasks import CLICK
from acsnet.server.corrections.desk import Reader
from acsnet.server.corrections.frame_labels import from_frames, to_frames
from acsnet.server.corrections.points import whole_number
from acsnet.server.corrections.starts import FROM_MODEL
from acsnet.server.datastores.label_intake import DrawnLabel, author_of, save_label
from acsnet.server.datastores.label_records import MODEL_DRAFT, READER_DRAFT, REVIEWED
from acsnet.server.identity import signed_on_page
from acsnet.server.inference.request import ClickRequest, InferenceRequest, Points
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.routes.common import image_path
from acsnet.server.web.load_limits import asker, gone

router = APIRouter()


class Clicks(BaseModel, extra="forbid"):
    """What a page or a viewer sends.

    clicks: oldest first, each with `row`, `column`, a `kind` of `Kind`, and `slice` or `instance`,
    the SOPInstanceUID of its image; start: own, accepted, draft, or id or tag of the label map to
    start from; saved: when that label map was saved, as it was shown; kept: what the answer before
    called the start by, to go on from it; frames: a label map to start from instead
    (`frame_labels`); save: keep the outcome as a draft of the reader; user: the reader.
    """

    clicks: list[Any]
    start: str | None = None
    saved: str = ""
    kept: str = ""
    frames: dict[str, list[int]] | None = None
    save: bool = False
    user: str = ""


@router.post("/acsnet/cases/{image}/click")
def click(app: App, http: Request, image: str, asked: Clicks) -> dict[str, Any]:
    """The label map of a case after all clicks of a reader; to take one back, leave it out.

    Of one that is saved, `remarks` are those of its warnings that are not kept with it, as that
    somebody has saved another version since the one that it started from.
    """
    drawn_on = app.datastore().state_to_label(image) if asked.save else ""
    path, began = image_path(app, image), time.perf_counter()
    reader, frames = _reader(http, asked.user), asked.frames
    answer = app.segment(
        InferenceRequest(
            model=CLICK,
            image=path,
            image_id=image,
            user=reader.name,
            author=reader.name,
            client=reader.key,
            is_gone=gone(http),
            clicks=ClickRequest(
                points=lambda scan: points_of_pixels(asked.clicks, scan),
                source=asked.start,
                saved=asked.saved,
                kept=asked.kept,
                drawn=None if frames is None else lambda scan: from_frames(scan, frames),
            ),
        )
    )
    params, grid = answer.params, answer.grid
    out = {
        "label_map": packed_stack(answer.labels, grid),
        "started_from": params["started_from"],
        "kept": params["kept"],
        "clicks": [
            {**pixel_of(tuple(click["point"]), grid), "kind": click["kind"], "held": click["held"]}
            for click in params["clicks"]
        ],
        "changed_slices": params["changed_slices"],
        "measurements": params["features"],
        "warnings": params["warnings"],
        "seconds": params["latencies"]["total"],
    }
    if frames is not None or asked.save:
        scan = app.click_desk.scan(path)
    if frames is not None:
        out["frames"] = to_frames(scan, answer.labels)
    if asked.save:
        source, version = (params["started_from"][name] for name in ("source", "version"))
        with volume_place():
            drawn = DrawnLabel(
                scan=scan,
                labels=answer.labels,
                drawn_on=drawn_on,
                author=reader.name,
                model=params["start_model"],
            )
            record, remarks = save_label(
                app.datastore(),
                image,
                drawn,
                on_save=app.trainings.wake,
                began=began,
                began_from=version or (MODEL_DRAFT if source == FROM_MODEL else ""),
            )
        remarks = (*record.missing, *remarks)
        warnings = [*record.warnings, *remarks]
        out["saved"] = {"version": record.name, "warnings": warnings, "remarks": remarks}
        app.click_desk.settle(image, reader)
    return out


@router.get("/acsnet/cases/{image}/click")
def clicks_so_far(app: App, http: Request, image: str, user: str = "") -> dict[str, Any]:
    """What a reader clicked on a case, so that a page that is opened again goes on from there."""
    reader = _reader(http, user)
    known = app.click_desk.state(image, image_path(app, image), reader)
    if known is None:
        return {"started_from": None, "clicks": []}
    state, grid = known
    return {
        "started_from": {"source": state.start.source, "version": state.start.version},
        "kept": state.start.digest,
        "clicks": [{**pixel_of(index, grid), "kind": name} for name, index in state.points],
    }


@router.get("/acsnet/cases/{image}/suggestion")
@volume_place()
def suggestion(app: App, image: str, tag: str = "") -> dict[str, Any]:
    """The nearest possible walls of a label map that was drawn, and what they would change.

    Nothing is saved. tag: of the label map; else what a person saved last.
    """
    path = image_path(app, image)
    tags = app.datastore().get_labels_by_image_id(image)
    wanted = tag or next((known for known in (READER_DRAFT, REVIEWED) if known in tags), "")
    if not wanted:
        raise HTTPException(404, f"case {image!r} has no label map of a person yet: save one first")
    if wanted not in tags:
        raise HTTPException(404, f"case {image!r} has no label map {wanted!r}")
    scan = read_scan(path)
    drawn = read_client_labels(Path(app.datastore().get_label_uri(image, wanted)), grid=scan.grid)
    suggested = suggest_walls(
        scan.grid.from_input(drawn),
        scan.spacing_mm[1:],
        corrector=app.served.current().pipeline.corrector,
    )
    return {
        "tag": wanted,
        "label_map": packed_stack(scan.grid.to_input(suggested.labels), scan.grid),
        "slices": [
            {
                "slice": scan.grid.slice_number(changed.index),
                **{name: value for name, value in vars(changed).items() if name != "index"},
            }
            for changed in suggested.slices
        ],
    }


def points_of_pixels(clicks: list[Any], scan: ShortAxisScan) -> Points:
    """Clicks of JSON as points of the input's grid. Raises InputError for what is none."""
    if len(clicks) > MAX_CLICKS:
        msg = f"a scan takes at most {MAX_CLICKS} clicks, got {len(clicks)}"
        raise InputError(msg)
    return [_point(click, scan) for click in clicks]


def _whole(click: dict[str, Any], name: str) -> int:
    number = whole_number(click.get(name))
    if number is None:
        msg = f"{name} of a click must be a whole number, got {str(click.get(name))[:60]}"
        raise InputError(msg)
    return number


def _point(click: Any, scan: ShortAxisScan) -> tuple[str, tuple[int, int, int]]:
    grid = scan.grid
    kinds = [kind.value for kind in Kind]
    if not isinstance(click, dict) or click.get("kind") not in kinds:
        msg = f"a click must have slice, row, column and a kind of {', '.join(kinds)}"
        raise InputError(msg)
    if (uid := click.get("instance")) not in (None, ""):
        if uid not in scan.instance_uids:
            msg = f"image {str(uid)[:64]} is not a slice of the scan"
            raise InputError(msg)
        click = {**click, "slice": grid.slice_number(scan.instance_uids.index(uid))}
    number, row, column = (_whole(click, name) for name in ("slice", "row", "column"))
    sizes = [grid.shape[axis] for axis in grid.axes]
    if not (1 <= number <= sizes[0] and 0 <= row < sizes[1] and 0 <= column < sizes[2]):
        msg = (
            f"a click must lie in slices 1 to {sizes[0]}, rows 0 to {sizes[1] - 1} and columns 0 "
            f"to {sizes[2] - 1}, got {[number, row, column]}"
        )
        raise InputError(msg)
    index = [0, 0, 0]
    for axis, at in zip(grid.axes, (number - 1, row, column), strict=True):
        index[axis] = at
    return str(click["kind"]), (index[0], index[1], index[2])


def pixel_of(index: tuple[int, ...], grid: InputGrid) -> dict[str, int]:
    """An index of the input's array as slice, row and column of the acquired grid."""
    k, row, column = (index[axis] for axis in grid.axes)
    return {"slice": k + 1, "row": row, "column": column}


def packed_stack(labels: NDArray[np.uint8], grid: InputGrid) -> dict[str, Any]:
    """Labels of the input's grid, as slices in file order: shape, and bytes by zlib in base64."""
    stack = np.ascontiguousarray(np.transpose(labels, grid.axes))
    data = base64.b64encode(zlib.compress(stack.tobytes())).decode()
    return {"shape": list(stack.shape), "data": data}


def _reader(http: Request, user: str) -> Reader:
    name = author_of({"user": signed_on_page(user.strip())})
    return Reader(name=name, key=asker(http, name))
