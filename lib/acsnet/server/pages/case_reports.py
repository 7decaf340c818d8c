"""What a case page offers of one label map: report, bullseyes, structured report.

The label map is measured anew on its scan, with what a reader entered for the case; what was noted
when it was made is kept in the text.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, HTTPException
from fastapi.responses import JSONResponse, Response

from acsnet.annotations.marks import given_of, measure_marked
from acsnet.annotations.reading_details import ReadingDetails
from acsnet.dicom.source_images import file_content, read_dataset, source_stack
from acsnet.dicom.sr import make_sr
from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.io.dicom_files.folder import headers_at
from acsnet.quantify.quantification import NOTHING
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
    features_with,
    is_of_schema,
    reading_of,
    warnings_with,
)
from acsnet.server.datastores.protocol import LabelRecord, StudyStore
from acsnet.server.inference.work_queue import volume_place
from acsnet.server.pages.cases import version_of
from acsnet.server.pages.routes import Tag
from acsnet.settings import read_settings

router = APIRouter(prefix="/acsnet")


@router.get("/cases/{image}/report.pdf")
@volume_place()
def report(app: App, image: str, tag: Tag) -> Response:
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
        features=_on_record(version, measured, details),
    )
    return _download(pages, f"{_case(store, image)}-{version.state}.pdf", "application/pdf")


@router.get("/cases/{image}/bullseye.png")
def bullseye(app: App, image: str, tag: Tag) -> Response:
    """Scar and transmurality by segment."""
    measures = _measures(app.datastore(), image, tag)
    if not has_segments(measures):
        raise HTTPException(404, "this label map has no segments")
    return Response(bullseye_png(measures), media_type="image/png")


@router.get("/cases/{image}/features.json")
def features(app: App, image: str, tag: Tag) -> Response:
    """The measurements of a label map, the same as in its report."""
    measures = _measures(app.datastore(), image, tag)
    if not measures:
        raise HTTPException(404, "this label map was not measured")
    return JSONResponse(measures)


@router.get("/cases/{image}/measurements.dcm")
@volume_place()
def structured_report(app: App, image: str, tag: Tag) -> Response:
    """The measures of a label map as DICOM SR, where it has a DICOM SEG in the studies folder."""
    store = app.datastore()
    held = version_of(store, image, tag).tag
    file = store.seg_file(image, held) if held else None
    if file is None:
        raise HTTPException(404, "there is no DICOM SEG of this label map")
    details, _ = entered(store.folder, image, scan=store.drawn_state_now(image))
    version, measured = _measured(store, image, tag, details=details)
    reading = _reading(version, details)
    document = make_sr(
        replace(measured.features, warnings=measured.warnings),
        read_dataset(file),
        source_stack(measured.scan, headers_at(_path(store, image))),
        segments=measured.quantification.segments,
        state="reviewed" if version.state == "reviewed" else "draft",
        creator=version.reviewer or version.author or "unknown",
        clinical=clinical_with(measured, reading, features=_on_record(version, measured, details)),
    )
    name = f"{_case(store, image)}-{version.state}-sr.dcm"
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


def _measures(store: StudyStore, image: str, tag: str) -> dict[str, Any]:
    """The measures of a label map with what a reader entered for the case; empty for none.

    Those that an earlier version noted are measured anew, as its report is.
    """
    version = version_of(store, image, tag)
    details, _ = entered(store.folder, image, scan=store.drawn_state_now(image))
    if not version.current and version.features:
        return {**version.features, "warnings": list(version.warnings)}
    if not version.features or _holds(version, details):
        return dict(version.features)
    with volume_place():
        version, measured = _measured(store, image, tag, details=details)
    return _on_record(version, measured, details)


def _on_record(version: LabelRecord, measured: Measured, details: ReadingDetails) -> dict[str, Any]:
    """The measures as noted when the label map came in, with the doubts of then and of now.

    What was entered or taken back since changes indices and segments: these are as measured now.
    """
    if _holds(version, details):
        return {**version.features, "warnings": list(measured.warnings)}
    return features_with(version.features, measured)


def _holds(version: LabelRecord, details: ReadingDetails) -> bool:
    """Whether measures are noted as they are taken now, with nothing that changes them entered.

    Nor was a mark when they were noted.
    """
    if not is_of_schema(version.features) or given_of(details) != NOTHING:
        return False
    return "given" not in (version.features[part]["source"] for part in ("rv_insertion", "remote"))


def _case(store: StudyStore, image: str) -> str:
    """The name of a case for a file: that of the patient in a PACS, whose ids are UIDs."""
    name = str(store.get_image_info(image).get("PatientID") or image)
    return re.sub(r"[^\w.+-]+", "_", name)


def _measured(
    store: StudyStore, image: str, tag: str, *, details: ReadingDetails
) -> tuple[LabelRecord, Measured]:
    """A label map measured anew, and its record, read after it: a PACS store checks as it reads."""
    file = Path(store.version_uri(image, version_of(store, image, tag)))
    version = version_of(store, image, tag)
    scan = read_scan(_path(store, image))
    labels = read_client_labels(file, grid=scan.grid)
    if not labels.any():
        raise HTTPException(404, "this label map is empty: there is nothing to report")
    measured = measure_marked(scan, labels, given=given_of(details))
    return version, replace(measured, warnings=warnings_with(version.warnings, measured))


def _path(store: StudyStore, image: str) -> Path:
    return Path(store.get_image_uri(image))


def _download(content: bytes, name: str, media_type: str) -> Response:
    headers = {"Content-Disposition": f"attachment; filename*=utf-8''{quote(name)}"}
    return Response(content, media_type=media_type, headers=headers)
