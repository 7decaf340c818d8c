import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from acsnet.quantify.volumes import burden_percent, mass_g, slice_count, volume_ml

masks = arrays(bool, (3, 4, 5))


def test_six_voxels_of_half_a_millilitre_are_three_millilitres():
    mask = np.zeros((2, 3, 4), dtype=bool)
    mask[1, :, :2] = True
    assert volume_ml(mask, 0.5) == 3.0


@pytest.mark.parametrize("voxel_ml", [0.0, -1.0, np.nan, np.inf])
def test_a_voxel_without_volume_is_refused(voxel_ml):
    with pytest.raises(ValueError, match="must be positive and finite"):
        volume_ml(np.ones((1, 1, 1), dtype=bool), voxel_ml)


def test_a_hundred_millilitres_weigh_a_hundred_and_five_grams():
    assert mass_g(100.0) == pytest.approx(105.0)


def test_burden_is_a_share_of_the_whole_wall_and_unknown_without_one():
    assert burden_percent(30.0, 120.0) == 25.0
    assert burden_percent(0.0, 120.0) == 0.0
    assert burden_percent(0.0, 0.0) is None
    assert 100.0 * 0.69 / 0.69 > 100.0  # by rounding
    assert burden_percent(0.69, 0.69) == 100.0


def test_slices_that_hold_any_voxel_are_counted():
    mask = np.zeros((4, 3, 3), dtype=bool)
    mask[0, 1, 1] = mask[2] = True
    assert slice_count(mask) == 2


@given(one=masks, other=masks, voxel_ml=st.floats(0.001, 10.0))
def test_volumes_of_parts_add_up_in_any_slice_order(one, other, voxel_ml):
    parts = volume_ml(one, voxel_ml) + volume_ml(other & ~one, voxel_ml)
    assert volume_ml(one | other, voxel_ml) == pytest.approx(parts)
    assert volume_ml(one[::-1], voxel_ml) == volume_ml(one, voxel_ml)
