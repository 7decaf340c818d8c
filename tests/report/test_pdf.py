"""The report says what it must, keeps within its pages, and is the same for the same input."""

import re
from dataclasses import replace
from datetime import datetime, timezone
from io import BytesIO

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from pypdf import PdfReader

from acsnet import NOTICE, __version__
from acsnet.quantify.sampling import SAMPLING
from acsnet.report.layout import fonts
from acsnet.report.patient import UNKNOWN, Subject
from acsnet.report.pdf import report_pages, report_pdf
from acsnet.report.reading import Reading

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


READING = Reading(
    reviewed=True,
    author="Ana Ortiz",
    reviewer="Dr Reader",
    read=datetime(2026, 11, 28, 9, 5, tzinfo=timezone.utc),
    indication="Syncope, family history",
    comment="Thin apex.\nSecond look advised.",
)


@pytest.fixture(scope="module")
def texts(measured):
    pages = PdfReader(BytesIO(report_pdf(measured, SUBJECT, reading=READING))).pages
    return [page.extract_text() for page in pages]


def test_it_has_three_pages_that_say_what_it_is_not(texts):
    assert len(texts) == 3
    assert all(NOTICE in text for text in texts)


def test_every_page_says_what_made_it(measured):
    weights = {"roi": "cd" * 32, "myo": "ab" * 32}
    words = f"ACSNet {__version__}, weights (SHA-256): myo abababababab, roi cdcdcdcdcdcd"
    for page in report_pages(replace(measured, weights=weights), UNKNOWN):
        assert words in [text.get_text() for text in page.texts]


def test_what_the_file_does_not_say_of_the_patient_is_said(measured):
    lines = [text.get_text() for text in report_pages(measured, UNKNOWN)[0].texts]
    for name, value in (("Patient", "not in the file"), ("Study date", "not in the file")):
        assert lines[lines.index(name) + 1] == value


def test_it_tells_whose_scan_it_is_and_who_drew(texts):
    for word in ("DOE JANE", "4711", "1960-02-29", "2026-01-31", "PSIR SAX 10 min", "Ana Ortiz"):
        assert word in texts[0]


def test_the_first_page_can_be_signed(texts):
    assert "Status: reviewed, accepted by Dr Reader" in texts[0]
    for word in (
        "Syncope, family history",
        "Thin apex.",
        "Second look advised.",
        "2026-11-28 09:05 UTC",
    ):
        assert word in texts[0]
    assert texts[0].index("Signature") > texts[0].index("Comment of the reader")


def test_a_draft_is_called_a_draft_and_names_no_reader(measured):
    draft = replace(READING, reviewed=False, reviewer="")
    (first, *_) = (page.extract_text() for page in _pages(measured, draft))
    assert "Status: draft" in first
    assert "2026-11-28" not in first
    assert first.count("Ana Ortiz") == 1  # who drew it


def _pages(measured, reading):
    return PdfReader(BytesIO(report_pdf(measured, UNKNOWN, reading=reading))).pages


def test_it_has_the_numbers_of_the_features(texts, measured):
    features = measured.features_dict()
    assert f"{features['scar_burden_percent']:.1f} %" in texts[0]
    assert f"{features['enhancement_mass_g']:.1f} g" in texts[0]
    assert f"{features['lv_volume_ml']:.1f}" in texts[2]
    (sd5,) = (row for row in features["methods"] if row["method"] == "sd5")
    assert f"{sd5['scar_volume_ml']:.1f}" in texts[2]
    assert "LAD" in texts[2]


def test_the_last_page_says_what_split_core_scar_and_grey_zone(measured):
    threshold = {
        "scar_method": "half_max",
        "scar_threshold": 50.5,
        "peak_intensity": 101.0,
    }
    split = {**measured.features_dict(), **threshold}
    assert "Core scar and grey zone are as drawn." in told(report_pages(measured, UNKNOWN))
    assert "Core scar as segmented: signal from 50.5, half of the peak (101)." in told(
        report_pages(measured, UNKNOWN, features=split)
    )


def test_sizes_on_the_first_page_are_rounded_half_up(measured):
    sizes = {"spacing_mm": {"slice": 8.125, "row": 1.125, "column": 1.375}}
    sizes |= {"height_cm": 160.0, "weight_kg": 100.0, "body_surface_area_m2": 2.125}
    features = {**measured.features_dict(), **sizes}
    first = told(report_pages(measured, UNKNOWN, features=features)[:1])
    assert "slices 8.13 mm apart" in first
    assert "of 1.13 x 1.38 mm" in first
    assert "100 kg, 2.13 m" in first


