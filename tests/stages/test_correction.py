from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from acsnet.anatomy.checks import NOT_A_RING, check, check_ventricle
from acsnet.anatomy.measures import Form
from acsnet.masks import dice
from acsnet.stages.correction import SLICES_AT_ONCE, Action, tidy
from acsnet.stages.myocardium import blood_pool
from acsnet.stages.volumetric_checks import ABOVE_BASE, BELOW_APEX
from shared.wall_damage import DAMAGES

pytestmark = pytest.mark.slow

PIXELS_MM = (0.7, 1.3, 2.4)


def ring(mm, *, outer_mm=32.0, inner_mm=22.0, side_mm=110.0, centre=(0.5, 0.5)):
    """A (row, column) ring with an outline no network would draw more evenly."""
    side = round(side_mm / mm)
    rows, columns = np.indices((side, side))
    radius = mm * np.hypot(rows - centre[0] * side, columns - centre[1] * side)
    return (radius < outer_mm) & (radius > inner_mm)


def sector(mask, degrees):
    """Whether a pixel lies within `degrees` to either side of the way to the right."""
    rows, columns = np.indices(mask.shape) - (np.array(mask.shape)[:, None, None] / 2)
    return np.abs(np.arctan2(rows, columns)) < np.deg2rad(degrees)


@pytest.fixture(scope="session")
def corrector(pipeline):
    return pipeline.corrector


@pytest.mark.parametrize("mm", PIXELS_MM)
def test_a_valid_wall_is_kept_pixel_for_pixel(corrector, mm):
    wall = ring(mm)
    (out,) = corrector(wall[None], (mm, mm))
    assert out.action is Action.KEPT
    assert out.failed == ()
    assert (out.dice, out.distance) == (1.0, 0.0)
    np.testing.assert_array_equal(out.wall, wall)


def test_each_wall_of_a_large_scan_moves_as_if_alone(corrector):
    """Rings with a gap that grows from slice to slice, where only rings will do: some move."""
    count = 2 * SLICES_AT_ONCE + 1
    walls = np.stack([ring(1.3) & ~sector(ring(1.3), 3.5 * k) for k in range(count)])
    together = corrector(walls, (1.3, 1.3), closed=np.ones(count, bool))
    assert len({slice_.action for slice_ in together}) > 1
    for wall, slice_ in zip(walls, together, strict=True):
        (alone,) = corrector(wall[None], (1.3, 1.3), closed=np.ones(1, bool))
        assert alone.action is slice_.action
        np.testing.assert_array_equal(alone.wall, slice_.wall)


