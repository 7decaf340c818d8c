"""Of slices taken again the latest make the scan, and nothing else is taken for a repeat."""

import copy

import enhanced_packings
import numpy as np
import packed_scans
import pydicom
import pytest

from acsnet.errors import GeometryError
from acsnet.io import read_scan


def timed(dataset, path, *, hour, number, heart=None, offset=0):
    """Save an image as taken `number` minutes after the hour, brighter by `offset`.

    heart: TriggerTime and InversionTime.
    """
    packed_scans.new_uid(dataset)
    dataset.AcquisitionTime = dataset.ContentTime = f"{hour}{number:02d}00"
    dataset.InstanceNumber = 100 * hour + number
    if heart is not None:
        dataset.TriggerTime, dataset.InversionTime = heart
    dataset.PixelData = (dataset.pixel_array + offset).astype(np.int16).tobytes()
    packed_scans.save(dataset, path)


def taken_again(datasets, folder, *, count, kinds=("M",)):
    """The first `count` slices taken again an hour later, brighter by 3, at other trigger times.

    Phase-sensitive images (PS) are darker by 100.
    """
    for kind in kinds:
        for number, dataset in enumerate(datasets):
            image = pydicom.dcmread(dataset.filename)
            image.ImageType = ["ORIGINAL", "PRIMARY", kind]
            offset = -100 if kind == "PS" else 0
            for hour, brighter in ((12, offset), (13, 3))[: 2 if number < count else 1]:
                timed(
                    image,
                    folder / f"{kind}{hour}-{number}.dcm",
                    hour=hour,
                    number=number,
                    heart=(600 + 7 * number + hour, 300 + hour),
                    offset=brighter,
                )
    return folder


@pytest.mark.parametrize("count", [3, 4, 7])
def test_slices_repeated_at_another_trigger_time_are_the_latest(patient_1, plain, tmp_path, count):
    scan = read_scan(taken_again(patient_1, tmp_path, count=count))
    changed = (scan.pixels == plain.pixels + 3).all(axis=(1, 2))
    assert np.count_nonzero(changed) == count
    np.testing.assert_array_equal(scan.pixels[~changed], plain.pixels[~changed])
    assert len([words for words in scan.warnings if "slice repeated" in words]) == count


@pytest.mark.parametrize("count", [2, 5])
def test_magnitude_and_phase_sensitive_slices_are_repeated_each_for_itself(
    patient_1, plain, tmp_path, count
):
    folder = taken_again(patient_1, tmp_path, count=count, kinds=("M", "PS"))
    with pytest.raises(GeometryError, match=r"2 images at each of 8 slice .*: 2 image types"):
        read_scan(folder)
    for phase, offset in ((1, 0), (2, -100)):
        change = read_scan(folder, phase=phase).pixels - plain.pixels - offset
        assert sorted(change.mean(axis=(1, 2))) == [0] * (8 - count) + [3] * count


def test_all_slices_taken_twice_are_a_choice(patient_1, plain, tmp_path):
    folder = taken_again(patient_1, tmp_path, count=8)
    with pytest.raises(GeometryError, match="choose one with --phase"):
        read_scan(folder)
    np.testing.assert_array_equal(read_scan(folder, phase=2).pixels, plain.pixels + 3)


def test_two_phases_of_a_heartbeat_of_which_some_are_missing_are_no_repeats(patient_1, tmp_path):
    for number, dataset in enumerate(patient_1):
        for phase in range(2 if number < 5 else 1):
            packed_scans.new_uid(dataset)
            dataset.TriggerTime = 300 * phase
            dataset.AcquisitionTime = f"12{number:02d}00.{3 * phase}"
            packed_scans.save(dataset, tmp_path / f"{number}-{phase}.dcm")
    with pytest.raises(GeometryError, match="must hold the same number of images, got 1 to 2"):
        read_scan(tmp_path)


