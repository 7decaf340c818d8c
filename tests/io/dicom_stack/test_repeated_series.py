"""Slices that were taken again, or are counted by letters, as series of their own."""

from functools import partial

import numpy as np
import oblique_series
import packed_scans
import pytest
from oblique_series import numbers
from oblique_stack import STEP_MM
from pydicom.uid import generate_uid
from ways_in import by_cohort, by_command_line, by_server

from acsnet.errors import AcsnetError, InputError
from acsnet.io import read_scan
from acsnet.io.dicom_stack.across_series.parts import joined
from acsnet.io.dicom_stack.series_names import join_remarks, name_stem
from acsnet.io.finder import scans_of
from acsnet.io.series import SeriesFinder

WAYS = pytest.mark.parametrize("read", [by_command_line, by_cohort, by_server])


series = partial(oblique_series.series, SliceThickness=STEP_MM)
WHOLE = series("LGE SA", range(8), number=10)


@pytest.mark.parametrize(
    "again",
    [
        series("LGE SA", [4], number=20),
        series("LGE SA repeat", [4], number=20),
        series("LGE SA 5 neu", [4], number=20),
        series("LGE_SA_rpt", [0, 1, 2], number=20),
        series("LGE SA répété", [4], number=20, images=2),
    ],
    ids=["alike", "repeat", "neu", "three slices", "twice"],
)
def test_a_slice_taken_again_as_a_later_series_comes_with_its_stack(again):
    assert numbers(joined([again, WHOLE])) == [[10, 20]]


@pytest.mark.parametrize(
    "other",
    [
        series("LGE SA", [4], number=5),
        series("LGE SA", [4.4], number=20),
        series("LGE SA repeat", [4], number=20, kind="R"),
        series("LGE SA repeat", [4], number=20, images=25),
        series("LGE SA repeat", range(4), number=20),
        series("LGE SA repeat", range(8), number=20),
        series("LGE SA apex", [0], number=20),
        series("LGE SA repeat", [4], number=20, StudyInstanceUID="1.2.4"),
        series("LGE SA repeat", [4], number=20, PatientID="another"),
        series("LGE SA repeat", [4], number=20, PixelSpacing=[1.4, 2.0]),
    ],
    ids=[
        "earlier", "between", "another kind", "phases", "half", "whole", "another name", "visit",
        "patient", "spacing",
    ],
)  # fmt: skip
def test_what_is_no_slice_taken_again_stays_apart(other):
    assert sorted(map(len, joined([WHOLE, other]))) == sorted([8, len(other)])


SETTINGS = {
    "ProtocolName": "PSIR",
    "ScanningSequence": ["GR", "IR"],
    "SequenceName": "tfl2d1",
    "EchoTime": 1.4,
    "InversionTime": 300,
    "AcquisitionDate": "20200102",
}


@pytest.mark.parametrize(
    "changed",
    [{"InversionTime": 340}, {"InversionTime": 260, "ProtocolName": "PSIR rpt"}],
    ids=["longer", "shorter"],
)
def test_a_slice_is_taken_again_with_an_inversion_time_set_anew(changed):
    whole = series("LGE SA 10min", range(8), number=10, **SETTINGS)
    again = series("LGE SA 10 min neu", [4], number=20, **SETTINGS | changed)
    assert numbers(joined([whole, again])) == [[10, 20]]


@pytest.mark.parametrize(
    "changed",
    [
        {"SeriesDescription": "LGE SA 15min"},
        {"ProtocolName": "T2 STIR"},
        {"ProtocolName": "PSIR TI 340"},
        {"ScanningSequence": "GR"},
        {"SequenceName": "tse2d"},
        {"EchoTime": 60},
        {"InversionTime": 341},
        {"InversionTime": None},
        {"AcquisitionDate": "20200103"},
        {"RescaleType": "MS"},
    ],
    ids=str,
)
def test_what_was_scanned_otherwise_is_no_slice_taken_again(patient_1, plain, tmp_path, changed):
    def set_tags(number, **tags):
        for dataset in patient_1:
            packed_scans.new_uid(dataset)
            dataset.SeriesInstanceUID, dataset.SeriesNumber = f"1.2.3.{number}", number
            for tag, value in tags.items():
                setattr(dataset, tag, value)

    set_tags(10, SeriesDescription="LGE SA 5min", **SETTINGS)
    packed_scans.write(tmp_path / "10", patient_1)
    set_tags(20, **changed)
    packed_scans.write(tmp_path / "20", patient_1[3:6])
    assert sorted(len(scan.files) for scan in scans_of(SeriesFinder(tmp_path).find())) == [3, 8]
    np.testing.assert_array_equal(read_scan(tmp_path, series="10").pixels, plain.pixels)


