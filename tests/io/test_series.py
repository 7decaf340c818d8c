"""Every series below a folder is found once, wherever its files lie."""

import shutil
from types import SimpleNamespace

import pytest

from acsnet.io.series import SeriesFinder, image_id, patient_of


@pytest.fixture
def save(tmp_path):
    """Writes a series to a folder below tmp_path, a file for each dataset."""

    def write(series, place):
        folder = tmp_path / place
        folder.mkdir(parents=True, exist_ok=True)
        for number, dataset in enumerate(series, start=1):
            dataset.save_as(folder / f"{series[0].SeriesInstanceUID[-4:]}-{number}.dcm")
        return folder

    return write


def test_series_are_told_apart_by_their_uid_not_by_their_folder(save, patient, tmp_path):
    one, other = patient(uid="1"), patient(2, uid="2")
    save(one, "mixed")
    save(other, "mixed")
    found = {series.uid: series for series in SeriesFinder(tmp_path).find()}
    assert set(found) == {one[0].SeriesInstanceUID, other[0].SeriesInstanceUID}
    assert [len(series.files) for series in found.values()] == [8, 8]
    assert found[other[0].SeriesInstanceUID].text("PatientID") == "PHANTOM-2"


def test_a_series_may_be_spread_over_folders(save, patient, tmp_path):
    series = patient()
    save(series[:3], "a/b/c")
    save(series[3:], "d")
    (found,) = SeriesFinder(tmp_path).find()
    assert len(found.files) == 8


def test_folders_are_looked_into_at_any_depth_and_once_only(save, patient, tmp_path):
    deep = save(patient(uid="1"), "/".join("x" * 40))
    (deep / "loop").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(deep)
    (found,) = SeriesFinder(tmp_path).find()
    assert len(found.files) == 8


def test_what_is_no_dicom_is_passed_over(save, patient, tmp_path):
    folder = save(patient(), "series")
    (folder / "notes.txt").write_text("no DICOM")
    (folder / "DICOMDIR").write_bytes(b"\0" * 500)
    (folder / ".hidden.dcm").write_bytes(b"\0" * 500)
    (folder / "scan.nii.gz").write_bytes(b"\0" * 500)
    (found,) = SeriesFinder(tmp_path).find()
    assert len(found.paths) == 8


def test_a_damaged_file_stays_with_the_series_of_its_folder(save, patient, tmp_path):
    series = patient()
    folder = save(series, "series")
    (folder / "cut.dcm").write_bytes(b"\0" * 128 + b"DICM")
    save(patient(2, uid="2"), "other")
    by_uid = {series.uid: series for series in SeriesFinder(tmp_path).find()}
    assert [path.name for path in by_uid[series[0].SeriesInstanceUID].damaged] == ["cut.dcm"]
    assert sum(len(one.damaged) for one in by_uid.values()) == 1


def test_damaged_files_alone_get_a_name_that_stays(tmp_path):
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost" / "cut.dcm").write_bytes(b"\0" * 128 + b"DICM")
    names = {image_id(*SeriesFinder(tmp_path).find(), tmp_path) for _ in range(2)}
    assert len(names) == 1
    assert names.pop().startswith("damaged-")


def test_segmentations_and_reports_are_no_scans(save, patient, tmp_path):
    save(patient(uid="1", Modality="SEG"), "seg")
    save(patient(uid="2", Modality="CT"), "ct")
    found = SeriesFinder(tmp_path).find()
    assert {series.text("Modality"): series.has_images for series in found} == {
        "SEG": False,
        "CT": True,
    }


def test_a_file_is_read_again_only_when_it_changes(save, patient, tmp_path, monkeypatch):
    series = patient()
    folder = save(series, "series")
    read = []
    finder = SeriesFinder(tmp_path)
    original = finder._read
    monkeypatch.setattr(finder, "_read", lambda path: read.append(path.name) or original(path))
    finder.find()
    finder.find()
    assert len(read) == 8
    assert finder.find() is finder.find()
    series[0].PatientID = "another"
    changed = min(folder.iterdir())
    series[0].save_as(changed)
    (found,) = finder.find()
    assert read[8:] == [changed.name]
    assert found.text("PatientID") == "another"
    shutil.rmtree(folder)
    assert not finder.find()


def test_a_tag_that_cannot_be_read_keeps_no_folder_from_being_searched(save, patient, tmp_path):
    """An unknown value representation, of no length: pydicom raises where the tag is looked at."""
    series = patient()
    for dataset in series:
        dataset.AccessionNumber = ""
    folder = save(series, "a")
    for file in folder.iterdir():
        content = file.read_bytes()
        assert content.count(b"\x08\x00\x50\x00SH") == 1
        file.write_bytes(content.replace(b"\x08\x00\x50\x00SH", b"\x08\x00\x50\x00CH"))
    (found,) = SeriesFinder(tmp_path).find()
    assert len(found.files) == 8
    assert found.text("AccessionNumber") == ""


@pytest.mark.parametrize(
    ("tags", "patient"),
    [
        ({"PatientID": "7", "StudyInstanceUID": "1.2"}, "7"),
        ({"PatientID": "", "StudyInstanceUID": "1.2"}, "1.2"),
        ({}, ""),
    ],
)
def test_the_patient_of_a_series_is_its_id_or_its_study(tags, patient):
    assert patient_of(SimpleNamespace(text=lambda tag: tags.get(tag, ""))) == patient
