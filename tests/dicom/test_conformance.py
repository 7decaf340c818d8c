"""An independent checker finds no error in what is written, but what the images brought along."""

import re
import shutil
import subprocess

import numpy as np
import pytest

from acsnet.dicom.encapsulated_pdf import make_pdf
from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.sr import make_sr
from acsnet.dicom.sr_content import Clinical
from acsnet.quantify.aha_segments import Segment
from acsnet.quantify.body_size import BodySize, body_numbers
from acsnet.quantify.features import compute_features
from acsnet.quantify.scar_methods import MethodRow
from acsnet.quantify.scar_shape.pattern import ScarPattern

from .conftest import sample_sources

pytestmark = [
    pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="no dciodvfy here"),
    pytest.mark.slow,
]

INHERITED = re.compile(r"Value invalid for this VR - .* UI .* = <([\d.]+)> - Leading zeroes")
SUMMARY = "Error - Dicom dataset contains invalid data values for Value Representations"
SEGMENTS = tuple(
    Segment(
        segment=number,
        name="basal anterior",
        territory="LAD",
        scar_volume_ml=1.5,
        scar_percent=20.0,
        transmurality_class="26-50",
        pattern="mid-wall",
    )
    for number in range(1, 18)
)
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID")


def errors_in(scan, sources, folder):
    """The lines of dciodvfy that tell of an error in the SEG, the SR or the PDF of a scan."""
    labels = np.zeros(scan.pixels.shape, dtype=np.uint8)
    for value in range(1, 6):
        labels[1:4, 50, 50 + value] = value
    seg = make_seg(labels, sources, state="draft", algorithm_type="AUTOMATIC", creator="Doe^Jane")
    features = compute_features(labels, scan.voxel_ml)
    report = make_sr(
        features,
        seg,
        sources,
        segments=SEGMENTS,
        state="reviewed",
        creator="Doe^Jane",
        clinical=Clinical(
            body=body_numbers(features, BodySize(height_cm=180.0, weight_kg=80.0)),
            pattern=ScarPattern(
                scar_pattern="mid-wall", scar_pattern_certain=True, scar_pattern_percent=None
            ),
            viable_segments=15,
            headline=MethodRow(
                method="fwhm_remote", scar_volume_ml=2.0, scar_mass_g=2.1, scar_burden_percent=12.5
            ),
            indication="Syncope",
            comment="Thin apex.",
        ),
    )
    by_hand = make_seg(
        labels, sources, state="reviewed", algorithm_type="MANUAL", creator="Doe^Jane"
    )
    errors = []
    for dataset in (seg, by_hand, report, make_pdf(b"%PDF-1.4", sources, state="draft")):
        path = folder / "object.dcm"
        dataset.save_as(path, write_like_original=False)
        errors += error_lines(path)
    return errors


def error_lines(path):
    """The lines of dciodvfy that tell of an error in a file."""
    check = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    return [line for line in check.stderr.splitlines() if line.startswith("Error")]


def test_the_checker_finds_an_error_where_there_is_one(samples, tmp_path):
    scan, sources = sample_sources(samples / "dicom" / "phantom-1")
    labels = np.ones(scan.pixels.shape, dtype=np.uint8)
    seg = make_seg(labels, sources, state="draft", algorithm_type="AUTOMATIC", creator="Doe^Jane")
    del seg.SegmentSequence
    seg.save_as(tmp_path / "broken.dcm", write_like_original=False)
    assert any("SegmentSequence" in line for line in error_lines(tmp_path / "broken.dcm"))


@pytest.mark.parametrize("patient", ["phantom-1", "phantom-2"])
def test_no_error_for_the_sample_series(samples, tmp_path, patient):
    assert errors_in(*sample_sources(samples / "dicom" / patient), tmp_path) == []


def stacks(data):
    return sorted((data / "sunnybrook" / "ed_stacks").iterdir())


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_real_series_bring_only_their_own_invalid_uids(data, tmp_path):
    for folder in stacks(data):
        scan, sources = sample_sources(folder)
        own = {source[keyword].value for source in sources for keyword in UIDS}
        for line in errors_in(scan, sources, tmp_path):
            inherited = INHERITED.search(line)
            assert line == SUMMARY or (inherited and inherited.group(1) in own), line


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_error_for_real_series_once_their_uids_are_valid(data, tmp_path):
    for folder in stacks(data):
        scan, sources = sample_sources(folder)
        for source in sources:
            for keyword in UIDS:
                setattr(source, keyword, re.sub(r"\.0+(?=\d)", ".", source[keyword].value))
        assert errors_in(scan, sources, tmp_path) == []
