"""The dark core of scar, in walls that are drawn by hand."""

import numpy as np
import pytest

from acsnet.quantify.obstruction import find_obstruction


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


def test_a_tenth_of_a_millilitre_in_all_is_no_obstruction():
    signal, scar, wall, pool, dark = wall_with_scar(np.s_[8:12, 10:15])
    spacing = (5.0, 1.0, 1.0)  # 20 pixels of a slice are 0.1 ml
    assert not find_obstruction(signal, scar, wall, pool, spacing, **LEVELS).any()
    twice = [np.concatenate([part, part]) for part in (signal, scar, wall, pool)]
    assert find_obstruction(*twice, spacing, **LEVELS).sum() == 2 * dark.sum()


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
