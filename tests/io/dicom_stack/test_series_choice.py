"""Series and slices that differ a little are one scan by every way in, and never two halves."""

import numpy as np
import packed_scans
import pytest
from pydicom.uid import generate_uid
from ways_in import by_cohort, by_command_line, by_server

from acsnet.cohort.inputs import list_scans
from acsnet.errors import AcsnetError, InputError
from acsnet.io import read_scan
from acsnet.io.finder import scans_of
from acsnet.io.series import SeriesFinder

WAYS = pytest.mark.parametrize("read", [by_command_line, by_cohort, by_server])


def turn(dataset, degrees, *, write="{:.6f}"):
    """Turn a slice in its plane."""
    row, column = np.reshape(np.array(dataset.ImageOrientationPatient, float), (2, 3))
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    turned = (*(cos * row + sin * column), *(cos * column - sin * row))
    dataset.ImageOrientationPatient = [write.format(value) for value in turned]


def halves(datasets):
    """Two series of one name."""
    uids = generate_uid(), generate_uid()
    for index, dataset in enumerate(datasets):
        dataset.SeriesInstanceUID, dataset.SeriesNumber = uids[index >= 4], 5 + (index >= 4)
    return datasets


def scans(folder):
    return scans_of(SeriesFinder(folder).find())


@WAYS
@pytest.mark.parametrize(
    ("degrees", "write"),
    [(-0.05, "{:.6f}"), (0.4, "{:.6f}"), (0, "{:.2f}"), (0, "{:.6e}"), (0, "{:+.8f}")],
)
def test_a_series_turned_or_written_otherwise_in_half_is_one_scan(
    patient_1, plain, tmp_path, read, degrees, write
):
    for dataset in patient_1[4:]:
        turn(dataset, degrees, write=write)
    folder = packed_scans.write(tmp_path / "studies", patient_1)
    (scan,) = read(folder)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)


@pytest.mark.parametrize(
    "change",
    [
        lambda dataset: turn(dataset, 4),
        lambda dataset: turn(dataset, 180),
        lambda dataset: setattr(dataset, "PixelSpacing", [1.61, 1.61]),
    ],
)
@pytest.mark.parametrize("of", ["one series", "two series", "a series per slice"])
def test_a_ventricle_whose_halves_differ_more_is_refused_and_never_cut(
    patient_1, tmp_path, change, of
):
    for dataset in patient_1[4:]:
        change(dataset)
    if of == "a series per slice":
        folder = packed_scans.series_per_slice(patient_1, tmp_path / "studies")
    else:
        datasets = patient_1 if of == "one series" else halves(patient_1)
        folder = packed_scans.write(tmp_path / "studies", datasets)
    (scan,) = scans(folder)
    assert len(scan.files) == 8
    for read in (by_command_line, by_cohort, by_server):
        with pytest.raises(AcsnetError, match="mixed"):
            read(folder)


@WAYS
@pytest.mark.parametrize("turned", [[7], [0, 1], [0, 1, 2]])
def test_breath_holds_planned_a_little_apart_are_one_stack(
    patient_1, plain, tmp_path, read, turned
):
    """The first cosine of 0.7459 becomes 0.75 at 0.75 degrees, where rounding parts them."""
    for index, dataset in enumerate(patient_1):
        turn(dataset, -0.75 + (0.05 if index in turned else -0.05))
    folder = packed_scans.series_per_slice(patient_1, tmp_path / "studies")
    (scan,) = read(folder)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.warnings == (
        "8 series of one slice or a few each ('LGE SAX BH 1') joined to one stack",
    )


def test_a_breath_hold_of_another_matrix_beside_the_others_is_not_forgotten(patient_1, tmp_path):
    patient_1[7].PixelSpacing = [1.5, 1.5]
    folder = packed_scans.series_per_slice(patient_1, tmp_path / "studies")
    with pytest.raises(AcsnetError, match="mixed pixel spacing"):
        read_scan(folder)


def test_whole_stacks_of_one_name_stay_scans_of_their_own(patient_1, tmp_path):
    folder = packed_scans.write(tmp_path / "studies", patient_1)
    series = generate_uid()
    for number, dataset in enumerate(patient_1):
        packed_scans.new_uid(dataset)
        turn(dataset, 10)
        dataset.SeriesInstanceUID = series
        packed_scans.save(dataset, folder / f"other-{number}.dcm")
    assert [len(scan.files) for scan in scans(folder)] == [8, 8]
    assert [len(scan.pixels) for scan in by_server(folder)] == [8, 8]


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("Spätaufnahme SA", ""), ("SA", "CARDIAC VIABILITY")],
)
def test_of_a_whole_examination_the_one_series_that_is_called_lge_is_taken(
    patient_1, tmp_path, name, protocol
):
    names = ("Cine SA", "T2 STIR SA", "LGE 4CH", name)
    for number, called in enumerate(names):
        for dataset in patient_1:
            packed_scans.new_uid(dataset)
            dataset.SpecificCharacterSet, dataset.SeriesDescription = "ISO_IR 100", called
            dataset.ProtocolName = "" if "4CH" in called else protocol
            dataset.SeriesInstanceUID = f"1.2.3.{number}"
            dataset.InversionTime = "" if called == "Cine SA" else "300"
        packed_scans.write(tmp_path / str(number), patient_1)
    scan = read_scan(tmp_path)
    assert set(scan.instance_uids) == {dataset.SOPInstanceUID for dataset in patient_1}
    assert "left out of the folder: 1.2.3.0" in scan.warnings[0]


