"""Series that share a SeriesInstanceUID, or have none: as anonymisers leave an examination."""

from pathlib import Path

import numpy as np
import packed_scans
import pytest
from oblique_stack import image
from ways_in import by_cohort, by_server

from acsnet.errors import AcsnetError, InputError
from acsnet.io import read_scan
from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.parts import joined
from acsnet.io.dicom_stack.series_choice import by_series
from acsnet.io.finder import scans_of
from acsnet.io.inputs import expanded
from acsnet.io.series import SeriesFinder, of_one_uid

WAYS = pytest.mark.parametrize("read", [by_cohort, by_server])
CINE = {"SeriesNumber": 15, "InversionTime": None, "CardiacNumberOfImages": 25}


def files(places, folder="", **tags):
    """Images of one series at steps of a stack; those of each folder have UIDs of their own."""
    made = []
    for number, place in enumerate(places):
        dataset = image(number)
        dataset.ImagePositionPatient = [0.0, 6.0 * place, 8.0 * place]
        dataset.SOPInstanceUID = f"1.2.3.{1 + len(folder)}{number}"
        for tag, value in tags.items():
            setattr(dataset, tag, value[number] if isinstance(value, list) else value)
        made.append(DicomFile(Path(folder) / f"{number}", f"{number}", dataset))
    return made


def sizes(*groups):
    return [len(group) for group in by_series([file for group in groups for file in group])]


def write(folder, datasets, name, *, uid="1.2.3.4", step=0.0, **tags):
    """Files of a folder that share a UID; step: along the stack, of its own steps."""
    places = [np.array(dataset.ImagePositionPatient, float) for dataset in datasets[:2]]
    for number, dataset in enumerate(datasets):
        packed_scans.new_uid(dataset)
        shifted = np.array(dataset.ImagePositionPatient, float) + step * (places[1] - places[0])
        dataset.ImagePositionPatient = [f"{value:.4f}" for value in shifted]
        dataset.SeriesInstanceUID = uid
        dataset.AcquisitionTime = dataset.ContentTime = f"10{number:02}00"
        dataset.SeriesDescription = dataset.ProtocolName = name
        for tag, value in tags.items():
            setattr(dataset, tag, value)
        packed_scans.save(dataset, folder / f"{name[:2]}{number}.dcm")
    return folder


@pytest.fixture
def again(samples):
    """The same patient once more, later and brighter."""
    datasets = packed_scans.slices(samples / "dicom" / "phantom-1")
    for dataset in datasets:
        dataset.PixelData = (dataset.pixel_array + 5).astype(np.int16).tobytes()
    return datasets


def test_another_number_or_a_name_of_the_same_places_is_another_series():
    lge = files(range(8))
    assert sizes(lge, files(range(8, 11), SeriesNumber=15)) == [8, 3]
    assert sizes(lge, files(range(3), SeriesDescription="cine SA")) == [8, 3]
    assert sizes(lge, files(range(3), SeriesDescription="LGE SA 3 repeat")) == [11]


@pytest.mark.parametrize(
    "tags",
    [
        {"SeriesNumber": list(range(20, 28))},
        {"SeriesDescription": [f"slice {letter}x" for letter in "abcdefgh"]},
        {"SeriesDescription": ["SA late"] + 7 * ["LGE SA"]},
        {"SeriesNumber": ["", *7 * [5]]},
        {"StudyInstanceUID": [f"1.2.9.{number}" for number in range(8)]},
        {"PatientID": [*4 * ["A"], *4 * ["B"]]},
    ],
)
def test_what_images_of_other_places_have_for_themselves_leaves_them_one_series(tags):
    """The reader refuses two patients in one folder: half a heart is no scan."""
    assert sizes(files(range(8), **tags)) == [8]


def test_numbers_that_change_from_slice_to_slice_leave_one_stack():
    by_two = files(range(8), SeriesNumber=[1, 1, 2, 2, 3, 3, 4, 4])
    assert sizes(by_two) == [2, 2, 2, 2]
    assert [len(group) for group in joined(by_series(by_two))] == [8]


def test_what_lies_nowhere_stays_with_the_series():
    picture = files([0], SeriesNumber=99)
    picture[0].header.ImagePositionPatient = None
    assert sizes(files(range(8)), picture) == [9]


@pytest.mark.parametrize("tag", ["StudyInstanceUID", "PatientID", "PatientName"])
def test_folders_of_two_studies_or_patients_are_two_series(tag):
    assert sizes(files(range(4), "a", **{tag: "1"}), files(range(4), "bb", **{tag: "2"})) == [4, 4]


def test_folders_whose_images_have_the_same_numbers_are_two_series():
    another_time = files(range(4), "bb", AcquisitionTime=["110000"] * 4)
    assert sizes(files(range(4), "a"), another_time) == [4, 4]
    apart = by_series([*files(range(4), "a"), *files(np.arange(4) + 0.5, "bb")])
    assert [len(group) for group in joined(apart)] == [4, 4]


@pytest.mark.parametrize(
    "tags",
    [
        {"InstanceNumber": [5, 6, 7, 8]},
        {"InstanceNumber": ""},
        {"ImageType": ["ORIGINAL\\PRIMARY\\PS"] * 4},
        {"SOPInstanceUID": [f"1.2.3.2{number}" for number in range(4)]},
        {},
    ],
    ids=["numbered on", "not numbered", "reconstruction", "copy", "copy under other UIDs"],
)
def test_folders_of_one_series_stay_one(tags):
    assert sizes(files(range(4), "a"), files(range(4), "bb", **tags)) == [8]


