import numpy as np
import pytest

from acsnet.masks import (
    box_of,
    crop_around,
    dice,
    disc,
    largest_part,
    largest_parts,
    parts_meeting,
    reaching_edges,
    within_mm,
)


def test_a_box_holds_what_any_slice_holds_and_stops_at_the_edge():
    mask = np.zeros((2, 10, 12), bool)
    mask[0, 4, 5] = mask[1, 6, 11] = True
    assert box_of(mask) == (slice(4, 7), slice(5, 12))
    rows, columns = box_of(mask, margin=5)
    assert mask[:, rows, columns].shape == (2, 10, 12)


def test_two_parts_that_do_not_touch_are_in_one_box():
    mask = np.zeros((1, 10, 10), bool)
    mask[0, 1, 1] = mask[0, 8, 8] = True
    assert box_of(mask) == (slice(1, 9), slice(1, 9))


def test_the_box_of_nothing_is_empty():
    mask = np.zeros((2, 10, 12), bool)
    rows, columns = box_of(mask, margin=3)
    assert mask[:, rows, columns].size == 0


def test_a_plane_has_a_box_of_its_own():
    mask = np.zeros((10, 12), bool)
    mask[4:6, 5] = True
    assert box_of(mask) == (slice(4, 6), slice(5, 6))


def test_a_crop_is_a_square_in_mm_that_stays_inside_the_image():
    mask = np.zeros((200, 200), bool)
    mask[89:111, 95:105] = True
    row, column = crop_around(mask, (1.0, 2.0), margin_mm=15.0)
    assert (row, column) == (slice(74, 126), slice(87, 113))
    mask[0, 0] = True
    row, column = crop_around(mask, (1.0, 2.0), margin_mm=15.0)
    assert (row.start, column.start) == (0, 0)


def test_a_crop_around_nothing_is_all():
    assert crop_around(np.zeros((4, 4), bool), (1.0, 1.0), margin_mm=5.0) == (slice(None),) * 2


def test_a_disc_is_round_in_mm():
    mask = disc((5, 5), (2.0, 2.0), 2.0, (1.0, 2.0))
    assert mask.astype(int).tolist() == [
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 1, 0, 0],
        [0, 0, 1, 0, 0],
    ]


def test_the_largest_part_is_joined_by_edges():
    mask = np.array([[1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]], bool)
    np.testing.assert_array_equal(
        largest_part(mask), np.array([[0, 0, 0, 0], [0, 0, 1, 1], [0, 0, 1, 0]], bool)
    )
    assert not largest_part(np.zeros((3, 3), bool)).any()


def test_all_parts_of_the_largest_size_are_kept():
    mask = np.array([[1, 1, 0, 1], [0, 0, 0, 1], [1, 0, 0, 0]], bool)
    assert np.argwhere(largest_parts(mask)).tolist() == [[0, 0], [0, 1], [0, 3], [1, 3]]
    assert not largest_parts(np.zeros((3, 3), bool)).any()


def test_dice_is_twice_the_common_part_over_both():
    one, other = np.array([1, 1, 0, 0], bool), np.array([1, 0, 0, 0], bool)
    assert dice(one, other) == 2 / 3
    assert dice(one & ~one, other & ~other) == 1.0


def test_a_part_is_met_as_a_whole_and_by_corners_if_asked():
    mask = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]], bool)
    region = np.zeros((4, 4), bool)
    region[0, 1] = region[2] = True  # the last row is beside the region, not in it
    assert parts_meeting(mask, region).nonzero()[1].tolist() == [0, 1]
    by_corners = parts_meeting(mask, region, corners=True)
    assert (
        by_corners.tolist()
        == [[True, True, False, False], [False, False, True, False]] + [[False] * 4] * 2
    )
    assert not parts_meeting(mask, np.zeros_like(mask)).any()


def test_within_a_distance_is_in_mm_and_in_its_own_slice():
    mask = np.zeros((2, 3, 5), bool)
    mask[0, 1, 2] = True
    near = within_mm(mask, 2.0, (2.5, 1.0))
    assert near[0].astype(int).tolist() == [[0] * 5, [1] * 5, [0] * 5]
    assert not near[1].any()


@pytest.mark.parametrize(
    ("pixel_mm", "pixels"),
    # Whole (row, column) steps of which the squares add up to 36, 25, 16 and 9 at most.
    [(1.0, 113), (1.2, 81), (1.5, 49), (2.0, 29)],
)
@pytest.mark.parametrize("off", [(0, 0), (1, 1), (-1, -1), (1, -1), (-1, 1)])
def test_rounding_of_an_oblique_header_moves_no_pixel_over_6_mm(pixel_mm, pixels, off):
    spacing_mm = (pixel_mm * (1 + 1e-7 * off[0]), pixel_mm * (1 + 1e-7 * off[1]))
    assert disc((15, 15), (7.0, 7.0), 6.0, spacing_mm).sum() == pixels
    mask = np.zeros((1, 15, 15), bool)
    mask[0, 7, 7] = True
    assert within_mm(mask, 6.0, spacing_mm).sum() == pixels


def test_what_reaches_an_edge_is_told_from_what_does_not():
    mask = np.zeros((5, 5), bool)
    mask[0, 0] = mask[2, 2:4] = mask[3, 1] = True
    assert np.argwhere(reaching_edges(mask)).tolist() == [[0, 0]]
