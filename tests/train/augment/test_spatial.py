import math

import pytest
import torch

from acsnet.train.augment.spatial import black_level, keep_square, random_affine, signal, warp


def matrix(a, b, c, d, shift=(0.0, 0.0)):
    return torch.tensor([[[a, b, shift[0]], [c, d, shift[1]]]], dtype=torch.float32)


EIGHT = [
    (s * a, s * b, t * c, t * d)
    for a, b, c, d in ((1, 0, 0, 1), (0, 1, 1, 0))
    for s in (1, -1)
    for t in (1, -1)
]


def corner_square(side=32):
    tissue = torch.zeros(1, side, side, dtype=torch.uint8)
    tissue[0, 8:13, 10:20] = 2
    return (tissue == 2)[:, None].float(), tissue


@pytest.mark.parametrize("entries", EIGHT)
def test_labels_follow_the_image_in_all_turns_and_mirrors(entries):
    images, tissue = corner_square()
    warped, labels = warp(images, tissue, matrix(*entries), side=32)
    assert int((labels == 2).sum()) == 50
    torch.testing.assert_close(warped[:, 0], (labels == 2).float(), atol=1e-4, rtol=0)


def test_the_eight_turns_and_mirrors_differ():
    images, tissue = corner_square()
    seen = {warp(images, tissue, matrix(*e), side=32)[1].numpy().tobytes() for e in EIGHT}
    assert len(seen) == 8


@pytest.mark.parametrize("side", [16, 24, 32])
def test_without_zoom_the_output_is_a_window_of_the_input_pixel_for_pixel(side):
    images = torch.rand(2, 2, 32, 32, generator=torch.Generator().manual_seed(0))
    tissue = (images[:, 0] * 4).to(torch.uint8)
    warped, labels = warp(images, tissue, matrix(1, 0, 0, 1).repeat(2, 1, 1), side=side)
    edge = (32 - side) // 2
    window = slice(edge, edge + side)
    torch.testing.assert_close(warped, images[:, :, window, window], atol=1e-5, rtol=0)
    assert torch.equal(labels, tissue[:, window, window].long())


def test_a_shift_is_in_halves_of_the_input_whatever_the_window():
    images, tissue = corner_square()
    _, labels = warp(images, tissue, matrix(1, 0, 0, 1, shift=(0.25, 0.0)), side=32)
    assert torch.equal(labels[0, :, :28], tissue[0, :, 4:].long())  # 0.25 of 16 pixels
    _, small = warp(images, tissue, matrix(1, 0, 0, 1, shift=(0.25, 0.0)), side=24)
    assert torch.equal(small[0], tissue[0, 4:28, 8:32].long())


def test_random_matrices_keep_to_their_ranges():
    generator = torch.Generator().manual_seed(1)
    theta = random_affine(500, zoom=0.2, stretch=0.1, shift=0.06, generator=generator)
    assert theta.shape == (500, 2, 3)
    assert float(theta[:, :, 2].abs().max()) <= 0.06
    first, second = theta[:, :, 0].norm(dim=1), theta[:, :, 1].norm(dim=1)
    assert math.exp(-0.2) - 1e-5 <= float(second.min()) < 0.85
    assert 1.17 < float(second.max()) <= math.exp(0.2) + 1e-5
    assert float((first / second).log().abs().max()) <= 0.1 + 1e-5
    assert float((theta[:, :, 0] * theta[:, :, 1]).sum(1).abs().max()) < 1e-5  # no shear
    mirrored = torch.linalg.det(theta[:, :, :2]) < 0
    assert 0.4 < float(mirrored.float().mean()) < 0.6
    angle = torch.rad2deg(torch.atan2(-theta[:, 0, 1], theta[:, 1, 1])) % 90
    assert float(torch.minimum(angle, 90 - angle).max()) <= 20.01


@pytest.mark.parametrize("seed", range(4))
def test_random_warps_keep_labels_on_the_bright_square(seed):
    generator = torch.Generator().manual_seed(seed)
    images, tissue = torch.zeros(8, 1, 96, 96), torch.zeros(8, 96, 96, dtype=torch.uint8)
    images[:, :, 36:60, 40:56] = 1.0
    tissue[:, 36:60, 40:56] = 3
    theta = random_affine(8, zoom=0.2, stretch=0.12, shift=0.06, generator=generator)
    warped, labels = warp(images, tissue, theta, side=64)
    bright, label = warped[:, 0] > 0.5, labels == 3
    overlap = 2.0 * (bright & label).sum((1, 2)) / (bright.sum((1, 2)) + label.sum((1, 2)))
    assert float(overlap.min()) > 0.97


