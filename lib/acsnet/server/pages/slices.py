"""What the script of a case page draws: the scan and its label maps, each in one answer.

An answer is a line of JSON and then the voxels as they are, slice by slice, turned as a viewer
shows them; compressed on the way, and kept in no cache.
"""

import gzip
import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import Response
from numpy.typing import NDArray

from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.labels import LABELS
from acsnet.report.display_orientation import View, grey_window, view_of
from acsnet.scan import ShortAxisScan
from acsnet.server.app import AcsnetApp, App
from acsnet.server.datastores.protocol import StudyStore, find_record
from acsnet.server.errors import UnknownError
from acsnet.server.inference.work_queue import volume_place

VersionQuery = Annotated[str, Query(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""Id or tag of a label map."""

COLOURS = json.dumps({int(info.label): list(info.colour) for info in LABELS})
"""Value -> colour, for the script."""

MOST_GREY = 65535

router = APIRouter(prefix="/acsnet")


@router.get("/cases/{image}/slices.bin")
@volume_place()
def slices(app: App, image: str) -> Response:
    """The pixels of a scan, 16 bits each, from its lowest value to its highest."""
    scan = read_scan(case_path(app.datastore(), image))
    low, high = float(scan.pixels.min()), float(scan.pixels.max())
    step = max(high - low, 1e-6) / MOST_GREY
    signal = scan.pixels if scan.signal is None else scan.pixels[scan.signal]
    window = grey_window(signal) if signal.size else (low, high)
    grey = np.round((scan.pixels - low) / step).astype("<u2")
    view = view_of(scan)
    row_mm, column_mm = view.spacing_of(scan.spacing_mm[1:])
    about = {
        **_shape(view, grey),
        "spacing_mm": [row_mm, column_mm],
        "numbers": [scan.grid.slice_number(k) for k in range(len(grey))],
        "window": [(float(value) - low) / step for value in window],
        "low": low,
        "step": step,
        "view": [view.exchanged, view.rows_reversed, view.columns_reversed],
    }
    return _packed(about, view, grey)


@router.get("/cases/{image}/labels.bin")
@volume_place()
def labels(app: App, image: str, version: VersionQuery) -> Response:
    """The values of a label map, 8 bits each, voxel for voxel on the slices."""
    scan, values, identifier = labels_of(app, image, version)
    app.shown_versions.add(image, identifier)
    view = view_of(scan)
    return _packed({**_shape(view, values), "version": identifier}, view, values)


def labels_of(
    app: AcsnetApp, image: str, version: str
) -> tuple[ShortAxisScan, NDArray[np.uint8], str]:
    """A scan, a (slice, row, column) label map of it, and the id or tag that its name is by.

    Raises UnknownError for a label map that there is not, AcsnetError for one not readable.
    """
    store = app.datastore()
    path = case_path(store, image)
    record = find_record(store.label_records(image), version)
    scan = read_scan(path)
    drawn = read_client_labels(Path(store.version_uri(image, record, earlier=True)), grid=scan.grid)
    return scan, scan.grid.from_input(drawn), record.name


def case_path(store: StudyStore, image: str) -> Path:
    """File or folder of a scan. Raises UnknownError for a case that there is not."""
    path = store.get_image_uri(image)
    if not path:
        msg = f"there is no case {image!r}"
        raise UnknownError(msg)
    return Path(path)


def _shape(view: View, stack: NDArray[Any]) -> dict[str, int]:
    rows, columns = view.of(stack[0]).shape
    return {"slices": len(stack), "rows": rows, "columns": columns}


def _packed(about: dict[str, Any], view: View, stack: NDArray[Any]) -> Response:
    voxels = np.stack([view.of(plane) for plane in stack]).tobytes()
    line = json.dumps(about).encode()
    line += b" " * (-(len(line) + 1) % 4)  # so that the voxels are aligned
    content = gzip.compress(line + b"\n" + voxels, compresslevel=1)
    return Response(
        content, media_type="application/octet-stream", headers={"Content-Encoding": "gzip"}
    )
