"""PDF report of one scan: a first page to sign, then slices and details."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from acsnet.report.details import details_pages, slices_page
from acsnet.report.first_page import first_pages
from acsnet.report.layout.fonts import printable_name
from acsnet.report.layout.footer import draw_footers, made_by
from acsnet.report.layout.pdf_file import pdf_bytes
from acsnet.report.patient import Subject
from acsnet.report.reading import UNREAD, Reading
from acsnet.result import Measured


def report_pdf(
    result: Measured,
    subject: Subject,
    *,
    reading: Reading = UNREAD,
    method: str = "drawn",
    features: Mapping[str, Any] | None = None,
) -> bytes:
    """The report as the bytes of a PDF file, the same for the same input.

    Args:
        result: the scan, its labels and measures.
        subject: patient, study and scanner.
        reading: who read it, and what they said.
        method: the scar method that the report leads with, as in `acsnet.quantify.scar_methods`.
        features: the content of `features.json` on record, by default that of `result`.
    """
    return pdf_bytes(
        f"LGE scar report, {result.scan.name}",
        lambda: report_pages(result, subject, reading=reading, method=method, features=features),
    )


def report_pages(
    result: Measured,
    subject: Subject,
    *,
    reading: Reading = UNREAD,
    method: str = "drawn",
    features: Mapping[str, Any] | None = None,
) -> tuple[Figure, ...]:
    """The pages of `report_pdf`."""
    features = features or result.features_dict()
    pages = first_pages(result, features, subject, reading, method)
    if result.labels.any():
        pages.append(slices_page(result, features))
    pages += details_pages(features)
    draw_footers(pages, made=made_by(features["software"]), name=printable_name(result.scan.name))
    return tuple(pages)
