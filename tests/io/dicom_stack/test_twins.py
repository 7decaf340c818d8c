"""Images that came twice under other UIDs are no repeats, and parts of series are told."""

import copy

import numpy as np
import packed_scans
import pytest
from ways_in import by_cohort, by_command_line, by_server

from acsnet.io import read_scan
from acsnet.io.finder import scans_of
from acsnet.io.series import SeriesFinder
from acsnet.server.datastores.folder import StudiesDatastore

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


@pytest.mark.parametrize("some", [range(5), range(2, 6)], ids=["five", "four"])
@pytest.mark.parametrize("number", [1, 101])
def test_a_part_of_a_series_sent_again_is_told_as_such(patient_1, plain, tmp_path, some, number):
    """Alone it would be a smaller ventricle."""
    folder = sent_again(
        patient_1, tmp_path / "studies", some=some, SeriesInstanceUID="2.25.9", SeriesNumber=number
    )
    name = patient_1[0].SeriesDescription
    told = f"each of its images is also in series 1 ({name!r}): it may be a part of that scan, sent"
    whole, part = sorted(by_cohort(folder), key=lambda scan: -len(scan.pixels))
    np.testing.assert_array_equal(whole.pixels, plain.pixels)
    assert whole.warnings == plain.warnings
    assert part.warnings[0] == read_scan(folder, series="2.25.9").warnings[0] == f"{told} again"
    store = StudiesDatastore(studies=folder, store=tmp_path / "store")
    assert f"{told} again" in store.verdict("2.25.9").warnings
    store.close()


@pytest.mark.parametrize(
    "changed",
    [
        {"AcquisitionTime": "235900"},
        {"ImageType": ["DERIVED", "PRIMARY", "M"]},
        {"StudyInstanceUID": "2.25.8"},
        {"SeriesDescription": "LGE SAX filtered"},
        {"RescaleSlope": "2", "RescaleIntercept": "0"},
        {"BitsStored": 15, "HighBit": 14},
        {"PixelData": None},
    ],
    ids=str,
)
def test_what_differs_from_a_part_of_a_series_is_not_told_as_sent_again(
    patient_1, tmp_path, changed
):
    if "PixelData" in changed:
        changed = {"PixelData": (patient_1[0].pixel_array // 2).tobytes()}
    folder = sent_again(
        patient_1, tmp_path, some=range(5), SeriesInstanceUID="2.25.9", SeriesNumber=9, **changed
    )
    scans = scans_of(SeriesFinder(folder).find())
    assert sorted(len(scan.files) for scan in scans) == [5, 8]
    assert not [text for scan in scans for text in scan.remarks if "sent again" in text]


@pytest.mark.parametrize(
    "tags",
    [
        {"RescaleSlope": "1", "RescaleIntercept": "0"},
        {"RescaleSlope": "1.0", "RescaleIntercept": "0.0"},
    ],
    ids=str,
)
def test_copies_with_the_same_values_in_other_tags_are_copies(patient_1, plain, tmp_path, tags):
    folder = sent_again(patient_1, tmp_path, some=range(8), InstanceNumber=99, **tags)
    np.testing.assert_array_equal(read_scan(folder).pixels, plain.pixels)


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
