"""The server's own pages: the work list and a page for each case. No script, nothing from outside.

The address of a case holds its id, which is looked up among the images and never becomes a path.
"""

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader
from monailabel.interfaces.utils.app import app_instance

from acsnet import __version__
from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.label_map import read_label_map
from acsnet.labels import LABELS
from acsnet.report.montage import montage_png
from acsnet.result import NOTICE
from acsnet.server.auth.roles import Role
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.identity import logged_in, signed
from acsnet.server.inference.volumes import volume_place
from acsnet.server.pages.cases import Case, State, Store, Version, all_cases, build_case, chosen
from acsnet.server.pages.viewers import stock_folder, viewer_links
from acsnet.server.pages.wording import has_segments, measure_rows, slices_to_look_at
from acsnet.server.web.load_limits import asker

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""Nothing from outside, no script, and no patient in a cache."""

TAG = r"^[A-Za-z0-9_-]{1,64}$"
Tag = Annotated[str, Query(pattern=TAG)]

environment = Environment(loader=PackageLoader("acsnet.server.web"), autoescape=True)
router = APIRouter(prefix="/acsnet")


def page(name: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """A page from its template, with what every page shows."""
    person = logged_in()
    shared = {
        "notice": NOTICE,
        "version": __version__,
        "stock": stock_folder() is not None,
        "person": person,
        "may_review": person is None or person.role >= Role.REVIEWER,
    }
    text = environment.get_template(name).render(**shared, **values)
    return HTMLResponse(text, status, headers=HEADERS)


@router.get("/")
def work_list(state: str = "", text: str = "", study: str = "", sort: str = "case") -> Response:
    """All cases, or those that are asked for; the only case of a study is opened at once."""
    cases = all_cases(store_now())
    shown = chosen(cases, state=state, text=text, study=study, sort=sort)
    if study and len(shown) == 1:
        return RedirectResponse(f"/acsnet/cases/{quote(shown[0].id)}", 303, headers=HEADERS)
    counts = {one.value: sum(case.state is one for case in cases) for one in State}
    return page(
        "list.html",
        cases=shown,
        counts={name: count for name, count in counts.items() if count or name == state},
        total=len(cases),
        waiting=counts[State.CHECKING.value],
        query={"state": state, "text": text, "study": study, "sort": sort},
    )


@router.get("/style.css")
def style() -> Response:
    """The one style sheet, with the colours of the labels."""
    text = environment.get_template("style.css").render()
    colours = (f".label-{one.label:d} {{ background: rgb{one.colour}; }}\n" for one in LABELS)
    headers = {**HEADERS, "Cache-Control": "no-cache"}
    return Response(text + "".join(colours), media_type="text/css", headers=headers)


@router.get("/cases/{image}")
def case_page(image: str) -> Response:
    """What is known of one case."""
    unreadable = _unreadable(image)
    case = _case(image)
    columns = [version for version in case.versions if version.current and version.features]
    return page(
        "case.html",
        case=case,
        links=viewer_links(case.study, case.series) if case.study else {},
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
        segs={one.tag for one in case.versions if seg_file(image, one.tag)},
    )


@router.post("/cases/{image}/segment")
def segment(image: str, http: Request) -> Response:
    """Segment a case and show it."""
    _case(image)
    path = store_now().get_image_uri(image)
    request = signed({"model": "acsnet", "image": path, "image_id": image})
    request["asker"] = asker(http, "")
    result = app_instance().infer(request)
    Path(result["label"]).unlink(missing_ok=True)
    return RedirectResponse(f"/acsnet/cases/{quote(image)}", 303, headers=HEADERS)


@router.get("/cases/{image}/montage.png")
@volume_place()
def montage(image: str, tag: Tag) -> Response:
    """All slices with the outlines of a label map."""
    version_of(image, tag)
    path = Path(store_now().get_image_uri(image))
    scan = read_scan(path)
    file = Path(store_now().get_label_uri(image, tag))
    labels = read_label_map(file, grid=scan.grid)
    picture = montage_png(scan, scan.grid.from_input(labels))
    return Response(picture, media_type="image/png", headers=HEADERS)


@router.get("/cases/{image}/segmentation.nii.gz")
def segmentation(image: str, tag: Tag) -> Response:
    """A label map as NIfTI."""
    version = version_of(image, tag)
    file = Path(store_now().get_label_uri(image, tag))
    suffix = ".nii.gz" if file.name.endswith(".gz") else file.suffix
    return FileResponse(file, filename=f"{image}-{version.state}{suffix}", headers=HEADERS)


@router.get("/cases/{image}/features.json")
def features(image: str, tag: Tag) -> Response:
    """The measurements of a label map."""
    version = version_of(image, tag)
    if not version.features:
        raise HTTPException(404, "this label map was not measured")
    return JSONResponse(version.features, headers=HEADERS)


@router.get("/cases/{image}/segmentation.dcm")
def dicom_segmentation(image: str, tag: Tag) -> Response:
    """A label map as DICOM SEG."""
    version = version_of(image, tag)
    file = seg_file(image, tag)
    if file is None:
        raise HTTPException(404, "there is no DICOM SEG of this label map")
    name = f"{image}-{version.state}.dcm"
    return FileResponse(file, filename=name, media_type="application/dicom", headers=HEADERS)


def store_now() -> Store:
    """Where the cases of the server come from."""
    store: Store = app_instance().datastore()
    return store


def seg_file(image: str, tag: str) -> Path | None:
    """The DICOM SEG of a label map; None where there is none, or where it is in the PACS."""
    store = store_now()
    file = store.seg_file(image, tag) if isinstance(store, StudiesDatastore) else None
    return file if file is not None and file.is_file() else None


def _unreadable(image: str) -> dict[str, str]:
    """Tag -> why a label map cannot be shown; the others are measured where they were not yet."""
    faults = {}
    for tag in store_now().get_labels_by_image_id(image):
        try:
            store_now().get_label_uri(image, tag)
        except AcsnetError as error:
            faults[tag] = str(error)
    return faults


def _case(image: str) -> Case:
    if image not in store_now().list_images():
        raise HTTPException(404, f"there is no case {image!r}")
    return build_case(store_now(), image)


def version_of(image: str, tag: str) -> Version:
    """The label map of a case under a tag, or an answer 404."""
    for version in _case(image).versions:
        if version.tag == tag:
            return version
    raise HTTPException(404, f"case {image!r} has no label map {tag!r}")
