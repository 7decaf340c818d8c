"""The SEG that is written: every voxel, every reference, and who made it."""

import highdicom
import nibabel
import numpy as np
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.sr.coding import Code
from pydicom.tag import Tag
from skimage.color import lab2rgb

from acsnet import __version__
from acsnet.dicom.header import source_faults
from acsnet.dicom.seg_write import cielab, make_seg
from acsnet.dicom.source_images import source_stack
from acsnet.errors import InputError
from acsnet.labels import LABELS

from .conftest import sample_sources

MAKE = {"state": "draft", "algorithm_type": "AUTOMATIC", "creator": "Doe^Jane"}


def by_highdicom(seg, sources):
    """(slice, row, column) labels as an independent reader finds them, by source image."""
    reader = highdicom.seg.Segmentation.from_dataset(seg)
    return reader.get_pixels_by_source_instance(
        [source.SOPInstanceUID for source in sources],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )


@pytest.mark.parametrize("patient", ["phantom-1", "phantom-2"])
def test_highdicom_reads_every_voxel_back_in_its_slice(samples, patient):
    scan, sources = sample_sources(samples / "dicom" / patient)
    truth = np.asarray(nibabel.load(samples / "truth" / f"{patient}.nii.gz").dataobj)
    labels = np.transpose(truth, (2, 1, 0)).astype(np.uint8)
    assert labels.any(axis=(1, 2)).sum() > 4
    seg = make_seg(labels, sources, **MAKE)
    np.testing.assert_array_equal(by_highdicom(seg, sources), labels)
    assert {float(s.PixelSpacing[0]) for s in sources} == {scan.spacing_mm[1]}


def test_segment_number_is_the_label_value_even_of_labels_not_drawn(sources):
    labels = np.zeros((4, 6, 9), dtype=np.uint8)
    labels[2, 3, 4] = 4
    seg = make_seg(labels, sources, **MAKE)
    found = [(item.SegmentNumber, item.SegmentLabel) for item in seg.SegmentSequence]
    assert found == [(int(info.label), info.name) for info in LABELS]
    assert seg.NumberOfFrames == 1
    (frame,) = seg.PerFrameFunctionalGroupsSequence
    assert frame.SegmentIdentificationSequence[0].ReferencedSegmentNumber == 4


def test_each_segment_has_its_codes_and_colour(seg):
    grey, core = seg.SegmentSequence[2], seg.SegmentSequence[3]
    for item, meaning in ((grey, "Peripheral"), (core, "Central")):
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        assert (kind.CodeValue, kind.CodingSchemeDesignator) == ("12402003", "SCT")
        modifier = kind.SegmentedPropertyTypeModifierCodeSequence[0]
        code = Code(modifier.CodeValue, modifier.CodingSchemeDesignator, "")
        assert modifier.CodeMeaning == meaning
        assert (
            code
            == {
                "Peripheral": Code("14414005", "SCT", ""),
                "Central": Code("26216008", "SCT", ""),
            }[meaning]
        )
    for item, info in zip(seg.SegmentSequence, LABELS, strict=True):
        lightness, a, b = (value / 0xFFFF for value in item.RecommendedDisplayCIELabValue)
        rgb = lab2rgb([lightness * 100, a * 255 - 128, b * 255 - 128]) * 255
        np.testing.assert_allclose(rgb, info.colour, atol=1)


def test_white_is_white_in_cielab():
    assert cielab((255, 255, 255)) == pytest.approx([65535, 32896, 32896], abs=3)


@pytest.mark.parametrize("kind", ["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"])
def test_who_drew_it_is_told(labels, sources, kind):
    seg = make_seg(labels, sources, state="draft", algorithm_type=kind, creator="Doe^Jane")
    assert {item.SegmentAlgorithmType for item in seg.SegmentSequence} == {kind}
    assert seg.ContentCreatorName == "Doe^Jane"
    if kind == "MANUAL":
        assert "SegmentAlgorithmName" not in seg.SegmentSequence[0]
    else:
        (algorithm,) = seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
        assert (algorithm.AlgorithmName, algorithm.AlgorithmVersion) == ("ACSNet", __version__)


@pytest.mark.parametrize("state", ["draft", "reviewed"])
def test_state_is_in_the_series_description(labels, sources, state):
    seg = make_seg(labels, sources, state=state, algorithm_type="MANUAL", creator="Doe^Jane")
    assert seg.SeriesDescription == f"ACSNet {state}"
    assert seg.SeriesNumber == 701
    assert "Research use only" in seg.ContentDescription


