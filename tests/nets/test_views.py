import numpy as np
import pytest

from acsnet.nets.views import ALL_VIEWS, PAIRS, disagreement, seen_in, turned_back


def test_each_view_is_in_one_pair():
    assert sorted(view for pair in PAIRS for view in pair) == sorted(ALL_VIEWS)


def test_no_two_views_of_an_image_without_symmetry_are_alike():
    image = np.arange(9.0).reshape(1, 3, 3)
    assert len({seen_in(view, image).tobytes() for view in ALL_VIEWS}) == 8


@pytest.mark.parametrize("view", ALL_VIEWS, ids=str)
def test_what_is_drawn_in_a_view_comes_back_to_its_place(view):
    image = np.random.default_rng(0).random((2, 3, 4, 4))
    np.testing.assert_array_equal(turned_back(view, seen_in(view, image)), image)


def test_disagreement_is_the_share_of_drawn_pixels_that_differ():
    pair = np.zeros((2, 1, 2, 4, 4), np.float32)
    pair[:, 0, 0, 0] = 0.9  # four pixels of the first output in both
    pair[1, 0, 0, 1, :2] = 0.9  # two more of it in the second view
    pair[1, 0, 1, 1, 0] = 0.9  # of which one is the other output's, too
    pair[0, 0, 1, 0, 0] = 0.9  # and a fourth pixel differs in the other output alone
    np.testing.assert_allclose(disagreement(pair), [3 / 6])


def test_views_in_which_nothing_is_drawn_agree():
    assert disagreement(np.full((2, 1, 4, 4), 0.5, np.float32)) == 0
