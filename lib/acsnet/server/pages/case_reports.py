"""What a case page offers of one label map: report, bullseyes, structured report.

Report and structured report measure the label map anew on its scan, with what a reader entered for
the case; what was noted when it was made is kept in the text.
"""

from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from fastapi import APIRouter, HTTPException
from fastapi.responses import JSONResponse, Response

from acsnet.annotations.marks import given_of
from acsnet.annotations.reading_details import ReadingDetails
from acsnet.dicom.source_images import file_content, read_dataset, source_stack
from acsnet.dicom.sr import make_sr
from acsnet.io.dicom_files.folder import headers_at
from acsnet.report.bullseye import bullseye_png
from acsnet.report.patient import read_subject
from acsnet.report.pdf import report_pdf
from acsnet.report.reading import Reading
from acsnet.report.wording import has_segments
from acsnet.result import Measured
from acsnet.server.app import App
from acsnet.server.datastores.label_records import MODEL_DRAFT
from acsnet.server.datastores.label_reports import (
    clinical_with,
    entered,
    reading_of,
    reported_features,
)
from acsnet.server.datastores.protocol import LabelRecord, StudyStore
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.measures_now import features_now, measured_anew, measures_of, opened
from acsnet.server.pages.cases import download_name, version_of
from acsnet.server.pages.slices import VersionQuery
from acsnet.settings import read_settings

router = APIRouter(prefix="/acsnet")


@router.get("/cases/{image}/report.pdf")
@volume_place()
def report(app: App, image: str, tag: VersionQuery) -> Response:
    """The report of a label map, for a person."""
    store = app.datastore()
    details, faults = entered(store.folder, image, scan=store.drawn_state_now(image))
    version, measured = _measured(store, image, tag, details=details)
    measured = replace(measured, warnings=(*measured.warnings, *faults))
    subject = read_subject(_path(store, image), measured.scan.instance_uids)
    pages = report_pdf(
        measured,
        subject,
        reading=_reading(version, details),
        method=read_settings().report.method,
        features=features_now(store, image, version, measured),
    )
    name = download_name(store, image, version, ".pdf")
    return _download(pages, name, "application/pdf")


@router.get("/cases/{image}/bullseye.png")
def bullseye(app: App, image: str, tag: VersionQuery) -> Response:
    """Scar and transmurality by segment."""
    store = app.datastore()
    measures = measures_of(store).surely_of(image, version_of(store, image, tag)).features
    if not has_segments(measures):
        raise HTTPException(404, "this label map has no segments")
    return Response(bullseye_png(measures), media_type="image/png")


@router.get("/cases/{image}/features.json")
def features(app: App, image: str, tag: VersionQuery) -> Response:
    """The measurements of a label map, the same as in its report."""
    store = app.datastore()
    version = measures_of(store).surely_of(image, version_of(store, image, tag))
    if not version.features:
        raise HTTPException(404, "this label map was not measured")
    return JSONResponse({**version.features, "warnings": list(version.warnings)})


@router.get("/cases/{image}/measurements.dcm")
@volume_place()
def structured_report(app: App, image: str, tag: VersionQuery) -> Response:
    """The measures of a label map as DICOM SR, where it has a DICOM SEG in the studies folder."""
    store = app.datastore()
    held = version_of(store, image, tag).tag
    file = store.seg_file(image, held) if held else None
    if file is None:
        raise HTTPException(404, "there is no DICOM SEG of this label map")
    details, _ = entered(store.folder, image, scan=store.drawn_state_now(image))
    version, measured = _measured(store, image, tag, details=details)
    known = features_now(store, image, version, measured)
    document = make_sr(
        reported_features(measured, known),
        read_dataset(file),
        source_stack(measured.scan, headers_at(_path(store, image))),
        segments=measured.quantification.segments,
        state="reviewed" if version.state == "reviewed" else "draft",
        creator=version.reviewer or version.author or "unknown",
        clinical=clinical_with(measured, _reading(version, details), features=known),
    )
    name = download_name(store, image, version, "-sr.dcm")
    return _download(file_content(document), name, "application/dicom")


def _reading(version: LabelRecord, details: ReadingDetails) -> Reading:
    return reading_of(
        details,
        reviewed=version.state == "reviewed",
        author="" if version.tag == MODEL_DRAFT else version.author,
        reviewer=version.reviewer,
        at=version.read,
        comment=version.comment,
        withdrawn_by=version.withdrawn_by if version.state == "withdrawn" else None,
        replaced=version.is_replaced,
    )


def _measured(
    store: StudyStore, image: str, tag: str, *, details: ReadingDetails
) -> tuple[LabelRecord, Measured]:
    """A label map measured anew, and its record. Raises HTTP 404 for an empty one."""
    file, version = opened(store, image, version_of(store, image, tag))
    if version.features.get("lv_volume_ml", 0.0) is None:
        raise HTTPException(404, "this label map is empty: there is nothing to report")
    return version, measured_anew(store, image, version, file, given=given_of(details))


def _path(store: StudyStore, image: str) -> Path:
    return Path(store.get_image_uri(image))


def _download(content: bytes, name: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=utf-8''{quote(name)}"}
    return Response(content, media_type=media_type, headers=headers)
