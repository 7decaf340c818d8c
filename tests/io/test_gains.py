"""Slices are brought to one gain by their signal: not by padding, crops or slices of noise."""

import numpy as np
import pytest

from acsnet.io.signal import cleaned

GAINS = (1.0, 1.3, 0.8, 1.2, 0.9)


@pytest.fixture
def heart():
    """(slice, row, column) noisy signal from 0 to about 950 of a heart that fills the field."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :60]
    shape = np.exp(-((y - 24) ** 2 + (x - 30) ** 2) / 200)
    return np.stack([900 * shape + rng.uniform(0, 50, shape.shape) for _ in range(5)])


def gained(signal, *, zero, gains=GAINS):
    return (zero + signal * np.array(gains)[:, None, None]).astype(np.float32)


def bordered(pixels, *, width, value):
    margins = [(0, 0), (width, width), (width, width)]
    return np.pad(pixels, margins, constant_values=value)


@pytest.mark.parametrize(("zero", "darkest"), [(0, 10), (2048, -300), (32768, -300)])
@pytest.mark.parametrize(("width", "value"), [(3, 0), (30, 0), (60, 0), (12, -1000)])
def test_a_border_changes_no_gain(heart, zero, darkest, width, value):
    within = (slice(None), slice(width, -width), slice(width, -width))
    alone = cleaned("a", gained(heart + darkest, zero=zero))
    clean = cleaned("a", bordered(gained(heart + darkest, zero=zero), width=width, value=value))
    assert not alone.even
    assert not clean.even
    found, expected = clean.pixels[within].max(axis=(1, 2)), alone.pixels.max(axis=(1, 2))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.ptp(expected) < 0.1 * (expected.mean() - zero)


@pytest.mark.parametrize("width", [0, 2, 30, 60])
@pytest.mark.parametrize(("gains", "told"), [((1, 1.2, 1, 1.2, 1), 0), ((1, 1.2, 1, 0.85, 1), 1)])
def test_slices_that_differ_by_more_than_gains_are_left_and_told(heart, width, gains, told):
    """As untouched images do that are stored about an offset: levels differ, too."""
    stored = gained(heart / 2 - 40, zero=2048, gains=gains)
    stored += np.array([0, 30, 30, 0, 0], np.float32)[:, None, None]
    clean = cleaned("a", bordered(stored, width=width, value=0))
    assert clean.even
    inner = slice(width, width + 48), slice(width, width + 60)
    np.testing.assert_array_equal(clean.pixels[:, inner[0], inner[1]], stored)
    doubts = [words for words in clean.warnings if "check whether they have one gain" in words]
    assert len(doubts) == told


@pytest.mark.parametrize("width", [0, 30])
@pytest.mark.parametrize("zero", [0, 2048])
@pytest.mark.parametrize("gains", [(1, 1, 1, 1, 1), GAINS])
def test_a_slice_of_noise_is_no_signal_and_the_others_are_judged_without_it(
    heart, zero, gains, width
):
    stored = gained(heart + 100, zero=zero, gains=gains)
    noise = np.random.default_rng(1).integers(0, 9, (1, 48, 60)).astype(np.float32)
    expected = cleaned("a", bordered(stored, width=width, value=0))
    clean = cleaned("a", bordered(np.concatenate([noise, stored]), width=width, value=0))
    assert not clean.signal[0].any()
    assert clean.even is (gains != GAINS)
    inner = slice(width, width + 48), slice(width, width + 60)
    np.testing.assert_array_equal(
        clean.pixels[1:, inner[0], inner[1]], expected.pixels[:, inner[0], inner[1]]
    )
    assert clean.pixels.min() == expected.pixels.min()
    assert [words for words in clean.warnings if "no signal in slice 1," in words]


def test_noise_about_an_offset_is_no_signal(heart):
    stored = gained(heart + 100, zero=2048)
    noise = np.random.default_rng(1).integers(2044, 2053, (1, 48, 60)).astype(np.float32)
    clean = cleaned("a", np.concatenate([stored, noise]))
    assert clean.signal.any(axis=(1, 2)).tolist() == [True] * 5 + [False]
