import tracemalloc
from dataclasses import replace

import numpy as np
import packed_scans
import pytest
import torch

from acsnet.errors import InputError
from acsnet.masks import mirrored_at_edges
from acsnet.preprocess import (
    STANDARD_MM,
    between_neighbours,
    crop_of_square,
    pad_to_square,
    quarter_turns,
    resize,
    standard_shape,
    standardise,
    to_scan,
    triangle_weights,
    turned,
    unit_range,
    windowed,
)
from acsnet.scan import InputGrid, ShortAxisScan

LEFT, POSTERIOR, UP = (-1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, 1.0)


def make_scan(pixels, *, row=POSTERIOR, column=LEFT, mm=(10.0, 1.5, 1.5)):
    affine = np.eye(4)
    steps = np.array([UP, row, column]) * np.array(mm)[:, None]
    affine[:3, :3] = steps[::-1].T
    grid = InputGrid(shape=pixels.shape[::-1], affine=affine, axes=(2, 1, 0))
    return ShortAxisScan(name="scan", pixels=pixels.astype(np.float32), grid=grid)


def disc(shape=(3, 120, 100), centre=(50, 40), radius=20):
    rows, columns = np.indices(shape[1:])
    inside = np.hypot(rows - centre[0], columns - centre[1]) < radius
    return np.repeat(inside[None], shape[0], axis=0)


@pytest.mark.parametrize(
    ("row", "column", "turns"),
    [
        ((0, -1, 0), (-1, 0, 0), 0),
        ((-1, 0, 0), (0, 1, 0), 1),
        ((0, 1, 0), (1, 0, 0), 2),
        ((1, 0, 0), (0, -1, 0), 3),
    ],
)
def test_turns_bring_the_columns_to_the_patients_left(row, column, turns):
    scan = make_scan(np.zeros((2, 4, 6)), row=row, column=column)
    assert quarter_turns(scan) == turns


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("turns", range(4))
def test_the_same_anatomy_gives_the_same_standard_image_however_it_is_stored(turns, mirrored):
    rng = np.random.default_rng(0)
    smooth = resize(rng.random((2, 6, 6), np.float32), (64, 64))
    upright = make_scan(smooth)
    steps = [np.array(LEFT), np.array(POSTERIOR), -np.array(LEFT), -np.array(POSTERIOR)]
    stored, row = np.rot90(smooth, turns, axes=(1, 2)), steps[(turns + 1) % 4]
    if mirrored:
        stored, row = stored[:, ::-1], -row
    other = standardise(make_scan(stored, column=steps[turns % 4], row=row))
    np.testing.assert_allclose(other.plain, standardise(upright).plain, atol=1e-5)
    assert other.mirrored is mirrored


@pytest.mark.parametrize("mm", [(10.0, 0.7, 0.7), (10.0, 1.3, 2.4), (10.0, 2.4, 1.3)])
def test_a_mask_survives_the_way_to_the_standard_grid_and_back(mm):
    mask = disc()
    scan = make_scan(
        mask + 0.1 * np.random.default_rng(0).random(mask.shape), mm=mm, row=LEFT, column=POSTERIOR
    )
    standard = standardise(scan)
    upright = turned(mask, standard.turns, mirrored=standard.mirrored).astype(np.float32)
    there = resize(upright, standard.plain.shape[1:])
    back = to_scan(there, standard) > 0.5
    assert back.shape == mask.shape
    dice = 2 * (back & mask).sum() / (back.sum() + mask.sum())
    assert dice > 0.95


def test_the_standard_grid_keeps_the_field_of_view_and_aspect():
    assert standard_shape((100, 200), (2.5, 1.25)) == (200, 200)
    rows, columns = standard_shape((331, 204), (0.7, 1.9))
    assert rows * STANDARD_MM == pytest.approx(331 * 0.7, abs=STANDARD_MM)
    assert columns * STANDARD_MM == pytest.approx(204 * 1.9, abs=STANDARD_MM)


@pytest.mark.parametrize("off", [0.0, 6e-8, -6e-8])
def test_the_standard_grid_of_an_oblique_stack_is_that_of_a_straight_one(off):
    # 252 pixels of 0.78125 mm are 157.5 of 1.25 mm, to the even side 158.
    assert standard_shape((252, 252), (0.78125 * (1 + off), 0.78125)) == (158, 158)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (37.5, -4000.0), (0.001, 5.0)])
