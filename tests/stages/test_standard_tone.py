import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from acsnet.stages.standard_tone import LEVELS, in_standard_tone


def scan():
    """Black 0, wall 100, blood 400, a little scar of 600, and one pixel of fat brighter still."""
    pixels = np.zeros((1, 40, 40), np.float32)
    wall, pool = np.zeros(pixels.shape, bool), np.zeros(pixels.shape, bool)
    wall[:, 10:15, 5:35] = True
    pool[:, 15:25, 5:35] = True
    pixels[wall], pixels[pool] = 100.0, 400.0
    scar = np.zeros(pixels.shape, bool)
    scar[:, 8:10, 5:10] = True
    pixels[scar] = 600.0
    pixels[0, 39, 39] = 700.0
    return pixels, wall | pool | scar, wall, pool


def test_wall_blood_and_the_top_lie_at_their_levels_and_what_is_brighter_on_a_line():
    pixels, ventricle, wall, pool = scan()
    toned = in_standard_tone(pixels, ventricle, wall=wall, pool=pool)
    assert toned[0, 0, 0] == LEVELS[0]
    np.testing.assert_allclose(toned[wall], LEVELS[1])
    np.testing.assert_allclose(toned[pool], LEVELS[2])
    np.testing.assert_allclose(toned[0, 8, 5], LEVELS[3])
    # From blood to top 0.4 in 200: half as much again beyond it.
    np.testing.assert_allclose(toned[0, 39, 39], 1.6, rtol=1e-6)


@given(scale=st.floats(0.01, 100.0), offset=st.floats(-500.0, 500.0))
def test_scale_and_offset_play_no_part(scale, offset):
    pixels, ventricle, wall, pool = scan()
    toned = in_standard_tone(pixels, ventricle, wall=wall, pool=pool)
    again = in_standard_tone(scale * pixels + offset, ventricle, wall=wall, pool=pool)
    np.testing.assert_allclose(again, toned, atol=1e-3)


def test_the_square_of_a_scan_has_its_tissues_at_the_same_levels():
    pixels, ventricle, wall, pool = scan()
    toned = in_standard_tone(pixels, ventricle, wall=wall, pool=pool)
    again = in_standard_tone(pixels**2, ventricle, wall=wall, pool=pool)
    np.testing.assert_allclose(again[ventricle], toned[ventricle], rtol=1e-5)


def test_without_a_rising_curve_there_is_none():
    pixels, ventricle, wall, pool = scan()
    assert in_standard_tone(-pixels, ventricle, wall=wall, pool=pool) is None
    assert in_standard_tone(pixels, ventricle, wall=wall, pool=np.zeros_like(pool)) is None
