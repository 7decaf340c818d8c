"""Every file below a folder is found, and a folder that nobody could look into is named."""

import os
import shutil
from pathlib import Path

import pytest
from ways_in import by_cohort, by_command_line, by_server

from acsnet.cohort.inputs import list_scans
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.dicom_files import walk
from acsnet.io.dicom_files.walk import files_below
from acsnet.io.finder import volume_files
from acsnet.io.inputs import expanded


def nested(root, *, levels):
    folder = root.joinpath(*(f"level-{number}" for number in range(levels)))
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def locked(monkeypatch):
    """A folder of that name cannot be opened: root, who may run tests, may open any."""
    scandir = os.scandir

    def scan(path):
        if os.path.basename(path) == "locked":  # noqa: PTH119
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(walk.os, "scandir", scan)


@pytest.mark.slow
@pytest.mark.parametrize("levels", [9, 20])
def test_a_scan_many_levels_deep_is_found_by_every_way_in(samples, tmp_path, levels):
    studies = tmp_path / "studies"
    deep = nested(studies, levels=levels)
    shutil.copy(samples / "nifti" / "phantom-1.nii.gz", studies / "near.nii.gz")
    shutil.copy(samples / "nifti" / "phantom-2.nii.gz", deep / "deep.nii.gz")
    scans = by_command_line(studies), by_cohort(studies), by_server(studies)
    assert [len(of_one_way) for of_one_way in scans] == [2, 2, 2]


def test_a_dicom_series_many_levels_deep_is_read(samples, tmp_path):
    shutil.copytree(samples / "dicom" / "phantom-1", nested(tmp_path, levels=20) / "series")
    assert len(read_scan(tmp_path).pixels) == 8


def test_files_come_in_the_order_of_names_with_those_of_folders_between(tmp_path):
    for name in ("a/2", "a/b/1", "b", "c/0"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names = [path.relative_to(tmp_path).as_posix() for path in files_below(tmp_path)]
    assert names == ["a/2", "a/b/1", "b", "c/0"]


def test_a_link_to_itself_stops_nobody(tmp_path):
    (tmp_path / "a.nii.gz").touch()
    (tmp_path / "loop.txt").symlink_to(tmp_path / "loop.txt")
    assert [path.name for path in files_below(tmp_path)] == ["a.nii.gz"]


def test_every_listing_names_a_folder_that_cannot_be_opened(samples, tmp_path, locked):
    shutil.copy(samples / "nifti" / "phantom-1.nii.gz", tmp_path / "near.nii.gz")
    (tmp_path / "p2" / "locked").mkdir(parents=True)
    remark = "p2/locked was skipped: the folder cannot be opened"
    assert volume_files(tmp_path)[1] == [remark]
    assert expanded([tmp_path]) == ([tmp_path / "near.nii.gz"], [remark])
    *_, closed = list_scans(str(tmp_path), output=tmp_path / "out")
    assert (closed.place, closed.reason) == (
        str(tmp_path / "p2" / "locked"),
        "the folder cannot be opened",
    )


def test_a_scan_warns_of_a_folder_below_it_that_may_hold_more_of_its_slices(
    samples, tmp_path, locked
):
    shutil.copytree(samples / "dicom" / "phantom-1", tmp_path / "series")
    (tmp_path / "series" / "locked").mkdir()
    warnings = read_scan(tmp_path / "series").warnings
    assert "locked was skipped: the folder cannot be opened" in warnings


def test_a_folder_with_nothing_but_one_that_cannot_be_opened_says_so(tmp_path, locked):
    (tmp_path / "locked").mkdir()
    with pytest.raises(InputError, match=r"no DICOM files.*: locked was skipped: the folder can"):
        read_scan(tmp_path)


@pytest.mark.parametrize("listed", [False, True])
def test_a_cohort_whose_own_folder_cannot_be_opened_says_so_once(
    tmp_path, locked, monkeypatch, listed
):
    """Listed: the names in it can be read, and no more, without the right to go into it."""
    folder = tmp_path / ("listed" if listed else "locked")
    (folder / "p1").mkdir(parents=True)

    def closed(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", closed)
    (outcome,) = list_scans(str(folder), output=tmp_path / "out")
    assert (outcome.place, outcome.reason) == (str(folder), "the folder cannot be opened")
    assert not outcome.skipped


def test_a_case_tells_of_files_passed_over_where_slices_of_its_series_may_lie(samples, tmp_path):
    for name in ("phantom-1/DICOM", "phantom-1/DICOM/more", "phantom-1/SNAPSHOTS"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "a.gif").write_bytes(b"GIF89a\0")
        (tmp_path / name / "b.zip").write_bytes(b"PK\3\4\0")
    for file in (samples / "dicom" / "phantom-1").iterdir():
        shutil.copy(file, tmp_path / "phantom-1" / "DICOM")
    assert read_scan(tmp_path).warnings == (
        "phantom-1/DICOM/a.gif was skipped: it is not DICOM",
        "phantom-1/DICOM/b.zip was skipped: it is packed",
        "phantom-1/DICOM/more/a.gif was skipped: it is not DICOM",
        "phantom-1/DICOM/more/b.zip was skipped: it is packed",
    )


def test_a_folder_with_nothing_but_a_volume_of_another_format_names_it(tmp_path):
    (tmp_path / "lge.mgz").write_bytes(b"\x1f\x8b\0")
    told = r"lge\.mgz is of another format than NIfTI, NRRD and MetaImage, convert it first"
    with pytest.raises(InputError, match=told):
        read_scan(tmp_path)
