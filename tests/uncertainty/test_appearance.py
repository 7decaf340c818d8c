"""Brightness of scar, and of the wall, beside blood: by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acsnet.labels import Label
from acsnet.uncertainty.appearance import Appearance, apart, appearance, unlike


def heart(*, wall=20.0, pool=120.0, scar=(170.0,), voxels=50):
    """One slice: 50 voxels of blood, of healthy wall and of scar, half of it core."""
    labels = np.repeat([Label.LV_BLOOD_POOL, Label.LV_MYOCARDIUM, Label.CORE_SCAR], 50)
    labels = labels.astype(np.uint8).reshape(1, 3, 50)
    labels[0, 2, voxels:] = 0
    labels[0, 2, ::2][labels[0, 2, ::2] > 0] = Label.GREY_ZONE
    pixels = np.zeros(labels.shape, np.float32)
    pixels[0, 0], pixels[0, 1] = pool, wall
    pixels[0, 2] = np.resize(scar, 50)
    return pixels, labels


def test_the_contrast_of_a_scar_by_hand():
    assert appearance(*heart()).contrast == pytest.approx(1.5)  # (170 - 20) / (120 - 20)
    # Half of it as dark as the wall: the brightest quarter is what counts.
    assert appearance(*heart(scar=(20.0, 170.0))).contrast == pytest.approx(1.5)


def test_the_level_of_the_wall_by_hand():
    pixels, labels = heart()
    around = np.zeros((1, 3, 50), np.float32)  # black, more than 0.5 % of the pixels
    pixels, labels = np.concatenate([pixels, around]), np.concatenate([labels, around.astype(int)])
    assert appearance(pixels, labels).wall_level == pytest.approx(20 / 120)
    assert appearance(pixels + 100.0, labels).wall_level == pytest.approx(20 / 120)
    assert appearance(*heart()).wall_level == 0.02  # nothing darker: the wall is black


def test_scar_no_brighter_than_the_wall_has_the_least_contrast():
    assert appearance(*heart(scar=(10.0,))).contrast == 0.1


def test_what_cannot_be_measured_is_unknown():
    little_scar = appearance(*heart(voxels=19))
    assert (little_scar.contrast, little_scar.wall_level) == (None, 0.02)
    assert appearance(*heart(pool=20.0)) == Appearance()  # blood as dark as the wall
    pixels, labels = heart()
    assert appearance(pixels, np.where(labels == Label.LV_BLOOD_POOL, 0, labels)) == Appearance()


def test_an_obstruction_is_no_part_of_the_brightness():
    pixels, labels = heart(scar=(170.0,))
    labels[0, 2, :10] = Label.MICROVASCULAR_OBSTRUCTION
    pixels[0, 2, :10] = 900.0
    assert appearance(pixels, labels).contrast == pytest.approx(1.5)


@given(scale=st.floats(0.01, 100.0), offset=st.floats(-1000.0, 1000.0))
def test_another_scale_of_the_signal_changes_nothing(scale, offset):
    pixels, labels = heart()
    scaled = pixels.astype(np.float64) * scale + offset
    assert appearance(scaled, labels).contrast == pytest.approx(1.5, rel=1e-6)


def test_contrasts_lie_apart_by_their_ratio_whichever_is_the_first():
    assert apart(0.5, 1.0) == apart(1.0, 0.5) == pytest.approx(math.log(2.0))
    assert apart(1.2, 1.2) == 0.0
    assert apart(None, 1.2) == apart(1.2, None) == 0.0


def test_contrasts_within_a_tenth_are_alike():
    assert unlike(1.0, 1.1) == unlike(1.1, 1.0) == 0.0
    assert unlike(1.0, 2.0) == unlike(2.0, 1.0) == pytest.approx(math.log(2.0) - 0.1)
    assert unlike(None, 1.2) == 0.0
