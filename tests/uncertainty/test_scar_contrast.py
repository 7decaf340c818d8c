"""Brightness of scar between wall and blood, by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acsnet.labels import Label
from acsnet.uncertainty.scar_contrast import contrasts_apart, scar_contrast


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
    assert scar_contrast(*heart()) == pytest.approx(1.5)  # (170 - 20) / (120 - 20)
    # Half of it as dark as the wall: the brightest quarter is what counts.
    assert scar_contrast(*heart(scar=(20.0, 170.0))) == pytest.approx(1.5)


def test_scar_no_brighter_than_the_wall_has_the_least_contrast():
    assert scar_contrast(*heart(scar=(10.0,))) == 0.1


@pytest.mark.parametrize(
    "unclear", [heart(voxels=19), heart(pool=20.0)], ids=["little scar", "blood as dark as wall"]
)
def test_what_cannot_be_measured_is_unknown(unclear):
    assert scar_contrast(*unclear) is None


def test_an_obstruction_is_no_part_of_the_brightness():
    pixels, labels = heart(scar=(170.0,))
    labels[0, 2, :10] = Label.MICROVASCULAR_OBSTRUCTION
    pixels[0, 2, :10] = 900.0
    assert scar_contrast(pixels, labels) == pytest.approx(1.5)


@given(scale=st.floats(0.01, 100.0), offset=st.floats(-1000.0, 1000.0))
def test_another_scale_of_the_signal_changes_nothing(scale, offset):
    pixels, labels = heart()
    scaled = pixels.astype(np.float64) * scale + offset
    assert scar_contrast(scaled, labels) == pytest.approx(1.5, rel=1e-6)


def test_contrasts_lie_apart_by_their_ratio_whichever_is_the_first():
    assert contrasts_apart(0.5, 1.0) == contrasts_apart(1.0, 0.5) == pytest.approx(math.log(2.0))
    assert contrasts_apart(1.2, 1.2) == 0.0
    assert contrasts_apart(None, 1.2) == contrasts_apart(1.2, None) == 0.0