@pytest.mark.parametrize("other", [("DB SA", 150), ("sa_tfl_sr", 110), ("IR SA", 300)])
def test_an_inversion_time_alone_makes_no_scan_the_one_that_is_meant(patient_1, tmp_path, other):
    """Double inversion and saturation recovery have one, and LGE may be sent without."""
    for number, (name, time_ms) in enumerate([("SAX 10min", None), other]):
        for dataset in patient_1:
            packed_scans.new_uid(dataset)
            dataset.SeriesInstanceUID, dataset.SeriesDescription = f"1.2.3.{number}", name
            dataset.InversionTime, dataset.ProtocolName = time_ms, ""
        packed_scans.write(tmp_path / str(number), patient_1)
    with pytest.raises(InputError, match="holds 2 MR series"):
        read_scan(tmp_path)


@pytest.fixture
def with_long_axis_views(patient_1, tmp_path):
    """A series a slice, and three views across them; all are called LGE."""
    packed_scans.series_per_slice(patient_1, tmp_path / "case" / "short")
    views = packed_scans.slices(tmp_path / "case" / "short")
    for dataset in views:
        dataset.SeriesDescription = dataset.ProtocolName = "LGE"
    packed_scans.write(tmp_path / "case" / "short", views)
    uids = [dataset.SeriesInstanceUID for dataset in views]
    for number, dataset in enumerate(views[:3]):
        packed_scans.new_uid(dataset)
        turn(dataset, 60 * number)
        row, column = np.reshape(np.array(dataset.ImageOrientationPatient, float), (2, 3))
        normal = np.cross(row, column)
        dataset.ImageOrientationPatient = [f"{value:.6f}" for value in (*row, *normal)]
        dataset.SeriesInstanceUID, dataset.SeriesNumber = generate_uid(), 40 + number
    packed_scans.write(tmp_path / "case" / "long", views[:3])
    return tmp_path / "case", uids


def test_a_joined_stack_is_chosen_as_it_is_listed(with_long_axis_views, plain):
    folder, uids = with_long_axis_views
    with pytest.raises(InputError, match="holds 4 MR series") as caught:
        read_scan(folder)
    assert f"{uids[0]} (number 20, 'LGE', MR, 8 files)" in str(caught.value)
    for name in ("20", uids[0], uids, ",".join(uids)):
        np.testing.assert_array_equal(read_scan(folder, series=name).pixels, plain.pixels)
    assert "8 series" in read_scan(folder, series="20").warnings[0]


def test_named_parts_of_a_stack_are_read_alone_and_once(with_long_axis_views, plain):
    folder, uids = with_long_axis_views
    named = [uids[1], uids[0], "20", uids[2]]
    np.testing.assert_array_equal(read_scan(folder, series=named).pixels, plain.pixels[:3])
    for name in ("40", uids[3]):
        with pytest.raises(AcsnetError, match="a single slice"):
            read_scan(folder, series=name)
    with pytest.raises(InputError, match=r"has no series '99'; .* 8 files"):
        read_scan(folder, series="99")


def test_a_number_that_all_parts_share_names_the_stack(with_long_axis_views, plain):
    folder, _ = with_long_axis_views
    short = packed_scans.slices(folder / "short")
    for dataset in short:
        dataset.SeriesNumber = 20
    packed_scans.write(folder / "short", short)
    np.testing.assert_array_equal(read_scan(folder, series="20").pixels, plain.pixels)


@pytest.mark.parametrize("sizes", [(3, 3, 2), (4, 4), (1,) * 8])
@pytest.mark.parametrize("patient", ["", "patient"])
def test_parts_in_folders_of_their_own_are_one_scan(patient_1, plain, tmp_path, sizes, patient):
    folder = tmp_path / "studies"
    ends = np.cumsum(sizes)
    for number, (end, size) in enumerate(zip(ends, sizes, strict=True)):
        for dataset in patient_1[end - size : end]:
            dataset.SeriesInstanceUID, dataset.SeriesNumber = f"1.2.3.{number + 1}", 20 + number
        packed_scans.write(folder / patient / f"SE{number}", patient_1[end - size : end])
    for read in (by_command_line, by_cohort, by_server):
        (scan,) = read(folder)
        np.testing.assert_array_equal(scan.pixels, plain.pixels)
    (listed,) = list_scans(str(folder), output=tmp_path / "out")
    assert listed.case == (patient or folder.name)


def test_slices_with_a_study_each_are_named_as_those_of_one_stack(patient_1, plain, tmp_path):
    """As a careless anonymiser leaves them; the frame of reference is the same."""
    for number, dataset in enumerate(patient_1):
        dataset.SeriesInstanceUID, dataset.SeriesNumber = f"1.2.3.{number}", 20 + number
        dataset.StudyInstanceUID = f"1.2.4.{number}"
    folder = packed_scans.write(tmp_path, patient_1)
    with pytest.raises(InputError, match="; 8 of them lie as the slices of one stack do: several"):
        read_scan(folder)
    scan = read_scan(folder, series=[f"1.2.3.{number}" for number in range(8)])
    np.testing.assert_array_equal(scan.pixels, plain.pixels)


def test_a_patient_id_of_its_own_for_each_slice_is_of_one_patient(patient_1, plain, tmp_path):
    for number, dataset in enumerate(patient_1):
        dataset.PatientID = f"anon-{number}"
        dataset.FrameOfReferenceUID = "1.2.9"
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    assert np.array_equal(scan.pixels, plain.pixels)
    assert scan.warnings == ("each image has a PatientID of its own: taken as one patient",)
    del patient_1[0].FrameOfReferenceUID
    with pytest.raises(
        InputError, match=r"images of 8 patients .*: export the series again with o"
    ):
        read_scan(packed_scans.write(tmp_path, patient_1))