def test_frames_repeated_at_another_time_point_are_the_latest(patient_1, plain, tmp_path):
    enhanced_packings.enhanced_multi_frame(patient_1, tmp_path)
    path = tmp_path / "enhanced.dcm"
    whole = pydicom.dcmread(path)
    pixels = whole.pixel_array
    first = whole.PerFrameFunctionalGroupsSequence
    frames = [copy.deepcopy(frame) for frame in (*first, *first[:5])]
    for number, frame in enumerate(frames):
        again, minute = divmod(number, 8)
        content = frame.FrameContentSequence[0]
        content.TemporalPositionIndex = 1 + again
        content.FrameAcquisitionDateTime = f"20260101{12 + again}{minute:02d}00"
    whole.PerFrameFunctionalGroupsSequence, whole.NumberOfFrames = frames, len(frames)
    whole.PixelData = np.concatenate([pixels, pixels[:5] + 3]).astype(np.int16).tobytes()
    packed_scans.save(whole, path)
    change = read_scan(tmp_path).pixels - plain.pixels
    assert sorted(change.mean(axis=(1, 2))) == [0] * 3 + [3] * 5


def with_scout(datasets, folder, *, hour, times=range(100, 500, 40)):
    """A stack of inversion time 300 ms, and at one of its positions a series of others."""
    for number, dataset in enumerate(datasets):
        timed(dataset, folder / f"{number}.dcm", hour=12, number=number, heart=(600, 300))
    scout = datasets[4]
    for number, inversion in enumerate(times):
        timed(scout, folder / f"ti-{number}.dcm", hour=hour, number=0, offset=5)
        scout.AcquisitionTime = f"{hour}00{number:02d}"
        scout.InversionTime = scout.TriggerTime = inversion
        packed_scans.save(scout, folder / f"ti-{number}.dcm")
    return folder


@pytest.mark.parametrize("hour", [11, 13])
def test_a_search_for_the_inversion_time_is_no_repeat_whenever_it_was(
    patient_1, plain, tmp_path, hour
):
    """Nor is its image of the very inversion time of the stack."""
    scan = read_scan(with_scout(patient_1, tmp_path, hour=hour))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    (told,) = scan.warnings
    assert "left out: ti-0.dcm, ti-1.dcm" in told
    assert "as of a TI scout" in told


def test_a_search_for_the_inversion_time_without_an_image_of_the_stack_is_refused(
    patient_1, tmp_path
):
    folder = with_scout(patient_1, tmp_path, hour=13)
    (folder / "4.dcm").unlink()
    with pytest.raises(GeometryError, match=r"10 images of 10 inversion times lie at one .*TI sco"):
        read_scan(folder)


def test_a_slice_repeated_with_two_other_inversion_times_is_the_latest(patient_1, plain, tmp_path):
    scan = read_scan(with_scout(patient_1, tmp_path, hour=13, times=(310, 320)))
    change = (scan.pixels - plain.pixels).mean(axis=(1, 2))
    assert sorted(change) == [0] * 7 + [10]
    assert "ti-1.dcm is taken, the latest" in scan.warnings[0]


def with_others(datasets, folder, *, at, lost, types):
    """A stack without the slices `lost`, and later images of other types, brighter by 3, `at`."""
    for number, dataset in enumerate(datasets):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "IR"]
        if number not in lost:
            timed(dataset, folder / f"M{number}.dcm", hour=12, number=number)
        if number in at:
            dataset.ImageType = types
            timed(dataset, folder / f"O{number}.dcm", hour=13, number=number, offset=3)
    return folder


OTHER_TYPES = (
    ["ORIGINAL", "PRIMARY", "P", "IR"],
    ["DERIVED", "PRIMARY", "T1 MAP"],
    ["DERIVED", "SECONDARY", "M", "IR"],
)