def test_scale_and_offset_of_the_signal_do_not_matter(scale, offset):
    pixels = disc() + 0.2 * np.random.default_rng(1).random((3, 120, 100))
    plain = standardise(make_scan(pixels)).plain
    changed = standardise(make_scan(pixels * scale + offset)).plain
    np.testing.assert_allclose(changed, plain, atol=2e-3)


def test_intensities_lie_in_their_ranges():
    pixels = np.random.default_rng(2).normal(0, 100, (2, 64, 64))
    standard = standardise(make_scan(pixels))
    assert 0 <= standard.plain.min() <= standard.plain.max() <= 1
    assert 0 <= standard.equalised.min() <= standard.equalised.max() <= 255


def test_a_constant_scan_is_refused_by_name():
    with pytest.raises(InputError, match=r"scan: every pixel has the same value \(7\)"):
        unit_range(np.full((2, 8, 8), 7.0, np.float32))


def test_a_window_clips_and_scales_each_slice():
    pixels = np.tile(np.linspace(0, 100, 11, dtype=np.float32), (2, 1, 1))
    scan = replace(make_scan(pixels), windows=np.array([[50, 100], [40, 80]], np.float32))
    scaled, warnings = windowed(scan)
    assert warnings == ()
    np.testing.assert_allclose(scaled[0, 0], np.linspace(0, 1, 11), atol=1e-6)
    np.testing.assert_allclose(scaled[1, 0], np.clip(np.linspace(0, 1.25, 11), 0, 1), atol=1e-6)


def test_a_window_that_makes_much_of_what_is_bright_white_is_left_out_with_a_warning():
    pixels = np.tile(np.linspace(0, 100, 101, dtype=np.float32), (2, 1, 1))
    scan = replace(make_scan(pixels), windows=np.array([[40, 80], [40, 80]], np.float32))
    scaled, warnings = windowed(scan)
    np.testing.assert_array_equal(scaled, pixels)
    assert "clip 20 % of the pixels at its bright end: not applied" in warnings[0]
    allowed = replace(scan, windows=np.array([[46, 92], [46, 92]], np.float32))
    assert windowed(allowed)[1] == ()


def test_beyond_its_edges_the_signal_is_mirrored_and_repeated_where_that_shows_none():
    row = np.array([0, 0, 0, 0, 1, 2, 3, 0, 0, 0], np.float32)
    # Next to the 1 lie 2 and 3 in the mirror, which then shows what is beyond the 3.
    expected = np.array([1, 1, 3, 2, 1, 2, 3, 2, 1, 3], np.float32)
    stack = np.tile(row, (2, 3, 1))
    np.testing.assert_array_equal(mirrored_at_edges(stack, stack > 0), np.tile(expected, (2, 3, 1)))


def test_what_is_no_signal_has_no_part_in_range_and_equalisation():
    rng = np.random.default_rng(4)
    pixels = (disc() + 0.2 * rng.random((3, 120, 100))).astype(np.float32)
    outside = packed_scans.outside_circle(120, 100)
    signal = np.broadcast_to(~outside, pixels.shape)
    seen = [
        standardise(replace(make_scan(np.where(signal, pixels, value)), signal=signal))
        for value in (pixels.min(), -32768.0)
    ]
    np.testing.assert_array_equal(seen[0].equalised, seen[1].equalised)
    plain = standardise(make_scan(pixels[:, 10:111]))  # the rows that the circle reaches
    assert np.abs(seen[0].plain - plain.plain)[:, 30:-30, 30:-30].max() < 0.05
    assert np.abs(seen[0].equalised - plain.equalised)[:, 30:-30, 30:-30].mean() < 10.0
    assert not seen[0].equalised[:, 0, 0].any()


def test_a_window_that_ruins_the_scan_is_left_out_with_a_warning():
    pixels = np.tile(np.linspace(0, 100, 11, dtype=np.float32), (2, 1, 1))
    scan = replace(make_scan(pixels), windows=np.array([[5, 1], [5, 1]], np.float32))
    scaled, warnings = windowed(scan)
    np.testing.assert_array_equal(scaled, pixels)
    assert len(warnings) == 1
    assert "not applied" in warnings[0]


