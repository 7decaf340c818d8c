import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acsnet.train.augment.intensity import (
    bias_field,
    coarse_pixels,
    corrupt,
    rician_noise,
    tone_curve,
)

SHAPE = (2, 30, 26)


@pytest.fixture
def intensity():
    return np.random.default_rng(0).random(SHAPE).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_tone_curve_rises_and_fixes_black_and_white(seed):
    ramp = np.linspace(0.0, 1.0, 101, dtype=np.float32).reshape(1, 1, -1)
    curve = tone_curve(ramp, np.random.default_rng(seed)).ravel()
    assert curve[0] == pytest.approx(0.0, abs=1e-6)
    assert curve[-1] == pytest.approx(1.0, abs=1e-6)
    assert (np.diff(curve) >= -1e-6).all()


def test_a_bias_field_is_a_smooth_gain_alike_in_all_slices(intensity):
    flat = bias_field(np.ones(SHAPE, np.float32), np.random.default_rng(3))
    assert flat.shape == SHAPE
    np.testing.assert_array_equal(flat[0], flat[1])
    assert flat.std() > 0.01
    assert np.abs(np.diff(flat[0], axis=0)).max() < 0.15
    np.testing.assert_allclose(
        bias_field(intensity, np.random.default_rng(3)), intensity * flat, rtol=1e-5
    )


def test_coarse_pixels_blur_within_slices_only_and_never_below_the_own_pixel():
    point = np.zeros((3, 21, 21), np.float32)
    point[1, 10, 10] = 1.0
    blurred = coarse_pixels(point, (0.8, 0.8), np.random.default_rng(0))
    assert not blurred[[0, 2]].any()
    assert blurred.sum() == pytest.approx(1.0, abs=1e-4)
    assert blurred.max() < 0.9
    np.testing.assert_array_equal(coarse_pixels(point, (2.5, 2.5), np.random.default_rng(0)), point)


def test_noise_lifts_the_background_above_zero():
    noisy = rician_noise(np.zeros((1, 64, 64), np.float32), np.random.default_rng(1))
    assert noisy.min() >= 0
    assert 0 < noisy.mean() < 0.1


def test_corruption_keeps_shape_and_type_and_follows_its_seed(intensity):
    before = intensity.copy()
    for seed in range(16):
        out = corrupt(intensity, (1.5, 1.5), np.random.default_rng(seed))
        assert out.shape == SHAPE
        assert out.dtype == np.float32
        assert np.isfinite(out).all()
        np.testing.assert_array_equal(
            out, corrupt(intensity, (1.5, 1.5), np.random.default_rng(seed))
        )
    np.testing.assert_array_equal(intensity, before)