def test_the_first_page_has_all_segments_and_the_doubts(measured):
    warnings = ("slice 3 is open",)
    pages = report_pages(replace(measured, warnings=warnings), UNKNOWN)
    first = [words for words, *_ in extents(pages[0])]
    for segment in measured.quantification.segments:
        assert f"{segment.segment} {segment.name}" in first
    assert "\N{BULLET} slice 3 is open" in first


def test_both_pages_with_a_bullseye_say_what_hatching_means(texts, measured):
    words = "Hatched: the stack has no such segment."
    assert all(words in " ".join(text.split()) for text in texts[:2])
    features = measured.features_dict()
    features["segments"][16] |= {"myocardium_volume_ml": 2.0, "scar_percent": 100.0}
    for page in report_pages(measured, SUBJECT, features=features)[:2]:
        text = " ".join(" ".join(one.get_text() for one in page.findobj(Text)).split())
        assert words not in text
        assert "no radial chord crosses the wall of 17." in text


def test_the_site_chooses_what_the_report_leads_with(measured):
    (first, *_) = report_pages(measured, UNKNOWN, method="sd5")
    (sd5,) = (row for row in measured.quantification.methods if row.method == "sd5")
    said = [words for words, *_ in extents(first)]
    assert f"Scar {sd5.scar_burden_percent:.1f} % of the LV myocardium" in said
    assert any("Method: remote" in words for words in said)
    burden = measured.features.scar_burden_percent
    rest = f"All that follows is of the scar as segmented, {burden:.1f} % of the LV myocardium:"
    assert rest in said
    (drawn, *_) = report_pages(measured, UNKNOWN)
    assert rest not in [words for words, *_ in extents(drawn)]


def test_the_same_scan_gives_the_same_bytes(measured):
    assert report_pdf(measured, UNKNOWN) == report_pdf(measured, UNKNOWN)


def extents(figure):
    """Every text of a page with its box, in shares of the page."""
    canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
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
    reading = replace(
        READING, indication="why " * 120, comment="words " * (7 * many), reviewer="N" * 64
    )
    measured = replace(measured, scan=scan, warnings=warnings)
    for page in report_pages(measured, subject, reading=reading):
        for text, left, right, bottom, top in extents(page):
            assert min(left, bottom) > 0.02, text
            assert max(right, top) < 0.98, text


@pytest.mark.parametrize("many", [0, 3, 60])
def test_no_text_lies_on_another(measured, many):
    warnings = tuple(f"warning {k}: " + "words that go on, " * 9 for k in range(many))
    reading = replace(READING, indication="why " * 40 * min(many, 3), comment="word " * 40 * many)
    measured = replace(measured, warnings=warnings)
    for page in report_pages(measured, SUBJECT, reading=reading):
        own = {drawn.get_text() for drawn in page.texts}  # without ticks of hidden axes
        boxes = [box for box in extents(page) if box[0] in own]
        for k, (words, left, right, bottom, top) in enumerate(boxes):
            for other, left_2, right_2, bottom_2, top_2 in boxes[:k]:
                across = min(right, right_2) - max(left, left_2)
                along = min(top, top_2) - max(bottom, bottom_2)
                assert min(across, along) < 0.002, (words, other)


INDICATION = (
    "Previous anterior infarction (2019), now heart failure with reduced ejection fraction, NYHA "
    "III. Viability before planned revascularisation of the LAD; question of thrombus; question of "
    "additional non-ischaemic scar, and suitability for an ICD. No contraindication to gadolinium, "
    "infarction excluded in 2012."
)
DOUBTS = (
    "the image and the header disagree on which end of the stack is the apex: check the order",
    "slices 3 and 4 are the same pixel for pixel (copied to fill the stack?): volumes count both",
    "scar and blood have almost the same signal (ratio 0.98): scar next to the cavity may be cut",
    "the wall of slices 2, 7 was moved far: please check",
)


def told(pages):
    """All words of some pages, without the breaks of their lines."""
    return " ".join(" ".join(text.get_text() for page in pages for text in page.texts).split())


@pytest.mark.parametrize("many", [0, 1, 4])
@pytest.mark.parametrize("method", ["drawn", "sd5"])
def test_comment_and_indication_are_whole_on_the_first_page(measured, many, method):
    measured = replace(measured, warnings=DOUBTS[:many])
    reading = replace(READING, indication=INDICATION, comment="No viability. CAVE: thrombus.")
    first, *others = report_pages(measured, SUBJECT, reading=reading, method=method)
    assert INDICATION in told([first])
    assert "No viability. CAVE: thrombus." in told([first])
    assert ("on page 2" in told([first])) == ("1 basal anterior" not in told([first]))
    assert "1 basal anterior" in told([first, *others])


