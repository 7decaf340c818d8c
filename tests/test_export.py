"""`--report` writes what it is asked for, and refuses what it does not know."""

import csv

import numpy as np
import pytest
from typer.testing import CliRunner

from acsnet.cli.main import app
from acsnet.errors import InputError
from acsnet.export import read_kinds, row_of
from acsnet.io import write_label_map
from acsnet.labels import ENHANCEMENT, Label

pytestmark = pytest.mark.slow

runner = CliRunner()


def test_names_are_read_in_any_order_with_spaces():
    assert read_kinds("mesh, pdf") == ("mesh", "pdf")


@pytest.mark.parametrize(("text", "named"), [("pdf,docx", "'docx'"), ("", "''"), (",", "','")])
def test_another_name_is_refused_by_name(text, named):
    with pytest.raises(InputError, match=f"pdf, csv, mesh, got {named}"):
        read_kinds(text)


def test_a_null_in_a_list_is_nothing_in_its_cell():
    document = {"case": "a", "slice_uncertainty": [None, 0.03, None], "scar_island_volumes_ml": []}
    row = row_of(document)
    assert row == {"case": "a", "slice_uncertainty": "; 0.03; ", "scar_island_volumes_ml": ""}


def test_quantify_writes_all_of_them(samples, tmp_path):
    arguments = ["quantify", str(samples / "nifti" / "phantom-1.nii.gz")]
    arguments += [str(samples / "truth" / "phantom-1.nii.gz"), "--output", str(tmp_path)]
    done = runner.invoke(app, [*arguments, "--report", "pdf,mesh"])
    assert done.exit_code == 0, done.output
    folder = tmp_path / "phantom-1"
    assert (folder / "report.pdf").read_bytes().startswith(b"%PDF-")
    assert (folder / "meshes" / "endocardium.stl").stat().st_size > 1000
    assert (folder / "features.csv").exists()
    assert not list(folder.rglob("*.tmp"))
    assert "no surface" not in done.output


def test_a_part_without_a_surface_is_told(samples, measured, tmp_path):
    scan = samples / "nifti" / "phantom-1.nii.gz"
    healthy = np.where(np.isin(measured.labels, ENHANCEMENT), Label.LV_MYOCARDIUM, measured.labels)
    file = tmp_path / "healthy.nii.gz"
    write_label_map(file, measured.scan.grid.to_input(healthy), measured.scan.grid)
    arguments = ["quantify", str(scan), str(file), "--output", str(tmp_path), "--report", "mesh"]
    done = runner.invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "no surface file, too few voxels: core_scar, grey_zone" in done.output


def test_segment_writes_one_row_a_case_into_one_table(samples, tmp_path):
    scans = [str(samples / "dicom" / f"phantom-{k}") for k in (1, 2)]
    done = runner.invoke(app, ["segment", *scans, "--output", str(tmp_path), "--report", "pdf,csv"])
    assert done.exit_code == 0, done.output
    with (tmp_path / "features.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["case"] for row in rows] == ["phantom-1", "phantom-2"]
    assert (tmp_path / "phantom-2" / "report.pdf").exists()
    assert not (tmp_path / "phantom-2" / "meshes").exists()


def test_an_unknown_report_is_refused_before_anything_is_done(samples, tmp_path):
    scan = str(samples / "dicom" / "phantom-1")
    done = runner.invoke(app, ["segment", scan, "--output", str(tmp_path), "--report", "word"])
    assert done.exit_code == 2
    assert "got 'word'" in done.output
    assert not list(tmp_path.iterdir())