@pytest.mark.parametrize("at", [(3,), (1, 3, 5)])
@pytest.mark.parametrize("types", OTHER_TYPES)
def test_a_later_image_of_another_type_is_no_repeat(patient_1, plain, tmp_path, types, at):
    scan = read_scan(with_others(patient_1, tmp_path, at=at, lost=(), types=types))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    words = "\\".join(types)
    assert list(scan.warnings) == [
        f"left out: O{number}.dcm, of an image type ({words}) that most slices do not have"
        for number in at
    ]


@pytest.mark.parametrize("at", [(3, 4, 5), (3, 4)])
@pytest.mark.parametrize("types", OTHER_TYPES[:2])
def test_images_of_another_kind_never_take_the_place_of_a_slice_that_is_missing(
    patient_1, tmp_path, types, at
):
    folder = with_others(patient_1, tmp_path, at=at, lost=(4,), types=types)
    with pytest.raises(GeometryError, match=r"may be LGE \(M0\.dcm\) and others \(O4\.dcm: Image"):
        read_scan(folder)


@pytest.mark.parametrize("before", ["NORM", "DIS2D"])
def test_a_repeat_that_was_corrected_otherwise_is_the_latest(patient_1, plain, tmp_path, before):
    for dataset in patient_1:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", before]
    for number, dataset in enumerate(patient_1):
        timed(dataset, tmp_path / f"M{number}.dcm", hour=12, number=number)
    patient_1[3].ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "FIL"]
    timed(patient_1[3], tmp_path / "again.dcm", hour=13, number=9, offset=3)
    scan = read_scan(tmp_path)
    change = (scan.pixels - plain.pixels).mean(axis=(1, 2))
    assert sorted(change) == [0] * 7 + [3]
    assert scan.warnings == ("slice repeated: again.dcm is taken, the latest, not M3.dcm",)


def test_one_image_that_was_stored_with_and_without_correction_is_no_repeat(
    patient_1, plain, tmp_path
):
    for number, dataset in enumerate(patient_1):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "NORM"]
        timed(dataset, tmp_path / f"M{number}.dcm", hour=12, number=number)
    patient_1[3].ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    timed(patient_1[3], tmp_path / "raw.dcm", hour=12, number=3, offset=3)
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert "left out: raw.dcm, of an image type" in scan.warnings[0]


@pytest.mark.filterwarnings("ignore:Invalid value for VR TM")
@pytest.mark.parametrize(
    ("before", "after"),
    [("95900", "100500"), ("9:59:00", "10:05:00"), ("", "140000"), ("000000", "140000")],
    ids=["lost zero", "colons", "no time", "no true time"],
)
def test_the_latest_is_that_by_the_clock_however_a_time_is_written(
    patient_1, plain, tmp_path, before, after
):
    """The later image has the lower number and the name that comes first."""
    for number, dataset in enumerate(patient_1):
        dataset.AcquisitionTime = dataset.ContentTime = before
        dataset.InstanceNumber = 10 + number
    packed_scans.write(tmp_path, patient_1)
    packed_scans.new_uid(patient_1[3])
    patient_1[3].AcquisitionTime = patient_1[3].ContentTime = after
    patient_1[3].InstanceNumber = 1
    patient_1[3].PixelData = (patient_1[3].pixel_array + 3).astype(np.int16).tobytes()
    packed_scans.save(patient_1[3], tmp_path / "A.dcm")
    scan = read_scan(tmp_path)
    change = (scan.pixels - plain.pixels).mean(axis=(1, 2))
    assert sorted(change) == [0] * 7 + [3]
    assert scan.warnings == ("slice repeated: A.dcm is taken, the latest, not IM0003.dcm",)