def crowded(measured):
    """All that can be said of a scan, each as long as DICOM and the pages of a case let it be."""
    warnings = (
        *(f"warning {k}: " + "words that go on, " * 12 for k in range(9)),
        f"{SAMPLING}core scar by 21 % and the grey zone by 34 %: compare with care",
    )
    subject = Subject(
        **{name: "W" * 64 for name in vars(SUBJECT) if name != "scanner"}, scanner="W" * 140
    )
    reading = replace(
        READING,
        author="W" * 64,
        reviewer="W" * 64,
        indication="why " * 124 + "LAST.",
        comment="".join(f"line {k}\n" for k in range(200)),
    )
    return replace(measured, warnings=warnings), subject, reading


def test_what_the_first_page_cuts_is_whole_on_the_next_and_nothing_lies_on_another(measured):
    scan, subject, reading = crowded(measured)
    pages = report_pages(scan, subject, reading=reading, method="sd5")
    first = told(pages[:1])
    assert "... continued on page 2" in first
    after = told(pages[1:])
    for words in (reading.indication, "Microvascular obstruction: ", "16 apical lateral"):
        assert words in after
    assert [f"line {k}" for k in range(200) if f" line {k} " not in f"{after} "] == []
    assert "W" * 64 in after.replace(" ", "")
    for page in pages[:1]:
        boxes = list(extents(page))
        own = {drawn.get_text() for drawn in page.texts}
        boxes = [box for box in boxes if box[0] in own]
        for k, (words, left, right, bottom, top) in enumerate(boxes):
            assert max(right, top) < 0.98, words
            for other, left_2, right_2, bottom_2, top_2 in boxes[:k]:
                across = min(right, right_2) - max(left, left_2)
                along = min(top, top_2) - max(bottom, bottom_2)
                assert min(across, along) < 0.002, (words, other)


def test_a_name_that_no_font_has_is_said_to_be_so(measured, monkeypatch, recwarn):
    monkeypatch.setattr(fonts, "FAMILIES", ("DejaVu Sans",))
    pages = report_pages(measured, replace(SUBJECT, patient_name="\u5c71\u7530 \u592a\u90ce"))
    list(extents(pages[0]))
    assert "Patient cannot be printed with the fonts of this computer" in told(pages[:1])
    assert [str(one.message) for one in recwarn] == []


@pytest.mark.parametrize(
    "words", ["", ", and what it means, in so many words that it takes two lines" * 2]
)
def test_every_doubt_is_in_the_report_whole_and_the_first_page_counts_the_rest(measured, words):
    warnings = tuple(f"warning {k:02}{words}" for k in range(80))
    pages = report_pages(replace(measured, warnings=warnings), UNKNOWN)
    lines = [[text for text, *_ in extents(page)] for page in pages]
    shown = sum("\N{BULLET} warning" in text for text in lines[0])
    assert f"... and {80 - shown} more at the end of the report" in lines[0]
    starts = [text[10:12] for page in lines[2:] for text in page if "\N{BULLET} warning" in text]
    assert sorted(starts) == [f"{k:02}" for k in range(80)]
    assert sum(text.endswith("two lines") for page in lines[2:] for text in page) == (
        80 if words else 0
    )


def test_what_most_scans_have_takes_no_place_of_another_doubt(measured):
    others = [f"warning {k}" for k in range(5)]
    sampling = f"{SAMPLING}core scar by 21 %: compare with care"
    pages = report_pages(replace(measured, warnings=(sampling, *others)), UNKNOWN)
    lines = [text for text, *_ in extents(pages[0])]
    start = lines.index("Doubts") + 1
    assert lines[start : start + 6] == [f"\N{BULLET} {words}" for words in (*others, sampling)]


def test_a_scan_without_a_ventricle_says_so(measured):
    from acsnet.quantify.quantification import quantify

    labels = np.zeros_like(measured.labels)
    nothing = replace(
        measured, labels=labels, quantification=quantify(measured.scan, labels), warnings=()
    )
    texts = [p.extract_text() for p in PdfReader(BytesIO(report_pdf(nothing, UNKNOWN))).pages]
    assert "No left ventricle was found in this scan." in texts[0]
    assert not any(re.search(r"no scar|\b0\.0\b", text) for text in texts)


def test_a_scan_without_a_ventricle_keeps_the_comment_of_its_reader(measured):
    from acsnet.quantify.quantification import quantify

    labels = np.zeros_like(measured.labels)
    nothing = replace(measured, labels=labels, quantification=quantify(measured.scan, labels))
    first, *_ = report_pages(nothing, SUBJECT, reading=READING)
    assert "Thin apex. Second look advised." in told([first])
