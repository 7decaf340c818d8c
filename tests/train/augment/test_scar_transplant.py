import numpy as np
import pytest

from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.train.augment.scar_transplant import (
    MAX_SLICES,
    painted,
    sector,
    wall_position,
    with_new_scar,
)
from acsnet.train.data.case import POOL, SCAR, WALL, TrainingCase

SIDE, CENTRE = 64, 31.5
INNER, OUTER = 12.0, 20.0


@pytest.fixture
def ring():
    """Wall and blood pool of a ring of radius 12 to 20 pixels round the middle of 64 x 64."""
    rows, columns = np.indices((SIDE, SIDE)) - CENTRE
    radius = np.hypot(rows, columns)
    return (radius >= INNER) & (radius < OUTER), radius < INNER


@pytest.fixture
def case(ring):
    """Eight slices of the ring: wall 200, blood 600, the rest from 0 to 1000."""
    wall, pool = ring
    picture = np.linspace(0.0, 1000.0, SIDE * SIDE, dtype=np.float32).reshape(SIDE, SIDE).copy()
    picture[wall], picture[pool] = 200.0, 600.0
    tissue = np.where(wall, WALL, np.where(pool, POOL, 0)).astype(np.uint8)
    grid = InputGrid(shape=(SIDE, SIDE, 8), affine=np.diag([1.5, 1.5, 8.0, 1.0]), axes=(2, 1, 0))
    scan = ShortAxisScan(name="a", pixels=np.stack([picture] * 8), grid=grid)
    return TrainingCase(scan=scan, tissue=np.stack([tissue] * 8), source="lge")


def test_depth_runs_from_the_endocardium_to_the_epicardium_and_the_angle_with_the_columns(ring):
    position = wall_position(*ring)
    row = position.depth[32]
    # Along the middle row the wall has columns 44 to 51; blood ends at 43, background begins at 52.
    np.testing.assert_allclose(row[44:52], np.arange(1, 9) / 9.0, atol=0.06)
    assert row[40] == 0.0
    assert position.angle[32, 60] == pytest.approx(0.0, abs=0.05)
    assert position.angle[60, 32] == pytest.approx(np.pi / 2, abs=0.05)


def test_a_sector_takes_its_share_of_the_wall_across_the_seam_of_the_angles(ring):
    wall, pool = ring
    position = wall_position(wall, pool)
    for middle in (0.0, np.pi, -np.pi / 2):
        part = sector(position, wall, middle=middle, span=np.pi / 2, depth=1.05)
        assert part.sum() / wall.sum() == pytest.approx(0.25, abs=0.02)
        assert not (part & ~wall).any()
    half = sector(position, wall, middle=0.0, span=2.0 * np.pi, depth=0.5)
    # The inner half of a wall from 12 to 20: (16^2 - 12^2) / (20^2 - 12^2) = 0.44.
    assert half.sum() / wall.sum() == pytest.approx(0.44, abs=0.06)


def test_paint_is_the_level_inside_and_the_old_signal_outside():
    signal = np.full((30, 30), 0.2, np.float32)
    region = np.zeros(signal.shape, bool)
    region[8:22, 8:22] = True
    out = painted(signal, region, 0.9, edge=0.8)
    assert out[15, 15] == pytest.approx(0.9, abs=1e-4)
    assert out[2, 2] == pytest.approx(0.2, abs=1e-6)
    assert 0.2 < out[8, 15] < 0.9


def test_a_new_scar_lies_in_the_wall_of_neighbouring_slices_and_is_as_bright_as_blood(case):
    dark_cores = 0
    for seed in range(40):
        changed = with_new_scar(case, np.random.default_rng(seed))
        scar = changed.tissue == SCAR
        np.testing.assert_array_equal(changed.tissue >= WALL, case.tissue >= WALL)
        np.testing.assert_array_equal(changed.tissue == POOL, case.tissue == POOL)
        slices = np.flatnonzero(scar.any(axis=(1, 2)))
        assert 1 <= len(slices) <= MAX_SLICES
        assert np.ptp(slices) == len(slices) - 1
        bright = np.percentile(changed.scan.pixels[scar], 80)
        assert 0.35 < bright < 1.0
        dark_cores += bool((changed.scan.pixels[scar] < 0.21).mean() > 0.05)
        untouched = ~scar.any(axis=(1, 2))
        assert len(np.unique(changed.scan.pixels[untouched], axis=0)) == 1
    assert 5 <= dark_cores <= 25


def test_a_case_with_one_wide_slice_stays_as_it_is(case):
    tissue = case.tissue.copy()
    tissue[1:] = 0
    narrow = TrainingCase(scan=case.scan, tissue=tissue, source="lge")
    assert with_new_scar(narrow, np.random.default_rng(0)) is narrow


def test_the_case_that_was_given_is_not_changed(case):
    pixels, tissue = case.scan.pixels.copy(), case.tissue.copy()
    with_new_scar(case, np.random.default_rng(3))
    np.testing.assert_array_equal(case.scan.pixels, pixels)
    np.testing.assert_array_equal(case.tissue, tissue)
