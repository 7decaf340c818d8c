"""Masks that the stages hand on, by hand."""

import numpy as np

from acsnet.stages.stage_outputs import with_enhancement


def test_enhancement_is_wall_in_slices_that_have_any():
    wall, enhancement = np.zeros((2, 2, 1, 4), bool)
    wall[0, 0, :2] = True
    enhancement[:, 0, 1:3] = True
    both = with_enhancement(wall, enhancement)
    assert both[:, 0].tolist() == [[True, True, True, False], [False] * 4]
    assert wall.sum() == 2
