"""Routes of clicks for our own pages and viewers: JSON, on the acquired grid.

Slices count from 1 as the file runs, as in `features.json`; rows and columns are pixels from 0.
"""

import base64
import zlib
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Body, HTTPException, Request
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.interaction.clicks import MAX_CLICKS, Kind
from acsnet.interaction.nearest_walls import suggest_walls
from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.server.app import App
from acsnet.server.corrections.desk import Reader
from acsnet.server.corrections.points import Points, input_index, stack_index, whole_number
from acsnet.server.corrections.starts import SOURCES
from acsnet.server.corrections.tasks import CLICK
from acsnet.server.datastores.label_intake import author_of
from acsnet.server.datastores.label_records import DRAWN, REVIEWED
from acsnet.server.identity import signed
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.routes.common import image_path
from acsnet.server.web.load_limits import asker, gone

router = APIRouter()


@router.post("/acsnet/cases/{image}/click")
def click(
    app: App,
    http: Request,
    image: str,
    clicks: Annotated[list[Any], Body()],
    start: Annotated[str | None, Body()] = None,
    user: Annotated[str, Body()] = "",
) -> dict[str, Any]:
    """The label map of a case after all clicks of a reader; to take one back, leave it out.

    clicks: oldest first, each `slice`, `row`, `column` and `kind` of `Kind`; start: own, accepted
    or draft, what to start from; user: the reader, where nobody is logged in.
    """
    path = image_path(app, image)
    if start not in (None, *SOURCES):
        raise HTTPException(422, f"start must be one of {', '.join(SOURCES)}, got {start!r:.40}")
    info = signed({"user": user})
    reader = _reader(http, info)
    answer = app.segment(
        {
            "model": CLICK,
            "image": str(path),
            "image_id": image,
            "client_id": reader.name,
            "asker": reader.key,
            "gone": gone(http),
            "reader": reader,
            "points": lambda scan: points_of_pixels(clicks, scan),
            "source": start,
        }
    )
    told = {**answer.params}
    return {
        "label_map": packed_stack(answer.labels, answer.grid),
        "started_from": told["started_from"],
        "clicks": [
            {**pixel_of(tuple(one["point"]), answer.grid), "kind": one["kind"], "held": one["held"]}
            for one in told["clicks"]
        ],
        "changed_slices": told["changed_slices"],
        "measurements": told["features"],
        "warnings": told["warnings"],
        "seconds": told["latencies"]["total"],
    }


@router.get("/acsnet/cases/{image}/click")
def clicks_so_far(app: App, http: Request, image: str, user: str = "") -> dict[str, Any]:
    """What a reader clicked on a case, so that a page that is opened again goes on from there."""
    reader = _reader(http, signed({"user": user}))
    known = app.click_desk.state(image, image_path(app, image), reader)
    if known is None:
        return {"started_from": None, "clicks": []}
    state, grid = known
    return {
        "started_from": {"source": state.start.source, "version": state.start.version},
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
    wanted = tag or next((one for one in (DRAWN, REVIEWED) if one in tags), "")
    if wanted not in tags:
        raise HTTPException(404, f"case {image!r} has no label map {wanted or 'of a person'!r}")
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
                "slice": scan.grid.slice_number(one.index),
                **{name: value for name, value in vars(one).items() if name != "index"},
            }
            for one in suggested.slices
        ],
    }


def points_of_pixels(clicks: list[Any], scan: ShortAxisScan) -> Points:
    """Clicks of JSON as points of the input's grid. Raises InputError for what is none."""
    if len(clicks) > MAX_CLICKS:
        msg = f"a scan takes at most {MAX_CLICKS} clicks, got {len(clicks)}"
        raise InputError(msg)
    return [_point(one, scan.grid) for one in clicks]


def _point(one: Any, grid: InputGrid) -> tuple[str, tuple[int, int, int]]:
    kinds = [kind.value for kind in Kind]
    if not isinstance(one, dict) or one.get("kind") not in kinds:
        msg = f"a click must have slice, row, column and a kind of {', '.join(kinds)}"
        raise InputError(msg)
    numbers = [whole_number(one.get(name)) for name in ("slice", "row", "column")]
    if any(number is None for number in numbers):
        msg = "slice, row and column of a click must be whole numbers"
        raise InputError(msg)
    number, row, column = (value or 0 for value in numbers)
    sizes = [grid.shape[axis] for axis in grid.axes]
    if not (1 <= number <= sizes[0] and 0 <= row < sizes[1] and 0 <= column < sizes[2]):
        msg = (
            f"a click must lie in slices 1 to {sizes[0]}, rows 0 to {sizes[1] - 1} and columns 0 "
            f"to {sizes[2] - 1}, got {[number, row, column]}"
        )
        raise InputError(msg)
    k = sizes[0] - number if grid.reversed_slices else number - 1
    return str(one["kind"]), input_index((k, row, column), grid)


def pixel_of(index: tuple[int, ...], grid: InputGrid) -> dict[str, int]:
    """An index of the input's array as slice, row and column of the acquired grid."""
    k, row, column = stack_index((index[0], index[1], index[2]), grid)
    return {"slice": grid.slice_number(k), "row": row, "column": column}


def packed_stack(labels: NDArray[np.uint8], grid: InputGrid) -> dict[str, Any]:
    """Labels of the input's grid, as slices in file order: shape, and bytes by zlib in base64."""
    stack = np.ascontiguousarray(np.transpose(labels, grid.axes))
    data = base64.b64encode(zlib.compress(stack.tobytes())).decode()
    return {"shape": list(stack.shape), "data": data}


def _reader(http: Request, info: dict[str, Any]) -> Reader:
    name = author_of(info)
    return Reader(name=name, key=asker(http, name))
