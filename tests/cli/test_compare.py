"""`acsnet compare` on the sample patients."""

import json

import packed_scans
import pytest
from typer.testing import CliRunner

from acsnet.cli.main import app
from acsnet.errors import InputError

pytestmark = pytest.mark.slow

runner = CliRunner()


def test_a_phantom_in_two_formats_has_not_changed(samples, tmp_path):
    scans = [samples / "dicom" / "phantom-1", samples / "nifti" / "phantom-1.nii.gz"]
    result = runner.invoke(app, ["compare", *map(str, scans), "--output", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    compared = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert {change["shown"] for change in compared["measures"]} == {False}
    assert (tmp_path / "out" / "comparison.pdf").read_bytes().startswith(b"%PDF-")
    for side in ("before", "after"):
        assert (tmp_path / "out" / side / "phantom-1" / "features.json").is_file()

    before = {file: file.read_bytes() for file in tmp_path.rglob("*.*")}
    scans[1] = samples / "nifti" / "phantom-2.nii.gz"
    result = runner.invoke(app, ["compare", *map(str, scans), "--output", str(tmp_path / "out")])
    assert result.exit_code == 2
    words = "holds the result of another scan: take another output folder"
    assert words in " ".join(result.output.split())
    assert {file: file.read_bytes() for file in tmp_path.rglob("*.*")} == before


def test_a_comparison_that_is_stopped_leaves_none_beside_other_measures(
    samples, measured, tmp_path, monkeypatch
):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    for name in ("comparison.json", "comparison.pdf"):
        (tmp_path / name).write_text("of earlier measures")
    monkeypatch.setattr("acsnet.pipeline.Pipeline.load", lambda **_: lambda scan: measured)
    monkeypatch.setattr("acsnet.export.write_result", stopped)
    scan = str(samples / "nifti" / "phantom-1.nii.gz")
    result = runner.invoke(app, ["compare", scan, scan, "--output", str(tmp_path)])
    assert result.exit_code == 130
    assert list(tmp_path.iterdir()) == []


def test_an_image_of_each_slice_is_chosen_for_each_scan(samples, tmp_path, monkeypatch):
    """Images of one series at two inversion times; the later are 10 brighter."""
    read = []

    def network(scan):
        read.append(float(scan.pixels.mean()))
        if len(read) == 2:
            msg = "both were read"
            raise InputError(msg)

    monkeypatch.setattr("acsnet.pipeline.Pipeline.load", lambda **_: network)
    datasets = packed_scans.slices(samples / "dicom" / "phantom-1")
    folder = packed_scans.inversion_times(datasets, tmp_path / "both", times_ms=(250, 300))
    words = ["compare", folder, folder, "--output", tmp_path / "out"]
    words += ["--phase-before", "1", "--phase-after", "2"]
    words += ["--series-after", datasets[0].SeriesInstanceUID]
    assert "both were read" in runner.invoke(app, list(map(str, words))).output
    assert read[1] - read[0] == pytest.approx(10, abs=0.5)


def test_two_patients_are_refused_before_anything_is_written(samples, tmp_path):
    scans = [samples / "dicom" / "phantom-1", samples / "dicom" / "phantom-2"]
    result = runner.invoke(app, ["compare", *map(str, scans), "--output", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "of one patient, got PatientID PHANTOM-1 and PHANTOM-2" in result.output
    assert not (tmp_path / "out").exists()