def test_every_image_is_referred_to_though_some_hold_no_label(seg, sources):
    (series,) = seg.ReferencedSeriesSequence
    found = [item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence]
    assert sorted(found) == sorted(source.SOPInstanceUID for source in sources)
    assert series.SeriesInstanceUID == "1.2.3.4"


def test_two_segs_never_share_a_uid(labels, sources):
    first, second = (make_seg(labels, sources, **MAKE) for _ in range(2))
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID"):
        assert first[keyword].value != second[keyword].value
        assert first[keyword].value.is_valid
    assert first.StudyInstanceUID == second.StudyInstanceUID == "1.2.3"


def test_names_in_any_script_are_kept(labels, sources):
    for source in sources:
        source.SpecificCharacterSet = ["", "ISO 2022 IR 87"]
        source.PatientName = "Yamada^Tarou=山田^太郎"
    seg = make_seg(labels, sources, **MAKE)
    assert str(seg.PatientName) == "Yamada^Tarou=山田^太郎"


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_invalid_dates_are_left_empty_and_told(labels, sources):
    for source in sources:
        source.StudyDate, source.PatientBirthDate = "20120000", "00000000"
        source.StudyTime, source.PatientSex = "259999", "X"
        source.PatientAge = "045Y"
    seg = make_seg(labels, sources, **MAKE)
    for keyword in ("StudyDate", "PatientBirthDate", "StudyTime", "PatientSex"):
        assert not seg[keyword].value
        assert any(keyword in fault for fault in source_faults(sources))
    assert (seg.PatientID, seg.PatientAge) == ("P-1", "045Y")


def test_several_values_are_left_empty_or_out_and_told_where_dicom_allows_one(labels, sources):
    for source in sources:
        source.AccessionNumber, source.StudyID = "A1\\A2", "1\\2"
        source.ReferringPhysicianName, source.StudyDescription = "Roe^R\\Poe^P", "Heart\\LGE"
        source.DeidentificationMethod = "A\\B"  # of which there may be several
    seg = make_seg(labels, sources, **MAKE)
    left_out = ("AccessionNumber", "StudyID", "ReferringPhysicianName", "StudyDescription")
    for keyword in left_out:
        assert not seg.get(keyword)
    assert list(seg.DeidentificationMethod) == ["A", "B"]
    assert source_faults(sources) == tuple(
        f"{keyword} is invalid and left out"
        for keyword in ("ReferringPhysicianName", "AccessionNumber", "StudyID", "StudyDescription")
    )


@pytest.mark.filterwarnings("ignore:The value length", "ignore:The PN component length")
def test_of_texts_that_are_too_long_only_those_that_identify_are_kept(labels, sources):
    identifiers = ("PatientID", "PatientName", "IssuerOfPatientID", "AccessionNumber", "StudyID")
    for source in sources:
        source.StudyDescription = "D" * 65
        for keyword in identifiers:
            setattr(source, keyword, "7" * 65)
    seg = make_seg(labels, sources, **MAKE)
    assert "StudyDescription" not in seg
    assert [str(seg.get(keyword)) for keyword in identifiers] == ["7" * 65] * 5
    assert source_faults(sources) == ("StudyDescription is invalid and left out",)
    for source in sources:
        source.StudyDescription = "D" * 64
    assert make_seg(labels, sources, **MAKE).StudyDescription == "D" * 64


@pytest.mark.filterwarnings("ignore:The value length")
def test_a_number_longer_than_dicom_allows_is_shortened(labels, sources):
    for source in sources:
        source.PatientWeight, source.PatientSize = "81.6466270000000012", "1.8"
    seg = make_seg(labels, sources, **MAKE)
    assert (str(seg.PatientWeight), str(seg.PatientSize)) == ("81.646627", "1.8")


