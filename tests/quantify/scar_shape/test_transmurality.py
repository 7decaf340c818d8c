"""Chords of thin and of open walls, in rings drawn by hand."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from acsnet.quantify.polar import CHORDS
from acsnet.quantify.scar_shape.transmurality import radial_chords


def plane(pixel_mm):
    """Distance down and to the right of the middle of an image 70 mm wide, mm."""
    side = int(70 / pixel_mm)
    return (np.indices((side, side)) - (side - 1) / 2) * pixel_mm


def chords_of(pool, wall, scar, pixel_mm):
    labels = np.where(scar, 4, np.where(wall, 2, np.where(pool, 1, 0))).astype(np.uint8)
    return radial_chords(labels[None], (pixel_mm, pixel_mm))


@pytest.mark.parametrize("thick_mm", [1.5, 2.2])
def test_scar_through_a_thinned_part_of_a_wall_is_transmural(thick_mm):
    down, right = plane(0.5)
    radius, angle = np.hypot(down, right), np.degrees(np.arctan2(down, right))
    thin = np.abs(angle) < 31.5  # 21 chords of 3 degrees, 0 in the middle of them
    wall = (radius >= 20) & (radius < np.where(thin, 20 + thick_mm, 29))
    chords = chords_of(radius < 20, wall, wall & thin, 0.5)
    share = np.roll(chords.transmurality_percent[0], 10)[:21]
    np.testing.assert_allclose(share, 100.0)
    np.testing.assert_allclose(np.roll(chords.wall_mm[0], 10)[:21], thick_mm, atol=0.6)
    assert np.isfinite(chords.transmurality_percent).all()


@pytest.mark.parametrize("pixel_mm", [0.7, 1.4, 2.4])
def test_a_wall_one_pixel_thick_has_chords_also_where_its_pixels_touch_by_corners(pixel_mm):
    ventricle = np.hypot(*plane(pixel_mm)) < 25
    pool = binary_erosion(ventricle)
    wall = ventricle & ~pool
    chords = chords_of(pool, wall, wall, pixel_mm)
    np.testing.assert_allclose(chords.transmurality_percent, 100.0)


def test_a_chord_that_grazes_the_end_of_an_open_wall_is_none_and_a_thin_wall_is():
    # The mouth is 6 mm wide. The chord at 3 degrees would leave it at 3 / sin 3 = 57 mm and meets
    # no wall; that at 6 degrees leaves it at 3 / sin 6 = 28.7 mm, 1.3 mm before the epicardium;
    # that at 9 degrees at 19.2 mm, within the pool. Opposite, the wall is 1.5 mm thick.
    down, right = plane(0.5)
    radius = np.hypot(down, right)
    thin = (right < 0) & (np.abs(down) < 10)
    wall = (radius >= 20) & (radius < np.where(thin, 21.5, 30))
    wall &= ~((right > 0) & (np.abs(down) < 3))
    chords = chords_of(radius < 20, wall, np.zeros_like(wall), 0.5)
    missing = np.flatnonzero(np.isnan(chords.wall_mm[0]))
    assert missing.tolist() == [0, 1, 2, CHORDS - 2, CHORDS - 1]
    assert chords.wall_mm[0, CHORDS // 2] == pytest.approx(1.5, abs=0.5)
