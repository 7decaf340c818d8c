"""The report says what it must, keeps within its pages, and is the same for the same input."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from pypdf import PdfReader

from acsnet.report.patient import UNKNOWN, Subject
from acsnet.report.pdf import report_pages, report_pdf
from acsnet.result import NOTICE

pytestmark = pytest.mark.slow

SUBJECT = Subject(
    patient_name="DOE JANE",
    patient_id="4711",
    birth_date="1960-02-29",
    sex="F",
    study_date="2026-01-31",
    series="PSIR SAX 10 min",
    scanner="Vendor Model 1.5 T",
)


@pytest.fixture(scope="module")
def texts(measured):
    pages = PdfReader(BytesIO(report_pdf(measured, SUBJECT, labels_by="Dr Reader"))).pages
    return [page.extract_text() for page in pages]


def test_it_has_two_pages_that_say_what_it_is_not(texts):
    assert len(texts) == 2
    assert all(NOTICE in text for text in texts)


def test_it_tells_whose_scan_it_is_and_who_drew(texts):
    for word in ("DOE JANE", "4711", "1960-02-29", "2026-01-31", "PSIR SAX 10 min", "Dr Reader"):
        assert word in texts[0]


def test_it_has_the_numbers_of_the_features(texts, measured):
    features = measured.features_dict()
    assert f"{features['scar_burden_percent']:.1f} %" in texts[0]
    assert f"{features['enhancement_mass_g']:.1f} g" in texts[0]
    assert f"{features['lv_volume_ml']:.1f}" in texts[1]
    (sd5,) = (row for row in features["methods"] if row["method"] == "sd5")
    assert f"{sd5['scar_volume_ml']:.1f}" in texts[1]
    assert "LAD" in texts[1]


def test_the_same_scan_gives_the_same_bytes(measured):
    assert report_pdf(measured, UNKNOWN) == report_pdf(measured, UNKNOWN)


def extents(figure):
    """Every text of a page with its box, in shares of the page."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    box = figure.bbox
    for text in figure.findobj(Text):
        if text.get_text() and text.get_visible():
            at = text.get_window_extent(canvas.get_renderer())
            yield text.get_text(), at.x0 / box.x1, at.x1 / box.x1, at.y0 / box.y1, at.y1 / box.y1


@pytest.mark.parametrize("many", [0, 60])
def test_nothing_is_cut_off_however_much_there_is_to_say(measured, many):
    name = "case-with-a-name-" * 6
    warnings = tuple(f"warning {k}: " + "words that go on and on, " * 9 for k in range(many))
    scan = replace(measured.scan, name=name)
    subject = replace(SUBJECT, patient_name="VERY LONG NAME " * 8, series="description " * 12)
    for page in report_pages(replace(measured, scan=scan, warnings=warnings), subject):
        for text, left, right, bottom, top in extents(page):
            assert min(left, bottom) > 0.02, text
            assert max(right, top) < 0.98, text


def test_what_does_not_fit_is_counted(measured):
    warnings = tuple(f"warning {k}" for k in range(80))
    pages = report_pages(replace(measured, warnings=warnings), UNKNOWN)
    told = [text for text, *_ in extents(pages[1])]
    shown = sum("\N{BULLET} warning" in text for text in told)
    assert f"... and {80 - shown} lines more in features.json" in told


def test_a_scan_without_a_ventricle_says_so(measured):
    from acsnet.quantify.quantification import quantify

    labels = np.zeros_like(measured.labels)
    nothing = replace(
        measured, labels=labels, quantification=quantify(measured.scan, labels), warnings=()
    )
    texts = [p.extract_text() for p in PdfReader(BytesIO(report_pdf(nothing, UNKNOWN))).pages]
    assert "No left ventricle was found in this scan." in texts[0]
