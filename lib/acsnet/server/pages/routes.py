"""HTML pages: the work list and a page for each case, without scripts or external resources.

The address of a case holds its id, which is looked up among the images and never becomes a path.
"""

import math
from collections import Counter
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse, Response

from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.labels import LABELS
from acsnet.report.montage import montage_png
from acsnet.report.wording import has_segments, measure_rows, slices_to_look_at
from acsnet.server.app import App
from acsnet.server.datastores.protocol import LabelRecord, StudyStore
from acsnet.server.identity import signed
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.pages.cases import Case, State, all_cases, build_case, chosen
from acsnet.server.pages.viewers import viewer_links
from acsnet.server.web.load_limits import asker, gone
from acsnet.server.web.templates import environment, page

TAG = r"^[A-Za-z0-9_-]{1,64}$"
Tag = Annotated[str, Query(pattern=TAG)]

MAX_PAGES = 10_000

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
    number: Annotated[int, Query(alias="page", ge=1, le=MAX_PAGES)] = 1,
) -> Response:
    """The work list, filtered and sorted; the only case of a study is opened at once."""
    cases = all_cases(app.datastore())
    shown = chosen(cases, state=state, text=text, study=study, sort=sort)
    if study and len(shown) == 1:
        return RedirectResponse(f"/acsnet/cases/{quote(shown[0].id)}", 303)
    counts = Counter(case.state.value for case in cases)
    pages = max(1, math.ceil(len(shown) / size))
    number = min(number, pages)
    return page(
        "list.html",
        cases=shown[(number - 1) * size : number * size],
        counts={
            one.value: counts[one.value] for one in State if counts[one.value] or one.value == state
        },
        total=len(cases),
        found=len(shown),
        number=number,
        pages=pages,
        fault=app.datastore().fault(),
        waiting=counts[State.CHECKING.value],
        query={"state": state, "text": text, "study": study, "sort": sort},
    )


@router.get("/style.css")
def style() -> Response:
    """The one style sheet, with the colours of the labels."""
    text = environment.get_template("style.css").render()
    colours = (f".label-{one.label:d} {{ background: rgb{one.colour}; }}\n" for one in LABELS)
    headers = {"Cache-Control": "no-cache"}
    return Response(text + "".join(colours), media_type="text/css", headers=headers)


@router.get("/cases/{image}")
def case_page(app: App, image: str) -> Response:
    """The page of a case."""
    store = app.datastore()
    unreadable = _unreadable(store, image)
    case = _case(store, image)
    columns = [version for version in case.versions if version.current and version.features]
    return page(
        "case.html",
        case=case,
        links=viewer_links(case.study, case.series, case.id) if case.study else {},
        columns=columns,
        measures=measure_rows([version.features for version in columns]),
        look=slices_to_look_at(case.shown.features) if case.shown else [],
        pictures=[
            one
            for one in case.versions
            if one.current and not case.reason and one.tag not in unreadable
        ],
        unreadable=unreadable,
        labels=LABELS,
        bullseye=case.shown is not None and has_segments(case.shown.features),
        segs={one.tag for one in case.versions if store.seg_file(image, one.tag)},
    )


@router.post("/cases/{image}/segment")
def segment(app: App, image: str, http: Request) -> Response:
    """Segment a case and show it."""
    _case(app.datastore(), image)
    path = app.datastore().get_image_uri(image)
    request = signed({"model": "acsnet", "image": path, "image_id": image})
    request |= {"asker": asker(http, ""), "gone": gone(http)}
    app.segment(request)
    return RedirectResponse(f"/acsnet/cases/{quote(image)}", 303)


@router.get("/cases/{image}/montage.png")
@volume_place()
def montage(app: App, image: str, tag: Tag) -> Response:
    """All slices with the outlines of a label map."""
    store = app.datastore()
    version_of(store, image, tag)
    path = Path(store.get_image_uri(image))
    scan = read_scan(path)
    labels = read_client_labels(Path(store.get_label_uri(image, tag)), grid=scan.grid)
    picture = montage_png(scan, scan.grid.from_input(labels))
    return Response(picture, media_type="image/png")


@router.get("/cases/{image}/segmentation.nii.gz")
def segmentation(app: App, image: str, tag: Tag) -> Response:
    """A label map as NIfTI."""
    version = version_of(app.datastore(), image, tag)
    file = Path(app.datastore().get_label_uri(image, tag))
    suffix = ".nii.gz" if file.name.endswith(".gz") else file.suffix
    return FileResponse(file, filename=f"{image}-{version.state}{suffix}")


@router.get("/cases/{image}/features.json")
def features(app: App, image: str, tag: Tag) -> Response:
    """The measurements of a label map."""
    version = version_of(app.datastore(), image, tag)
    if not version.features:
        raise HTTPException(404, "this label map was not measured")
    return JSONResponse(version.features)


@router.get("/cases/{image}/segmentation.dcm")
def dicom_segmentation(app: App, image: str, tag: Tag) -> Response:
    """A label map as DICOM SEG."""
    version = version_of(app.datastore(), image, tag)
    file = app.datastore().seg_file(image, tag)
    if file is None:
        raise HTTPException(404, "there is no DICOM SEG of this label map")
    name = f"{image}-{version.state}.dcm"
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


def _case(store: StudyStore, image: str) -> Case:
    if image not in store.list_images():
        raise HTTPException(404, f"there is no case {image!r}")
    return build_case(store, image)


def version_of(store: StudyStore, image: str, tag: str) -> LabelRecord:
    """The label map of a case under a tag, or an answer 404."""
    for version in _case(store, image).versions:
        if version.tag == tag:
            return version
    raise HTTPException(404, f"case {image!r} has no label map {tag!r}")
