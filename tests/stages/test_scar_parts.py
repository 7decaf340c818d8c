"""Small parts of the drawn enhancement: by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from acsnet.stages.scar_parts import LEAST_ML, without_small_parts

SPACING_MM = (10.0, 1.0, 1.0)  # 0.01 ml a voxel: a slice of 10 x 10 is 1 ml


def drawn(*boxes):
    """(3, 60, 60) with boxes of (slice, row, column, rows, columns)."""
    mask = np.zeros((3, 60, 60), bool)
    for index, row, column, rows, columns in boxes:
        mask[index, row : row + rows, column : column + columns] = True
    return mask


def kept_ml(mask):
    return without_small_parts(mask, SPACING_MM).sum() * 0.01


def test_a_part_below_the_limit_is_left_out_and_one_at_the_limit_stays():
    assert LEAST_ML == 1.0
    assert kept_ml(drawn((0, 5, 5, 9, 11))) == 0.0  # 0.99 ml
    assert kept_ml(drawn((0, 5, 5, 10, 10))) == pytest.approx(1.0)
    assert kept_ml(drawn((0, 5, 5, 10, 10), (0, 40, 40, 9, 11))) == pytest.approx(1.0)


def test_parts_that_touch_in_neighbouring_slices_are_one():
    assert kept_ml(drawn((0, 5, 5, 8, 8), (1, 13, 13, 8, 8))) == pytest.approx(1.28)
    assert kept_ml(drawn((0, 5, 5, 8, 8), (2, 5, 5, 8, 8))) == 0.0  # a slice between


def test_parts_that_lie_close_together_are_one():
    # Columns 5 to 12 and 16 to 23: three columns between, joined from 2 mm on either side.
    assert kept_ml(drawn((0, 5, 5, 8, 8), (0, 5, 16, 8, 8))) == pytest.approx(1.28)
    assert kept_ml(drawn((0, 5, 5, 8, 8), (0, 5, 18, 8, 8))) == 0.0


@pytest.mark.parametrize("off", [(1, 1), (-1, -1), (1, -1), (-1, 1)])
def test_parts_of_an_oblique_stack_are_those_of_a_straight_one(off):
    # 1 ml as two halves, with four millimetres from one to the other, along rows and columns.
    spacing_mm = (10.0, *(1 + 1e-8 * np.array(off)))
    for mask in (
        drawn((0, 5, 5, 5, 10), (0, 13, 5, 5, 10)),
        drawn((0, 5, 5, 10, 5), (0, 5, 13, 10, 5)),
    ):
        assert (without_small_parts(mask, SPACING_MM) == mask).all()
        assert (without_small_parts(mask, spacing_mm) == mask).all()


def test_what_joins_two_parts_is_not_added():
    mask = drawn((0, 5, 5, 8, 8), (0, 5, 16, 8, 8))
    assert (without_small_parts(mask, SPACING_MM) == mask).all()


def test_nothing_drawn_stays_nothing():
    assert not without_small_parts(drawn(), SPACING_MM).any()


@given(arrays(bool, (2, 12, 12)), st.floats(0.5, 3.0))
def test_parts_are_left_out_whole_and_nothing_is_added(mask, pixel_mm):
    kept = without_small_parts(mask, (10.0, pixel_mm, pixel_mm))
    assert (kept <= mask).all()
    assert (without_small_parts(kept, (10.0, pixel_mm, pixel_mm)) == kept).all()
