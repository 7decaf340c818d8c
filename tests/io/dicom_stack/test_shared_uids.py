"""Series that share a SeriesInstanceUID, or have none: as anonymisers leave an examination."""

from pathlib import Path

import numpy as np
import packed_scans
import pytest
from oblique_stack import image
from ways_in import by_cohort, by_server

from acsnet.cohort.inputs import list_scans
from acsnet.errors import AcsnetError, InputError
from acsnet.io import read_scan
from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.across_series.parts import joined
from acsnet.io.dicom_stack.across_series.shared_uids import by_series, series_of_uid
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
        shifted = np.array(dataset.ImagePositionPatient, float) + step * (places[-1] - places[0])
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


def endings(*groups):
    """What names each series behind its UID, and how many images it has."""
    together = [file for group in groups for file in group]
    return {ending: len(some) for ending, some in series_of_uid(together)}


CINE_NAME = {"SeriesDescription": "cine SA"}


def test_cine_other_contrasts_and_planning_beside_lge_are_series_by_number():
    lge = files(range(8))
    others = [
        files(range(3), SeriesNumber=15, **CINE_NAME),
        files(range(3), SeriesNumber=16, SeriesDescription="T2 STIR"),
        files(range(3), SeriesNumber=1, SeriesDescription="localizer"),
    ]
    expected = {"": 8, "-series-15": 3, "-series-16": 3, "-series-1": 3}
    assert endings(lge, *others) == expected
    assert endings(*reversed(others), lge) == expected  # the LGE has the UID in any order
    assert endings(*others) == {"": 9}  # without LGE they are what they were


@pytest.mark.parametrize(
    "tags",
    [
        {"SeriesNumber": 15},
        {"SeriesDescription": "SA"},
        {"SeriesNumber": 15, "ImageType": "ORIGINAL\\PRIMARY\\P"},
        {"SeriesNumber": 15, "SeriesDescription": "LGE 2ch"},
    ],
)
def test_what_may_be_lge_is_one_series_with_it(tags):
    assert endings(files(range(8)), files(range(8), **tags)) == {"": 16}


def test_without_a_number_series_are_named_by_what_they_are_called():
    lge = files(range(8), SeriesNumber="")
    (first, count), (ending, of_cine) = endings(
        lge, files(range(3), SeriesNumber="", **CINE_NAME)
    ).items()
    assert (first, count, of_cine) == ("", 8, 3)
    stir = files(range(2), SeriesNumber="", SeriesDescription="T2 STIR")
    assert endings(stir, files(range(5), SeriesNumber="", **CINE_NAME), lge)[ending] == 5


def test_a_slice_that_is_called_otherwise_by_chance_stays():
    names = [*3 * ["LGE SA"], "SA rest", *4 * ["LGE SA"]]
    assert endings(files(range(8), SeriesDescription=names)) == {"": 8}
    assert endings(files(range(8), SeriesDescription=names, SeriesNumber=[*range(8)])) == {"": 8}
    types = ["ORIGINAL\\PRIMARY\\M", "ORIGINAL\\PRIMARY\\M\\T2"]
    odd = files(range(8), SeriesDescription="SA", ImageType=[types[n == 3] for n in range(8)])
    assert endings(files(range(8)), odd) == {"": 16}


@pytest.mark.parametrize(
    "tags",
    [
        {"StudyInstanceUID": [f"1.2.9.{number}" for number in range(8)]},
        {"PatientID": [*4 * ["A"], *4 * ["B"]]},
    ],
)
def test_two_patients_in_one_folder_stay_one_series(tags):
    """The reader refuses them: half a heart is no scan."""
    assert sizes(files(range(8), **tags)) == [8]


def test_what_lies_nowhere_stays_with_the_series():
    picture = files([0], SeriesNumber=99, **CINE_NAME)
    picture[0].header.ImagePositionPatient = None
    assert sizes(files(range(8)), picture) == [9]


@pytest.mark.parametrize("tag", ["StudyInstanceUID", "PatientID", "PatientName"])
def test_folders_of_two_studies_or_patients_are_two_series(tag):
    assert sizes(files(range(4), "a", **{tag: "1"}), files(range(4), "bb", **{tag: "2"})) == [4, 4]


def test_a_name_that_is_written_otherwise_is_the_same_patient():
    names = "X^A", "x^a^^"
    halves = [
        files(range(4 * n, 4 * n + 4), "ab"[n] * (n + 1), PatientID="", PatientName=names[n])
        for n in range(2)
    ]
    assert sizes(*halves) == [8]


def test_folders_whose_images_have_the_same_numbers_are_two_series():
    another_time = files(range(4), "bb", AcquisitionTime=["110000"] * 4)
    assert sizes(files(range(4), "a"), another_time) == [4, 4]
    apart = by_series([*files(range(4), "a"), *files(np.arange(4) + 0.5, "bb")])
    assert [len(group) for group in joined(apart)] == [4, 4]


