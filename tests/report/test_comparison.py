"""Two scans of one patient on a page."""

import re
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from pypdf import PdfReader
from scipy.ndimage import binary_dilation

from acsnet import NOTICE, __version__
from acsnet.errors import InputError
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.nets.weights import read_manifest
from acsnet.quantify.sampling import SAMPLING
from acsnet.report.comparison.compare import check_one_patient, compare
from acsnet.report.comparison.pages import comparison_pages, comparison_pdf
from acsnet.report.patient import UNKNOWN, Subject
from acsnet.result import Result
from acsnet.stages.correction import StackCorrection

BEFORE = Subject(patient_name="DOE JANE", patient_id="4711", study_date="2025-01-31")
AFTER = replace(BEFORE, study_date="2026-01-31")


@pytest.fixture
def later(measured):
    """The same heart in another image: one pixel of the air is brighter."""
    pixels = measured.scan.pixels.copy()
    pixels[0, 0, 0] += 1.0
    return replace(measured, scan=replace(measured.scan, pixels=pixels))


def test_scans_of_two_patients_are_refused(measured):
    other = replace(AFTER, patient_id="4712")
    with pytest.raises(InputError, match="of one patient, got PatientID 4711 and 4712"):
        compare(measured, measured, of_before=BEFORE, of_after=other)


def test_what_hinders_the_comparison_is_told(measured, later):
    assert compare(measured, later, of_before=UNKNOWN, of_after=UNKNOWN).remarks == ()
    swapped = compare(measured, later, of_before=AFTER, of_after=BEFORE)
    assert "the later one: 2026-01-31, then 2025-01-31" in swapped.remarks[0]
    doubted = replace(later, warnings=("the base is missing",))
    told = compare(measured, doubted, of_before=BEFORE, of_after=AFTER)
    assert told.remarks == ("after: the base is missing",)
    sampling = f"{SAMPLING}core scar by 21 %: compare with care"
    both = replace(measured, warnings=(sampling,)), replace(doubted, warnings=("open", sampling))
    told = compare(*both, of_before=BEFORE, of_after=AFTER)
    assert told.remarks == ("after: open", f"before: {sampling}", f"after: {sampling}")


def test_scar_of_another_brightness_is_told(measured):
    pixels = measured.scan.pixels.astype(np.float32)
    wall = float(np.median(pixels[measured.labels == Label.LV_MYOCARDIUM]))
    scar = np.isin(measured.labels, (Label.CORE_SCAR, Label.GREY_ZONE))
    brighter = np.where(scar, wall + 1.3 * (pixels - wall), pixels)
    other = replace(measured, scan=replace(measured.scan, pixels=brighter))
    (remark,) = compare(measured, other, of_before=BEFORE, of_after=AFTER).remarks
    before, after = map(float, re.findall(r"\d\.\d", remark))
    assert after == pytest.approx(1.3 * before, abs=0.12)
    assert remark.startswith("the scar is ")
    less = replace(measured, scan=replace(measured.scan, pixels=(pixels + brighter) / 2.0))
    assert compare(measured, less, of_before=BEFORE, of_after=AFTER).remarks == ()


def test_growth_of_the_signal_beyond_what_is_drawn_is_told(measured):
    scar = np.isin(measured.labels, (Label.CORE_SCAR, Label.GREY_ZONE))
    pixels = measured.scan.pixels.astype(np.float32)
    around = binary_dilation(scar, iterations=4) & (measured.labels == Label.LV_MYOCARDIUM)
    brighter = np.where(around & ~scar, np.percentile(pixels[scar], 75.0), pixels)
    grown = replace(measured, scan=replace(measured.scan, pixels=brighter))
    about = {"of_before": BEFORE, "of_after": AFTER}
    compared = compare(measured, grown, **about)
    burden = compared.measures[0]
    assert burden.difference == 0.0
    assert burden.estimate > 2.0


@pytest.mark.parametrize(
    ("estimate", "low", "explained"), [(3.0, 1.0, True), (3.0, None, False), (2.0, 1.0, False)]
)
def test_intervals_beside_the_drawn_change_are_explained_where_there_are_any(
    measured, estimate, low, explained
):
    about = {"of_before": BEFORE, "of_after": AFTER}
    comparison = compare(measured, measured, **about)
    measures = tuple(
        replace(
            change, difference=2.0, estimate=estimate, low=low, high=None if low is None else 5.0
        )
        for change in comparison.measures
    )
    (page,) = comparison_pages(replace(comparison, measures=measures), measured, measured, **about)
    words = "Burden and scar: intervals around the change at half signal"
    assert any(drawn.get_text().startswith(words) for drawn in page.texts) is explained


def test_labels_of_a_person_have_no_interval(measured):
    values = compare(measured, measured, of_before=BEFORE, of_after=AFTER).to_dict()
    burden = values["measures"][0]
    assert (burden["measure"], burden["difference"], burden["shown"]) == (
        "scar_burden_percent",
        0.0,
        None,
    )
    assert (values["level"], len(values["segments"])) == (0.95, 17)


