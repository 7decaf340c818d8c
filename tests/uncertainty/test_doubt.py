"""The doubt of a scar burden, by hand."""

import numpy as np
import pytest

from acsnet.uncertainty.doubt import burden_doubt, unclear_points


def test_unclear_is_the_share_of_the_wall_between_the_limits():
    probability = np.array([[[0.0, 0.25, 0.26, 0.75, 0.76, 0.5]]], np.float32)
    wall = np.array([[[True, True, True, True, True, False]]])
    assert unclear_points(probability, wall) == pytest.approx(40.0)  # 0.26 and 0.75 of five
    assert unclear_points(probability, np.zeros_like(wall)) == 0.0


def test_the_doubt_adds_how_far_another_threshold_is():
    assert burden_doubt(4.0, 20.0, {"sd5": 13.0}) == 11.0
    assert burden_doubt(4.0, 13.0, {"sd5": 20.0}) == 11.0


def test_where_no_threshold_is_defined_only_the_unclear_wall_counts():
    assert burden_doubt(4.0, 20.0, {"sd5": None}) == 4.0
    assert burden_doubt(4.0, 20.0, {}) == 4.0
    assert burden_doubt(0.0, None, {}) == 0.0
