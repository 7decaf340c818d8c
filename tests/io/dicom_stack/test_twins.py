"""Images that came twice under other UIDs are no repeats, and their series no scans."""

import copy

import numpy as np
import packed_scans
import pytest
from ways_in import by_cohort, by_command_line, by_server

from acsnet.cohort.inputs import list_scans
from acsnet.io import read_scan
from acsnet.io.finder import scans_of
from acsnet.io.series import SeriesFinder

WAYS = pytest.mark.parametrize("read", [by_command_line, by_cohort, by_server])


def sent_again(datasets, folder, *, some, **tags):
    """A stack, and some images of it once more under other UIDs; tags: of these."""
    packed_scans.write(folder / "first", datasets)
    again = [copy.deepcopy(datasets[index]) for index in some]
    for dataset in again:
        packed_scans.new_uid(dataset)
        for tag, value in tags.items():
            setattr(dataset, tag, value)
    packed_scans.write(folder / "second", again)
    return folder


@WAYS
@pytest.mark.parametrize("some", [range(8), range(5), range(2, 6)], ids=["whole", "five", "four"])
@pytest.mark.parametrize("number", [1, 101])
def test_a_series_sent_again_is_no_scan(patient_1, plain, tmp_path, read, some, number):
    folder = sent_again(
        patient_1,
        tmp_path / "studies",
        some=some,
        SeriesInstanceUID="2.25.9",
        SeriesNumber=number,
    )
    (scan,) = read(folder)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.instance_uids == plain.instance_uids


def test_a_series_sent_again_is_listed_with_what_is_skipped(patient_1, tmp_path):
    folder = sent_again(patient_1, tmp_path / "in", some=[3, 4], SeriesInstanceUID="2.25.9")
    told = (
        f"series 1 ({patient_1[0].SeriesDescription!r}, second/IM0000.dcm, second/IM0001.dcm) was "
        "left out: the same images are in series 1 (first/IM0000.dcm and others)"
    )
    assert read_scan(folder).warnings == (told,)
    skipped, _ = list_scans(str(folder), output=tmp_path / "out")
    assert (skipped.reason, skipped.skipped) == (told, True)
    remarks = []
    scans_of(SeriesFinder(folder).find(), left_out=remarks)
    assert remarks == [told]


def test_a_series_sent_again_can_be_asked_for(patient_1, tmp_path):
    folder = sent_again(patient_1, tmp_path, some=range(3), SeriesInstanceUID="2.25.9")
    assert len(read_scan(folder, series="2.25.9").pixels) == 3


@pytest.mark.parametrize(
    "changed",
    [
        {"AcquisitionTime": "235900"},
        {"ImageType": ["DERIVED", "PRIMARY", "M"]},
        {"StudyInstanceUID": "2.25.8"},
        {"SeriesDescription": "LGE SAX filtered"},
        {"PixelData": None},
    ],
    ids=str,
)
def test_a_whole_series_that_differs_is_a_scan_of_its_own(patient_1, tmp_path, changed):
    if "PixelData" in changed:
        changed = {"PixelData": (patient_1[0].pixel_array // 2).tobytes()}
    folder = sent_again(
        patient_1, tmp_path, some=range(8), SeriesInstanceUID="2.25.9", SeriesNumber=9, **changed
    )
    assert [len(scan.files) for scan in scans_of(SeriesFinder(folder).find())] == [8, 8]


@WAYS
def test_of_one_series_some_images_sent_again_are_no_repeats(patient_1, plain, tmp_path, read):
    """Five of eight: the others are there once."""
    folder = sent_again(patient_1, tmp_path / "studies", some=range(5), InstanceNumber=99)
    (scan,) = read(folder)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    (remark,) = scan.warnings
    assert remark.startswith("left out: ")
    assert remark.endswith(", with the same pixels")
    assert remark.count("IM000") == 5


def test_a_slice_repeated_without_a_time_is_no_image_sent_again(patient_1, tmp_path):
    folder = sent_again(
        patient_1,
        tmp_path,
        some=[3],
        InstanceNumber=99,
        PixelData=(patient_1[3].pixel_array // 2).tobytes(),
    )
    warnings = read_scan(folder).warnings
    assert [text for text in warnings if text.startswith("slice repeated: ")]
    assert not [text for text in warnings if "with the same pixels" in text]
