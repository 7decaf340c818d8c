import numpy as np

from acsnet.masks import box_of


def test_it_holds_what_any_slice_holds_and_stops_at_the_edge():
    mask = np.zeros((2, 10, 12), bool)
    mask[0, 4, 5] = mask[1, 6, 11] = True
    assert box_of(mask) == (slice(4, 7), slice(5, 12))
    rows, columns = box_of(mask, margin=5)
    assert mask[:, rows, columns].shape == (2, 10, 12)


def test_two_parts_that_do_not_touch_are_in_one_box():
    mask = np.zeros((1, 10, 10), bool)
    mask[0, 1, 1] = mask[0, 8, 8] = True
    assert box_of(mask) == (slice(1, 9), slice(1, 9))


def test_of_nothing_it_is_empty():
    mask = np.zeros((2, 10, 12), bool)
    rows, columns = box_of(mask, margin=3)
    assert mask[:, rows, columns].size == 0
