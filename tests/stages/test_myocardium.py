import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from acsnet.anatomy.checks import check_ventricle
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_network import TorchNetwork
from acsnet.preprocess import StandardScan
from acsnet.stages.myocardium import (
    MYO_SIDE,
    EnhancementCleanup,
    blood_pool,
    clean_enhancement,
    crop,
    myocardium_input,
    paste,
    roi_scale,
    sample_myocardium,
    tight_square,
    window_at,
)

CLOSED = np.array([False])
"""Of one slice: whether its wall is open."""


def ring(inner=8, outer=13, size=64):
    rows, columns = np.indices((size, size))
    distance = np.hypot(rows - size // 2, columns - size // 2)
    return (distance >= inner) & (distance < outer), distance < inner


@given(
    corner=st.tuples(st.integers(-150, 250), st.integers(-150, 250)),
    shape=st.tuples(st.integers(1, 300), st.integers(1, 300)),
)
def test_a_crop_pasted_back_restores_what_it_covered(corner, shape):
    image = np.ones(shape, np.float32)
    patch = crop(image, corner)
    assert patch.shape == (MYO_SIDE, MYO_SIDE)
    back = paste(patch, corner, shape)
    expected = np.zeros(shape)
    expected[
        max(0, corner[0]) : max(0, corner[0] + MYO_SIDE),
        max(0, corner[1]) : max(0, corner[1] + MYO_SIDE),
    ] = 1
    np.testing.assert_array_equal(back, expected)


def test_the_crop_is_centred():
    assert window_at((100.0, 80.2)) == (36, 16)


def test_the_tight_square_is_a_square_with_a_margin():
    roi = np.zeros((100, 100), bool)
    roi[40:60, 45:55] = True  # 20 x 10
    rows, columns = tight_square(roi, 5)
    assert (rows.start, rows.stop) == (35, 65)
    assert (columns.start, columns.stop) == (35, 65)


def test_the_tight_square_stops_at_the_edge_of_the_image():
    roi = np.zeros((50, 50), bool)
    roi[0:10, 40:50] = True
    rows, columns = tight_square(roi, 5)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (0, 15, 35, 50)


def test_the_scale_is_a_percentile_inside_the_roi_only():
    stack = np.zeros((1, 10, 10), np.float32)
    stack[0, :5] = 1000.0
    stack[0, 5:] = 50.0
    roi = np.zeros((1, 10, 10), bool)
    roi[0, 5:] = True
    assert roi_scale(stack, roi) == 50.0
    assert roi_scale(stack, np.zeros_like(roi)) == 1.0


def test_a_closed_wall_encloses_its_pool_exactly():
    wall, cavity = ring()
    np.testing.assert_array_equal(
        blood_pool(wall[None], np.zeros_like(wall)[None], CLOSED)[0], cavity
    )


def test_an_open_basal_wall_takes_its_pool_from_the_roi():
    wall, cavity = ring()
    open_wall = wall.copy()
    open_wall[:, 40:] = False
    roi = wall | cavity
    pool = blood_pool(open_wall[None], roi[None], ~CLOSED)[0]
    assert not (pool & open_wall).any()
    assert not (pool & ~roi).any()
    assert pool.sum() > 0.7 * cavity.sum()


def test_the_pool_of_an_open_wall_ends_at_the_line_across_its_mouth():
    """Without its lower right quarter the ring ends at pixels (31, 44) and (44, 31)."""
    wall, cavity = ring()
    wall[32:, 32:] = False
    pool = blood_pool(wall[None], np.ones_like(wall)[None], ~CLOSED)[0]
    inside = np.indices(wall.shape).sum(axis=0) <= 31 + 44
    assert pool[cavity & inside].all()
    assert not pool[~inside].any()


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    opening=st.floats(0.15, 1.4),
    turn=st.floats(-np.pi, np.pi),
    smooth=st.floats(0.3, 3.0),
    share=st.floats(0.02, 0.98),
)
def test_whatever_the_roi_network_saw_an_open_wall_and_its_pool_are_one_ventricle(
    seed, opening, turn, smooth, share
):
    wall, _ = ring()
    rows, columns = np.indices(wall.shape) - (np.array(wall.shape) / 2)[:, None, None]
    away = np.abs((np.arctan2(rows, columns) - turn + np.pi) % (2 * np.pi) - np.pi)
    open_wall = wall & (away > opening)
    blots = gaussian_filter(np.random.default_rng(seed).normal(size=wall.shape), smooth)
    roi = blots > np.quantile(blots, share)
    pool = blood_pool(open_wall[None], roi[None], ~CLOSED)[0]
    assert check_ventricle(open_wall, pool) == ()