@pytest.mark.parametrize("shape", [(100, 90), (192, 192), (193, 40), (500, 333)])
def test_padding_never_cuts_and_comes_off_again(shape):
    stack = np.random.default_rng(3).random((2, *shape), np.float32)
    square = pad_to_square(stack, side=192, multiple=16)
    assert square.shape[1] == square.shape[2] >= max(192, *shape)
    assert square.shape[1] % 16 == 0
    np.testing.assert_array_equal(crop_of_square(square, shape), stack)


def test_each_slice_lies_between_the_one_below_and_the_one_above_or_stands_in_for_it():
    stack = np.arange(3, dtype=np.float32)[:, None, None]
    assert between_neighbours(stack)[..., 0, 0].tolist() == [[0, 0, 1], [1, 0, 2], [2, 1, 2]]
    assert between_neighbours(stack[:1])[..., 0, 0].tolist() == [[0, 0, 0]]


@pytest.mark.parametrize(("signal_sd", "is_noise"), [(0.0, True), (0.7, True), (1.0, False)])
def test_a_scan_with_more_noise_than_signal_is_told_to_be_noise(signal_sd, is_noise):
    # Noise of 1 has 1 / (1 + 0.49) = 0.67 of the variance beside signal of 0.7, half beside 1.
    rng = np.random.default_rng(0)
    drawn = np.full((3, 96, 96), -signal_sd, np.float32)
    drawn[:, :48] = signal_sd
    pixels = (drawn + rng.normal(0.0, 1.0, drawn.shape)).astype(np.float32)
    grid = InputGrid(shape=(96, 96, 3), affine=np.diag([1.25, 1.25, 8.0, 1.0]), axes=(2, 1, 0))
    standard = standardise(ShortAxisScan(name="noisy", pixels=pixels, grid=grid))
    assert standard.is_noise is is_noise
    assert ("the scan shows nothing but noise" in standard.warnings) is is_noise


def test_linear_interpolation_to_twice_the_samples_by_hand():
    # Centres at -0.25, 0.25, 0.75, 1.25: outside of the first and last centre their value holds.
    expected = [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    np.testing.assert_allclose(triangle_weights(2, 4), expected)


def test_fewer_samples_are_means_under_a_triangle():
    # Four to two: centres at 0.5 and 2.5, and a triangle that falls to 0 two samples away.
    expected = np.array([[0.75, 0.75, 0.25, 0.0], [0.0, 0.25, 0.75, 0.75]]) / 1.75
    np.testing.assert_allclose(triangle_weights(4, 2), expected, rtol=1e-6)


@pytest.mark.parametrize("shape", [(30, 41), (64, 50), (23, 77)])
def test_images_are_resized_as_by_pytorch(shape):
    stack = np.random.default_rng(0).random((2, 40, 50), np.float32)
    options = {"mode": "bilinear", "antialias": True}
    expected = torch.nn.functional.interpolate(torch.from_numpy(stack)[:, None], shape, **options)
    np.testing.assert_allclose(resize(stack, shape), expected[:, 0].numpy(), atol=1e-5)


def test_a_turned_stack_is_resized_exactly_as_its_copy():
    """Both by the same product, and not one of them by a slower one that rounds otherwise."""
    stack = np.random.default_rng(0).random((2, 300, 200), np.float32)
    turned = np.rot90(stack, 1, axes=(1, 2))
    np.testing.assert_array_equal(resize(turned, (150, 260)), resize(turned.copy(), (150, 260)))


def test_slices_without_a_drawing_are_not_resampled():
    standard = standardise(
        make_scan(np.random.default_rng(0).random((20, 256, 256)), mm=(10, 1, 1))
    )
    drawn = np.zeros_like(standard.plain)
    drawn[7] = 0.25
    tracemalloc.start()
    on_scan = to_scan(drawn, standard)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_allclose(on_scan[7], 0.25, rtol=1e-6)
    assert np.flatnonzero(on_scan.any(axis=(1, 2))).tolist() == [7]
    assert most < 1.5 * on_scan.nbytes  # all of them would take twice as much as the answer
