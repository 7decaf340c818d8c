"""DICOM examinations in the folders of a cohort: whole, apart from others, and called as usual."""

import shutil
from itertools import islice
from pathlib import Path

import pytest
from oblique_stack import image, save

from acsnet.cohort import inputs
from acsnet.cohort.inputs import list_scans
from acsnet.cohort.outcome import Outcome


def listed(where):
    return list(list_scans(str(where), output=Path("nowhere")))


def looked_into(monkeypatch):
    """Folders of the files of each `SeriesFinder`, as they are gone through."""
    looked = []

    class Finder(inputs.SeriesFinder):
        def find(self):
            folder = self._paths[0].parent if self._paths else self._folder
            looked.append(folder.name)
            return super().find()

    monkeypatch.setattr(inputs, "SeriesFinder", Finder)
    return looked


def write_parts(root, parts, **tags):
    """Slices of one stack in folders; parts: name of the folder -> its slices."""
    for number, (name, indices) in enumerate(parts.items()):
        for index in indices:
            dataset = image(index, series=f"1.2.3.{number + 1}")
            for tag, value in {"StudyInstanceUID": "1.2.9", "PatientID": "P", **tags}.items():
                setattr(dataset, tag, value[number] if isinstance(value, tuple) else value)
            save(dataset, root / name / f"{index}.dcm")
    return root


def test_a_single_slice_beside_a_stack_is_a_case_of_its_own(tmp_path):
    write_parts(tmp_path, {"exam": range(4)}, SeriesInstanceUID="1.2.3")
    view = image(9, series="1.2.4")
    view.SeriesDescription, view.StudyInstanceUID = "LGE 4ch", "1.2.9"
    save(view, tmp_path / "exam" / "view.dcm")
    found = listed(tmp_path)
    assert [one.case for one in found] == ["exam", "exam_1.2.4"]
    assert not any(isinstance(one, Outcome) for one in found)


def test_a_part_beside_another_examination_is_told_and_a_copy_there_is_a_case(tmp_path):
    write_parts(tmp_path, {"p1": range(4)})
    for name, indices in {"p2": range(4), "p3": [0]}.items():
        write_parts(tmp_path, {name: indices})
        other = {"StudyInstanceUID": f"1.2.8.{name[1]}", "SeriesInstanceUID": f"1.2.7.{name[1]}"}
        write_parts(tmp_path, {f"{name}/0": range(4)}, **other)
    found = {one.case: one for one in listed(tmp_path)}
    assert set(found) == {"p1", "p2", "p2_0", "p3", "p3_0"}
    (told,) = (one for one in found.values() if isinstance(one, Outcome))
    assert told is found["p3"]
    assert f"this series has other images in {tmp_path / 'p1'}" in told.reason


def test_a_folder_is_gone_through_as_it_is_worked_on(tmp_path, write_series, monkeypatch):
    for number in range(4):
        write_series(tmp_path / f"p{number}", seed=number)
    looked = looked_into(monkeypatch)
    found = list_scans(str(tmp_path), output=tmp_path / "out")
    assert [one.case for one in islice(found, 2)] == ["p0", "p1"]
    assert looked == [tmp_path.name, "p0", "p1"]


def test_a_study_in_several_folders_is_one_scan_after_the_last_of_them(
    tmp_path, write_series, monkeypatch
):
    write_series(tmp_path / "a", seed=1)
    write_series(tmp_path / "p1-between", seed=2)
    write_series(tmp_path / "z", seed=3)
    write_parts(tmp_path, {"p1": range(3), "p1-more": range(3, 6), "p2": [6, 7]})
    looked = looked_into(monkeypatch)
    found = list_scans(str(tmp_path), output=tmp_path / "out")
    sources = list(islice(found, 3))
    assert looked == [tmp_path.name, "a", "p1-between", "p1"]
    assert [source.case for source in sources] == ["a", "p1-between", tmp_path.name]
    assert len(sources[2].read().pixels) == 8
    assert [source.case for source in found] == ["z"]
    assert looked[4:] == ["z"]


def test_a_series_is_whole_where_one_of_its_folders_begins_with_another_study(tmp_path):
    """A disc with a hundred files a folder: in the second one study ends and another begins."""
    first = {"StudyInstanceUID": "1.2.8", "SeriesInstanceUID": "1.2.7"}
    write_parts(tmp_path, {"1": range(4), "2/a": range(4, 6)}, **first)
    write_parts(tmp_path, {"2/b": range(2), "3": range(2, 8)}, SeriesInstanceUID="1.2.3")
    found = listed(tmp_path)
    assert [(one.series, len(one.read().pixels)) for one in found] == [("1.2.7", 6), ("1.2.3", 8)]


@pytest.mark.parametrize(
    "tags",
    [
        {"PatientID": ("A", "B")},
        {"PatientID": "", "PatientName": ("A", "B")},
        {"PatientName": ("A", "B")},
        {"PatientBirthDate": ("19500101", "19500102")},
        {"StudyInstanceUID": ("1.2.9", "1.2.10")},
        {"StudyInstanceUID": "", "PatientID": ""},
    ],
)
def test_parts_in_folders_of_two_patients_are_never_joined(tmp_path, tags):
    """Slices that would make one stack; an anonymiser has given both patients one study."""
    found = listed(write_parts(tmp_path, {"p1": range(4), "p2": range(4, 8)}, **tags))
    assert [one.case for one in found] == ["p1", "p2"]
    assert [len(one.read().pixels) for one in found] == [4, 4]


@pytest.mark.parametrize("study", ["1.2.9", ""])
def test_scans_of_two_patients_in_folders_side_by_side_are_told_apart(tmp_path, study):
    """A series a slice and a folder a series, of patients whose heart lies at the same place."""
    for patient in "AB":
        parts = {f"{patient}-{number}": [number] for number in range(4)}
        tags = {"PatientID": patient, "StudyInstanceUID": study and f"{study}.{ord(patient)}"}
        uids = {"SeriesInstanceUID": tuple(f"1.2.{ord(patient)}.{number}" for number in range(4))}
        write_parts(tmp_path, parts, **tags, **uids)
    sources = listed(tmp_path)
    assert [source.case for source in sources] == [
        f"{tmp_path.name}_1.2.{ord(patient)}.0" for patient in "AB"
    ]
    assert [len(source.read().pixels) for source in sources] == [4, 4]


def test_images_of_one_series_in_two_folders_are_one_scan(tmp_path):
    write_parts(tmp_path, {"a": range(4), "b": range(4, 8)}, SeriesInstanceUID="1.2.3")
    (found,) = listed(tmp_path)
    assert len(found.read().pixels) == 8


def test_a_copy_of_an_examination_is_the_same_case(tmp_path):
    parts = {"SE0": range(4), "SE1": range(4, 8)}
    write_parts(tmp_path, parts)
    for name in parts:
        shutil.copytree(tmp_path / name, tmp_path / f"{name}-copy")
    (found,) = listed(tmp_path)
    assert found.case == tmp_path.name
    assert len(found.read().pixels) == 8


def test_copies_of_a_scan_are_called_like_the_first(tmp_path, write_series):
    shutil.copytree(write_series(tmp_path / "p1" / "lge"), tmp_path / "p1-copy" / "lge")
    (found,) = listed(tmp_path)
    scan = found.read()
    assert found.case == "p1_lge"
    assert len(scan.pixels) == 2
    assert "copies of" in scan.warnings[0]
