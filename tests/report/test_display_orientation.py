"""Slices are shown as a viewer shows them."""

from dataclasses import replace

import numpy as np
import pytest

from acsnet.report.display_orientation import View, grey_window, view_of
from acsnet.scan import InputGrid, ShortAxisScan

PLANE = np.arange(6).reshape(2, 3)


def scan_of(row, column, uids=()):
    """A scan whose rows and columns run along these RAS directions."""
    affine = np.eye(4)
    affine[:3, 0] = np.cross(row, column)
    affine[:3, 1], affine[:3, 2] = row, column
    grid = InputGrid(shape=(2, 2, 3), affine=affine, axes=(0, 1, 2))
    return ShortAxisScan(
        name="x", pixels=np.zeros((2, 2, 3), np.float32), grid=grid, instance_uids=uids
    )


def test_padding_far_below_the_signal_leaves_the_greys_to_the_signal():
    padded = np.concatenate([np.zeros(30), np.arange(2000.0, 3001.0)])
    assert grey_window(padded) == (2010.0, 2990.0)
    assert grey_window(np.full(4, 7.0)) == (7.0, 7.0)


def test_columns_to_the_left_and_rows_to_the_feet_stay():
    assert view_of(scan_of((0, 0, -1), (-1, 0, 0))) == View()


def test_an_array_with_its_columns_first_is_exchanged():
    view = view_of(scan_of((-1, 0, 0), (0, 0, -1)))
    assert view == View(exchanged=True)
    assert view.of(PLANE).tolist() == [[0, 3], [1, 4], [2, 5]]
    assert view.spacing_of((1.0, 2.0)) == (2.0, 1.0)


@pytest.mark.parametrize(
    ("row", "column", "shown"),
    [
        ((0, 0, 1), (-1, 0, 0), [[3, 4, 5], [0, 1, 2]]),
        ((0, 0, -1), (1, 0, 0), [[2, 1, 0], [5, 4, 3]]),
        ((1, 0, 0), (0, 0, 1), [[5, 2], [4, 1], [3, 0]]),
    ],
)
def test_what_runs_the_other_way_is_reversed(row, column, shown):
    assert view_of(scan_of(row, column)).of(PLANE).tolist() == shown


def test_an_axial_stack_has_the_front_on_top():
    assert view_of(scan_of((0, -1, 0), (-1, 0, 0))) == View()
    assert view_of(scan_of((0, 1, 0), (-1, 0, 0))) == View(rows_reversed=True)


def test_dicom_is_shown_as_it_is_stored():
    assert view_of(scan_of((0, 0, 1), (1, 0, 0), uids=("1.2.3", "1.2.4"))) == View()
    assert view_of(replace(scan_of((0, 0, 1), (1, 0, 0)), instance_uids=())) != View()