def test_halves_in_folders_that_number_anew_are_one_stack():
    halves = by_series([*files(range(4), "a"), *files(range(4, 8), "bb")])
    assert [len(group) for group in joined(halves)] == [8]


@pytest.mark.parametrize(
    ("uid", "which", "step"),
    [
        ("1.2.3.4", slice(2, 5), 0.0),
        ("", slice(2, 5), 0.0),
        ("1.2.3.4", slice(8), 0.0),
        ("1.2.3.4", slice(8), 0.5),
    ],
)
def test_a_cine_under_the_uid_of_lge_is_no_slice_of_it(
    patient_1, again, plain, tmp_path, uid, which, step
):
    folder = write(tmp_path / "studies", patient_1, "LGE SAX", uid=uid, SeriesNumber=10)
    write(folder, again[which], "cine SAX", uid=uid, step=step, **CINE)
    scan = read_scan(folder)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    (remark,) = scan.warnings
    count = len(again[which])
    assert f"{uid or 'no UID'} (number 15, 'cine SAX', MR, {count} files)" in remark
    assert len(read_scan(folder, series="15").pixels) == count
    for read in (by_cohort, by_server):
        scans = {scan.contrast: scan for scan in read(folder)}
        assert len(scans["cine"].pixels) == count
        np.testing.assert_array_equal(scans["lge"].pixels, plain.pixels)


def test_a_uid_of_lge_and_localizers_names_the_lge(patient_1, again, plain, tmp_path):
    folder = write(tmp_path, patient_1, "LGE SAX", SeriesNumber=10)
    write(folder, again[:3], "localizer", SeriesNumber=1)
    np.testing.assert_array_equal(read_scan(folder, series="1.2.3.4").pixels, plain.pixels)


@WAYS
@pytest.mark.parametrize(("study", "step"), [("1.2.9", 0.25), ("1.2.9", 0.5), ("1.2.{}", 0.5)])
def test_two_patients_under_one_uid_are_two_scans(
    patient_1, again, plain, tmp_path, read, study, step
):
    tags = {"PatientID": "ANON", "PatientName": "ANON"}
    for number, datasets in enumerate((patient_1, again[:5])):
        folder = tmp_path / "studies" / f"pat{number}" / "LGE"
        tags["StudyInstanceUID"] = study.format(number)
        write(folder, datasets, "LGE SAX", step=number * step, **tags)
    first, second = read(tmp_path / "studies")
    np.testing.assert_array_equal(first.pixels, plain.pixels)
    assert len(second.pixels) == 5
    with pytest.raises(InputError, match=r"in pat0/LGE\).*in pat1/LGE\).*give a folder"):
        read_scan(tmp_path / "studies")
    assert len(read_scan(tmp_path / "studies" / "pat1").pixels) == 5


def test_two_patients_under_one_uid_are_a_folder_each_of_a_command_line(patient_1, again, tmp_path):
    for patient, datasets in (("A", patient_1), ("B", again)):
        write(tmp_path / patient, datasets, "LGE SAX", PatientID=patient)
    assert expanded([tmp_path])[0] == [tmp_path / "A", tmp_path / "B"]


def test_scans_of_one_uid_have_ids_of_their_own(patient_1, again, tmp_path):
    folder = write(tmp_path, patient_1, "LGE SAX", SeriesNumber=10)
    write(folder, again, "cine SAX", **CINE)
    series = SeriesFinder(folder).find()
    assert {scan.uid for scan in scans_of(series)} == {"1.2.3.4", "1.2.3.4-series-2"}
    (whole,) = of_one_uid(series)
    assert (whole.uid, len(whole.files)) == ("1.2.3.4", 16)


def test_a_cine_in_the_stack_that_no_number_tells_apart_is_refused(patient_1, tmp_path):
    folder = write(tmp_path, patient_1[:5], "SAX", InversionTime=300)
    write(folder, patient_1[5:], "sa cine", InversionTime=None)
    with pytest.raises(AcsnetError, match=r"may be LGE \(SA0.*\(sa0.dcm: its name is 'sa cine'"):
        read_scan(folder)


@pytest.mark.parametrize(
    ("tag", "other_ms", "is_told"),
    [
        ("EchoTime", 60.0, True),
        ("EchoTime", 3.0, False),
        ("InversionTime", 100.0, True),
        ("InversionTime", 380.0, False),
    ],
)
def test_slices_with_quite_another_setting_are_told(patient_1, tmp_path, tag, other_ms, is_told):
    """The phantom has an EchoTime of 2 ms and an InversionTime of 300 ms."""
    setattr(patient_1[3], tag, other_ms)
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    assert any(f"{tag} is " in warning for warning in scan.warnings) is is_told


def test_slices_nearer_than_their_header_says_may_be_of_two_stacks(patient_1, tmp_path):
    """They lie 10 mm apart."""
    for dataset in patient_1:
        dataset.SpacingBetweenSlices = 20
    (warning,) = read_scan(packed_scans.write(tmp_path, patient_1)).warnings
    assert warning.endswith("is 20 mm: check that the series holds one stack, not two")
