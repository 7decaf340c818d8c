"""The dark core of scar, in walls that are drawn by hand."""

import numpy as np
import pytest

from acsnet.quantify.obstruction import find_obstruction, share_inside


def wall_with_scar(hole):
    """Wall 20 rows deep below a pool; scar rows 5 to 15 with a dark hole."""
    signal = np.full((1, 30, 30), 20.0)
    wall = np.zeros((1, 30, 30), bool)
    wall[:, 5:25] = True
    pool = np.zeros_like(wall)
    pool[:, :5] = True
    scar = np.zeros_like(wall)
    scar[:, 5:16, 5:25] = True
    signal[scar] = 100.0
    dark = np.zeros_like(wall)
    dark[(slice(None), *hole)] = True
    signal[dark] = 22.0
    return signal, scar, wall, pool, dark


LEVELS = {"remote": 20.0, "peak": 100.0}


@pytest.mark.parametrize("hole", [np.s_[8:12, 10:15], np.s_[5:10, 10:15]])
@pytest.mark.parametrize("drawn", [True, False])
def test_a_dark_core_within_scar_is_obstruction_also_at_the_endocardium(hole, drawn):
    signal, scar, wall, pool, dark = wall_with_scar(hole)
    if not drawn:
        scar &= ~dark
    found = find_obstruction(signal, scar, wall, pool, (20.0, 1.0, 1.0), **LEVELS)
    np.testing.assert_array_equal(found, dark)


def test_a_hole_without_signal_is_no_obstruction():
    signal, scar, wall, pool, dark = wall_with_scar(np.s_[8:12, 10:15])
    found = find_obstruction(signal, scar, wall, pool, (20.0, 1.0, 1.0), **LEVELS, measured=~dark)
    assert not found.any()


def test_a_tenth_of_a_millilitre_in_all_is_no_obstruction():
    signal, scar, wall, pool, dark = wall_with_scar(np.s_[8:12, 10:15])
    spacing = (5.0, 1.0, 1.0)  # 20 pixels of a slice are 0.1 ml
    assert not find_obstruction(signal, scar, wall, pool, spacing, **LEVELS).any()
    twice = [np.concatenate([part, part]) for part in (signal, scar, wall, pool)]
    assert find_obstruction(*twice, spacing, **LEVELS).sum() == 2 * dark.sum()


@pytest.mark.parametrize("off", [0.0, 6e-8, -6e-8])
def test_the_least_obstruction_of_an_oblique_stack_is_that_of_a_straight_one(off):
    signal, scar, wall, pool, dark = wall_with_scar(np.s_[8:10, 10:15])
    spacing = (14.0, 1.0 + off, 1.0)  # 10 pixels of 1 mm are 10 mm2, and here 0.14 ml
    found = find_obstruction(signal, scar, wall, pool, spacing, **LEVELS)
    np.testing.assert_array_equal(found, dark)


def test_grey_small_or_open_spots_are_no_obstruction():
    signal, scar, wall, pool, dark = wall_with_scar(np.s_[8:12, 10:15])
    spacing = (20.0, 1.0, 1.0)
    signal[dark] = 60.0  # half way to the peak, as partial volume makes the edge of scar
    assert not find_obstruction(signal, scar, wall, pool, spacing, **LEVELS).any()
    signal[dark] = 22.0
    # 20 pixels of half a mm are 5 mm2.
    small = (80.0, 0.5, 0.5)
    assert not find_obstruction(signal, scar, wall, pool, small, **LEVELS).any()
    assert not find_obstruction(signal, scar, wall, pool, spacing, remote=None, peak=None).any()
    # Dark along the whole outer border of the scar: it opens to the remote wall.
    signal, scar, wall, pool, dark = wall_with_scar(np.s_[14:16, 5:25])
    assert not find_obstruction(signal, scar, wall, pool, spacing, **LEVELS).any()


def test_a_spot_is_obstruction_where_it_is_as_dark_as_wall_on_the_whole():
    # 32 % of the way to the peak is dark enough, but a spot of that alone is a shallow dip; with
    # every other column at 7 % its mean is 19.5 %.
    signal, scar, wall, pool, dark = wall_with_scar(np.s_[8:12, 10:16])
    spacing = (20.0, 1.0, 1.0)
    signal[dark] = 45.6
    assert not find_obstruction(signal, scar, wall, pool, spacing, **LEVELS).any()
    signal[:, 8:12, 10:16:2] = 25.6
    found = find_obstruction(signal, scar, wall, pool, spacing, **LEVELS)
    np.testing.assert_array_equal(found, dark)


down, right = np.indices((64, 64)) - 31.5
radius, angle = np.hypot(down, right), np.degrees(np.arctan2(down, right)) % 360.0
round_wall = (radius >= 16) & (radius < 28)


def found_in_round_wall(scar, *, pool=radius < 16, wall=round_wall, dark=None):
    """Obstruction in one slice of 1 mm pixels: scar of 100, other wall and a dark core of 20."""
    signal = np.where(scar if dark is None else scar & ~dark, 100.0, np.where(pool, 110.0, 20.0))
    stack = (signal[None], scar[None], wall[None], pool[None])
    return find_obstruction(*stack, (8.0, 1.0, 1.0), **LEVELS)[0]


@pytest.mark.parametrize(("inner", "outer"), [(20, 24), (23, 28)])
def test_healthy_wall_inside_a_ring_of_scar_is_no_obstruction(inner, outer):
    ring = (radius >= inner) & (radius < outer)
    assert not found_in_round_wall(ring).any()


def test_nor_is_it_where_the_ring_has_a_gap_and_bridges_to_the_pool():
    ring = (radius >= 23) & (radius < 28) & ~((angle > 20) & (angle < 40))
    bridges = round_wall & np.isin(angle // 6, [10, 20, 30, 40, 50])  # of 6 degrees
    assert not found_in_round_wall(ring | bridges).any()


def test_nor_is_the_middle_of_an_apex_without_pool():
    cap, none = radius < 14, np.zeros_like(round_wall)
    assert not found_in_round_wall(cap & (radius >= 9), pool=none, wall=cap).any()


def test_wall_that_scar_and_pool_enclose_is_obstruction_up_to_two_fifths_of_the_way_around():
    for degrees, is_obstruction in ((165, True), (180, False)):
        sector = round_wall & (degrees > angle)
        limbs = (angle < 15) | (angle > degrees - 15)
        scar = sector & ((radius >= 23) | limbs)
        expected = sector & ~scar if is_obstruction else np.zeros_like(round_wall)
        np.testing.assert_array_equal(found_in_round_wall(scar), expected)


@pytest.mark.parametrize("degrees", [90, 150, 270, 360])
def test_share_inside_is_the_part_of_the_circle_in_which_scar_covers_wall(degrees):
    scar = round_wall & (radius >= 23) & (angle < degrees)
    share = share_inside(scar, round_wall, radius < 16, (1.0, 1.0))
    assert share == pytest.approx(degrees / 360, abs=2 / 120)  # two of the directions


def test_a_dark_core_that_is_drawn_as_scar_is_found_in_a_ring_too():
    ring = (radius >= 20) & (radius < 28)
    dark = (radius >= 22) & (radius < 26) & (angle < 60)
    np.testing.assert_array_equal(found_in_round_wall(ring, dark=dark), dark)
