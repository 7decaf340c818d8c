from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.train.augment.inversion_time import (
    MAX_SIGNAL,
    TissueLevels,
    anchored_curve,
    moved_in_place,
    other_inversion_time,
    random_anchors,
    tissue_levels,
)
from acsnet.train.data.case import POOL, SCAR, WALL, TrainingCase

BLACK, WALL_SIGNAL, POOL_SIGNAL, SCAR_SIGNAL, WHITE = 0.0, 200.0, 600.0, 800.0, 1000.0


@pytest.fixture
def case():
    """Bands of black, wall, blood, scar and white in two slices of 40 x 50 pixels."""
    columns = np.repeat([BLACK, WALL_SIGNAL, POOL_SIGNAL, SCAR_SIGNAL, WHITE], 10)
    bands = np.repeat([0, WALL, POOL, SCAR, 0], 10)
    pixels = np.broadcast_to(columns, (2, 40, 50)).astype(np.float32).copy()
    tissue = np.broadcast_to(bands, (2, 40, 50)).astype(np.uint8).copy()
    grid = InputGrid(shape=(50, 40, 2), affine=np.diag([2.0, 2.0, 8.0, 1.0]), axes=(2, 1, 0))
    scan = ShortAxisScan(name="a", pixels=pixels, grid=grid)
    return TrainingCase(scan=scan, tissue=tissue, source="lge")


def test_levels_are_the_medians_of_the_tissues(case):
    unit = case.scan.pixels / 1000.0
    levels = tissue_levels(unit, case.tissue)
    assert levels.wall == pytest.approx(0.2)
    assert levels.pool == pytest.approx(0.6)
    assert levels.scar == pytest.approx(0.8)


def test_few_pixels_of_scar_have_no_level_and_a_scan_without_pool_has_none_at_all(case):
    little = np.where(case.tissue == SCAR, WALL, case.tissue)
    little[0, :20, 30] = SCAR
    assert tissue_levels(case.scan.pixels, little).scar is None
    assert tissue_levels(case.scan.pixels, np.where(little == POOL, 0, little)) is None


def test_a_curve_goes_through_black_white_and_its_anchors():
    unit = np.array([0.0, 0.2, 0.6, 0.8, 1.0], np.float32)
    curved = anchored_curve(unit, [(0.2, 0.1), (0.6, 0.3), (0.8, 0.9)])
    np.testing.assert_allclose(curved, [0.0, 0.1, 0.3, 0.9, 1.0], atol=1e-6)


def test_anchors_that_would_not_rise_are_left_out_of_a_curve():
    unit = np.array([0.0, 0.5, 1.0], np.float32)
    curved = anchored_curve(unit, [(0.005, 0.4), (0.5, 0.25), (0.505, 0.9), (0.995, 0.3)])
    np.testing.assert_allclose(curved, [0.0, 0.25, 1.0], atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.05, 0.4),
    st.floats(0.05, 0.4),
    st.one_of(st.none(), st.floats(0.0, 1.0)),
)
def test_every_curve_rises_and_keeps_black_and_white(seed, wall, gap, scar):
    levels = TissueLevels(wall=wall, pool=wall + gap, scar=scar)
    ramp = np.linspace(0.0, 1.0, 201, dtype=np.float32)
    curved = anchored_curve(ramp, random_anchors(levels, np.random.default_rng(seed)))
    assert curved[0] == pytest.approx(0.0, abs=1e-6)
    assert curved[-1] == pytest.approx(1.0, abs=1e-6)
    assert (np.diff(curved) >= -1e-6).all()


def test_what_is_moved_in_place_has_its_new_level_and_the_rest_its_old_one():
    unit = np.full((1, 30, 30), 0.5, np.float32)
    region = np.zeros(unit.shape, bool)
    region[:, 10:20, 10:20] = True
    moved = moved_in_place(unit, region, -0.3)
    np.testing.assert_allclose(moved[0, 14:16, 14:16], 0.2, atol=1e-4)
    np.testing.assert_array_equal(moved[0, :6], 0.5)
    np.testing.assert_array_equal(unit, 0.5)


def test_slices_without_the_region_stay_as_they_are_beside_one_with_it():
    unit = np.full((3, 20, 20), 0.5, np.float32)
    region = np.zeros(unit.shape, bool)
    region[1, 5:15, 5:15] = True
    np.testing.assert_array_equal(moved_in_place(unit, region, 0.3)[[0, 2]], 0.5)


def test_the_wall_is_darker_than_the_blood_at_every_inversion_time(case):
    walls = set()
    for seed in range(40):
        changed = other_inversion_time(case, np.random.default_rng(seed))
        unit = changed.scan.pixels
        assert unit.dtype == np.float32
        assert unit.min() >= 0.0
        assert unit.max() <= MAX_SIGNAL
        np.testing.assert_array_equal(changed.tissue, case.tissue)
        wall, pool = (float(np.median(unit[case.tissue == value])) for value in (WALL, POOL))
        assert wall <= pool + 1e-3
        walls.add(round(wall / pool, 1))
    assert min(walls) <= 0.2
    assert max(walls) >= 0.8


def test_scale_and_offset_of_the_scan_change_nothing(case):
    shifted = replace(case, scan=replace(case.scan, pixels=3.0 * case.scan.pixels - 500.0))
    for seed in range(4):
        expected = other_inversion_time(case, np.random.default_rng(seed)).scan.pixels
        actual = other_inversion_time(shifted, np.random.default_rng(seed)).scan.pixels
        np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_a_case_without_blood_pool_stays_as_it_is(case):
    closed = replace(case, tissue=np.where(case.tissue == POOL, WALL, case.tissue))
    assert other_inversion_time(closed, np.random.default_rng(0)) is closed