def test_loose_pixels_and_holes_are_removed_and_nothing_else(corrector):
    wall = ring(1.3)
    broken = wall.copy()
    broken[3, 3] = True
    broken[wall.shape[0] // 2, round(wall.shape[1] / 2 + 27 / 1.3)] = False  # a hole 27 mm out
    (out,) = corrector(broken[None], (1.3, 1.3))
    assert out.action is Action.TIDIED
    assert set(out.failed) == {"objects", "holes"}
    np.testing.assert_array_equal(out.wall, wall)


@pytest.mark.parametrize("mm", PIXELS_MM)
def test_a_wall_with_a_deep_notch_becomes_a_ring_close_to_it(corrector, mm):
    whole = ring(mm)
    notched = whole & ~(sector(whole, 12) & ~ring(mm, outer_mm=25.0))
    (out,) = corrector(notched[None], (mm, mm))
    assert "outer_concavity_mm" in out.failed
    assert out.action in (Action.SMOOTHED, Action.MOVED)
    assert out.verdict.valid
    assert out.verdict.form is Form.RING
    assert dice(out.wall, whole) > 0.85


def test_smoothing_takes_the_place_of_valid_walls_when_asked_for(corrector):
    wall = ring(1.3)
    (out,) = replace(corrector, keep_valid=False)(wall[None], (1.3, 1.3))
    assert out.action is Action.SMOOTHED
    assert out.verdict.valid
    assert dice(out.wall, wall) > 0.9


@pytest.mark.parametrize("mask", [np.zeros((60, 60), bool), np.ones((150, 150), bool)])
def test_nothing_and_everything_end_empty(corrector, mask):
    (out,) = corrector(mask[None], (1.3, 1.3))
    assert not out.wall.any()
    assert out.action is (Action.EMPTIED if mask.any() else Action.NOTHING)


def test_a_few_loose_pixels_do_not_become_a_heart(corrector):
    mask = np.zeros((80, 80), bool)
    mask[40, 40:43] = True
    (out,) = corrector(mask[None], (1.3, 1.3))
    assert out.action is Action.EMPTIED
    assert out.dice == 0.0


def test_no_slices_give_none(corrector):
    assert corrector(np.zeros((0, 20, 20), bool), (1.3, 1.3)) == ()


def test_where_only_a_ring_will_do_an_open_wall_is_closed(corrector):
    wall = ring(1.3) & ~sector(ring(1.3), 20)
    (free,) = corrector(wall[None], (1.3, 1.3))
    (closed,) = corrector(wall[None], (1.3, 1.3), closed=np.array([True]))
    assert free.verdict.form is Form.OPEN
    assert closed.verdict.form is Form.RING
    assert NOT_A_RING in closed.failed


def test_an_open_wall_between_rings_is_closed_and_one_at_the_base_is_not(corrector):
    whole = ring(1.3)
    opened = whole & ~sector(whole, 20)
    stack = corrector.correct_stack(np.stack([whole, opened, whole, opened]), (1.3, 1.3))
    forms = [slice_.verdict.form for slice_ in stack.slices]
    assert forms == [Form.RING, Form.RING, Form.RING, Form.OPEN]
    assert stack.dropped == ()
    assert stack.wall.any(axis=(1, 2)).all()


@pytest.mark.parametrize("opened", [(0, 1), (1, 2)])
def test_open_walls_of_unlike_size_at_the_apex_are_closed_and_none_is_dropped(corrector, opened):
    """What each of the two "C"s is made of hardly meets the other; what they enclose does."""
    apex_first = [(12.0, 4.0), (22.0, 14.0), (30.0, 22.0), (32.0, 24.0), (33.0, 25.0), (33.0, 25.0)]
    walls = [ring(1.3, outer_mm=outer, inner_mm=inner) for outer, inner in apex_first]
    walls = [
        wall & ~sector(wall, 25) if index in opened else wall for index, wall in enumerate(walls)
    ]
    stack = corrector.correct_stack(np.stack(walls), (1.3, 1.3))
    assert stack.dropped == ()
    assert [slice_.verdict.form for slice_ in stack.slices] == [Form.RING] * 6


def test_only_one_open_wall_stays_at_the_base(corrector):
    whole = ring(1.3)
    opened = whole & ~sector(whole, 20)
    stack = corrector.correct_stack(np.stack([whole, whole, opened, opened]), (1.3, 1.3))
    assert [drop.index for drop in stack.dropped] == [3]
    assert stack.wall.any(axis=(1, 2)).tolist() == [True, True, True, False]


def test_what_is_dropped_above_the_base_does_not_enclose_an_open_wall(corrector):
    whole = ring(1.3)
    opened = whole & ~sector(whole, 20)
    other = ring(1.3, outer_mm=10.0, inner_mm=5.0)
    stack = corrector.correct_stack(np.stack([whole, whole, whole, opened, other]), (1.3, 1.3))
    assert [(drop.index, drop.reason) for drop in stack.dropped] == [(4, ABOVE_BASE)]
    assert stack.slices[3].verdict.form is Form.OPEN


def test_two_rings_below_a_cap_are_not_dropped_for_it(corrector):
    apex_first = [(12.0, 5.0), (12.0, 5.0), (12.0, -1.0), (24.0, 14.0), (28.0, 18.0), (32.0, 22.0)]
    walls = np.stack([ring(1.3, outer_mm=outer, inner_mm=inner) for outer, inner in apex_first])
    stack = corrector.correct_stack(walls, (1.3, 1.3))
    assert stack.dropped == ()
    assert stack.wall.any(axis=(1, 2)).tolist() == [True, True, False, True, True, True]


def test_a_cap_without_a_ring_near_ends_the_ventricle_and_not_the_ring_below_it(corrector):
    apex_first = [(12.0, 5.0), (12.0, -1.0), (24.0, 14.0), (28.0, 18.0), (32.0, 22.0)]
    walls = np.stack([ring(1.3, outer_mm=outer, inner_mm=inner) for outer, inner in apex_first])
    stack = corrector.correct_stack(walls, (1.3, 1.3))
    assert [(drop.index, drop.reason) for drop in stack.dropped] == [(0, BELOW_APEX)]
    assert [slice_.verdict.form for slice_ in stack.slices[1:3]] == [Form.CAP, Form.RING]
    np.testing.assert_array_equal(stack.wall[1], walls[1])
    assert stack.wall.any(axis=(1, 2)).tolist() == [False, True, True, True, True]


def test_rings_beside_the_apex_are_below_it_and_its_cap_may_stay(corrector):
    """As where only the right ventricle is left, 33 mm aside, as large as an apex."""
    right = ring(1.3, outer_mm=12.0, inner_mm=5.0, centre=(0.5, 0.8))
    apex_first = [(12.0, -1.0), (24.0, 14.0), (28.0, 18.0), (32.0, 22.0)]
    heart = [ring(1.3, outer_mm=outer, inner_mm=inner) for outer, inner in apex_first]
    stack = corrector.correct_stack(np.stack([right, right, *heart]), (1.3, 1.3))
    assert [(drop.index, drop.reason) for drop in stack.dropped] == [
        (0, BELOW_APEX),
        (1, BELOW_APEX),
    ]
    assert stack.slices[2].verdict.form is Form.CAP
    assert stack.wall.any(axis=(1, 2)).tolist() == [False, False, True, True, True, True]


def test_a_stack_without_any_wall_stays_empty(corrector):
    stack = corrector.correct_stack(np.zeros((3, 40, 40), bool), (1.3, 1.3))
    assert not stack.wall.any()
    assert stack.dropped == ()


@given(
    seed=st.integers(0, 2**32 - 1),
    names=st.lists(st.sampled_from(sorted(DAMAGES)), min_size=1, max_size=4),
    mm=st.sampled_from(PIXELS_MM),
    outer_mm=st.floats(9.0, 50.0),
    thickness=st.floats(0.15, 0.95),
    centre=st.tuples(st.floats(0.2, 0.8), st.floats(0.2, 0.8)),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_done_to_a_wall_what_leaves_is_possible_or_empty_with_a_reason(
    corrector, seed, names, mm, outer_mm, thickness, centre
):
    rng = np.random.default_rng(seed)
    mask = ring(mm, outer_mm=outer_mm, inner_mm=outer_mm * (1 - thickness), centre=centre)
    for name in names:
        mask = DAMAGES[name](mask, rng)
    (out,) = corrector(mask[None], (mm, mm))
    verdict = check(out.wall, (mm, mm), corrector.limits)
    assert verdict.valid
    assert out.wall.any() or out.action in (Action.EMPTIED, Action.NOTHING)
    assert (out.action is Action.NOTHING) == (not mask.any())
    is_open = np.array([out.verdict.form is Form.OPEN])
    roi = gaussian_filter(rng.normal(size=mask.shape), 2.0) > -0.1
    assert check_ventricle(out.wall, blood_pool(out.wall[None], roi[None], is_open)[0]) == ()


def test_tidy_keeps_the_largest_part_by_edges_and_the_largest_cavity():
    drawn = np.array(
        [
            [1, 0, 0, 0, 0, 0, 0, 0],
            [0, 1, 1, 1, 1, 1, 1, 0],
            [0, 1, 0, 1, 0, 0, 1, 0],
            [0, 1, 1, 1, 0, 0, 1, 0],
            [0, 1, 1, 1, 1, 1, 1, 0],
            [0, 0, 0, 0, 0, 0, 0, 1],
        ],
        bool,
    )
    expected = drawn.copy()
    expected[0, 0] = expected[5, 7] = False  # joined by corners only
    expected[2, 2] = True
    np.testing.assert_array_equal(tidy(drawn), expected)


def test_tidy_leaves_an_open_wall_open():
    wall = ring(1.3) & ~sector(ring(1.3), 20)
    np.testing.assert_array_equal(tidy(wall), wall)
