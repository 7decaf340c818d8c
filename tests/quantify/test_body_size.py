from dataclasses import replace

import pytest

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.quantify.body_size import BodySize, body_of


def test_surface_by_mosteller():
    assert BodySize(height_cm=180, weight_kg=80).surface_m2 == pytest.approx(2.0)
    assert BodySize(height_cm=90, weight_kg=10).surface_m2 == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("height_cm", "weight_kg", "words"),
    [
        (1.75, 80, "height must be 30 to 250 cm, got 1.75"),
        (175, 0, "weight must be 1 to 400 kg, got 0"),
        (175, float("nan"), "weight must be 1 to 400 kg, got nan"),
        (60, 175, "fit no real person"),
    ],
)
def test_impossible_sizes_are_refused(height_cm, weight_kg, words):
    with pytest.raises(InputError, match=words):
        BodySize(height_cm=height_cm, weight_kg=weight_kg)


@pytest.fixture
def scan(samples):
    return read_scan(samples / "nifti" / "phantom-1.nii.gz")


def test_given_sizes_win_over_the_header_and_half_of_one_is_refused(scan):
    told = replace(scan, height_cm=170.0, weight_kg=70.0)
    assert body_of(told)[0] == BodySize(height_cm=170, weight_kg=70)
    assert body_of(told, height_cm=180, weight_kg=80)[0] == BodySize(height_cm=180, weight_kg=80)
    with pytest.raises(InputError, match="give both or neither"):
        body_of(told, height_cm=180)
    assert body_of(scan) == (None, ())


def test_an_impossible_size_in_the_header_is_left_with_a_warning(scan):
    body, warnings = body_of(replace(scan, height_cm=175.0, weight_kg=800.0))
    assert body is None
    assert "PatientSize and PatientWeight of the header were not used: weight" in warnings[0]


def test_sizes_come_from_dicom(patient, tmp_path):
    for index, dataset in enumerate(patient(PatientSize="1.8", PatientWeight="80")):
        dataset.save_as(tmp_path / f"{index}.dcm")
    scan = read_scan(tmp_path)
    assert (scan.height_cm, scan.weight_kg) == (180.0, 80.0)
    for index, dataset in enumerate(patient(PatientSize="0", PatientWeight="")):
        dataset.save_as(tmp_path / f"{index}.dcm")
    assert (read_scan(tmp_path).height_cm, read_scan(tmp_path).weight_kg) == (None, None)
