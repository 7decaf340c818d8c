from types import SimpleNamespace

import numpy as np

from acsnet.anatomy.expert_shapes import Region, expert_shapes, spread


def test_codes_are_chosen_far_apart_from_the_middle_on():
    # The mean is 3.25: nearest is 2, the furthest from it 10, from both 0.
    codes = np.array([[0.0], [1.0], [2.0], [10.0]], np.float32)
    assert spread(codes, 3).tolist() == [2, 3, 0]
    assert spread(codes, 9).tolist() == [2, 3, 0, 1]


def test_what_a_ring_encloses_is_cavity_and_what_an_open_wall_does_is_not():
    ring = np.full((9, 9), -1.0, np.float32)
    ring[2:7, 2:7] = 1.0
    ring[4, 4] = -1.0
    gap = ring.copy()
    gap[4, 5:] = -1.0
    prior = SimpleNamespace(codes=np.array([[0.0], [1.0], [5.0]], np.float32), experts=2)
    shapes = expert_shapes(prior, lambda codes: np.stack([(ring, gap)[int(c[0])] for c in codes]))
    assert shapes.codes.tolist() == [[0.0], [1.0]]
    closed, open_ = shapes.regions
    assert (closed[4, 4], closed[4, 3], closed[0, 0]) == (
        Region.CAVITY,
        Region.WALL,
        Region.OUTSIDE,
    )
    assert open_[4, 4] == Region.OUTSIDE