def test_a_joined_stack_is_told_with_all_times_in_its_names():
    parts = [series(f"LGE {n} TI {n // 4 + 3}00", [n], number=n) for n in range(8)]
    (remark,) = join_remarks([file for part in parts for file in part])
    assert "('LGE 0 TI 300', 'LGE 4 TI 400')" in remark


def test_a_slice_that_may_be_of_two_stacks_stays_apart():
    twice = series("LGE SA", range(8), number=11)
    groups = joined([WHOLE, twice, series("LGE SA repeat", [4], number=20)])
    assert numbers(groups) == [[10], [11], [20]]


def test_a_repeat_parts_no_halves_that_are_called_by_their_part():
    halves = [
        series("LGE SA apical", range(4), number=10),
        series("LGE SA basal", range(4, 8), number=11),
    ]
    again = series("LGE SA basal repeat", [5], number=20)
    assert numbers(joined([*halves, again])) == [[10, 11, 20]]


@WAYS
@pytest.mark.parametrize("way", ["one series", "a series per slice"])
def test_of_a_slice_taken_again_as_a_series_the_later_is_measured(
    patient_1, plain, tmp_path, read, way
):
    """Without times, by the number of the series."""
    for dataset in patient_1:
        del dataset.AcquisitionTime, dataset.ContentTime
        dataset.SeriesDescription = "LGE SA"
    folder = tmp_path / "studies"
    if way == "one series":
        packed_scans.write(folder, patient_1)
    else:
        packed_scans.series_per_slice(patient_1, folder)
    again = patient_1[3]
    packed_scans.new_uid(again)
    again.SeriesInstanceUID, again.SeriesNumber = generate_uid(), 90
    again.SeriesDescription = f"{again.SeriesDescription} repeat"
    pixels = again.pixel_array.copy()
    pixels[80, 80] += 7
    again.PixelData = pixels.tobytes()
    again.InstanceNumber = 1
    packed_scans.save(again, folder / "again.dcm")
    (scan,) = read(folder)
    changed = scan.pixels - plain.pixels
    assert (changed[3, 80, 80], np.count_nonzero(changed)) == (7, 1)
    assert any("slice repeated: again.dcm is taken, the latest" in text for text in scan.warnings)


