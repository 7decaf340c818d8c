"""A result takes the place of an older one whole, and of nothing else."""

import errno
import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from acsnet import storage
from acsnet.cli.main import app
from acsnet.errors import InputError
from acsnet.export import write_reports, write_result
from acsnet.report.patient import UNKNOWN

PDF = b"%PDF-1.4 /Producer (Matplotlib pdf backend v3.10)"


def files(folder):
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}


def put(folder, names, content=PDF):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def test_what_was_made_from_an_older_result_is_removed(measured, tmp_path):
    folder = write_result(measured, tmp_path)
    made = {"report.pdf", "features.csv", "anatomy.png", "cohort.json", "uncertainty.nii.gz"}
    meshes = {"meshes/all.glb", "meshes/epicardium.stl", "meshes/core_scar.ply"}
    put(folder, [*made, *meshes, "notes.txt"])
    write_result(measured, tmp_path)
    assert files(folder) == {"segmentation.nii.gz", "features.json", "notes.txt"}
    assert not (folder / "meshes").exists()


def test_reports_of_this_result_are_those_that_stay(measured, tmp_path):
    write_reports(measured, write_result(measured, tmp_path), ["csv"], subject=UNKNOWN)
    folder = write_result(measured, tmp_path)
    assert not (folder / "features.csv").exists()
    write_reports(measured, folder, ["csv"], subject=UNKNOWN)
    assert (folder / "features.csv").is_file()


def fail_at(monkeypatch, number):
    """The disk is full at the so many-th file that is written from now on."""
    written = iter(range(1, 100))

    def put_in_place(path, target):
        if next(written) == number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        path.replace(target)

    monkeypatch.setattr(storage, "put_in_place", put_in_place)


RESULT = {"segmentation.nii.gz", "features.json"}


@pytest.mark.parametrize("file", [1, 2])
def test_an_older_half_never_stands_beside_a_new_one(measured, tmp_path, monkeypatch, file):
    folder = write_result(measured, tmp_path)
    fail_at(monkeypatch, file)
    with pytest.raises(OSError, match="No space"):
        write_result(measured, tmp_path)
    assert files(folder) == set()


def test_an_older_result_stays_where_there_is_no_space_for_the_new_label_map(
    measured, tmp_path, monkeypatch
):
    folder = write_result(measured, tmp_path)

    def full(path, content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_result(measured, tmp_path)
    assert files(folder) == RESULT


def test_no_part_of_the_surfaces_is_left_without_the_rest(measured, tmp_path, monkeypatch):
    folder = write_result(measured, tmp_path)
    put(folder, ["notes.txt"])
    fail_at(monkeypatch, 3)
    with pytest.raises(OSError, match="No space"):
        write_reports(measured, folder, ["mesh"], subject=UNKNOWN)
    assert files(folder) == {"notes.txt", *RESULT}


TABLES = {"features.csv", "cohort.csv", "cohort.parquet"}
HEADER = b"case,lv_volume_ml,blood_pool_volume_ml\n"


@pytest.mark.parametrize(
    ("in_case", "kept"),
    [
        ([], TABLES),
        (["features.json"], {"cohort.csv", "cohort.parquet"}),
        (["features.json", "cohort.json"], set()),
    ],
)
def test_tables_over_a_folder_go_with_the_result_that_they_tell_of(
    measured, tmp_path, in_case, kept
):
    put(tmp_path, TABLES, HEADER)
    put(tmp_path / measured.scan.name, in_case)
    write_result(measured, tmp_path)
    assert {file for file in files(tmp_path) if "/" not in file} == kept


def test_a_table_of_somebody_else_over_the_folder_stays(measured, tmp_path):
    put(tmp_path, ["features.csv"], b"case,age\n")
    for _ in range(2):
        write_result(measured, tmp_path)
    assert (tmp_path / "features.csv").read_bytes() == b"case,age\n"


def test_files_of_others_stay(measured, tmp_path):
    """As in a folder of DICOM files that is named as the place of the results."""
    folder = tmp_path / measured.scan.name
    put(folder, ["report.pdf", "features.csv", "meshes/mine.stl"], b"of somebody else")
    write_result(measured, tmp_path)
    assert {"report.pdf", "features.csv", "meshes/mine.stl"} <= files(folder)
    write_result(measured, tmp_path)
    assert {"report.pdf", "meshes/mine.stl"} <= files(folder)


def test_a_record_of_a_cohort_never_stands_beside_another_result(measured, tmp_path):
    put(tmp_path / measured.scan.name, ["cohort.json"])
    assert not (write_result(measured, tmp_path) / "cohort.json").exists()


def test_a_label_map_that_was_changed_since_it_was_written_is_not_overwritten(measured, tmp_path):
    folder = write_result(measured, tmp_path)
    file = folder / "segmentation.nii.gz"
    written = file.read_bytes()
    noted = json.loads((folder / "features.json").read_text())["segmentation_sha256"]
    assert noted == hashlib.sha256(written).hexdigest()
    file.write_bytes(b"corrected")
    with pytest.raises(InputError, match="was changed since it was written"):
        write_result(measured, tmp_path)
    assert file.read_bytes() == b"corrected"
    file.write_bytes(written)
    write_result(measured, tmp_path)


@pytest.mark.parametrize("stop", ["features.json", "segmentation.nii.gz"])
def test_what_a_kill_leaves_is_no_changed_label_map(measured, tmp_path, monkeypatch, stop):
    """No new label map is there before its digest, and no older one beside that."""
    other = replace(measured, labels=np.zeros_like(measured.labels))
    folder = write_result(measured, tmp_path)

    def killed(path, target):
        if target.name == stop:
            raise KeyboardInterrupt
        path.replace(target)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "put_in_place", killed)
        with pytest.raises(KeyboardInterrupt):
            write_result(other, tmp_path)
    assert files(folder) == {"features.json"}
    write_result(other, tmp_path)
    assert files(folder) == RESULT


