"""HTML pages: the work list and a page for each case, which work without their script, too.

The address of a case holds its id, which is looked up among the images and never becomes a path.
"""

import math
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import numpy as np
from fastapi import APIRouter, Depends, Form, HTTPException, Query, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from acsnet.annotations.reading_details import DetailsStore
from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.labels import LABELS
from acsnet.quantify.remote_myocardium import DISC_MM
from acsnet.report.montage import montage_png
from acsnet.report.wording import (
    has_segments,
    measure_lines,
    measure_rows,
    number,
    ordered_doubts,
    slices_to_look_at,
)
from acsnet.server.app import App
from acsnet.server.datastores.label_records import MODEL_DRAFT, READER_DRAFT, accepted_since
from acsnet.server.datastores.protocol import LabelRecord, StudyStore, find_record
from acsnet.server.identity import login_name
from acsnet.server.inference.infer_options import UNCERTAINTY
from acsnet.server.inference.request import InferenceRequest
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.measures_now import measures_of
from acsnet.server.pages.batches import progress_of
from acsnet.server.pages.case_index import index_of
from acsnet.server.pages.cases import (
    Case,
    State,
    build_case,
    called,
    download_name,
    find_case,
    version_of,
)
from acsnet.server.pages.slices import COLOURS, VersionQuery, labels_of
from acsnet.server.pages.viewers import viewer_links
from acsnet.server.state.paths import DETAILS
from acsnet.server.web.load_limits import asker, gone
from acsnet.server.web.shown_versions import digest_of
from acsnet.server.web.templates import environment, page

MAX_PAGES = 10_000

HEADLINE = (
    ("scar", "scar_burden_percent", "% of the myocardium"),
    ("obstruction", "microvascular_obstruction_volume_ml", "ml"),
)
"""What is said of a label map before all else: name, key in the features, unit."""

router = APIRouter(prefix="/acsnet")


def cases_a_page() -> int:
    """How many cases one page of the work list has."""
    return 100


@router.get("/")
def work_list(
    app: App,
    size: Annotated[int, Depends(cases_a_page)],
    state: str = "",
    text: str = "",
    study: str = "",
    sort: str = "case",
    finished: str = "",
    before: str = "",
    number: Annotated[int, Query(alias="page", ge=1, le=MAX_PAGES)] = 1,
) -> Response:
    """The work list, filtered and sorted; the only case of a study is opened at once.

    finished: why there is no next case; before: the case that was decided on last.
    """
    store = app.datastore()
    cases = index_of(store).listed()
    shown = cases.chosen(state=state, text=text, study=study, sort=sort)
    if study and len(shown) == 1:
        return RedirectResponse(f"/acsnet/cases/{quote(shown[0].id)}", 303)
    counts = cases.counts
    pages = max(1, math.ceil(len(shown) / size))
    number = min(number, pages)
    return page(
        "list.html",
        cases=shown[(number - 1) * size : number * size],
        counts={
            item.value: counts[item.value]
            for item in State
            if counts[item.value] or item.value == state
        },
        total=len(cases),
        found=len(shown),
        number=number,
        pages=pages,
        fault=store.fault(),
        waiting=counts[State.CHECKING.value],
        finished=finished,
        before=_known(store, before),
        batch=progress_of(app.batch.status()),
        titles=cases.titles,
        query={"state": state, "text": text, "study": study, "sort": sort},
    )


@router.get("/style.css")
def style() -> Response:
    """The one style sheet, with the colours of the labels."""
    text = environment.get_template("style.css").render()
    colours = (f".label-{info.label:d} {{ background: rgb{info.colour}; }}\n" for info in LABELS)
    headers = {"Cache-Control": "no-cache"}
    return Response(text + "".join(colours), media_type="text/css", headers=headers)


@router.get("/pages.js")
def shared_script() -> Response:
    """The script that all pages share."""
    return _script("pages.js")


@router.get("/desk.js")
def script() -> Response:
    """The script of the slices of a case."""
    return _script("desk.js")


@router.get("/clicks.js")
def click_script() -> Response:
    """The script of clicks on the slices of a case."""
    return _script("clicks.js")


def _script(name: str) -> Response:
    file = files("acsnet.server.web") / "static" / name
    headers = {"Cache-Control": "no-cache"}
    return Response(file.read_bytes(), media_type="text/javascript", headers=headers)


