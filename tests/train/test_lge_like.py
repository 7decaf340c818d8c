import numpy as np
import pytest

from acsnet.train.lge_like import add_scar, lge_like, pseudo_scar

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


def make(*, share=0.5, seed=0):
    pixels, wall, pool = cine()
    return lge_like(
        pixels,
        wall,
        pool,
        spacing_mm=SPACING_MM,
        reference=reference(),
        enhanced_share=share,
        rng=np.random.default_rng(seed),
    )


def test_pseudo_scar_lies_inside_the_wall_and_is_never_empty():
    _, wall, _ = cine()
    for seed in range(30):
        scar = pseudo_scar(wall[0], SPACING_MM, np.random.default_rng(seed))
        assert scar.any()
        assert not (scar & ~wall[0]).any()


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0, 0), (0.6, 16, 32), (1.0, 40, 40)])
def test_as_many_slices_get_a_scar_as_asked(share, low, high):
    _, scar = make(share=share)
    assert low <= scar.any(axis=(1, 2)).sum() <= high


def test_slices_without_wall_get_no_scar():
    pixels, wall, pool = cine()
    wall = wall.copy()
    wall[:5] = False
    _, scar = lge_like(
        pixels,
        wall,
        pool,
        spacing_mm=SPACING_MM,
        reference=reference(),
        enhanced_share=1.0,
        rng=np.random.default_rng(0),
    )
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


def test_the_scar_takes_a_share_of_the_blood_signal():
    pixels, _, pool = cine()
    scar = np.zeros(SHAPE[1:], bool)
    scar[11:14, 18:30] = True
    for seed in range(10):
        out = add_scar(pixels[0], scar, pool[0], SPACING_MM, np.random.default_rng(seed))
        # Blood is 170: 0.75 to 1.35 of it, less the blur and the texture; the wall was 30.
        assert 60 < np.median(out[scar]) < 1.5 * 170
        np.testing.assert_array_equal(out[30:], pixels[0][30:])


def test_the_histogram_becomes_that_of_the_reference():
    pixels, _ = make()
    percentiles = np.arange(5, 100, 5)
    np.testing.assert_allclose(
        np.percentile(pixels, percentiles), np.percentile(reference(), percentiles), rtol=0.02
    )
    assert pixels.dtype == np.float32
    assert pixels.shape == SHAPE
