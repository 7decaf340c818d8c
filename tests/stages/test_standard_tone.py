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
    return plain, wall | pool | scar, wall, pool


def toned(plain, ventricle, wall, pool):
    standard = StandardScan(plain=plain, equalised=255.0 * plain, turns=0, shape=(64, 64))
    return in_standard_tone(standard, ventricle, wall=wall, pool=pool)


def test_wall_blood_top_and_white_lie_at_their_levels(heart):
    out = toned(*heart).plain
    places = [out[0, 0, 0], out[0, 12, 20], out[0, 20, 20], out[0, 8, 5], out[0, 63, 63]]
    np.testing.assert_allclose(places, LEVELS, atol=1e-6)


def test_the_square_of_a_scan_is_seen_as_the_scan(heart):
    plain, ventricle, wall, pool = heart
    first, second = toned(*heart), toned(plain**2, ventricle, wall, pool)
    np.testing.assert_allclose(second.plain, first.plain, atol=1e-6)
    np.testing.assert_allclose(second.equalised, first.equalised, atol=1e-3)


def test_a_ventricle_with_white_in_it_has_white_at_the_level_of_the_top(heart):
    plain, ventricle, wall, pool = heart
    plain[0, 8:10, 5:10] = 1.0
    assert toned(plain, ventricle, wall, pool).plain.max() == pytest.approx(LEVELS[-2])


def test_without_a_rising_curve_the_scan_stays_as_it_is(heart):
    plain, ventricle, wall, pool = heart
    dark = 1.0 - plain
    np.testing.assert_array_equal(toned(dark, ventricle, wall, pool).plain, dark)
    np.testing.assert_array_equal(toned(plain, ventricle, wall, np.zeros_like(pool)).plain, plain)
