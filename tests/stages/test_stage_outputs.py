"""Masks that the stages hand on, by hand."""

import numpy as np

from acsnet.preprocess import StandardScan
from acsnet.stages.stage_outputs import Located, with_enhancement


def test_enhancement_is_wall_in_slices_that_have_any():
    wall, enhancement = np.zeros((2, 2, 1, 4), bool)
    wall[0, 0, :2] = True
    enhancement[:, 0, 1:3] = True
    both = with_enhancement(wall, enhancement)
    assert both[:, 0].tolist() == [[True, True, True, False], [False] * 4]
    assert wall.sum() == 2


def test_the_ventricle_on_the_scan_is_where_it_is_likelier_than_not():
    none = np.zeros((1, 1, 3), np.float32)
    located = Located(
        scan=None,
        standard=StandardScan(plain=none, equalised=none, turns=0, shape=(1, 3)),
        probability=np.array([[[0.4, 0.6, 0.8]]], np.float32),
        ventricle=np.array([[[True, True, False]]]),
        other_objects=0,
        notes=(),
    )
    assert located.on_scan()[0, 0].tolist() == [False, True, False]