def test_of_a_stack_with_a_slice_taken_again_each_series_can_be_asked_for(
    patient_1, plain, tmp_path
):
    for dataset in patient_1:
        dataset.SeriesDescription, dataset.SeriesNumber = "LGE SA", 10
    packed_scans.write(tmp_path / "first", patient_1)
    again = patient_1[3]
    packed_scans.new_uid(again)
    again.SeriesInstanceUID, again.SeriesNumber = generate_uid(), 90
    again.AcquisitionTime = again.ContentTime = "235900"
    again.PixelData = (again.pixel_array // 2).tobytes()
    packed_scans.save(again, tmp_path / "second" / "again.dcm")
    first = patient_1[0].SeriesInstanceUID
    for name in ("10", first):
        np.testing.assert_array_equal(read_scan(tmp_path, series=name).pixels, plain.pixels)
    with pytest.raises(AcsnetError, match="a single slice"):
        read_scan(tmp_path, series="90")
    with pytest.raises(InputError, match=r"\(number 10, .* 8 files\); .*\(number 90, .* 1 files\)"):
        read_scan(tmp_path, series="99")
    for scan in (read_scan(tmp_path), read_scan(tmp_path, series="10,90")):
        assert "again.dcm is taken, the latest" in "".join(scan.warnings)


ROMAN = ("I", "II", "III", "IV", "V", "VI", "VII", "VIII")


@WAYS
@pytest.mark.parametrize("counts", ["abcdefgh", ROMAN], ids=["letters", "Roman"])
def test_series_that_letters_count_are_one_stack(patient_1, plain, tmp_path, read, counts):
    packed_scans.series_per_slice(patient_1, tmp_path / "studies")
    for dataset, count in zip(patient_1, counts, strict=True):
        dataset.SeriesDescription = f"LGE SA {count}"
    (scan,) = read(packed_scans.write(tmp_path / "studies", patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)


@pytest.mark.parametrize(
    "groups",
    [
        [series(f"LGE SA {kind}", range(8), number=n) for n, kind in ((10, "M"), (11, "P"))],
        [series(f"LGE SA {kind}", [n % 4], number=n, kind=kind)
         for n in range(8) for kind in ["MR"[n // 4]]],
        [series(f"T1 map {'abc'[n]}", [n], number=n) for n in range(3)],
        [series(f"LGE SA {'abcd'[n]}", [2 * n], number=n) for n in range(4)],
    ],
    ids=["two kinds", "slices of two kinds", "a map", "far apart"],
)  # fmt: skip
def test_what_a_letter_tells_apart_otherwise_stays_apart(groups):
    def of_one_name(group):
        return {name for file in group if (name := file.text("SeriesDescription"))}

    assert all(len(of_one_name(group)) == 1 for group in joined(groups))


def test_halves_that_letters_count_are_one_stack():
    halves = [series("LGE a", range(4), number=1), series("LGE b", range(4, 8), number=2)]
    assert numbers(joined(halves)) == [[1, 2]]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("LGE SA 4 repeat", "lgesa"),
        ("LGE SA d wdh", "lgesa"),
        ("LGE SA iv", "lgesa"),
        ("LGE SA xxxxx", "lgesaxxxxx"),
        ("LGE SA mid", "lgesa"),
        ("LGE replay SA", "lgereplaysa"),
        ("T1 map a", "tmapa"),
    ],
)
def test_words_that_count_or_repeat_are_left_out_of_a_stem(name, stem):
    assert name_stem(name) == stem


def named_otherwise(patient_1, folder):
    """A series a slice, of names that have nothing in common."""
    packed_scans.series_per_slice(patient_1, folder)
    for dataset, name in zip(patient_1, "abcdefgh", strict=True):
        dataset.SeriesDescription = 3 * name
    return packed_scans.write(folder, patient_1)


def test_series_that_lie_as_a_stack_are_told_with_the_way_to_join_them(patient_1, plain, tmp_path):
    folder = named_otherwise(patient_1, tmp_path / "case")
    told = r"; 8 of them lie as the slices of one stack do: several UIDs or numbers, with commas"
    with pytest.raises(InputError, match=told):
        read_scan(folder)
    scan = read_scan(folder, series=",".join(str(20 + number) for number in range(8)))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)


@pytest.mark.parametrize("left_out", [3, range(2, 8)], ids=["a gap", "two slices"])
def test_series_that_lie_as_no_stack_are_not(patient_1, tmp_path, left_out):
    folder = named_otherwise(patient_1, tmp_path / "case")
    for number in np.atleast_1d(left_out):
        (folder / f"IM{number:04d}.dcm").unlink()
    with pytest.raises(AcsnetError, match="MR series") as caught:
        read_scan(folder)
    assert "lie as" not in str(caught.value)


def two_of_a_name(patient_1, folder, **tags):
    """The same stack in two series of one name; tags: values of each, (first, second)."""
    for number in range(2):
        uid = generate_uid()
        for index, dataset in enumerate(patient_1):
            packed_scans.new_uid(dataset)
            dataset.SeriesInstanceUID = uid
            for tag, values in tags.items():
                setattr(dataset, tag, values[number])
            packed_scans.save(dataset, folder / f"{number}-{index}.dcm")
    return folder


def test_series_of_one_name_are_listed_with_their_day_and_no_date(patient_1, tmp_path):
    tags = {"StudyDate": ("20200102", "20190304"), "StudyInstanceUID": ("1.2.3", "1.2.4")}
    with pytest.raises(InputError) as caught:
        read_scan(two_of_a_name(patient_1, tmp_path, **tags))
    first, second = str(caught.value).split("; ")[1:]
    assert first.endswith("8 files, day 2 of 2)")
    assert second.endswith("8 files, day 1 of 2)")
    assert "2020" not in first.partition("(")[2] + second.partition("(")[2]


def test_series_of_one_name_are_listed_with_their_image_types(patient_1, tmp_path):
    types = ["ORIGINAL", "PRIMARY", "M", "ND"], ["ORIGINAL", "PRIMARY", "M", "DIS2D"]
    with pytest.raises(InputError) as caught:
        read_scan(two_of_a_name(patient_1, tmp_path, ImageType=types))
    assert r"8 files, ORIGINAL\PRIMARY\M\ND); " in str(caught.value)
    assert str(caught.value).endswith(r"8 files, ORIGINAL\PRIMARY\M\DIS2D)")
