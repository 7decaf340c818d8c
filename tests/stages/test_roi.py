import numpy as np
import pytest

from acsnet.stages.roi import (
    apex_is_first,
    clean_roi,
    one_object,
    other_objects,
    prune_base,
    ventricle_centre,
)


def block(stack, k, centre, half):
    row, column = centre
    stack[k, row - half : row + half, column - half : column + half] = True


def ventricle(sides=(3, 5, 7, 8, 8, 8)):
    mask = np.zeros((len(sides), 64, 64), bool)
    for k, half in enumerate(sides):
        block(mask, k, (32, 30), half)
    return mask


def test_the_centre_comes_from_the_middle_slices():
    mask = ventricle()
    mask[0] = False
    block(mask, 0, (5, 5), 3)
    assert ventricle_centre(mask) == (31.5, 29.5)


def test_a_large_object_in_few_slices_does_not_move_the_centre():
    mask = ventricle()
    block(mask, 2, (12, 52), 10)
    block(mask, 3, (12, 52), 10)
    assert ventricle_centre(mask) == (31.5, 29.5)


def with_aorta(half=5):
    """The ventricle, and a round object at the edge of the field that is as wide in every slice."""
    mask = ventricle()
    for k in range(len(mask)):
        block(mask, k, (55, 58), half)
    return mask


def test_of_two_large_objects_as_likely_the_one_in_the_middle_of_the_field_is_the_ventricle():
    mask = with_aorta()
    mask[:, 24:40, 22:38] = False
    for k in range(len(mask)):
        block(mask, k, (32, 30), 3)  # a small heart: 36 pixels a slice beside 100
    assert ventricle_centre(mask) == (31.5, 29.5)


@pytest.mark.parametrize(("aorta", "centre"), [(0.8, (31.5, 29.5)), (1.0, (54.5, 57.5))])
def test_of_two_large_objects_the_likelier_in_the_middle_slices_is_the_ventricle(aorta, centre):
    probability = np.where(ventricle(), 0.9, 0.0)
    probability[:1] *= 0.6  # the apex is less sure, and no middle slice
    probability[with_aorta() & ~ventricle()] = aorta
    assert ventricle_centre(probability) == centre
    assert clean_roi(probability)[3, 32, 30] == (aorta < 0.9)
    assert other_objects(probability) == 1


def test_an_unlikely_object_in_the_middle_of_the_field_is_no_ventricle():
    probability = np.zeros((6, 64, 64))
    probability[:, 28:36, 28:36] = 0.7
    probability[:, 2:10, 2:10] = 0.9
    assert ventricle_centre(probability) == (5.5, 5.5)


def test_an_object_of_less_than_a_third_is_no_ventricle_wherever_it_lies():
    mask = np.zeros((6, 64, 64), bool)
    for k in range(6):
        block(mask, k, (12, 12), 8)
        block(mask, k, (32, 32), 4)  # 64 pixels a slice beside 256
    assert ventricle_centre(mask) == (11.5, 11.5)
    assert other_objects(mask) == 0


def test_objects_that_may_be_the_ventricle_as_well_are_counted():
    assert other_objects(ventricle()) == 0
    assert other_objects(with_aorta(half=6)) == 1
    assert other_objects(np.zeros((3, 8, 8), bool)) == 0


@pytest.mark.parametrize(("column", "others"), [(57, 0), (59, 1)])
def test_objects_closer_than_35_mm_are_one_ventricle(column, others):
    mask = ventricle()
    for k in range(len(mask)):
        block(mask, k, (32, column), 5)  # 27 or 29 pixels of 1.25 mm aside: 33.75 or 36.25 mm
    assert other_objects(mask) == others


def test_a_ventricle_in_two_parts_is_one_object():
    mask = ventricle()
    mask[3] = False  # the parts lie one above the other
    assert other_objects(mask) == 0


def test_objects_in_slices_at_both_ends_alone_have_a_centre():
    mask = np.zeros((13, 64, 64), bool)
    block(mask, 0, (32, 30), 3)
    block(mask, 12, (32, 30), 4)
    assert ventricle_centre(mask) == (31.5, 29.5)
    np.testing.assert_array_equal(clean_roi(mask)[0], mask[0])


def test_an_empty_mask_has_no_centre():
    assert ventricle_centre(np.zeros((3, 8, 8), bool)) is None


def test_only_the_object_nearest_to_the_centre_stays():
    expected = ventricle()
    mask = expected.copy()
    for k in range(len(mask)):
        block(mask, k, (55, 55), 6)
    np.testing.assert_array_equal(clean_roi(mask), expected)


def test_a_far_larger_object_does_not_win_over_the_nearest():
    mask = ventricle()
    mask[0] = False
    block(mask, 0, (32, 30), 2)
    block(mask, 0, (50, 50), 10)
    assert clean_roi(mask)[0].sum() == 16


def test_a_slice_whose_only_object_is_far_away_gets_the_one_beside_it():
    mask = ventricle()
    mask[0] = False
    block(mask, 0, (60, 60), 3)  # 40 pixels of 1.25 mm from the centre
    assert not one_object(mask)[0].any()
    np.testing.assert_array_equal(clean_roi(mask)[0], mask[1])


def test_a_slice_in_which_nothing_was_seen_stays_empty():
    mask = ventricle()
    mask[0] = False
    assert not clean_roi(mask)[0].any()


def test_no_object_is_handed_on_over_two_slices():
    mask = ventricle()
    mask[:2] = False
    for k in (0, 1):
        block(mask, k, (60, 60), 3)
    cleaned = clean_roi(mask)
    assert not cleaned[0].any()
    np.testing.assert_array_equal(cleaned[1], mask[2])


def test_slices_from_a_large_jump_near_the_base_are_emptied():
    mask = ventricle((3, 5, 7, 8, 8, 16))  # the last grows fourfold
    pruned = prune_base(mask)
    assert not pruned[5].any()
    np.testing.assert_array_equal(pruned[:5], mask[:5])


def test_a_slice_near_the_base_may_grow_by_three_fifths():
    kept = ventricle((3, 5, 7, 8, 8, 10))  # 400 pixels after 256: 1.56 times
    np.testing.assert_array_equal(prune_base(kept), kept)
    assert not prune_base(ventricle((3, 5, 7, 8, 8, 11)))[5].any()  # 484: 1.89 times


def test_growth_near_the_apex_is_anatomy():
    mask = ventricle((2, 5, 7, 8, 8, 8))  # the second slice grows sixfold
    np.testing.assert_array_equal(prune_base(mask), mask)


def test_an_empty_mask_stays_empty():
    assert not clean_roi(np.zeros((4, 8, 8), bool)).any()


def test_the_small_end_is_the_apex():
    mask = ventricle()
    assert apex_is_first(mask)
    assert not apex_is_first(mask[::-1])