def test_a_hole_that_the_roi_network_left_in_the_pool_of_an_open_wall_is_blood():
    wall, cavity = ring()
    open_wall = wall.copy()
    open_wall[:, 40:] = False
    roi = wall | cavity
    whole = blood_pool(open_wall[None], roi[None], ~CLOSED)[0]
    roi[31:33, 31:33] = False
    roi[2, 2] = True
    np.testing.assert_array_equal(blood_pool(open_wall[None], roi[None], ~CLOSED)[0], whole)


def test_blood_that_does_not_touch_the_open_wall_is_none():
    wall, _ = ring()
    wall[:, 40:] = False
    roi = np.zeros_like(wall)
    roi[32, 32] = True
    assert not blood_pool(wall[None], roi[None], ~CLOSED).any()


def test_a_solid_cap_has_no_pool():
    wall, cavity = ring()
    cap = wall | cavity
    cap[20:23, 32] = False  # a dent at its edge, which the hull fills
    roi = np.ones_like(cap)
    assert not blood_pool(cap[None], roi[None], CLOSED).any()


def test_a_slice_without_wall_has_no_pool():
    empty = np.zeros((1, 16, 16), bool)
    assert not blood_pool(empty, ~empty, ~CLOSED).any()


@pytest.mark.parametrize(
    ("cleanup", "expected"),
    [
        (EnhancementCleanup(), 26),
        (EnhancementCleanup(opening=1), 21),  # 5 x 5 less its corners; the single pixel goes
        (EnhancementCleanup(erosion=1), 9),  # 3 x 3 of the 5 x 5
    ],
)
def test_enhancement_cleanup_in_pixels(cleanup, expected):
    mask = np.zeros((1, 20, 20), bool)
    mask[0, 5:10, 5:10] = True
    mask[0, 15, 15] = True
    assert clean_enhancement(mask, cleanup).sum() == expected


def test_closing_fills_a_pinhole():
    mask = np.zeros((1, 20, 20), bool)
    mask[0, 5:12, 5:12] = True
    mask[0, 8, 8] = False
    closed = clean_enhancement(mask, EnhancementCleanup(closing=1))
    assert closed[0, 8, 8]
    assert closed.sum() == 49


def test_the_network_sees_a_slice_between_its_neighbours():
    wall, cavity = ring(size=140)
    plain = np.stack([np.full(wall.shape, value, np.float32) for value in (0.2, 0.4, 0.6, 0.8)])
    standard = StandardScan(plain=plain, equalised=100 * plain, turns=0, shape=wall.shape)
    roi = np.stack([wall | cavity] * 4)
    for index, expected in ((0, (0.2, 0.2, 0.4)), (1, (0.4, 0.2, 0.6)), (3, (0.8, 0.6, 0.8))):
        seen, _ = myocardium_input(standard, roi, index, scales=(100.0, 1.0))
        assert seen.shape == (6, MYO_SIDE, MYO_SIDE)
        middle = seen[:, MYO_SIDE // 2, MYO_SIDE // 2]
        np.testing.assert_allclose(middle, np.repeat(expected, 2), rtol=1e-6)
        assert seen[:, 0, 0].max() == 0  # outside the tight square


def test_what_might_be_drawn_as_well_is_the_same_each_time_and_lies_where_the_network_looked():
    config = ResUNetConfig(base_filters=2, outputs=2, inputs=6, dropout=0.5)
    net = TorchNetwork(network=ResUNet(config).eval())
    image = np.random.default_rng(0).random((3, 140, 150), dtype=np.float32)
    standard = StandardScan(plain=image, equalised=image, turns=0, shape=(140, 150))
    roi = np.zeros(image.shape, bool)
    roi[1, 60:90, 60:90] = True
    first, again = (list(sample_myocardium(net, standard, roi, seed=0)) for _ in range(2))
    assert len(first) == 8
    np.testing.assert_array_equal(first, again)
    assert np.ptp(first, axis=0).max() > 0
    assert not np.any(np.array(first)[:, :, [0, 2]])
    assert not list(sample_myocardium(net, standard, np.zeros_like(roi), seed=0))
