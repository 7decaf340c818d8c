"""Single slices of a stack that say that they are of another kind: refused, told or taken."""

import numpy as np
import packed_scans
import pydicom
import pytest
from ways_in import by_server

from acsnet.errors import GeometryError
from acsnet.io import read_scan
from acsnet.io.finder import scans_of
from acsnet.io.series import SeriesFinder


@pytest.mark.parametrize("place", [0, 3, 7])
@pytest.mark.parametrize(
    ("types", "reason"),
    [
        (["ORIGINAL", "PRIMARY", "P", "IR"], "ImageType P"),
        (["DERIVED", "PRIMARY", "T1 MAP"], "ImageType T1 MAP"),
    ],
)
def test_a_phase_image_or_map_in_the_place_of_a_slice_is_refused(
    patient_1, tmp_path, place, types, reason
):
    patient_1[place].ImageType = types
    packed_scans.write(tmp_path, patient_1)
    lge = f"IM000{int(place == 0)}.dcm"
    told = rf"mix images that may be LGE \({lge}\) and others \(IM000{place}.dcm: {reason}\)"
    with pytest.raises(GeometryError, match=told):
        read_scan(tmp_path)


@pytest.mark.parametrize("name", ["PSIR SAX", "LGE SAX MAG"])
@pytest.mark.parametrize("place", [0, 7])
def test_a_phase_image_is_refused_whatever_the_series_is_called(patient_1, tmp_path, name, place):
    for number, dataset in enumerate(patient_1):
        kind = "P" if number == place else "M"
        dataset.SeriesDescription, dataset.ImageType = name, ["ORIGINAL", "PRIMARY", kind, "ND"]
    packed_scans.write(tmp_path, patient_1)
    with pytest.raises(GeometryError, match=rf"and others \(IM000{place}\.dcm: ImageType P\)"):
        read_scan(tmp_path)


@pytest.mark.parametrize("place", [0, 5])
@pytest.mark.parametrize(
    ("tag", "value", "reason"),
    [
        ("ImageType", ["DERIVED", "PRIMARY", "OTHER", "T2"], "ImageType T2"),
        ("SequenceName", "*pc2d1", "its name is '*pc2d1'"),
    ],
)
def test_a_weak_sign_at_one_slice_is_told_and_changes_nothing(
    patient_1, plain, tmp_path, place, tag, value, reason
):
    for dataset in patient_1:
        dataset.SeriesDescription, dataset.ProtocolName = "SAX IR", ""
    setattr(patient_1[place], tag, value)
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.contrast == "lge"
    assert scan.warnings[0] == (
        f"IM000{place}.dcm may be of another contrast ({reason}): check whether the slices are of "
        "one scan"
    )


def test_a_slice_of_which_another_type_of_the_same_kind_is_there_belongs_to_the_stack(
    patient_1, plain, tmp_path
):
    patient_1[3].ImageType = ["DERIVED", "PRIMARY", "M", "NORM"]
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.contrast == "lge"


REVERSED, EQUAL = (lambda index: 8 - index), (lambda index: 1 + index)
"""How the second image of a slice is numbered, where the first ones are numbered from 1."""


def two_series_in_one(datasets, folder, names, *, number, numbers=EQUAL, **tags):
    """Each slice in two series of one UID without tags of their kind; the second is 100 darker.

    tags: the values of other tags in the first and in the second image.
    """
    for index, dataset in enumerate(datasets):
        for second in range(2):
            image = pydicom.dcmread(dataset.filename)
            packed_scans.new_uid(image)
            image.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
            image.SeriesDescription = names[second]
            image.SeriesNumber = 8 + second * number
            image.InstanceNumber = numbers(index) if second else 1 + index
            for tag, values in tags.items():
                setattr(image, tag, values[second])
            image.PixelData = (image.pixel_array - 100 * second).astype(np.int16).tobytes()
            packed_scans.save(image, folder / f"{index}-{second}.dcm")
    return folder


MAGNITUDE_AND_PSIR = "LGE SAX MAG", "LGE SAX PSIR"


