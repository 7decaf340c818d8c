"""What a case page offers of one label map: report, bullseyes, structured report.

The label map is measured anew on its scan; what was noted when it was made is kept in the text.
"""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from urllib.parse import quote

import pydicom
from fastapi import APIRouter, HTTPException
from fastapi.responses import Response

from acsnet.dicom import make_sr
from acsnet.dicom.source_images import source_stack
from acsnet.io import read_scan
from acsnet.io.dicom_files import quiet_pydicom
from acsnet.io.label_map import read_label_map_of
from acsnet.measure import measure_drawn
from acsnet.report.bullseye import bullseye_png
from acsnet.report.patient import read_subject
from acsnet.report.pdf import AUTOMATIC, report_pdf
from acsnet.result import Measured
from acsnet.server.datastores.label_records import DRAFT
from acsnet.server.datastores.protocol import LabelRecord
from acsnet.server.inference.volumes import volume_place
from acsnet.server.pages.routes import HEADERS, Tag, seg_file, store_now, version_of
from acsnet.server.pages.wording import has_segments

router = APIRouter(prefix="/acsnet")


@router.get("/cases/{image}/report.pdf")
@volume_place()
def report(image: str, tag: Tag) -> Response:
    """The report of a label map, for a person."""
    version, measured = _measured(image, tag)
    subject = read_subject(_path(image), measured.scan.instance_uids)
    pages = report_pdf(
        measured, subject, labels_by=labels_by(version), features=version.features or None
    )
    return _download(pages, f"{image}-{version.state}.pdf", "application/pdf")


@router.get("/cases/{image}/bullseye.png")
def bullseye(image: str, tag: Tag) -> Response:
    """Scar and transmurality by segment."""
    version = version_of(image, tag)
    if not has_segments(version.features):
        raise HTTPException(404, "this label map has no segments")
    return Response(bullseye_png(version.features), media_type="image/png", headers=HEADERS)


@router.get("/cases/{image}/measurements.dcm")
@volume_place()
def structured_report(image: str, tag: Tag) -> Response:
    """The measures of a label map as DICOM SR, where it has a DICOM SEG in the studies folder."""
    file = seg_file(image, tag)
    if file is None:
        raise HTTPException(404, "there is no DICOM SEG of this label map")
    version, measured = _measured(image, tag)
    with quiet_pydicom():
        headers = [
            pydicom.dcmread(one, stop_before_pixels=True) for one in sorted(_path(image).iterdir())
        ]
        document = make_sr(
            replace(measured.features, warnings=measured.warnings),
            pydicom.dcmread(file),
            source_stack(measured.scan, headers),
            segments=measured.quantification.segments,
            state="reviewed" if version.state == "reviewed" else "draft",
            creator=version.reviewer or version.author or "unknown",
        )
        stream = BytesIO()
        document.save_as(stream, write_like_original=False)
    return _download(stream.getvalue(), f"{image}-{version.state}-sr.dcm", "application/dicom")


def labels_by(version: LabelRecord) -> str:
    """Who drew a label map, in words."""
    if version.tag == DRAFT:
        return AUTOMATIC
    drawn = f"drawn by {version.author or 'unknown'}"
    return f"{drawn}, reviewed by {version.reviewer}" if version.reviewer else f"{drawn}, draft"


def _measured(image: str, tag: str) -> tuple[LabelRecord, Measured]:
    """A label map measured anew, and its record, read after it: a PACS store checks as it reads."""
    version_of(image, tag)
    file = Path(store_now().get_label_uri(image, tag))
    version = version_of(image, tag)
    scan = read_scan(_path(image))
    labels = read_label_map_of(file, scan=scan, image=_path(image), segments=None)
    if not labels.any():
        raise HTTPException(404, "this label map is empty: there is nothing to report")
    measured = measure_drawn(scan, labels)
    return version, replace(measured, warnings=version.warnings or measured.warnings)


def _path(image: str) -> Path:
    return Path(store_now().get_image_uri(image))


def _download(content: bytes, name: str, media_type: str) -> Response:
    headers = {**HEADERS, "Content-Disposition": f"attachment; filename*=utf-8''{quote(name)}"}
    return Response(content, media_type=media_type, headers=headers)
