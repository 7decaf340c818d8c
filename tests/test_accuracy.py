"""The shipped networks on real scans of patients they were never trained on."""

import json

import numpy as np
import pytest

from acsnet.errors import GeometryError
from acsnet.evaluate import run_evaluation
from acsnet.export import write_result
from acsnet.io import read_scan

pytestmark = pytest.mark.slow

MINIMUM_DICE = {"lv": 0.90, "myocardium": 0.75, "enhancement": 0.45}


@pytest.fixture(scope="module")
def emidec_dice(pipeline, data, tmp_path_factory):
    """Mean Dice over the slices where the expert drew a region, EMIDEC test list."""
    output = tmp_path_factory.mktemp("emidec")
    for name in json.loads((data / "splits.json").read_text())["emidec"]["test"]:
        scan = read_scan(data / "emidec" / "images" / f"{name}.nii.gz")
        write_result(pipeline(scan), output)
    evaluation = run_evaluation(
        predictions=output, labels=data / "emidec" / "labels", truth="emidec"
    )
    means = {}
    for region in MINIMUM_DICE:
        scores = [case.regions[region] for case in evaluation.cases]
        means[region] = np.concatenate([s.dice[s.expert_drew] for s in scores]).mean()
    return means


@pytest.mark.parametrize("region", MINIMUM_DICE)
def test_dice_on_patients_never_trained_on(emidec_dice, region):
    assert emidec_dice[region] >= MINIMUM_DICE[region]


def test_the_native_scan_keeps_its_grid_and_says_where_its_pixel_size_is_from(pipeline, data):
    result = pipeline(read_scan(data / "native" / "emidec_Case_P100_image.nii.gz"))
    assert result.label_map().shape == (248, 258, 7)
    assert result.scan.spacing_mm == pytest.approx((13.0, 1.40625, 1.40625), abs=1e-4)
    assert 100 < result.features.lv_volume_ml < 300
    assert any("volumes use pixdim" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("stack", "slice_mm"),
    [
        ("SCD0000101_SC-HF-I-1", 10.0),
        ("SCD0000201_SC-HF-I-2", 10.0),
        ("SCD0000301_SC-HF-I-4", 8.0),
    ],
)
def test_scanner_dicom_is_segmented_with_the_true_slice_distance(pipeline, data, stack, slice_mm):
    result = pipeline(read_scan(data / "sunnybrook" / "ed_stacks" / stack / "dicom"))
    assert result.scan.spacing_mm[0] == pytest.approx(slice_mm, abs=0.01)
    assert result.scan.apex_first is True
    assert result.features.lv_slices >= 6


def test_all_cardiac_phases_at_once_are_refused_and_one_is_taken(pipeline, data):
    folder = data / "sunnybrook" / "all_phases" / "SCD0000101"
    with pytest.raises(GeometryError, match=r"20 cardiac phases.*--phase N"):
        read_scan(folder)
    result = pipeline(read_scan(folder, phase=1))
    assert result.features.lv_slices >= 6
