"""What is no signal is never taken for signal, and slices of one scan have one gain."""

from contextlib import suppress

import nibabel as nib
import numpy as np
import packed_scans
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acsnet.errors import InputError
from acsnet.gains import MAX_UNEVENNESS, slice_gains
from acsnet.io import read_scan
from acsnet.io.signal import cleaned
from acsnet.preprocess import standardise, to_scan


@pytest.fixture
def stack():
    """(slice, row, column) noisy signal from 50 to about 1000."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :60]
    shape = np.exp(-((y - 24) ** 2 + (x - 30) ** 2) / 200)
    return np.stack([50 + 900 * shape + rng.uniform(0, 50, shape.shape) for _ in range(5)]).astype(
        np.float32
    )


def test_what_is_all_signal_stays_as_it_is(stack):
    clean = cleaned("a", stack.copy())
    np.testing.assert_array_equal(clean.pixels, stack)
    assert clean.signal is None
    assert clean.even
    assert clean.warnings == ()


def test_what_was_padded_twice_has_no_signal_in_either(stack):
    """A converter fills the corners of what a scanner or a challenge has padded before."""
    padded = stack + 300
    padded[:, :4] = 0
    padded[:, :, :6] = -32768
    clean = cleaned("a", padded)
    expected = np.ones(stack.shape, bool)
    expected[:, :4] = expected[:, :, :6] = False
    np.testing.assert_array_equal(clean.signal, expected)
    assert clean.pixels.min() == padded[expected].min()
    assert [w for w in clean.warnings if "-32768" in w]


def test_bits_above_the_stored_ones_are_left_out_and_told(patient_1, plain, tmp_path):
    scan = read_scan(packed_scans.overlay_bits(patient_1, tmp_path / "a"))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert [w for w in scan.warnings if "bits above HighBit" in w]


def test_values_in_the_upper_bits_are_shifted_down(patient_1, plain, tmp_path):
    scan = read_scan(packed_scans.high_bits(patient_1, tmp_path / "a"))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)


def test_the_highest_stored_bit_is_the_sign(patient_1, plain, tmp_path):
    scan = read_scan(packed_scans.signed_12_bits(patient_1, tmp_path / "a"))
    expected = np.clip(plain.pixels - 500, -2048, 2047)
    np.testing.assert_array_equal(scan.pixels, expected)
    assert scan.warnings == ()


@pytest.mark.parametrize("declared", [True, False])
@pytest.mark.parametrize("value", [-32768, -2000, -1])
def test_padding_is_no_signal_whether_the_header_tells_or_not(
    patient_1, plain, tmp_path, declared, value
):
    folder = packed_scans.padded_corners(patient_1, tmp_path / "a", value=value, declared=declared)
    scan = read_scan(folder)
    outside = packed_scans.outside_circle(*plain.pixels.shape[1:])
    np.testing.assert_array_equal(~scan.signal, np.broadcast_to(outside, plain.pixels.shape))
    np.testing.assert_array_equal(scan.pixels[:, ~outside], plain.pixels[:, ~outside])
    assert (scan.pixels[:, outside] == plain.pixels[:, ~outside].min()).all()
    assert len(scan.warnings) == 1
    assert "no signal" in scan.warnings[0]


def test_padding_above_all_signal_is_found_and_saturated_pixels_are_not(stack):
    padded = stack.copy()
    padded[:, :, :5] = 65535
    assert (cleaned("a", padded).pixels.max(), cleaned("a", padded).signal[0, 0, 5]) == (
        stack[:, :, 5:].max(),
        True,
    )
    assert cleaned("a", np.minimum(stack, 700)).signal is None


@pytest.mark.parametrize(("value", "side"), [(-30000.0, "below"), (32767.0, "above")])
def test_a_dead_pixel_is_no_signal_and_moves_no_level(stack, value, side):
    odd = stack.copy()
    odd[2, 5, 7] = value
    clean = cleaned("a", odd)
    assert np.argwhere(~clean.signal).tolist() == [[2, 5, 7]]
    rest = clean.signal
    np.testing.assert_array_equal(clean.pixels[rest], stack[rest])
    assert clean.pixels[2, 5, 7] == stack[rest].min()
    words = f"1 voxel with the signal {value:g}, far {side} all others, is taken as no signal"
    assert clean.warnings == (words,)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([32767.0, 32767.0], "signal 32767, far above"),
        ([-30000.0, -29000.0], "signal -30000 to -29000, far below"),
        ([-30000.0, 32767.0], "signal -30000 to 32767, far from"),
    ],
)
def test_several_dead_pixels_are_told_by_their_values_and_side(stack, values, words):
    odd = stack.copy()
    odd[2, 5, 7:9] = values
    told = f"2 voxels with the {words} all others, are taken as no signal"
    assert cleaned("a", odd).warnings == (told,)


@pytest.mark.parametrize("of", ["noise", "slices"])
def test_padding_of_several_values_below_all_signal_is_found(stack, of):
    """Lossy compression makes noise of it, and some exports fill each slice with another value."""
    outside = np.broadcast_to(packed_scans.outside_circle(48, 60), stack.shape)
    noise = np.random.default_rng(1).integers(-3, 4, stack.shape)
    fill = noise if of == "noise" else np.arange(5)[:, None, None] * 20
    clean = cleaned("a", np.where(outside, -1000 + fill, stack).astype(np.float32))
    np.testing.assert_array_equal(~clean.signal, outside)
    np.testing.assert_array_equal(clean.pixels[~outside], stack[~outside])
    assert "or so and taken as no signal" in clean.warnings[0]


def test_the_blurred_edge_of_padding_is_no_signal_either(stack):
    """As a converter leaves it that turned an image by linear interpolation."""
    blurred = stack + 300
    blurred[:, :, :10] = -1024
    blurred[:, :, 10] = (blurred[:, :, 11] - 1024) / 2
    clean = cleaned("a", blurred)
    assert not clean.signal[:, :, :11].any()
    assert clean.signal[:, :, 11:].mean() > 0.99
    assert clean.pixels.min() >= blurred[:, :, 11:].min()


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    scale=st.integers(-38, 19),
    shift=st.none() | st.integers(-38, 19),
    rows=st.integers(1, 40),
)
def test_no_pixels_end_in_a_fault_of_ours(seed, scale, shift, rows):
    rng = np.random.default_rng(seed)
    pixels = rng.choice([np.zeros, rng.random, rng.standard_normal])((3, rows, 30))
    offset = 0.0 if shift is None else -(10.0**shift)  # numbers that nearly are the same, too
    pixels = (pixels * 10.0**scale + offset).astype(np.float32)
    with suppress(InputError):
        assert np.isfinite(cleaned("a", pixels).pixels).all()


def test_pixels_that_differ_by_a_rounding_are_no_padding():
    """No number lies between two of them, though a histogram has a gap."""
    even = np.indices((3, 12, 10)).sum(axis=0) % 2 == 0
    pixels = np.where(even, np.float32(-1.0), np.nextafter(np.float32(-1.0), np.float32(0.0)))
    assert cleaned("a", pixels).warnings == ()


def test_dark_signal_with_negative_values_is_no_padding(stack):
    signed = (stack - 400).astype(np.float32)
    assert cleaned("a", signed).signal is None


def test_a_label_map_has_no_padding_and_no_gain():
    labels = np.zeros((5, 48, 60), np.float32)
    for k in range(5):
        labels[k, 10 : 20 + 4 * k, 10:30] = 2
    assert cleaned("a", labels).pixels.tolist() == labels.tolist()


def test_nan_outside_the_heart_is_no_signal(stack):
    outside = packed_scans.outside_circle(48, 60)
    masked = stack.copy()
    masked[:, outside] = np.nan
    clean = cleaned("a", masked)
    np.testing.assert_array_equal(~clean.signal[0], outside)
    assert np.isfinite(clean.pixels).all()
    assert "NaN" in clean.warnings[0]


def test_a_few_nan_are_told_by_their_number(stack):
    masked = stack.copy()
    masked[1, 20, 20:22] = np.nan
    assert masked.size > 2000  # less than a thousandth
    assert cleaned("a", masked).warnings == ("2 voxels are NaN and taken as no signal",)
    masked[1, 20, 21] = stack[1, 20, 21]
    assert cleaned("a", masked).warnings == ("1 voxel is NaN and taken as no signal",)


def test_nothing_but_nan_is_refused(stack):
    with pytest.raises(InputError, match="no signal"):
        cleaned("a", np.full_like(stack, np.nan))


def test_blank_slices_and_borders_change_nothing(samples, tmp_path):
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    plain = read_scan(samples / "nifti" / "phantom-1.nii.gz")
    scan = read_scan(packed_scans.blank_slices(image, tmp_path / "blank.nii.gz"))
    assert scan.signal.any(axis=(1, 2)).sum() == len(plain.pixels)
    assert "no signal in slice 1, 2, 11, 12" in scan.warnings[0]
    seen, expected = standardise(scan), standardise(plain)
    np.testing.assert_array_equal(seen.equalised, expected.equalised)
    np.testing.assert_array_equal(seen.plain, expected.plain)
    back = to_scan(seen.plain, seen)
    assert back.shape == scan.pixels.shape
    assert not back[~scan.signal.any(axis=(1, 2))].any()
    reversed_seen = seen.reversed()
    np.testing.assert_array_equal(to_scan(reversed_seen.plain, reversed_seen), back[::-1])


def test_a_mark_in_a_blank_slice_is_no_signal(stack):
    marked = stack.copy()
    marked[2] = 0
    marked[2, 3, 4:9] = 700
    clean = cleaned("a", marked)
    assert not clean.signal[2].any()
    assert clean.signal[[0, 1, 3, 4]].all()
    assert clean.even
    assert [w for w in clean.warnings if "no signal in slice 3" in w]


def test_zero_around_signed_signal_is_no_signal_and_zero_within_it_is(stack):
    """Phase-sensitive: zero lies in the middle of the range."""
    signed = np.rint(stack - 300)
    within = signed == 0
    around = np.zeros(stack.shape, bool)
    around[:, :, :9] = around[:, 40:] = True
    padded = np.where(around, 0, signed).astype(np.float32)
    clean = cleaned("a", padded)
    assert within[~around].any()
    assert clean.signal is not None
    assert not clean.signal[around].any()
    assert clean.signal[~around].mean() > 0.99
    assert [w for w in clean.warnings if "are 0 and taken as no signal" in w]
    assert cleaned("a", signed.astype(np.float32)).signal is None


def test_a_blank_slice_in_the_middle_is_no_neighbour(stack):
    blank = stack.copy()
    blank[2] = 0
    clean = cleaned("a", blank)
    assert clean.signal.any(axis=(1, 2)).tolist() == [True, True, False, True, True]
    assert clean.even


@pytest.mark.parametrize("low", [0.5, 0.8])
def test_slices_are_brought_to_one_gain_and_it_is_told(patient_1, plain, tmp_path, low):
    scan = read_scan(packed_scans.gain_per_slice(patient_1, tmp_path / "a", low=low, high=1 / low))
    assert [w for w in scan.warnings if "brightness of the slices" in w]
    bright = plain.pixels > 150
    ratio = [
        np.median(a[b] / c[b]) for a, b, c in zip(scan.pixels, bright, plain.pixels, strict=True)
    ]
    assert max(ratio) / min(ratio) < 1.1


@pytest.mark.parametrize("offset", [2048, 4096])
@pytest.mark.parametrize("low", [0.5, 0.8])
def test_gains_about_an_offset_that_no_tag_tells_are_found_and_undone(samples, offset, low):
    """Phase-sensitive images stored unsigned: zero signal is the offset in every slice."""
    signed = read_scan(samples / "nifti" / "phantom-2.nii.gz").pixels
    true = np.random.default_rng(3).permutation(np.geomspace(low, 1 / low, len(signed)))
    stored = np.round(offset + signed * true[:, None, None]).astype(np.float32)
    clean = cleaned("a", stored)
    assert not clean.even
    assert [words for words in clean.warnings if "the value of no signal" in words]
    found = [
        np.median((after[bright] - offset) / before[bright])
        for after, before, bright in zip(clean.pixels, signed, signed > 150, strict=True)
    ]
    assert max(found) / min(found) < 1.2  # as its slices differ themselves


@pytest.mark.parametrize("number", [1, 2])
def test_an_offset_is_no_gain(samples, number):
    pixels = read_scan(samples / "nifti" / f"phantom-{number}.nii.gz").pixels + 2048
    clean = cleaned("a", pixels.copy())
    assert clean.even
    np.testing.assert_array_equal(clean.pixels, pixels)


def test_cropped_magnitude_without_dark_pixels_counts_from_zero(stack):
    """Its darkest signal lies well above zero, but not by `MIN_OFFSET` of its span."""
    gains = np.array([0.5, 2.0, 0.7, 1.5, 1.0], np.float32)
    clean = cleaned("a", (stack + 200) * gains[:, None, None])  # 250 to 1200
    assert "one gain before" in clean.warnings[0]
    levels = np.median(clean.pixels, axis=(1, 2))
    assert levels.max() / levels.min() < 1.02


def test_what_is_no_signal_has_one_value_whatever_the_gain_of_its_slice(stack):
    gains = np.array([0.5, 2.0, 0.7, 1.5, 1.0], np.float32)
    padded = (stack + 300) * gains[:, None, None]
    padded[:, :6] = 0
    clean = cleaned("a", padded)
    assert not clean.even
    assert np.unique(clean.pixels[:, :6]).tolist() == [clean.pixels[:, 6:].min()]


def test_gains_are_relative_to_the_middle_slice(stack):
    true = np.array([0.5, 1.0, 2.0, 1.0, 0.8])
    found = slice_gains(
        (stack * true[:, None, None]).astype(np.float32), np.ones(stack.shape, bool)
    )
    np.testing.assert_allclose(found, true, rtol=0.02)


def test_brightness_that_changes_little_by_little_is_left_alone(stack):
    sloped = (stack * np.geomspace(1, 1.6, 5)[:, None, None]).astype(np.float32)
    assert cleaned("a", sloped).even
    assert MAX_UNEVENNESS < 0.1


@pytest.mark.parametrize("intercept", ["0", "-500"])
def test_a_window_of_stored_values_is_rescaled_with_them(patient_1, plain, tmp_path, intercept):
    folder = packed_scans.window_of_stored_values(patient_1, tmp_path / "a", intercept=intercept)
    scan = read_scan(folder)
    np.testing.assert_allclose(standardise(scan).plain, standardise(plain).plain, atol=1e-4)
    assert [w for w in scan.warnings if "stored values" in w]


@pytest.mark.parametrize(("last", "even"), [(1.5, True), (4.0, False)])
def test_a_steep_ramp_of_gain_is_no_coil(last, even):
    texture = np.random.default_rng(0).integers(50, 900, (60, 60))
    ramp = np.geomspace(1.0, last, 4)  # from slice to slice by 1.14, or by 1.59
    pixels = (texture * ramp[:, None, None]).astype(np.float32)
    clean = cleaned("x", pixels)
    assert clean.even is even
    level = clean.pixels.mean(axis=(1, 2))
    assert level / level[0] == pytest.approx(ramp if even else np.ones(4), rel=0.02)
