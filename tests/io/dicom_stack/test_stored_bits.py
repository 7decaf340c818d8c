"""Where in the words of an image its values lie, whatever HighBit says."""

import numpy as np
import packed_scans
import pytest
from pydicom.dataset import Dataset

from acsnet.io import read_scan
from acsnet.io.dicom_stack.decoding.stored_bits import stored_values


def tags(*, stored, high, signed=0):
    header = Dataset()
    header.BitsAllocated, header.BitsStored, header.HighBit = 16, stored, high
    header.PixelRepresentation = signed
    return header


@pytest.mark.parametrize("signed", [0, 1])
def test_a_high_bit_above_the_values_is_not_believed(patient_1, plain, tmp_path, signed):
    for dataset in patient_1:
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 15, signed
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.warnings == (
        "HighBit is too large in 8 images: the values are taken from the lowest bits",
    )


def test_a_high_bit_above_values_of_more_bits_than_stored_loses_none(patient_1, plain, tmp_path):
    for dataset in patient_1:
        dataset.BitsStored, dataset.HighBit = 10, 15
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.warnings == ("BitsStored is too small in 8 images: all bits are taken as signal",)


def test_one_image_that_shows_it_decides_for_all(patient_1, plain, tmp_path):
    """An image whose values happen to be multiples of 16 is of the same scale as the others."""
    even = patient_1[3].pixel_array // 16 * 16
    patient_1[3].PixelData = even.astype(np.uint16).tobytes()
    for dataset in patient_1:
        dataset.BitsStored, dataset.HighBit = 12, 15
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    changed = np.flatnonzero((scan.pixels != plain.pixels).any(axis=(1, 2)))
    assert len(changed) == 1
    np.testing.assert_allclose(scan.pixels, plain.pixels, atol=15)


@pytest.mark.parametrize("bits", [1, 8, 15])
def test_a_drawing_in_the_bits_below_the_values_is_left_out(patient_1, bits):
    image = patient_1[3].pixel_array.astype(np.uint16)
    words = image << 4
    words[20:30, 20:150] |= bits
    words[60:100, 90] |= bits
    values, odd_bits = stored_values(words, tags(stored=12, high=15))
    np.testing.assert_array_equal(values, image)
    assert odd_bits == "none"


def test_values_below_a_high_bit_with_a_drawing_above_them_are_without_it(patient_1):
    image = patient_1[3].pixel_array.astype(np.uint16)
    words = image.copy()
    words[20:30, 20:150] |= 1 << 12
    values, odd_bits = stored_values(words, tags(stored=12, high=15))
    np.testing.assert_array_equal(values, image)
    assert odd_bits == "left out"


def test_bits_above_the_stored_ones_that_carry_on_a_row_are_signal():
    # From 992 to 1024 the lowest ten bits fall to 0: a jump of 992 among steps of 32.
    words = np.tile(np.arange(0, 2048, 32, dtype=np.uint16), (8, 1))
    values, odd_bits = stored_values(words, tags(stored=10, high=9))
    np.testing.assert_array_equal(values, words)
    assert odd_bits == "signal"