@router.get("/cases/{image}")
def case_page(app: App, image: str, version: str = "", before: str = "") -> Response:
    """The page of a case.

    version: the label map to look at, by its id or tag; else the one that stands for the case;
    before: the case that was decided on last.
    """
    store = app.datastore()
    unreadable = _unreadable(store, image)
    case = find_case(store, image)
    looked_at = find_record(case.versions, version) if version else case.shown
    now = measures_of(store)
    if looked_at is not None:
        app.shown_versions.add(image, looked_at.id)
        looked_at = now.of(image, looked_at)
    beside = [
        record for record in case.label_maps if record.tag and record.current and record.features
    ]
    columns = [now.of(image, record) for record in beside] if len(beside) > 1 else []
    scan = store.drawn_state_now(image)
    details, faults = DetailsStore(store.folder / DETAILS).read(image, scan=scan)
    warnings = () if looked_at is None else looked_at.warnings
    since: tuple[str, ...] = ()
    if looked_at is not None and looked_at.state == "draft":
        since = accepted_since(case.versions, looked_at, besides=login_name())
    return page(
        "case.html",
        case=case,
        links=viewer_links(case.study, case.series, case.id) if case.study else {},
        shown=looked_at,
        warnings=ordered_doubts((*since, *case.remarks, *warnings, *faults)),
        digest=digest_of(warnings),
        since=since,
        waiting=next(
            (record for record in case.versions if record.tag == READER_DRAFT and record.current),
            None,
        ),
        headline="" if looked_at is None else headline_of(looked_at.features),
        lines=_lines(looked_at),
        columns=columns,
        measures=measure_rows([record.features for record in columns]),
        called=called,
        look=slices_to_look_at(looked_at.features) if looked_at else [],
        unreadable=unreadable,
        labels=LABELS,
        colours=COLOURS,
        disc_mm=DISC_MM,
        details=details,
        scan=scan,
        before=_known(store, before),
        bullseye=looked_at is not None and has_segments(looked_at.features),
        segs={
            record.tag
            for record in case.versions
            if record.tag and store.seg_file(image, record.tag)
        },
    )


def _lines(version: LabelRecord | None) -> list[tuple[str, ...]]:
    """The measures beside the slices: name, value, interval, unit; none of an old release."""
    try:
        return [] if version is None else [tuple(line) for line in measure_lines(version.features)]
    except (KeyError, TypeError):
        return []


def headline_of(features: Mapping[str, Any]) -> str:
    """Scar and obstruction of a label map in one line; empty where neither has a number."""
    parts = [
        f"{name} {number(features[key], 1)}\N{NO-BREAK SPACE}{unit}"
        for name, key, unit in HEADLINE
        if features.get(key) is not None
    ]
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


@router.post("/cases/{image}/segment")
def segment(
    app: App, image: str, http: Request, uncertainty: Annotated[bool, Form()] = False
) -> Response:
    """Segment a case and show it; uncertainty: with intervals, which takes longer."""
    find_case(app.datastore(), image)
    app.segment(
        InferenceRequest(
            model="acsnet",
            image=Path(app.datastore().get_image_uri(image)),
            image_id=image,
            user=login_name(),
            client=asker(http, ""),
            is_gone=gone(http),
            parameters={UNCERTAINTY: uncertainty},
        )
    )
    shown = build_case(app.datastore(), image).shown
    other = "" if shown is None or shown.tag == MODEL_DRAFT else f"?version={MODEL_DRAFT}"
    return RedirectResponse(f"/acsnet/cases/{quote(image)}{other}", 303)


@router.get("/cases/{image}/montage.png")
@volume_place()
def montage(app: App, image: str, tag: VersionQuery) -> Response:
    """All slices with the outlines of a label map; `tag=none`: without."""
    if tag == "none":
        find_case(app.datastore(), image)
        scan = read_scan(app.datastore().get_image_uri(image))
        nothing = np.zeros(scan.pixels.shape, np.uint8)
        return Response(montage_png(scan, nothing), media_type="image/png")
    scan, labels, identifier = labels_of(app, image, tag)
    app.shown_versions.add(image, identifier)
    return Response(montage_png(scan, labels), media_type="image/png")


@router.get("/cases/{image}/segmentation.nii.gz")
def segmentation(app: App, image: str, tag: VersionQuery) -> Response:
    """A label map as NIfTI."""
    store = app.datastore()
    version = version_of(store, image, tag)
    file = Path(store.version_uri(image, version, earlier=True))
    suffix = ".nii.gz" if file.name.endswith(".gz") else file.suffix
    return FileResponse(file, filename=download_name(store, image, version, suffix))


@router.get("/cases/{image}/segmentation.dcm")
def dicom_segmentation(app: App, image: str, tag: VersionQuery) -> Response:
    """A label map as DICOM SEG."""
    store = app.datastore()
    version = version_of(store, image, tag)
    file = store.seg_file(image, version.tag) if version.tag else None
    if file is None:
        raise HTTPException(404, "there is no DICOM SEG of this label map")
    name = download_name(store, image, version, ".dcm")
    return FileResponse(file, filename=name, media_type="application/dicom")


def _unreadable(store: StudyStore, image: str) -> dict[str, str]:
    """Tag -> why a label map cannot be shown; the others are measured where they were not yet."""
    faults = {}
    for tag in store.get_labels_by_image_id(image):
        try:
            store.get_label_uri(image, tag)
        except AcsnetError as error:
            faults[tag] = str(error)
    return faults


def _known(store: StudyStore, image: str) -> Case | None:
    """A case, or None where there is none of that id."""
    return build_case(store, image) if image and image in store.list_images() else None
