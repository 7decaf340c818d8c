"""Slices in scales of their own that only a Real World Value Mapping tells."""

import enhanced_packings
import numpy as np
import packed_scans
import pydicom
import pytest

from acsnet.io import read_scan
from acsnet.io.dicom_stack.scales import unevenness


def mapped(dataset, *, gain, offset=0.0):
    """Stored values of a slice in a scale of its own, which only a Real World Value Mapping has."""
    for tag in ("RescaleSlope", "RescaleIntercept"):
        if tag in dataset:
            delattr(dataset, tag)
    dataset.PixelData = np.rint(dataset.pixel_array / gain + offset).astype(np.int16).tobytes()
    dataset.RealWorldValueMappingSequence = [
        enhanced_packings.item(
            RealWorldValueSlope=7.0 * gain, RealWorldValueIntercept=-7.0 * gain * offset
        )
    ]


@pytest.mark.parametrize("offset", [0.0, 2048.0])
def test_scales_that_only_a_real_world_mapping_tells_bring_slices_to_one_scale(
    patient_1, plain, tmp_path, offset
):
    for number, dataset in enumerate(patient_1):
        mapped(dataset, gain=1.0 + 0.05 * (number % 2) + 0.2 * number, offset=offset)
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    bright = plain.pixels > 200
    level = np.median(scan.pixels[bright] / plain.pixels[bright])
    np.testing.assert_allclose(scan.pixels / level, plain.pixels, atol=3)
    assert (
        "slices have different scales (RealWorldValueMappingSequence) and no RescaleSlope: brought "
        "to one scale"
    ) in scan.warnings
    assert scan.windows is None


@pytest.mark.parametrize("case", ["of one scale", "beside a rescale slope", "of several ranges"])
def test_a_real_world_mapping_that_tells_no_more_changes_nothing(patient_1, plain, tmp_path, case):
    for number, dataset in enumerate(patient_1):
        gain = 7.0 if case == "of one scale" else 1.0 + 0.2 * number
        item = enhanced_packings.item(RealWorldValueSlope=gain, RealWorldValueIntercept=0.0)
        dataset.RealWorldValueMappingSequence = [item] * (2 if case == "of several ranges" else 1)
        if case == "beside a rescale slope":
            dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert scan.warnings == plain.warnings


def test_frames_in_scales_of_their_own_are_brought_to_one_scale(patient_1, plain, tmp_path):
    enhanced_packings.enhanced_multi_frame(patient_1, tmp_path)
    whole = pydicom.dcmread(tmp_path / "enhanced.dcm")
    words = whole.pixel_array.astype(float)
    for number, frame in enumerate(whole.PerFrameFunctionalGroupsSequence):
        gain = 1.0 + 0.2 * number
        del frame.PixelValueTransformationSequence
        frame.RealWorldValueMappingSequence = [
            enhanced_packings.item(RealWorldValueSlope=gain, RealWorldValueIntercept=0.0)
        ]
        words[number] /= gain
    whole.PixelData = np.rint(words).astype(np.int16).tobytes()
    packed_scans.save(whole, tmp_path / "enhanced.dcm")
    scan = read_scan(tmp_path)
    bright = plain.pixels > 200
    level = np.median(scan.pixels[bright] / plain.pixels[bright])
    np.testing.assert_allclose(scan.pixels / level, plain.pixels, atol=3)
    assert [words for words in scan.warnings if "RealWorldValueMappingSequence" in words]


def test_a_frame_keeps_units_and_several_mappings(patient_1, tmp_path):
    enhanced_packings.enhanced_multi_frame(patient_1, tmp_path)
    whole = pydicom.dcmread(tmp_path / "enhanced.dcm")
    unit = enhanced_packings.item(CodeValue="ms", CodingSchemeDesignator="UCUM")
    for number, frame in enumerate(whole.PerFrameFunctionalGroupsSequence):
        del frame.PixelValueTransformationSequence
        gain = 1.0 + 0.2 * number
        frame.RealWorldValueMappingSequence = [
            enhanced_packings.item(
                RealWorldValueSlope=slope,
                RealWorldValueIntercept=0.0,
                MeasurementUnitsCodeSequence=[unit],
            )
            for slope in (gain, 9.0)
        ]
    packed_scans.save(whole, tmp_path / "enhanced.dcm")
    scan = read_scan(tmp_path)
    assert scan.contrast == "other"
    assert any("its values are in ms" in words for words in scan.warnings)
    assert not [words for words in scan.warnings if "RealWorldValueMappingSequence" in words]


def test_slices_are_brought_to_the_scale_of_the_middle_one(patient_1, tmp_path):
    three = patient_1[2:5]
    for dataset, gain in zip(three, (1.0, 2.0, 4.0), strict=True):
        mapped(dataset, gain=gain)
    stored = [dataset.pixel_array.astype(float) for dataset in three]
    scan = read_scan(packed_scans.write(tmp_path, three))
    expected = [stored[0] / 2, stored[1], stored[2] * 2]
    np.testing.assert_array_equal(scan.pixels, expected)


def test_scales_that_differ_in_their_offset_alone_bring_slices_to_one_scale(
    patient_1, plain, tmp_path
):
    for number, dataset in enumerate(patient_1):
        mapped(dataset, gain=1.0, offset=100.0 * number)
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    assert [words for words in scan.warnings if "RealWorldValueMappingSequence" in words]


def test_private_scales_are_of_stored_values_before_the_rescale_slope(patient_1, plain, tmp_path):
    """The precise value is (stored * slope) / (slope * scale)."""
    for number, dataset in enumerate(patient_1):
        gain = 1.0 + 0.2 * number
        dataset.PixelData = np.rint(dataset.pixel_array / gain).astype(np.int16).tobytes()
        dataset.RescaleSlope, dataset.RescaleIntercept = round(1.0 + 0.3 * number, 1), 0
        block = dataset.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        block.add_new(0x0E, "FL", 1.0 / gain)
    scan = read_scan(packed_scans.write(tmp_path, patient_1))
    bright = plain.pixels > 200
    level = np.median(scan.pixels[bright] / plain.pixels[bright])
    np.testing.assert_allclose(scan.pixels / level, plain.pixels, atol=3)
    assert [words for words in scan.warnings if "private scales" in words]


@pytest.mark.parametrize("offset", [0.0, 2048.0])
@pytest.mark.parametrize("value", [0.0, -1000.0])
def test_padding_has_no_part_in_how_uneven_slices_are(offset, value):
    """It has the size of the stack at either side, and another value in each slice if rescaled."""
    gains = np.array([1.0, 1.3, 0.8, 1.2, 0.9])[:, None, None]
    signal = np.random.default_rng(0).uniform(-100, 900, (1, 48, 60)) * gains
    padded = np.pad(signal + offset, [(0, 0), (48, 48), (60, 60)], constant_values=value)
    outside = padded == value
    padded = np.where(outside, padded * gains, padded)
    expected = np.abs(np.diff(np.log(gains.ravel()))).sum()
    assert unevenness(padded.astype(np.float32)) == pytest.approx(expected, rel=0.03)
