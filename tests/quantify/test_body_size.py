from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pytest

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.quantify.body_size import (
    HEADER_NOT_USED,
    BodySize,
    body_numbers,
    body_of,
    with_body,
)
from acsnet.quantify.features import compute_features


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


@pytest.mark.parametrize(("inside_kg", "outside_kg"), [(20.3, 20.1), (346.0, 347.5)])
def test_a_body_mass_index_of_7_to_120_is_taken(inside_kg, outside_kg):
    # At 1.7 m: 7 * 1.7 ** 2 = 20.23 kg and 120 * 1.7 ** 2 = 346.8 kg.
    assert BodySize(height_cm=170, weight_kg=inside_kg).weight_kg == inside_kg
    with pytest.raises(InputError, match="fit no real person"):
        BodySize(height_cm=170, weight_kg=outside_kg)


def test_masses_and_indexed_sizes_by_hand():
    features = SimpleNamespace(
        lv_volume_ml=300.0,
        blood_pool_volume_ml=200.0,
        myocardium_volume_ml=100.0,
        myocardium_mass_g=105.0,
        enhancement_volume_ml=20.0,
        core_scar_volume_ml=12.0,
        grey_zone_volume_ml=8.0,
    )
    numbers = body_numbers(features, BodySize(height_cm=180, weight_kg=80))  # 2 m2
    assert asdict(numbers) == pytest.approx(
        {
            "height_cm": 180.0,
            "weight_kg": 80.0,
            "body_surface_area_m2": 2.0,
            "lv_volume_index_ml_m2": 150.0,
            "blood_pool_volume_index_ml_m2": 100.0,
            "myocardium_mass_index_g_m2": 52.5,
            "enhancement_mass_index_g_m2": 10.5,
            "enhancement_mass_g": 21.0,
            "core_scar_mass_g": 12.6,
            "grey_zone_mass_g": 8.4,
            "grey_zone_burden_percent": 8.0,
        }
    )


def test_a_size_given_later_replaces_the_warning_that_the_header_has_none():
    labels = np.ones((1, 10, 20), np.uint8)  # 200 voxels of 1 ml, and 2 m2
    document = {
        **asdict(compute_features(labels, 1.0)),
        "name": "case",
        "warnings": [f"{HEADER_NOT_USED}: weight must be 1 to 400 kg, got 0", "poor contrast"],
    }
    after = with_body(document, BodySize(height_cm=180, weight_kg=80))
    assert after["lv_volume_index_ml_m2"] == pytest.approx(100.0)
    assert (after["name"], after["warnings"]) == ("case", ["poor contrast"])
