"""Cine and long-axis stacks are called what they are, and no scar is measured on cine."""

import nibabel as nib
import numpy as np
import pytest

import packings
from acsnet.io import read_scan
from acsnet.measure import measure_drawn
from acsnet.scan import is_fit


@pytest.fixture
def patient_1(samples):
    return packings.slices(samples / "dicom" / "phantom-1")


def test_scar_is_null_on_cine_whether_the_networks_draw_or_a_person(
    patient_1, samples, tmp_path, pipeline
):
    scan = read_scan(packings.cine(patient_1, tmp_path / "cine"))
    assert scan.contrast == "cine"
    assert not is_fit(scan.warnings)
    result = pipeline(scan)
    assert set(np.unique(result.labels)) == {0, 1, 2}
    features = result.features_dict()
    assert features["lv_volume_ml"] == pytest.approx(196, abs=2)
    nulls = ("scar_burden_percent", "enhancement_volume_ml", "core_scar_volume_ml")
    assert [features[name] for name in nulls] == [None] * 3
    drawn = scan.grid.to_input(np.where(result.labels == 2, 4, result.labels).astype(np.uint8))
    assert measure_drawn(scan, drawn).features_dict()["scar_burden_percent"] is None


def test_a_name_that_says_lge_keeps_its_numbers_and_the_doubt(patient_1, tmp_path):
    folder = packings.cine(patient_1, tmp_path / "a")
    for dataset in patient_1:
        dataset.SeriesDescription = "SA PSIR"
    scan = read_scan(packings.write(folder, patient_1))
    assert scan.contrast == "lge"
    assert "looks like cine" in scan.warnings[0]


@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("LGE 4ch", False),
        ("PSIR_LAX", False),
        ("de 2CH", False),
        ("LGE SAX", True),
        ("SA 3CH", True),
    ],
)
def test_a_long_axis_series_is_told_by_its_name(patient_1, tmp_path, name, fit):
    for dataset in patient_1:
        dataset.SeriesDescription = name
    scan = read_scan(packings.write(tmp_path / "a", patient_1))
    assert is_fit(scan.warnings) is fit
    assert scan.contrast == "lge"


def test_planes_along_the_axis_of_the_heart_are_told(samples, tmp_path):
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    data = np.repeat(np.asanyarray(image.dataobj), 6, axis=2)[40:140:6]
    affine = image.affine.copy()
    affine[:3, 2] /= 6
    affine[:3, 0] *= 6
    path = packings.save_nifti(nib.Nifti1Image(data, affine), tmp_path / "lax.nii")
    scan = read_scan(path)
    assert not is_fit(scan.warnings)
    assert any("this looks like a long-axis stack" in warning for warning in scan.warnings)