def test_signal_keeps_shape_and_order_of_brightness():
    generator = torch.Generator().manual_seed(0)
    images = torch.tensor([0.2, 0.8])[None, None, :, None].repeat(50, 2, 1, 200)
    out = signal(images, generator)
    assert out.shape == images.shape
    dark, bright = out[:, :, 0].mean(-1), out[:, :, 1].mean(-1)
    assert (dark < bright).all()
    assert not torch.allclose(bright[0], bright[1])
    torch.testing.assert_close(bright[:, 0], bright[:, 1], atol=0.02, rtol=0)  # one gain an image


def test_keep_square_zeroes_outside_and_keeps_the_mask():
    lv = torch.zeros(60, 80, 80, dtype=torch.bool)
    lv[:, 30:50, 35:45] = True
    images = torch.ones(60, 2, 80, 80)
    kept = keep_square(images, lv, margin=16, generator=torch.Generator().manual_seed(0)) > 0
    assert torch.equal(kept[:, 0], kept[:, 1])
    assert (kept[:, 0] | ~lv).all()
    # The square is 20 + 2 * 16 wide round (40, 40), each edge off by up to 12.
    rows, columns = kept[:, 0].any(2), kept[:, 0].any(1)
    for spans in (rows, columns):
        first = spans.float().argmax(1)
        last = 79 - spans.flip(1).float().argmax(1)
        assert 2 <= int(first.min()) < 8 < 20 < int(first.max()) <= 26
        assert 53 <= int(last.min()) < 59 < 71 < int(last.max()) <= 77
    assert torch.equal(kept[:, 0], rows[:, :, None] & columns[:, None, :])


def test_every_second_edge_of_the_square_is_about_right():
    lv = torch.zeros(2000, 80, 80, dtype=torch.bool)
    lv[:, 30:50, 30:50] = True
    images = torch.ones(2000, 1, 80, 80)
    kept = keep_square(images, lv, margin=16, generator=torch.Generator().manual_seed(0)) > 0
    off = kept[:, 0].any(2).float().argmax(1) - 14
    # Half are off by at most 4 pixels, of the others, off by up to 12, 9 of 25 are.
    assert float((off.abs() <= 4).float().mean()) == pytest.approx(0.5 + 0.5 * 9 / 25, abs=0.04)


def test_keep_square_leaves_a_false_roi_in_the_middle_where_there_is_no_ventricle():
    kept = keep_square(
        torch.ones(200, 1, 96, 96),
        torch.zeros(200, 96, 96, dtype=torch.bool),
        margin=12,
        generator=torch.Generator().manual_seed(0),
    )
    rows = kept[:, 0].amax(2).sum(1)
    # From 6 to 33 pixels either side of the middle and a margin of 12, each edge off by up to 12.
    assert 12 <= rows.min() < 40
    assert 80 < rows.max() <= 96
    assert (kept[:, 0, 42:54, 42:54] > 0).all()


def test_keep_square_stops_at_the_edge_of_the_image():
    lv = torch.zeros(10, 32, 32, dtype=torch.bool)
    lv[:, :4, 28:] = True
    kept = keep_square(
        torch.ones(10, 1, 32, 32), lv, margin=14, generator=torch.Generator().manual_seed(0)
    )
    assert (kept[:, 0, :4, 28:] == 1).all()


def test_black_level_keeps_white_and_order_and_never_turns_negative():
    generator = torch.Generator().manual_seed(0)
    ramp = torch.linspace(0.0, 1.0, 64).reshape(1, 1, 8, 8).repeat(200, 1, 1, 1)
    moved = black_level(ramp, generator)
    assert (moved >= 0).all()
    torch.testing.assert_close(moved[:, 0, -1, -1], torch.ones(200))
    assert (torch.diff(moved.flatten(1), dim=1) >= -1e-6).all()
    changed = (moved - ramp).abs().flatten(1).amax(1) > 1e-3
    assert 0.3 < changed.float().mean() < 0.5