def as_drawn_by(measured, **weights):
    """What was measured, as if networks had drawn it."""
    wall = np.isin(measured.labels, MYOCARDIUM)
    probability = np.isin(measured.labels, ENHANCEMENT).astype(np.float32)
    return Result(
        **{**vars(measured), "weights": {**shipped_weights(), **weights}},
        anatomy=StackCorrection(slices=(), dropped=()),
        drawn_wall=wall,
        wall_probability=wall.astype(np.float32),
        enhancement_probability=probability,
    )


def shipped_weights():
    return {name: entry["sha256"] for name, entry in read_manifest().items()}


@pytest.mark.parametrize(
    ("first", "second", "remark"),
    [
        ({}, {}, None),
        ({}, {"roi": "1"}, "the scans were segmented by different networks"),
        ({"myo": "1"}, {"myo": "1"}, "they were fitted for the MYO network .*, not for 1"),
    ],
)
def test_intervals_of_changes_are_of_the_networks_that_they_were_fitted_for(
    measured, later, first, second, remark, monkeypatch
):
    monkeypatch.setattr(Result, "anatomy_dict", lambda self: None)  # of no slices
    before, after = as_drawn_by(measured, **first), as_drawn_by(later, **second)
    comparison = compare(before, after, of_before=BEFORE, of_after=AFTER)
    assert {change.low is None for change in comparison.measures} == {remark is not None}
    if remark is None:
        assert comparison.remarks == ()
    else:
        assert re.fullmatch(f"there are no intervals: {remark}", comparison.remarks[0])
    assert all(change.difference == 0.0 for change in comparison.measures)


@pytest.mark.parametrize("drawn_first", [True, False])
def test_labels_of_a_person_beside_those_of_networks_have_no_interval(
    measured, later, drawn_first, monkeypatch
):
    monkeypatch.setattr(Result, "anatomy_dict", lambda self: None)  # of no slices
    pair = (measured, as_drawn_by(later)) if drawn_first else (as_drawn_by(measured), later)
    comparison = compare(*pair, of_before=BEFORE, of_after=AFTER)
    assert comparison.remarks == ()
    assert {(change.low, change.high) for change in comparison.measures} == {(None, None)}
    assert all(change.difference == 0.0 for change in comparison.measures)


@pytest.mark.slow
def test_the_page_has_both_scans_and_nothing_is_cut_off(measured):
    warnings = tuple(f"warning {k}: " + "words that go on, " * 9 for k in range(9))
    doubted = replace(measured, warnings=warnings)
    compared = compare(doubted, measured, of_before=BEFORE, of_after=AFTER)
    about = {"of_before": BEFORE, "of_after": AFTER}
    (page,) = comparison_pages(compared, doubted, measured, **about)
    canvas = FigureCanvasAgg(page)
    page.draw_without_rendering()
    for drawn in page.texts:
        box = drawn.get_window_extent(canvas.get_renderer())
        assert box.x0 / page.bbox.x1 > 0.02, drawn.get_text()
        assert box.x1 / page.bbox.x1 < 0.98, drawn.get_text()
        assert box.y0 / page.bbox.y1 > 0.02, drawn.get_text()
    content = comparison_pdf(compared, doubted, measured, **about)
    (only,) = PdfReader(BytesIO(content)).pages
    said = only.extract_text()
    for words in ("DOE JANE", "2025-01-31", "2026-01-31", "not determined", "16 apical lateral"):
        assert words in said
    assert content == comparison_pdf(compared, doubted, measured, **about)


@pytest.mark.slow
def test_long_names_move_the_segments_to_a_page_of_their_own(measured):
    warnings = tuple(f"warning {k}: " + "words that go on, " * 9 for k in range(9))
    scan = replace(measured.scan, name="case-with-a-name-" * 6)
    doubted = replace(measured, scan=scan, warnings=warnings)
    subject = Subject(patient_name="W" * 64, patient_id="W" * 64, series="W" * 64)
    about = {"of_before": subject, "of_after": subject}
    compared = compare(doubted, doubted, **about)
    pages = comparison_pages(compared, doubted, doubted, **about)
    assert len(pages) == 2
    for page in pages:
        FigureCanvasAgg(page).figure.draw_without_rendering()
        boxes = {text.get_text(): text.get_window_extent() for text in page.texts}
        notice = boxes.pop(NOTICE)
        del boxes[f"ACSNet {__version__}"]
        footer = next(name for name in boxes if name.startswith("page "))
        del boxes[footer]
        assert min(box.y0 for box in boxes.values()) > notice.y1
        assert max(box.x1 for box in boxes.values()) < 0.98 * page.bbox.x1
    assert "16 apical lateral" in [text.get_text() for text in pages[1].texts]