def test_a_label_map_that_was_changed_since_a_cohort_wrote_it_is_not_overwritten(
    measured, tmp_path
):
    """As earlier versions did, which noted nothing beside the measures."""
    folder = tmp_path / measured.scan.name
    record = {"segmentation_sha256": hashlib.sha256(b"of the networks").hexdigest()}
    put(folder, ["cohort.json"], json.dumps(record).encode())
    put(folder, ["segmentation.nii.gz", "features.json"], b"corrected")
    put(tmp_path, ["cohort.csv"], HEADER)
    before = files(tmp_path)
    with pytest.raises(InputError, match="was changed since it was written"):
        write_result(measured, tmp_path)
    assert files(tmp_path) == before
    assert (folder / "segmentation.nii.gz").read_bytes() == b"corrected"
    put(folder, ["segmentation.nii.gz"], b"of the networks")
    write_result(measured, tmp_path)
    assert files(folder) == {"segmentation.nii.gz", "features.json"}


@pytest.mark.parametrize("name", ["segmentation.nii.gz", "uncertainty.nii.gz"])
def test_what_a_result_is_made_from_is_not_overwritten(measured, tmp_path, name):
    folder = tmp_path / "out" / measured.scan.name
    put(folder, [name, "report.pdf", "cohort.json"])
    link = tmp_path / "drawn.nii.gz"
    link.symlink_to(folder / name)
    before = files(tmp_path)
    for source in (folder / name, link):
        with pytest.raises(InputError, match="take another output folder"):
            write_result(measured, tmp_path / "out", sources=[source])
    assert files(tmp_path) == before
    assert (folder / name).read_bytes() == PDF


def test_quantify_keeps_the_drawn_file_that_lies_where_it_would_write(samples, tmp_path):
    drawn = tmp_path / "phantom-1" / "segmentation.nii.gz"
    drawn.parent.mkdir()
    shutil.copy(samples / "truth" / "phantom-1.nii.gz", drawn)
    before = drawn.read_bytes()
    command = ["quantify", str(samples / "nifti" / "phantom-1.nii.gz"), str(drawn)]
    done = CliRunner().invoke(app, [*command, "--output", str(tmp_path)])
    assert done.exit_code == 2
    assert "take another output folder" in " ".join(done.output.split())
    assert drawn.read_bytes() == before
    assert files(tmp_path) == {"phantom-1/segmentation.nii.gz"}


@pytest.mark.parametrize("name", ["..", ".", "", "../a"])
def test_no_result_is_written_outside_the_output_folder(measured, tmp_path, name):
    named = replace(measured, scan=replace(measured.scan, name=name))
    with pytest.raises(InputError, match="cannot be the name of a case"):
        write_result(named, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
