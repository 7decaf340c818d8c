"""`acsnet compare` on the sample patients."""

import json

import pytest
from typer.testing import CliRunner

from acsnet.cli.main import app

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


def test_two_patients_are_refused_before_anything_is_written(samples, tmp_path):
    scans = [samples / "dicom" / "phantom-1", samples / "dicom" / "phantom-2"]
    result = runner.invoke(app, ["compare", *map(str, scans), "--output", str(tmp_path / "out")])
    assert result.exit_code == 2
    assert "of one patient, got PatientID PHANTOM-1 and PHANTOM-2" in result.output
    assert not (tmp_path / "out").exists()
