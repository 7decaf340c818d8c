"""Scar at half signal: by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acsnet.labels import Label
from acsnet.uncertainty.half_signal import half_signal_volume_ml

SPACING_MM = (10.0, 2.0, 2.0)
VOXEL_ML = 0.04


def heart(*, drawn=10, bright=10, scar=100.0, wall=20.0, slices=1):
    """A wall of 8 rows and 60 columns beside blood: scar in its first columns.

    drawn, bright: columns that are drawn, and that are as bright as scar.
    """
    labels = np.zeros((slices, 24, 80), np.uint8)
    labels[:, 8:16, 10:70] = Label.LV_MYOCARDIUM
    labels[:, 16:20, 10:70] = Label.LV_BLOOD_POOL
    labels[:, 8:16, 10 : 10 + drawn] = Label.GREY_ZONE
    pixels = np.full(labels.shape, wall, np.float32)
    pixels[:, :, : 10 + bright] = scar
    return pixels, labels


def volume(pixels, labels):
    return half_signal_volume_ml(pixels, labels, spacing_mm=SPACING_MM)


def test_scar_that_is_drawn_as_far_as_it_is_bright_has_its_volume():
    assert volume(*heart()) == pytest.approx(10 * 8 * VOXEL_ML)
    assert volume(*heart(slices=3)) == pytest.approx(3 * 10 * 8 * VOXEL_ML)


def test_scar_of_which_a_part_is_drawn_counts_as_far_as_it_is_bright():
    assert volume(*heart(drawn=10, bright=13)) == pytest.approx(13 * 8 * VOXEL_ML)
    assert volume(*heart(drawn=13, bright=10)) == pytest.approx(10 * 8 * VOXEL_ML)


def test_what_is_bright_far_from_drawn_scar_does_not_count():
    # 8 mm are four columns; another slice without scar does not count either.
    assert volume(*heart(drawn=10, bright=30)) == pytest.approx(14 * 8 * VOXEL_ML)
    pixels, labels = heart(slices=2)
    labels[1][labels[1] == Label.GREY_ZONE] = Label.LV_MYOCARDIUM
    assert volume(pixels, labels) == pytest.approx(10 * 8 * VOXEL_ML)


def test_blood_is_no_wall():
    pixels, labels = heart()
    pixels[labels == Label.LV_BLOOD_POOL] = 100.0
    # Blood a pixel beside the wall lifts its last row by 16 % of the way (smoothing of 1 mm).
    assert volume(pixels, labels) == pytest.approx(10 * 8 * VOXEL_ML)


def test_a_dark_obstruction_counts_as_it_is_drawn():
    pixels, labels = heart()
    labels[0, 10:14, 10:14] = Label.MICROVASCULAR_OBSTRUCTION
    pixels[0, 10:14, 10:14] = 0.0
    assert volume(pixels, labels) == pytest.approx(10 * 8 * VOXEL_ML)


def test_a_single_point_of_noise_above_half_does_not_count():
    pixels, labels = heart()
    pixels[0, 12, 22] = 75.0  # smoothed to 54; half-way is 60
    assert volume(pixels, labels) == pytest.approx(10 * 8 * VOXEL_ML)


def test_what_cannot_be_told_is_unknown():
    pixels, labels = heart(drawn=2)  # 16 voxels of scar
    assert volume(pixels, labels) is None
    assert volume(*heart(scar=20.0)) is None  # no brighter than the wall
    pixels, labels = heart()
    assert volume(pixels, np.where(labels == Label.LV_MYOCARDIUM, 0, labels)) is None
    assert volume(pixels, np.zeros_like(labels)) is None


@given(scale=st.floats(0.01, 100.0), offset=st.floats(-1000.0, 1000.0))
def test_another_scale_of_the_signal_changes_nothing(scale, offset):
    pixels, labels = heart(drawn=10, bright=13)
    scaled = pixels.astype(np.float64) * scale + offset
    assert volume(scaled, labels) == pytest.approx(13 * 8 * VOXEL_ML)
