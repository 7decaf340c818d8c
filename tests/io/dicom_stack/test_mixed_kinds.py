"""Single slices of a stack that say that they are of another kind: refused, told or taken."""

import numpy as np
import packed_scans
import pytest

from acsnet.errors import GeometryError
from acsnet.io import read_scan


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