@pytest.mark.parametrize(
    ("names", "number", "numbers", "told"),
    [
        (MAGNITUDE_AND_PSIR, 1, REVERSED, r"2 image types, .* kind \(magnitude, phase-sensitive\)"),
        (MAGNITUDE_AND_PSIR, 0, EQUAL, r"2 image types, .* kind \(magnitude, phase-sensitive\)"),
        (("LGE", "LGE_SUB"), 0, REVERSED, r"2 series, .* SeriesDescription \(LGE, LGE_SUB\)"),
        (("LGE", "LGE"), 1, EQUAL, r"2 series, .* SeriesNumber \(8, 9\)"),
    ],
    ids=["kind", "kind of one number", "name", "number"],
)
def test_two_series_of_one_uid_are_told_apart_whatever_numbers_their_images_have(
    patient_1, plain, tmp_path, names, number, numbers, told
):
    folder = two_series_in_one(patient_1, tmp_path, names, number=number, numbers=numbers)
    with pytest.raises(GeometryError, match=told):
        read_scan(folder)
    for phase, darker in ((1, 0), (2, 100)):
        np.testing.assert_array_equal(read_scan(folder, phase=phase).pixels, plain.pixels - darker)


def test_two_series_of_one_uid_come_in_the_order_of_their_times(patient_1, plain, tmp_path):
    """Also if the later one has the lower number and the name that comes first."""
    names, times = ("PSIR SAX", "LGE SAX"), ("120000", "130000")
    folder = two_series_in_one(patient_1, tmp_path, names, number=-1, AcquisitionTime=times)
    for phase, darker in ((1, 0), (2, 100)):
        np.testing.assert_array_equal(read_scan(folder, phase=phase).pixels, plain.pixels - darker)


@pytest.mark.parametrize(("odd", "phases"), [("LGE SAX good", [1, 2]), ("LGE SAX MAG", [1])])
def test_a_slice_that_is_called_otherwise_hides_no_other_scan(
    patient_1, plain, tmp_path, odd, phases
):
    """But the scan that has it where it would mix kinds; the others are phase-sensitive."""
    names = ("LGE SAX PSIR",) * 2 if "MAG" in odd else ("LGE SAX",) * 2
    folder = two_series_in_one(patient_1, tmp_path, names, number=0, EchoTime=(2, 4))
    image = pydicom.dcmread(folder / "4-1.dcm")
    image.SeriesDescription = odd
    packed_scans.save(image, folder / "4-1.dcm")
    assert [scan.phase for scan in scans_of(SeriesFinder(folder).find()) if scan.phase] == phases
    for phase in phases:
        darker = 100 * (phase - 1)
        np.testing.assert_array_equal(read_scan(folder, phase=phase).pixels, plain.pixels - darker)


def test_a_served_folder_lists_the_images_among_which_a_command_chooses(patient_1, plain, tmp_path):
    names = MAGNITUDE_AND_PSIR
    folder = two_series_in_one(patient_1, tmp_path / "studies", names, number=1, numbers=REVERSED)
    served = sorted(by_server(folder), key=lambda scan: scan.pixels.mean(), reverse=True)
    for scan, darker in zip(served, (0, 100), strict=True):
        np.testing.assert_array_equal(scan.pixels, plain.pixels - darker)


def test_images_of_a_kind_that_only_names_tell_are_offered_where_others_are_missing(
    patient_1, plain, tmp_path
):
    folder = two_series_in_one(patient_1, tmp_path, MAGNITUDE_AND_PSIR, number=1)
    (folder / "3-1.dcm").unlink()
    with pytest.raises(GeometryError, match="phase-sensitive is incomplete and cannot be chosen"):
        read_scan(folder)
    np.testing.assert_array_equal(read_scan(folder, phase=1).pixels, plain.pixels)


@pytest.mark.parametrize("lost", [0, 1])
def test_names_of_two_kinds_make_no_stack_together(patient_1, tmp_path, lost):
    """Each slice is there once."""
    folder = two_series_in_one(patient_1, tmp_path, MAGNITUDE_AND_PSIR, number=1)
    for index in range(8):
        (folder / f"{index}-{(index + lost) % 2}.dcm").unlink()
    told = rf"mix magnitude \({1 - lost}-0\.dcm\) and phase-sensitive images \({lost}-1\.dcm\)"
    with pytest.raises(GeometryError, match=told):
        read_scan(folder)


def test_a_name_that_all_slices_share_makes_none_of_another_kind(patient_1, plain, tmp_path):
    for index, dataset in enumerate(patient_1):
        dataset.SeriesDescription = "LGE PSIR SAX"
        dataset.ImageType = ["ORIGINAL", "PRIMARY", *(["M"] if index == 3 else [])]
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
