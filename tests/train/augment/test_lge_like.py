import numpy as np
import pytest

from acsnet.train.augment.lge_like import (
    add_to_wall,
    blur,
    cut_shapes,
    erode,
    lge_like_steps,
    match,
    speckle,
)

SHAPE = (40, 48, 48)
SPACING_MM = (1.5, 1.5)


def cine():
    """Bright blood in a dark wall, on tissue of middle signal; (slice, row, column)."""
    rows, columns = np.indices(SHAPE[1:]) - 24
    distance = np.hypot(rows, columns)
    pool = np.broadcast_to(distance < 8, SHAPE)
    wall = np.broadcast_to((distance >= 8) & (distance < 14), SHAPE)
    noise = np.random.default_rng(0).normal(0.0, 2.0, SHAPE)
    return (80 + 90 * pool - 50 * wall + noise).astype(np.float32), wall, pool


def reference():
    """A true scan's signal stands in: anything with another histogram."""
    return np.random.default_rng(1).gamma(2.0, 200.0, (9, 50, 40)).astype(np.float32)


def arguments(*, share=0.5, seed=0):
    pixels, wall, pool = cine()
    rng = np.random.default_rng(seed)
    return (pixels, wall, pool), {
        "spacing_mm": SPACING_MM,
        "reference": reference(),
        "enhanced_share": share,
        "rng": rng,
    }


def make(**settings):
    stacks, options = arguments(**settings)
    steps = lge_like_steps(*stacks, **options)
    return steps.matched, steps.scar


def test_shapes_are_cut_out_of_the_wall_and_are_never_empty():
    _, wall, _ = cine()
    for seed in range(30):
        cut = cut_shapes(wall[0], SPACING_MM, np.random.default_rng(seed))
        assert cut.any()
        assert not (cut & ~wall[0]).any()


def test_some_cuts_are_eroded_by_a_pixel_and_none_is_lost():
    bar = np.zeros((9, 9), bool)
    bar[2:7, 2:7] = True
    thin = np.zeros((9, 9), bool)
    thin[4, 2:7] = True
    sizes = {int(erode(bar, np.random.default_rng(seed)).sum()) for seed in range(30)}
    assert sizes == {25, 9}  # as it is, or one pixel less all round
    assert all(erode(thin, np.random.default_rng(seed)).sum() == 5 for seed in range(30))


def test_blur_is_wider_in_pixels_where_pixels_are_smaller():
    point = np.zeros((41, 41), bool)
    point[20, 20] = True
    weight = blur(point, (1.0, 0.5), np.random.default_rng(0))
    assert weight.sum() == pytest.approx(1.0, abs=1e-3)
    assert weight.max() == weight[20, 20] < 1.0
    offsets = np.arange(41) - 20
    rows = np.sqrt((weight.sum(axis=1) * offsets**2).sum())
    columns = np.sqrt((weight.sum(axis=0) * offsets**2).sum())
    assert columns / rows == pytest.approx(2.0, rel=0.05)


def test_a_weight_of_zero_leaves_the_wall_and_of_one_takes_the_blood_signal():
    pixels, _, pool = cine()
    weight = np.zeros(SHAPE[1:], np.float32)
    weight[11:14, 18:30] = 1.0
    for seed in range(10):
        out = add_to_wall(pixels[0], weight, pool[0], np.random.default_rng(seed))
        # Blood is 170: 0.85 to 1.6 of it, less the texture; the wall was 30.
        assert 0.8 * 170 < np.median(out[weight > 0]) < 1.65 * 170
        np.testing.assert_array_equal(out[weight == 0], pixels[0][weight == 0])


def test_speckle_grows_with_the_signal_and_spares_what_is_dark():
    image = np.repeat([0.0, 10.0, 100.0], 4000).astype(np.float32)
    out = speckle(image, np.random.default_rng(0)).reshape(3, -1)
    assert not out[0].any()
    assert out[2].std() / out[1].std() == pytest.approx(10.0, rel=0.1)
    assert out.mean(axis=1) == pytest.approx([0, 10, 100], rel=0.02)


def test_matching_takes_the_values_of_the_reference_and_keeps_the_order_of_signals():
    pixels = np.array([[[5.0, 1.0], [9.0, 7.0]]], np.float32)
    reference = np.array([[[400.0, 100.0], [300.0, 200.0]]], np.float32)
    assert match(pixels, reference).tolist() == [[[200.0, 100.0], [400.0, 300.0]]]


def test_each_step_goes_on_from_the_one_before():
    stacks, options = arguments(share=0.7, seed=3)
    steps = lge_like_steps(*stacks, **options)
    pixels, wall, _ = stacks
    assert not (steps.cut & ~wall).any()
    assert not (steps.scar & ~steps.cut).any()
    spared = ~steps.cut.any(axis=(1, 2))
    assert spared.any()
    assert not steps.weight[spared].any()
    np.testing.assert_array_equal(steps.added[spared], pixels[spared])
    assert (steps.added != pixels)[~spared].any(axis=(1, 2)).all()
    assert (steps.speckled != steps.added).any(axis=(1, 2)).all()
    np.testing.assert_array_equal(steps.matched, match(steps.speckled, reference()))
    made, scar = make(share=0.7, seed=3)
    np.testing.assert_array_equal(made, steps.matched)
    np.testing.assert_array_equal(scar, steps.scar)


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.6, 16, 32), (1.0, 40, 40)])
def test_as_many_slices_get_a_scar_as_asked(share, low, high):
    _, scar = make(share=share)
    assert low <= scar.any(axis=(1, 2)).sum() <= high


def test_slices_without_wall_get_no_scar():
    pixels, wall, pool = cine()
    wall = wall.copy()
    wall[:5] = False
    scar = lge_like_steps(
        pixels,
        wall,
        pool,
        spacing_mm=SPACING_MM,
        reference=reference(),
        enhanced_share=1.0,
        rng=np.random.default_rng(0),
    ).scar
    assert not scar[:5].any()
    assert scar[5:].any(axis=(1, 2)).all()


def test_one_seed_gives_one_result_and_another_seed_another():
    pixels, scar = make(seed=4)
    again, same_scar = make(seed=4)
    np.testing.assert_array_equal(pixels, again)
    np.testing.assert_array_equal(scar, same_scar)
    assert (make(seed=5)[1] != scar).any()


def test_the_scar_is_brighter_than_the_wall_left():
    _, wall, _ = cine()
    pixels, scar = make(share=1.0)
    left = wall & ~scar
    brighter = [
        np.median(pixels[k][scar[k]]) > np.median(pixels[k][left[k]])
        for k in range(len(pixels))
        if scar[k].sum() > 20 and left[k].sum() > 20
    ]
    assert len(brighter) > 20
    assert np.mean(brighter) > 0.95


def test_the_histogram_becomes_that_of_the_reference():
    pixels, _ = make()
    percentiles = np.arange(5, 100, 5)
    np.testing.assert_allclose(
        np.percentile(pixels, percentiles), np.percentile(reference(), percentiles), rtol=0.02
    )
    assert pixels.dtype == np.float32
    assert pixels.shape == SHAPE
