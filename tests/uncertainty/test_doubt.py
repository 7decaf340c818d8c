"""The unclear wall, by hand."""

import numpy as np
import pytest

from acsnet.uncertainty.doubt import unclear_percent


def test_unclear_is_the_share_of_the_wall_between_the_limits():
    probability = np.array([[[0.0, 0.25, 0.26, 0.75, 0.76, 0.5]]], np.float32)
    wall = np.array([[[True, True, True, True, True, False]]])
    assert unclear_percent(probability, wall) == pytest.approx(40.0)  # 0.26 and 0.75 of five
    assert unclear_percent(probability, np.zeros_like(wall)) == 0.0