def test_where_no_tag_tells_the_latest_it_is_said_that_the_name_decides(patient_1, tmp_path):
    """As of anonymised images."""
    for dataset in patient_1:
        for tag in ("AcquisitionDate", "AcquisitionTime", "ContentTime", "AcquisitionNumber"):
            dataset.pop(tag, None)
        dataset.InstanceNumber = 1
    packed_scans.write(tmp_path, patient_1)
    packed_scans.new_uid(patient_1[3])
    patient_1[3].PixelData = (patient_1[3].pixel_array + 3).astype(np.int16).tobytes()
    packed_scans.save(patient_1[3], tmp_path / "A.dcm")
    assert read_scan(tmp_path).warnings == (
        "slice repeated: no tag tells which image is the latest: IM0003.dcm is taken by its name, "
        "not A.dcm; if that is the wrong one, take it out of the folder",
    )


def test_repeats_of_kinds_that_only_names_tell_count_apart(patient_1, plain, tmp_path):
    """One slice of both was taken again, 3 brighter; phase-sensitive images are 100 darker."""
    for kind, darker in (("MAG", 0), ("PSIR", 100)):
        for number, dataset in enumerate(patient_1):
            for hour, brighter in ((12, 0), (13, 3))[: 2 if number == 4 else 1]:
                image = pydicom.dcmread(dataset.filename)
                image.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
                image.SeriesDescription = f"LGE SAX {kind}"
                path = tmp_path / f"{kind}{hour}-{number}.dcm"
                timed(image, path, hour=hour, number=number, offset=brighter - darker)
    for phase, darker in ((1, 0), (2, 100)):
        change = read_scan(tmp_path, phase=phase).pixels - plain.pixels + darker
        assert sorted(change.mean(axis=(1, 2))) == [0] * 7 + [3]


def test_repeats_of_the_phase_count_apart_from_those_of_the_real_part(patient_1, plain, tmp_path):
    """Whatever their series is called; phases are darker by 100, and what came later by 3."""
    for component, darker in (("REAL", 0), ("PHASE", 100)):
        for number, dataset in enumerate(patient_1):
            for hour, more in ((12, 0), (13, 3))[: 2 if number == 4 else 1]:
                image = pydicom.dcmread(dataset.filename)
                image.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
                image.SeriesDescription, image.ComplexImageComponent = "PSIR SAX", component
                path = tmp_path / f"{component}{hour}-{number}.dcm"
                timed(image, path, hour=hour, number=number, offset=-darker - more)
    change = read_scan(tmp_path, phase=2).pixels - plain.pixels
    assert sorted(change.mean(axis=(1, 2))) == [-3] + [0] * 7


@pytest.mark.parametrize("names", [("PSIR SAX", "SAX again"), ("LGE SAX", "LGE PSIR")])
def test_a_repeat_is_one_also_where_its_name_or_that_of_the_stack_tells_no_kind(
    patient_1, plain, tmp_path, names
):
    for number, dataset in enumerate(patient_1):
        dataset.SeriesDescription = names[0]
        timed(dataset, tmp_path / f"M{number}.dcm", hour=12, number=number)
    patient_1[4].SeriesDescription = names[1]
    timed(patient_1[4], tmp_path / "again.dcm", hour=13, number=4, offset=3)
    scan = read_scan(tmp_path)
    change = (scan.pixels - plain.pixels).mean(axis=(1, 2))
    assert sorted(change) == [0] * 7 + [3]
    assert scan.warnings == ("slice repeated: again.dcm is taken, the latest, not M4.dcm",)


@pytest.mark.parametrize("at", [(4,), (4, 5)])
def test_a_few_images_of_a_kind_that_only_names_tell_are_left_out(patient_1, plain, tmp_path, at):
    for number, dataset in enumerate(patient_1):
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        dataset.SeriesDescription = "LGE SAX MAG"
        timed(dataset, tmp_path / f"M{number}.dcm", hour=12, number=number)
        if number in at:
            dataset.SeriesDescription = "LGE SAX PSIR"
            timed(dataset, tmp_path / f"P{number}.dcm", hour=13, number=number, offset=-100)
    scan = read_scan(tmp_path)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert list(scan.warnings) == [
        f"left out: P{number}.dcm, of an image type (phase-sensitive) that most slices do not have"
        for number in at
    ]
