import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acsnet.export import write_result
from acsnet.io import read_scan
from acsnet.labels import Label
from acsnet.quantify.features import compute_features
from acsnet.quantify.scar import ScarThreshold
from acsnet.uncertainty.calibration import read_calibration
from acsnet.uncertainty.mc_samples import (
    Sample,
    Uncertainty,
    slice_uncertainty,
    summarise_samples,
    voxel_uncertainty,
)

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scan(samples):
    """Four slices from the middle of a patient: less to look at than the whole."""
    scan = read_scan(samples / "nifti" / "phantom-1.nii.gz")
    rows, columns, _ = scan.grid.shape
    grid = replace(scan.grid, shape=(rows, columns, 4))
    return replace(scan, pixels=scan.pixels[2:6], grid=grid)


@pytest.fixture(scope="module")
def results(pipeline, scan):
    return pipeline(scan), replace(pipeline, uncertainty=True)(scan)


def test_voxels_are_sure_where_the_mean_is_and_least_where_all_three_tissues_are_alike():
    wall, enhancement = np.array([0.0, 1.0, 1.0, 2 / 3, 1.0]), np.array([0.5, 0.0, 1.0, 1 / 3, 0.5])
    # Enhancement outside the wall is none; a coin's toss is 1 bit of the log2(3) there are.
    expected = [0.0, 0.0, 0.0, 1.0, np.log(2) / np.log(3)]
    found = voxel_uncertainty(wall, enhancement)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_mean_just_above_one_is_sure():
    # As resampling in single precision leaves it.
    assert voxel_uncertainty(np.array([1.0 + 1e-7]), np.array([0.0])).tolist() == [0.0]


@given(st.floats(0, 1), st.floats(0, 1))
def test_the_uncertainty_of_a_voxel_is_a_share(wall, enhancement):
    assert -1e-6 <= voxel_uncertainty(np.float64(wall), np.float64(enhancement)) <= 1 + 1e-6


def test_a_slice_is_as_unsure_as_the_samples_differ_from_its_wall():
    wall = np.zeros((4, 1, 4), bool)
    wall[0, 0, :2] = wall[1, 0, :2] = True
    samples = np.zeros((2, 4, 1, 4), bool)
    samples[:, 0] = wall[0]
    samples[0, 1, 0, 1:3] = True  # Dice 2 x 1 / 4, the other sample's is 0
    samples[0, 2, 0, 0] = True  # one of two sees a wall where none is drawn
    found = slice_uncertainty(wall, samples)
    np.testing.assert_allclose(found, [0.0, 0.75, 0.5, np.nan])


def test_without_samples_nothing_is_said():
    labels = np.zeros((2, 3, 3), np.uint8)
    nothing = summarise_samples(
        (),
        labels=labels,
        features=compute_features(labels, 1.0),
        enhancement_probability=np.zeros(labels.shape, np.float32),
        weights={},
        calibration=read_calibration(),
    )
    assert nothing is None


@pytest.mark.parametrize(
    ("myo", "note"),
    [
        ("12ab", None),
        (
            "34cd",
            "there are no intervals: they were fitted for the MYO network 12ab, not for 34cd",
        ),
    ],
)
def test_intervals_are_of_the_network_that_they_were_fitted_for(myo, note):
    uncertainty = of_a_wall(myo=f"{myo}ef", threshold=ScarThreshold(method="remote"))
    assert uncertainty.unclear == 100.0
    assert (uncertainty.intervals is None) is (note is not None)
    assert uncertainty.notes == (() if note is None else (note,))


def test_intervals_of_core_and_grey_zone_are_of_the_threshold_that_they_were_fitted_for():
    by_peak = of_a_wall(myo="12ab", threshold=ScarThreshold(method="half_max", value=50.0))
    by_remote = of_a_wall(myo="12ab", threshold=ScarThreshold(method="remote", value=50.0))
    assert set(by_remote.intervals) - set(by_peak.intervals) == {
        "core_scar_volume_ml",
        "grey_zone_volume_ml",
        "core_scar_burden_percent",
    }
    assert "enhancement_volume_ml" in by_peak.intervals
    (note,) = by_peak.notes
    assert note.startswith("core scar and grey zone have no intervals: these were fitted for the")


def test_intervals_are_those_of_any_threshold_where_there_is_nothing_to_split():
    unsplit = of_a_wall(myo="12ab", threshold=ScarThreshold(method="half_max"))
    by_remote = of_a_wall(myo="12ab", threshold=ScarThreshold(method="remote"))
    assert unsplit.notes == ()
    assert unsplit.intervals == by_remote.intervals
    assert {"core_scar_volume_ml", "grey_zone_volume_ml"} < set(unsplit.intervals)


def of_a_wall(*, myo, threshold):
    """The uncertainty of four voxels of wall, drawn by a network, with intervals for "12ab"."""
    labels = np.full((1, 2, 2), Label.LV_MYOCARDIUM, np.uint8)
    half = np.full(labels.shape, 0.5, np.float32)
    return summarise_samples(
        [Sample(wall_probability=half, enhancement_probability=half, wall=labels > 0)],
        labels=labels,
        features=compute_features(labels, 1.0, threshold=threshold),
        enhancement_probability=half,
        weights={"roi": "12ab", "myo": myo},
        calibration=replace(read_calibration(), networks="12ab"),
    )


def test_only_a_wall_more_unclear_than_the_limit_is_flagged():
    limit = read_calibration().high_uncertainty

    def flags(unclear):
        uncertainty = Uncertainty(
            voxels=np.zeros(1), slices=np.zeros(1), intervals={}, unclear=unclear
        )
        return [flag.flag for flag in uncertainty.flags(read_calibration())]

    assert flags(limit) == []
    assert flags(limit + 0.1) == ["high_uncertainty"]


def test_asking_changes_no_number_that_is_given_without(results):
    plain, sure = results
    np.testing.assert_array_equal(plain.labels, sure.labels)
    assert plain.uncertainty is None
    assert plain.features == sure.features


def test_every_volume_has_an_interval_with_it_inside(results):
    document = results[1].features_dict()
    assert {"lv_volume_ml", "blood_pool_volume_ml", "myocardium_volume_ml"} < set(
        document["intervals"]
    )
    for name, interval in document["intervals"].items():
        assert interval.keys() == {"low", "high", "level"}
        assert 0 <= interval["low"] <= document[name] <= interval["high"]
    assert len(document["slice_uncertainty"]) == document["slices"]


def test_the_map_lies_on_the_grid_of_the_input_and_goes_when_it_is_not_asked_for(results, tmp_path):
    plain, sure = results
    folder = write_result(sure, tmp_path)
    written, labels = (
        nib.load(folder / f"{name}.nii.gz") for name in ("uncertainty", "segmentation")
    )
    assert written.get_data_dtype() == np.float32
    assert written.shape == labels.shape
    np.testing.assert_allclose(written.affine, labels.affine)
    values = written.get_fdata()
    assert values.min() >= 0
    assert values.max() <= 1
    # It is the border of the wall that is doubted, neither the lung nor the middle of the blood.
    inside = np.isin(labels.dataobj, (1, 2, 3, 4, 5))
    assert values[inside].mean() > 5 * values[~inside].mean()
    assert json.loads((folder / "features.json").read_text())["intervals"]
    assert not (write_result(plain, tmp_path) / "uncertainty.nii.gz").exists()
