"""Chords of thin and of open walls, in rings drawn by hand."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from acsnet.quantify.polar import CHORDS
from acsnet.quantify.scar_shape.transmurality import Chords, radial_chords, summarise


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


def test_scar_that_ends_before_the_epicardium_leaves_a_gap_there():
    radius = np.hypot(*plane(0.25))
    wall = (radius >= 20) & (radius < 30)
    chords = chords_of(radius < 20, wall, (radius >= 25) & (radius < 29), 0.25)
    np.testing.assert_allclose(chords.inner_gap_mm, 5.0, atol=0.4)
    np.testing.assert_allclose(chords.outer_gap_mm, 1.0, atol=0.4)


def chords_like(endocardium_mm, shares=0.0, *, lined=(), wall_mm=10.0):
    """One slice, with scar at the endocardium of some chords; NaN mm where there is no wall."""
    endocardium = np.asarray(endocardium_mm, float)[None]
    gap = np.full(endocardium.shape, np.nan)
    gap[0, list(lined)] = 0.0
    return Chords(
        transmurality_percent=np.where(np.isnan(endocardium), np.nan, shares),
        wall_mm=np.where(np.isnan(endocardium), np.nan, wall_mm),
        endocardium_mm=endocardium,
        inner_gap_mm=gap,
        outer_gap_mm=gap,
    )


def test_mean_transmurality_is_weighted_by_scar():
    # (20 * 20 + 80 * 80) / 100; chords without scar have no weight.
    shares = np.zeros(CHORDS)
    shares[:2] = 20.0, 80.0
    whole = summarise(chords_like(np.full(CHORDS, 20.0), shares), slice_mm=10.0)
    assert whole.scar_transmurality_percent == pytest.approx(68.0)


def test_scar_in_a_thin_wall_weighs_as_much_as_there_is_of_it():
    # 20 % of 10 mm are 2 mm of scar, 80 % of 5 mm are 4 mm: (2 * 20 + 4 * 80) / 6.
    shares, wall_mm = np.zeros(CHORDS), np.full(CHORDS, 10.0)
    shares[:2], wall_mm[1] = (20.0, 80.0), 5.0
    chords = chords_like(np.full(CHORDS, 20.0), shares, wall_mm=wall_mm)
    assert summarise(chords, slice_mm=10.0).scar_transmurality_percent == pytest.approx(60.0)


def test_the_endocardium_of_an_open_wall_ends_at_its_mouth():
    # A side between chords 3 degrees apart is 2 * 20 mm * sin 1.5 = 1.0471 mm: 59 are 61.78 mm,
    # and the first and the last chord have half of one each.
    endocardium = np.where(np.arange(CHORDS) < 60, 20.0, np.nan)
    whole = summarise(chords_like(endocardium, lined=[0]), slice_mm=10.0)
    assert whole.endocardial_area_cm2 == pytest.approx(6.178, abs=0.001)
    assert whole.scar_endocardial_area_cm2 == pytest.approx(0.05236, abs=1e-5)
    last = summarise(chords_like(endocardium, lined=[59]), slice_mm=10.0)
    assert last.scar_endocardial_area_cm2 == pytest.approx(0.05236, abs=1e-5)
    inner = summarise(chords_like(endocardium, lined=[30]), slice_mm=10.0)
    assert inner.scar_endocardial_area_cm2 == pytest.approx(0.10471, abs=1e-5)


@pytest.mark.parametrize("turn", [30, 60, 119])
def test_the_endocardium_is_as_long_wherever_the_first_chord_points(turn):
    endocardium = np.where(np.arange(CHORDS) < 40, 20.0, 10.0)
    one, other = (
        summarise(chords_like(ring, lined=lined), slice_mm=10.0)
        for ring, lined in ((endocardium, [0]), (np.roll(endocardium, turn), [turn]))
    )
    assert other.endocardial_area_cm2 == pytest.approx(one.endocardial_area_cm2)
    assert other.scar_endocardial_area_cm2 == pytest.approx(one.scar_endocardial_area_cm2)