def test_the_foot_says_what_made_both_scans(measured):
    def foot(before, after):
        about = {"of_before": BEFORE, "of_after": AFTER}
        pages = comparison_pages(compare(before, after, **about), before, after, **about)
        return [{text.get_text() for text in page.texts} for page in pages]

    first, second = (replace(measured, weights={"myo": 32 * half}) for half in ("ab", "cd"))
    same = f"ACSNet {__version__}, weights (SHA-256): myo abababababab"
    assert all({NOTICE, same} <= words for words in foot(first, first))
    other = same.replace("abababababab", "cdcdcdcdcdcd")
    assert all(f"Before: {same}. After: {other}" in words for words in foot(first, second))


def test_the_page_explains_its_outlines_and_what_the_files_lack(measured):
    about = {"of_before": UNKNOWN, "of_after": UNKNOWN}
    (page,) = comparison_pages(compare(measured, measured, **about), measured, measured, **about)
    (legend,) = page.legends
    told = {text.get_text() for text in legend.get_texts()}
    assert {"endocardium", "core scar", "grey zone", "microvascular obstruction"} <= told
    drawn = [text.get_text() for text in page.texts]
    assert drawn[drawn.index("Patient") + 1] == "not in the file"
    words = f"{measured.scan.name}, study date not in the file"
    assert drawn.count(words) == 2


def test_the_heads_of_empty_columns_do_not_lie_on_others(measured):
    about = {"of_before": BEFORE, "of_after": AFTER}
    (page,) = comparison_pages(compare(measured, measured, **about), measured, measured, **about)
    FigureCanvasAgg(page).figure.draw_without_rendering()
    boxes = {text.get_text(): text.get_window_extent() for text in page.texts}
    assert boxes["change"].x1 < boxes["95 % interval"].x0


def test_patients_without_an_id_are_told_apart_by_their_dates_of_birth():
    first = Subject(patient_name="DOE JANE", birth_date="1950-01-31")
    check_one_patient(first, replace(first, patient_name="Doe^Jane^M"))
    check_one_patient(first, replace(first, birth_date=""))
    with pytest.raises(InputError, match="got PatientBirthDate 1950-01-31 and 1951-01-31"):
        check_one_patient(first, replace(first, birth_date="1951-01-31", patient_id="4711"))


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        (
            {"birth_date": "1950-01-31"},
            {"birth_date": "1951-01-31"},
            "the dates of birth differ: 1950-01-31 and 1951-01-31",
        ),
        ({"sex": "M"}, {"sex": "F"}, "the sexes differ: M and F"),
        ({"patient_name": "DOE JOHN"}, {}, "the names differ: DOE JOHN and DOE JANE"),
        ({"patient_name": "Doe, Jane", "sex": "F"}, {"sex": "F"}, None),
        ({"patient_name": "", "sex": "M"}, {"sex": "O"}, None),
        ({"sex": ""}, {"sex": "F"}, None),
    ],
)
def test_what_tells_of_another_patient_under_one_id_is_told(measured, later, first, second, told):
    about = {"of_before": replace(BEFORE, **first), "of_after": replace(AFTER, **second)}
    remarks = compare(measured, later, **about).remarks
    assert remarks == (() if told is None else (f"{told}: is it one patient?",))


@pytest.mark.parametrize(
    ("name", "shown"),
    [("DOE JOHN", "DOE JOHN (before), DOE JANE (after)"), ("Doe, Jane", "DOE JANE")],
)
def test_the_head_has_both_names_where_they_differ(measured, later, name, shown):
    about = {"of_before": replace(BEFORE, patient_name=name), "of_after": AFTER}
    page = comparison_pages(compare(measured, later, **about), measured, later, **about)[0]
    drawn = [text.get_text() for text in page.texts]
    assert shown in drawn
    assert sum("DOE JANE" in words for words in drawn) == 1 + (name == "DOE JOHN")


def test_one_scan_that_is_given_twice_is_told(measured, later):
    def of(scan, *, uids, frames=()):
        named = replace(scan.scan, instance_uids=uids, frame_numbers=frames)
        return replace(scan, scan=named)

    def remarks(first, second):
        return compare(first, second, of_before=BEFORE, of_after=AFTER).remarks

    words = "both scans are the same images, by {}: was one scan given twice?"
    assert remarks(measured, measured) == (words.format("their pixels"),)
    shared = remarks(of(measured, uids=("1.1", "1.2")), of(later, uids=("1.2", "1.3")))
    assert shared == (words.format("SOPInstanceUID"),)
    assert remarks(of(measured, uids=("1.1", "")), of(later, uids=("1.2", ""))) == ()
    # Two phases of one multi-frame object.
    phases = [of(measured, uids=("1.1",) * 2, frames=(1, 3))]
    phases += [of(later, uids=("1.1",) * 2, frames=(2, 4))]
    assert remarks(*phases) == ()