@pytest.mark.parametrize(
    ("ratio", "method", "written"),
    [
        ("10\\2.5", "ISO_10918_1\\ISO_15444_1", ([10, 2.5], ["ISO_10918_1", "ISO_15444_1"])),
        (b"abc ", "ISO_10918_1", (None, "ISO_10918_1")),
        ("10", None, (10, None)),
        ("", "jpeg", (None, None)),
    ],
)
@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_of_lossy_compression_only_what_is_known_is_written(
    labels, sources, ratio, method, written
):
    for source in sources:
        source.LossyImageCompression = "01"
        if isinstance(ratio, bytes):  # as it is stored
            tag = Tag("LossyImageCompressionRatio")
            source[tag] = RawDataElement(tag, "DS", len(ratio), ratio, 0, False, True)
        else:
            source.LossyImageCompressionRatio = ratio
        if method is not None:
            source.LossyImageCompressionMethod = method
    seg = make_seg(labels, sources, **MAKE)
    assert seg.LossyImageCompression == "01"
    keywords = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
    assert tuple(keyword in seg for keyword in keywords) == tuple(
        value is not None for value in written
    )
    assert tuple(seg.get(keyword) for keyword in keywords) == written


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_invalid_uids_of_the_images_are_kept_and_told(labels, sources):
    for index, source in enumerate(sources):
        source.SOPInstanceUID = f"1.2.3.4.0{index + 1}"
    seg = make_seg(labels, sources, **MAKE)
    (series,) = seg.ReferencedSeriesSequence
    found = {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence}
    assert found == {f"1.2.3.4.0{index + 1}" for index in range(4)}
    (fault,) = source_faults(sources)
    assert "SOPInstanceUID 1.2.3.4.01" in fault
    assert "4 of 4" in fault


def test_images_with_a_frame_of_reference_each_still_make_one_seg(labels, sources):
    for index, source in enumerate(sources):
        source.FrameOfReferenceUID = f"1.2.3.9.{index}"
    assert make_seg(labels, sources, **MAKE).FrameOfReferenceUID == "1.2.3.9.0"
    assert any("FrameOfReferenceUID differs" in fault for fault in source_faults(sources))


def test_a_missing_thickness_and_a_wrong_spacing_are_replaced_by_the_step(labels, sources):
    for source in sources:
        source.SliceThickness, source.SpacingBetweenSlices = None, 3.0
    (measures,) = (
        make_seg(labels, sources, **MAKE).SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    )
    assert float(measures.SliceThickness) == float(measures.SpacingBetweenSlices) == 8.0


def test_the_pixel_spacing_is_that_of_the_stack_where_those_of_the_images_differ(labels, sources):
    sources[0].PixelSpacing, sources[3].PixelSpacing = [1.506, 2.0], [1.5, 1.992]
    seg = make_seg(labels, sources, **MAKE)
    (measures,) = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    assert [*measures.PixelSpacing] == [1.5, 2.0]
    np.testing.assert_array_equal(by_highdicom(seg, sources), labels)
    assert sources[0].PixelSpacing == [1.506, 2.0]


def test_an_empty_label_map_is_written(sources):
    empty = np.zeros((4, 6, 9), dtype=np.uint8)
    seg = make_seg(empty, sources, **MAKE)
    assert not by_highdicom(seg, sources).any()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: delattr(s, "FrameOfReferenceUID"), "must have FrameOfReferenceUID"),
        (lambda s: setattr(s, "StudyInstanceUID", ""), "must have StudyInstanceUID"),
        (lambda s: setattr(s, "PatientName", "D\N{REPLACEMENT CHARACTER}e"), "decoded"),
        (lambda s: setattr(s, "PatientName", "\xb3\\^\xa4j"), "PatientName must have one value"),
        (lambda s: setattr(s, "PatientID", "A\\B\\C"), "PatientID must have one value, got 3"),
    ],
)
def test_images_that_cannot_be_referred_to_are_refused(labels, sources, change, message):
    for source in sources:
        change(source)
    with pytest.raises(InputError, match=message):
        make_seg(labels, sources, **MAKE)


def test_a_label_map_that_does_not_fit_is_refused(labels, sources):
    with pytest.raises(InputError, match=r"must be \(4, 6, 9\).*got \(4, 9, 6\)"):
        make_seg(labels.transpose(0, 2, 1), sources, **MAKE)
    with pytest.raises(InputError, match=r"0 to 5, got \[6\]"):
        make_seg(labels + 1, sources, **MAKE)


@pytest.mark.parametrize("creator", ["", " ", "a\\b", "a=b", "x" * 65])
def test_a_creator_that_dicom_cannot_hold_is_refused(labels, sources, creator):
    with pytest.raises(InputError, match="creator must be"):
        make_seg(labels, sources, state="draft", algorithm_type="MANUAL", creator=creator)


def test_images_are_put_in_the_order_of_the_scan(samples):
    scan, sources = sample_sources(samples / "dicom" / "phantom-2")
    again = source_stack(scan, reversed(sources))
    assert tuple(s.SOPInstanceUID for s in again) == scan.instance_uids
    with pytest.raises(InputError, match=r"1 of 8 images of phantom-2 are not there"):
        source_stack(scan, sources[1:])
