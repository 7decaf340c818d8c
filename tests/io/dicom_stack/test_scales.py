"""Slices in scales of their own that only a Real World Value Mapping tells."""

import enhanced_packings
import numpy as np
import packed_scans
import pydicom
import pytest

from acsnet.io import read_scan


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
