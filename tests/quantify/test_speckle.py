"""Single bright points: found, told of, and without weight in the default measures."""

import numpy as np
import pytest

from acsnet.measure import measure_label_file
from acsnet.quantify.quantification import quantify
from acsnet.quantify.scar import classify_enhancement
from acsnet.quantify.scar_shape.texture import measure_texture
from acsnet.quantify.speckle import speckle, speckle_doubt, speckle_percent

SHAPE = (2, 40, 50)


@pytest.fixture
def noise():
    """A wall of 100 +- 10 everywhere."""
    return np.random.default_rng(5).normal(100.0, 10.0, SHAPE)


def test_a_hot_voxel_is_found_and_noise_is_not(noise):
    region = np.ones(SHAPE, bool)
    assert speckle(noise, region).sum() == 0
    noise[1, 7, 9] = 1000.0
    assert np.argwhere(speckle(noise, region)).tolist() == [[1, 7, 9]]


def test_bright_voxels_side_by_side_are_tissue(noise):
    noise[0, 10:14, 10:20] += 400.0
    assert not speckle(noise, np.ones(SHAPE, bool)).any()  # its corners are none, either


def test_two_hot_voxels_side_by_side_are_found(noise):
    noise[0, 20, 20:22] = 1000.0
    assert np.argwhere(speckle(noise, np.ones(SHAPE, bool))).tolist() == [[0, 20, 20], [0, 20, 21]]


def test_the_border_beside_brighter_blood_is_none():
    rng = np.random.default_rng(1)
    signal = rng.normal(100.0, 5.0, (1, 20, 20))
    signal[0, :, 10] += rng.uniform(0, 200, 20)  # some blood in it
    signal[0, :, 11:] = 300.0
    wall = np.zeros(signal.shape, bool)
    wall[0, :, :11] = True
    assert not speckle(signal, wall).any()


def test_a_dark_voxel_is_found_in_the_negated_signal_and_a_dark_core_is_not(noise):
    region = np.ones(SHAPE, bool)
    noise[1, 7, 9] = 0.0
    noise[0, 10:12, 10:12] = 0.0  # as microvascular obstruction of four voxels
    assert np.argwhere(speckle(-noise, region)).tolist() == [[1, 7, 9]]
    assert not speckle(noise, region).any()


def test_of_few_voxels_none_is_called_a_single_one():
    assert not speckle(np.array([[[1.0, 1.0, 900.0]]]), np.ones((1, 1, 3), bool)).any()
    assert speckle_percent(np.zeros((1, 2, 2)), np.zeros((1, 2, 2), bool)) == 0.0


@pytest.mark.parametrize("percentile", [40, 60, 90])
def test_noise_of_a_wall_that_is_cut_off_is_none_but_a_hot_voxel_is(noise, percentile):
    region = np.ones(SHAPE, bool)
    lowest = np.percentile(noise, percentile)
    noise[1, 7, 9] = 1000.0
    signal = np.rint(np.maximum(noise - lowest, 0.0)).astype(np.uint8)
    assert np.argwhere(speckle(signal, region)).tolist() == [[1, 7, 9]]


def test_noise_in_a_scar_that_is_cut_off_above_is_none(noise):
    assert not speckle(np.minimum(noise, 100.0), np.ones(SHAPE, bool)).any()


def test_noise_of_less_than_a_step_of_the_image_is_none_but_a_hot_voxel_is(noise):
    region = np.ones(SHAPE, bool)
    signal = np.rint(noise / 25.0)  # 4 +- 0.4
    signal[0, 20, 20] = 40.0
    assert np.argwhere(speckle(signal, region)).tolist() == [[0, 20, 20]]


def test_a_wall_of_one_signal_up_to_rounding_has_none():
    signal = np.full(SHAPE, 100.0, np.float32)
    assert not speckle(signal, np.ones(SHAPE, bool)).any()
    signal[np.random.default_rng(5).random(SHAPE) < 0.3] = 100.00001
    assert not speckle(signal, np.ones(SHAPE, bool)).any()


def test_many_of_them_are_told(noise):
    wall = np.ones(SHAPE, bool)
    assert speckle_doubt(noise, wall) == ()
    noise[:, ::10, ::10] = 1000.0  # 40 of 4000
    (doubt,) = speckle_doubt(noise, wall)
    assert doubt.startswith("1.0 % of the wall are single bright points")


@pytest.fixture
def infarct(noise):
    """Wall and scar (200 +- 10), clean and with 1.5 % hot voxels."""
    scar = np.zeros(SHAPE, bool)
    scar[:, 10:26, 10:30] = True
    noise[scar] += 100.0
    hot = noise.copy()
    places = np.random.default_rng(2).permutation(noise.size)[: int(0.015 * noise.size)]
    hot.ravel()[places] = 2000.0
    return noise, hot, scar


def test_hot_voxels_leave_core_scar_and_entropy_as_they_were(infarct):
    clean, hot, scar = infarct
    wall = np.ones(SHAPE, bool)
    cores = [classify_enhancement(image, wall, scar).core.sum() for image in (clean, hot)]
    assert cores[1] == pytest.approx(cores[0], rel=0.05)
    labels = np.where(scar, 4, 2).astype(np.uint8)
    bits = [
        measure_texture(labels, image, spacing_mm=(8.0, 1.0, 1.0), voxel_ml=0.01)
        for image in (clean, hot)
    ]
    assert bits[1].scar_entropy_bits == pytest.approx(bits[0].scar_entropy_bits, rel=0.05)
    assert bits[1].myocardium_entropy_bits == pytest.approx(
        bits[0].myocardium_entropy_bits, rel=0.05
    )


def test_a_scan_with_hot_voxels_says_so(shell):
    scan, labels = shell(extent_deg=90)
    assert not any("single bright" in text for text in quantify(scan, labels).warnings)
    pixels = scan.pixels + np.random.default_rng(3).normal(0, 2, scan.pixels.shape)
    where = np.argwhere(labels >= 2)[::70]
    pixels[tuple(where.T)] = 5000.0
    found = quantify(type(scan)(**{**vars(scan), "pixels": pixels.astype(np.float32)}), labels)
    assert any("single bright points" in text for text in found.warnings)


@pytest.mark.parametrize("number", [1, 2])
def test_the_sample_patients_have_none_to_speak_of(samples, number):
    name = f"phantom-{number}.nii.gz"
    measured = measure_label_file(samples / "nifti" / name, samples / "truth" / name)
    assert measured.warnings == ()
