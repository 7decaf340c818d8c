"""Every number of the report, the CSV, the SR and the page of a case is one of the features'."""

import csv
import re
from io import BytesIO

import pytest
from pypdf import PdfReader

from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import source_stack
from acsnet.dicom.sr import make_sr
from acsnet.dicom.sr_content import clinical_of
from acsnet.export import write_csv
from acsnet.io import read_scan
from acsnet.io.dicom_files.folder import headers_at
from acsnet.measure import measure_label_file
from acsnet.quantify.quantification import Given
from acsnet.report.patient import UNKNOWN
from acsnet.report.pdf import report_pdf
from acsnet.report.wording import PAGE_MEASURES, measure_rows

pytestmark = pytest.mark.slow

SR_DECIMALS = 4
NO_MEASURE = re.compile(r"\d+\.\d+\.\d+|doi\S+|10\.\d{4,}\S*|ACSNet \S+")
"""Versions, and where a method was published."""


@pytest.fixture(scope="module")
def measured(samples):
    """The true labels of phantom-1 on its DICOM images, of a patient whose size is known."""
    given = Given(height_cm=180.0, weight_kg=80.0)
    truth = samples / "truth" / "phantom-1.nii.gz"
    return measure_label_file(samples / "dicom" / "phantom-1", truth, given=given)


def numbers_in(part):
    """All numbers of a nested document."""
    if isinstance(part, dict):
        return [number for value in part.values() for number in numbers_in(value)]
    if isinstance(part, list):
        return [number for value in part for number in numbers_in(value)]
    return [part] if isinstance(part, (int, float)) and not isinstance(part, bool) else []


def is_rounding(text, numbers):
    """Whether a text with decimals is one of the numbers, rounded to as many."""
    decimals = len(text.partition(".")[2])
    return any(f"{abs(number):.{decimals}f}" == text for number in numbers)


def nums_of(item):
    """Every number in the tree of a structured report."""
    found = (
        [float(item.MeasuredValueSequence[0].NumericValue)]
        if item.get("ValueType") == "NUM"
        else []
    )
    return found + [number for part in item.get("ContentSequence", []) for number in nums_of(part)]


def test_what_has_another_value_is_told_apart():
    assert is_rounding("12.5", [12.46])
    assert not is_rounding("12.5", [12.44, 125.0])


def test_every_number_of_the_report_is_one_of_the_features(measured):
    numbers = numbers_in(measured.features_dict())
    text = "\n".join(
        p.extract_text() for p in PdfReader(BytesIO(report_pdf(measured, UNKNOWN))).pages
    )
    shown = re.findall(r"\d+\.\d+", NO_MEASURE.sub("", text))
    assert len(shown) > 80
    assert [number for number in shown if not is_rounding(number, numbers)] == []


def test_every_cell_of_the_csv_is_the_features_own(measured, tmp_path):
    document = measured.features_dict()
    write_csv(tmp_path / "cases.csv", [document])
    with (tmp_path / "cases.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    compared = 0
    for name, cell in row.items():
        part = document
        for key in name.split("."):
            part = _part(part, key)
        if isinstance(part, (int, float)) and not isinstance(part, bool):
            assert float(cell) == part, name
            compared += 1
    assert compared > 200


def _part(part, key):
    """Of a list, the row that a name or a number tells."""
    if isinstance(part, dict):
        return part[key]
    names = ("segment", "territory", "method")
    return next(row for row in part if key in {str(row.get(name)) for name in names})


def test_every_number_of_the_sr_is_one_of_the_features(measured, samples):
    folder = samples / "dicom" / "phantom-1"
    scan = read_scan(folder)
    sources = source_stack(scan, headers_at(folder))
    labels = scan.grid.from_input(measured.label_map())
    seg = make_seg(labels, sources, state="draft", algorithm_type="AUTOMATIC", creator="Doe^Jane")
    quantification = measured.quantification
    report = make_sr(
        measured.features,
        seg,
        sources,
        segments=quantification.segments,
        state="draft",
        creator="Doe^Jane",
        clinical=clinical_of(quantification, method="sd5"),
    )
    features = measured.features_dict()
    healthy = features["myocardium_volume_ml"] - features["enhancement_volume_ml"]
    numbers = [*numbers_in(features), healthy]
    shown = nums_of(report)
    assert len(shown) > 60
    strange = [
        n for n in shown if round(n, SR_DECIMALS) not in {round(m, SR_DECIMALS) for m in numbers}
    ]
    assert strange == []


def test_every_number_of_the_page_is_that_of_its_key(measured):
    features = measured.features_dict()
    rows = measure_rows([features])
    assert len(rows) == len(PAGE_MEASURES) > 10
    for row, (name, key, _, decimals) in zip(rows, PAGE_MEASURES, strict=True):
        assert (row.name, row.values) == (name, [f"{features[key]:.{decimals}f}"])


def test_scar_as_segmented_is_not_told_once_more_as_that_of_a_method(measured):
    assert clinical_of(measured.quantification, method="drawn").headline is None
    assert clinical_of(measured.quantification, method="sd5").headline.method == "sd5"
