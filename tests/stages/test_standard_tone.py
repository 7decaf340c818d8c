import numpy as np
import pytest

from acsnet.preprocess import StandardScan
from acsnet.stages.standard_tone import LEVELS, in_standard_tone


@pytest.fixture
def heart():
    """Black 0, wall 0.1, blood 0.4, a little scar of 0.6, fat of 1: and its masks."""
    plain = np.zeros((1, 64, 64), np.float32)
    wall, pool, scar = (np.zeros(plain.shape, bool) for _ in range(3))
    wall[:, 10:15, 5:35] = True
    pool[:, 15:25, 5:35] = True
    scar[:, 8:10, 5:10] = True
    plain[wall], plain[pool], plain[scar], plain[0, 63, 63] = 0.1, 0.4, 0.6, 1.0
    return plain, wall | pool | scar, wall


def toned(plain, ventricle, wall):
    standard = StandardScan(plain=plain, equalised=255.0 * plain, turns=0, shape=(64, 64))
    return in_standard_tone(standard, ventricle, wall=wall)


def test_black_wall_top_and_white_lie_at_their_levels_and_blood_between(heart):
    out = toned(*heart).plain
    places = [out[0, 0, 0], out[0, 12, 20], out[0, 8, 5], out[0, 63, 63]]
    np.testing.assert_allclose(places, LEVELS, atol=1e-6)
    assert LEVELS[1] < out[0, 20, 20] < LEVELS[2]


@pytest.mark.parametrize("display", [lambda x: x**2, lambda x: x**0.5], ids=["gamma 2", "0.5"])
def test_another_display_leaves_wall_and_scar_where_they_were(heart, display):
    plain, ventricle, wall = heart
    first, second = toned(*heart).plain, toned(display(plain), ventricle, wall).plain
    np.testing.assert_allclose(second[wall], first[wall], atol=1e-6)
    scar = plain == np.float32(0.6)
    np.testing.assert_allclose(second[scar], first[scar], atol=1e-6)


def test_a_ventricle_with_white_in_it_has_white_at_the_level_of_the_top(heart):
    plain, ventricle, wall = heart
    plain[0, 8:10, 5:10] = 1.0
    assert toned(plain, ventricle, wall).plain.max() == pytest.approx(LEVELS[-2])


def test_without_a_rising_curve_the_scan_stays_as_it_is(heart):
    plain, ventricle, wall = heart
    dark = 1.0 - plain
    np.testing.assert_array_equal(toned(dark, ventricle, wall).plain, dark)
    np.testing.assert_array_equal(toned(plain, ventricle, np.zeros_like(wall)).plain, plain)
