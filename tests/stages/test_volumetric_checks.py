"""Stacks are written apex first, areas in cm2; "O" is a closed wall, "C" an open one, "." none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acsnet.anatomy.measures import Form, measure
from acsnet.stages.volumetric_checks import beside_apex, check_slice_areas, odd_slices
from acsnet.train.data.case import POOL, WALL
from acsnet.train.data.lists import cases_of, training_names

pytestmark = pytest.mark.slow

HEART = [8, 20, 28, 33, 36, 37, 36, 33]


def checked(areas, forms=None, **options):
    """Indices kept, and the reason for each slice dropped."""
    is_open = np.array([form == "C" for form in forms or "O" * len(areas)], bool)
    result = check_slice_areas(100.0 * np.array(areas, float), is_open, **options)
    return np.flatnonzero(result.ventricle).tolist(), {d.index: d.reason for d in result.dropped}


@pytest.mark.parametrize(
    "areas",
    [
        HEART,
        # From 33 to 20 is a fall by 39.4 %.
        [*HEART, 20],
        # From 33 to 52 is a growth by 57.6 %.
        [*HEART, 52],
        # The apex grows five-fold, as in systole.
        [4, 20, 27, 31, 33],
        [20],
        [5, 40],
        [5, 9, 20],
    ],
)
def test_a_plausible_ventricle_is_kept_whole(areas):
    assert checked(areas) == (list(range(len(areas))), {})


def test_empty_slices_at_both_ends_are_neither_kept_nor_dropped():
    assert checked([0, 0, *HEART, 0]) == (list(range(2, 10)), {})


@pytest.mark.parametrize("areas", [[], [0, 0, 0]])
def test_nothing_drawn_is_nothing_dropped(areas):
    assert checked(areas) == ([], {})


def test_the_only_slice_drawn_is_kept():
    assert checked([0, 0, 12, 0], "..C.") == ([2], {})


@pytest.mark.parametrize("false", [[13], [19], [13, 12], [60], [60, 58], [60, 20]])
def test_what_follows_a_large_deviation_is_above_the_base(false):
    dropped = dict.fromkeys(range(8, 8 + len(false)), "above the base")
    assert checked([*HEART, *false]) == (list(range(8)), dropped)


def test_a_larger_growth_is_above_the_base():
    # From 33 to 53 is a growth by 60.6 %.
    assert checked([*HEART, 53])[1] == {8: "above the base"}


def test_the_largest_fall_can_be_set():
    assert checked([*HEART, 20], max_fall=0.3)[1] == {8: "above the base"}


def test_one_open_slice_at_the_base_is_kept():
    assert checked(HEART, "OOOOOOOC") == (list(range(8)), {})


@pytest.mark.parametrize("opens", [2, 3, 7])
def test_of_open_slices_at_the_base_the_first_is_kept(opens):
    first = 8 - opens
    kept, dropped = checked(HEART, "O" * first + "C" * opens)
    assert kept == list(range(first + 1))
    assert dropped == dict.fromkeys(range(first + 1, 8), "second open slice at the base")


def test_of_open_slices_only_the_first_is_kept():
    reason = "second open slice at the base"
    assert checked([20, 21, 22], "CCC") == ([0], {1: reason, 2: reason})


def test_an_open_slice_below_closed_ones_is_left_alone():
    assert checked(HEART, "OOOOCOOO") == (list(range(8)), {})


def test_an_open_slice_that_the_cut_leaves_at_the_base_is_the_one():
    assert checked([*HEART, 13], "OOOOOOCCO") == (
        list(range(7)),
        {7: "second open slice at the base", 8: "above the base"},
    )


def test_an_open_slice_with_a_large_deviation_is_above_the_base():
    assert checked([*HEART, 13], "OOOOOOOOC")[1] == {8: "above the base"}


@pytest.mark.parametrize("where", range(2, 6))
def test_a_missed_slice_does_not_part_the_ventricle(where):
    areas = HEART.copy()
    areas[where] = 0
    assert checked(areas) == ([k for k in range(8) if k != where], {})


@pytest.mark.parametrize("where", range(3, 6))
def test_a_slice_drawn_too_small_does_not_end_the_ventricle(where):
    areas = HEART.copy()
    areas[where] = 6
    assert checked(areas) == (list(range(8)), {})


def test_two_missed_slices_are_bridged_where_three_lie_on_either_side():
    assert checked([8, 20, 28, 0, 0, 37, 36, 33]) == ([0, 1, 2, 5, 6, 7], {})
    assert checked([8, 20, 28, 33, 0, 0, 36, 33])[1] == dict.fromkeys(
        (6, 7), "not joined to the ventricle"
    )


@pytest.mark.parametrize("gap", [1, 2, 4])
def test_a_lone_slice_off_either_end_is_not_joined(gap):
    reason = "not joined to the ventricle"
    empty = [0] * gap
    assert checked([7, *empty, *HEART])[1] == {0: reason}
    assert checked([*HEART, *empty, 30])[1] == {8 + gap: reason}


def test_a_large_object_under_the_apex_is_below_it():
    assert checked([15, *HEART]) == (list(range(1, 9)), {0: "below the apex"})
    assert checked([40, 38, *HEART])[1] == dict.fromkeys((0, 1), "below the apex")


def test_a_slice_between_two_odd_ones_is_not_odd():
    area = np.array([10.0, 10.0, 4.0, 10.0, 4.0, 10.0, 10.0])
    assert odd_slices(area, max_fall=0.4) == (2, 4)


def test_of_equally_long_runs_the_larger_volume_is_the_ventricle():
    assert checked([9, 10, 0, 0, 0, 30, 31])[0] == [5, 6]
    assert checked([30, 31, 0, 0, 0, 9, 10])[0] == [0, 1]
    assert checked([30, 31, 9, 10]) == ([0, 1], dict.fromkeys((2, 3), "above the base"))


def test_of_open_slices_that_each_deviate_the_largest_is_kept():
    assert checked([9, 3, 1, 15], "CCCC") == (
        [3],
        dict.fromkeys(range(3), "below the apex"),
    )


def squares(*columns, side=8):
    """(slice, row, column) squares, each from a column on; None is an empty slice."""
    stack = np.zeros((len(columns), side, 40), bool)
    for k, column in enumerate(columns):
        if column is not None:
            stack[k, :, column : column + side] = True
    return stack


def below_apex(stack):
    assert {drop.reason for drop in beside_apex(stack)} <= {"below the apex"}
    return [drop.index for drop in beside_apex(stack)]


def test_what_shares_less_than_a_quarter_with_the_slice_above_is_below_the_apex():
    assert below_apex(squares(6, 0, 0, 0, 0)) == []  # 2 of 8 columns in common
    assert below_apex(squares(7, 0, 0, 0, 0)) == [0]  # 1 of 8


def test_all_slices_under_the_first_beside_the_apex_are_below_it():
    assert below_apex(squares(20, 0, 20, 20, 0, 0, 0, 0, 0)) == [0, 1, 2, 3]


def test_a_small_apex_within_the_slice_above_is_kept():
    stack = squares(0, 0, 0, 0, 0)
    stack[0] = False
    stack[0, 3:5, 7:9] = True  # half of its 4 pixels, 2 of the 64 above
    assert below_apex(stack) == []
    stack[0, 3:5, 7:17] = True  # a tenth of its 20
    assert below_apex(stack) == [0]


def test_slices_are_compared_across_empty_ones():
    assert below_apex(squares(0, None, 0, None, None, 0, 0, 0)) == []
    assert below_apex(squares(20, None, 0, None, None, 0, 0, 0)) == [0]


def test_a_single_slice_out_of_place_does_not_end_the_ventricle():
    assert below_apex(squares(0, 20, 0, 0, 0, 0, 0)) == []
    assert below_apex(squares(0, 0, 0, 20, 0, 0, 0)) == []  # the middle one
    assert below_apex(squares(9, 20, 0, 0, 0, 0, 0)) == [0, 1]


def test_no_slice_of_the_upper_half_is_below_the_apex():
    assert below_apex(squares(0, 0, 0, 0, 20, 20)) == []


def test_slices_that_moved_by_8_mm_each_stay():
    # Pixels of 2 mm: a heart of 40 mm at the middle and of 16 at the apex.
    stack = np.zeros((6, 40, 40), bool)
    for k, half in enumerate((4, 6, 8, 10, 10, 10)):
        shift = 2 if k % 2 else -2
        stack[k, 20 - half : 20 + half, 20 + shift - half : 20 + shift + half] = True
    assert below_apex(stack) == []


def test_in_fewer_than_four_slices_none_is_below_the_apex():
    assert below_apex(squares(20, 0, 0)) == []
    assert below_apex(squares(20, 0, 0, 0)) == [0]
    assert below_apex(squares()) == below_apex(squares(None, None)) == []


stacks = st.lists(
    st.tuples(st.one_of(st.just(0.0), st.floats(1.0, 90.0)), st.booleans()), max_size=16
)


@given(stack=stacks)
def test_invariants_of_any_stack(stack):
    area = np.array([a for a, _ in stack])
    is_open = np.array([o for _, o in stack], bool)
    result = check_slice_areas(area, is_open)
    drawn = area > 0
    assert result.ventricle.shape == area.shape
    assert not (result.ventricle & ~drawn).any()
    assert [d.index for d in result.dropped] == np.flatnonzero(drawn & ~result.ventricle).tolist()
    assert result.ventricle.any() == drawn.any()
    basal = is_open[result.ventricle]
    assert not basal[-2:].all() or len(basal) < 2


def test_next_to_no_slice_of_the_experts_is_lost(data):
    lost, drawn = 0, []
    patients = training_names(data, "emidec")
    for case in cases_of(data, "emidec", patients):
        wall = case.tissue >= WALL
        area = (case.tissue >= POOL).sum(axis=(1, 2)) * wall.any(axis=(1, 2))
        is_open = np.array([measure(w, (1.3, 1.3))[0] is Form.OPEN for w in wall])
        lost += len(check_slice_areas(area, is_open).dropped)
        assert beside_apex(case.tissue >= POOL) == ()
        drawn.append(int((area > 0).sum()))
    # Every patient of the list has a ventricle of an apical, a middle and a basal slice at least.
    assert len(drawn) == len(patients)
    assert min(drawn) >= 3
    assert lost <= 0.01 * sum(drawn)