@pytest.mark.parametrize(("spacing_mm", "count"), [(1.8, [8]), (3.6, [4, 4])])
def test_every_second_slice_numbered_anew_is_of_one_stack_if_the_header_tells_its_step(
    spacing_mm, count
):
    """Slices lie 3.6 mm apart along their normal in each folder, and 1.8 mm together."""
    tags = {"SpacingBetweenSlices": spacing_mm}
    apart = by_series([*files(range(4), "a", **tags), *files(np.arange(4) + 0.5, "bb", **tags)])
    assert [len(group) for group in joined(apart)] == count


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
    assert sizes(files(range(4), "a"), files(range(4, 8), "bb")) == [8]
    assert sizes(files(range(4), "a"), files(np.arange(4, 8) + 0.15, "bb")) == [8]


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


def test_three_patients_under_one_uid_are_a_case_each(patient_1, again, tmp_path):
    """Folders of one name tell them apart by where they lie."""
    for number, datasets in enumerate((patient_1, again, again[:5])):
        folder = tmp_path / "studies" / f"pat{number}" / "LGE"
        write(folder, datasets, "LGE SAX", step=number * 0.25, PatientID="ANON")
    listed = list_scans(str(tmp_path / "studies"), output=tmp_path / "out")
    sizes = {item.case: len(item.read().pixels) for item in listed}
    assert sizes == {"pat0_LGE": 8, "pat1_LGE": 8, "pat2_LGE": 5}


def test_two_patients_under_one_uid_are_a_folder_each_of_a_command_line(patient_1, again, tmp_path):
    for patient, datasets in (("A", patient_1), ("B", again)):
        write(tmp_path / patient, datasets, "LGE SAX", PatientID=patient)
    assert expanded([tmp_path])[0] == [tmp_path / "A", tmp_path / "B"]


MAGNITUDE, SENSITIVE = (f"ORIGINAL\\PRIMARY\\{kind}\\NORM" for kind in ("M", "PSIR"))


def test_magnitude_and_psir_of_two_numbers_keep_their_ids_when_a_cine_arrives(
    patient_1, again, tmp_path
):
    folder = write(tmp_path, patient_1, "LGE SA", SeriesNumber=10, ImageType=MAGNITUDE)
    write(folder, patient_1, "PSIR", SeriesNumber=11, ImageType=SENSITIVE)

    def ids():
        return {scan.uid: scan.kind for scan in scans_of(SeriesFinder(folder).find())}

    before = {"1.2.3.4": "phase-sensitive", "1.2.3.4-magnitude": "magnitude"}
    assert ids() == before
    write(folder, again, "0 cine SA", SeriesNumber=2, InversionTime=None)  # its files come first
    assert ids() == {**before, "1.2.3.4-series-2": "series 2"}
    (whole,) = of_one_uid(SeriesFinder(folder).find())
    assert (whole.uid, len(whole.files)) == ("1.2.3.4", 24)


@WAYS
@pytest.mark.parametrize("number", [5, 6])
def test_a_retake_of_another_name_is_used(patient_1, again, tmp_path, read, number):
    folder = write(tmp_path / "studies", patient_1, "LGE SA", SeriesNumber=5)
    times = {"AcquisitionTime": "110000", "ContentTime": "110000"}
    write(folder, again[3:4], "motion LGE SA", SeriesNumber=number, **times)
    (scan,) = read(folder)
    assert any("mo0.dcm is taken, the latest" in warning for warning in scan.warnings)


@WAYS
def test_views_of_an_anonymised_examination_fail_no_scan(patient_1, plain, tmp_path, read):
    folder = write(tmp_path / "studies", patient_1, "LGE SA", SeriesNumber=10)
    turned = [0, 1, 0, 0, 0, -1], [1, 0, 0, 0, 0.6, -0.8], [0.6, 0.8, 0, 0, 0, -1]
    for number, cosines in enumerate(turned):
        tags = {"SeriesNumber": 11 + number, "ImageOrientationPatient": cosines}
        write(folder, patient_1[number : number + 1], f"{number + 2}ch LGE", **tags)
    (scan,) = read(folder)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)


def test_cine_slices_of_a_uid_are_cases_of_their_own(patient_1, again, plain, tmp_path):
    """Its number tells a single slice apart also where it is listed after the others."""
    folder = write(tmp_path / "studies" / "patient", patient_1, "LGE SAX", SeriesNumber=10)
    write(folder, again[2:3], "cine SAX", **CINE)
    lge, cine = list_scans(str(tmp_path / "studies"), output=tmp_path / "out")
    assert (lge.case, cine.case) == ("patient", "patient_1.2.3.4-series-15")
    np.testing.assert_array_equal(lge.read().pixels, plain.pixels)


@WAYS
def test_lge_and_cine_of_a_uid_in_folders_of_their_own_are_two_scans(
    patient_1, again, plain, tmp_path, read
):
    write(tmp_path / "studies" / "1", again, "cine SAX", **CINE)
    write(tmp_path / "studies" / "2", patient_1, "LGE SAX", SeriesNumber=10)
    scans = {scan.contrast: scan for scan in read(tmp_path / "studies")}
    assert scans.keys() == {"lge", "cine"}
    np.testing.assert_array_equal(scans["lge"].pixels, plain.pixels)


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
