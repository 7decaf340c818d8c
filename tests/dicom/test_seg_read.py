"""SEG files of other software come back in the right place with the right label, or are refused."""

import copy

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import RTStructureSetStorage

from acsnet.dicom.seg_labels import LABEL_MAP_STORAGE, is_mappable, own_state
from acsnet.dicom.seg_read import read_seg
from acsnet.dicom.seg_write import make_seg
from acsnet.errors import GeometryError, InputError
from acsnet.labels import is_only_numbered

from .conftest import COLUMNS, ROWS, sample_sources
from .seg_frames import frame, frames_of, slice_position, with_frames

NAMES = (
    "lv_blood_pool",
    "lv_myocardium",
    "grey_zone",
    "core_scar",
    "microvascular_obstruction",
)


def anonymous_codes(seg):
    """What OHIF writes for each segment, whatever it is."""
    for item in seg.SegmentSequence:
        code = Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "85756007", "SCT", "Tissue"
        item.SegmentedPropertyTypeCodeSequence = [code]
        item.SegmentedPropertyCategoryCodeSequence = [copy.deepcopy(code)]
        if "AnatomicRegionSequence" in item:
            del item.AnatomicRegionSequence


def test_our_own_comes_back_voxel_for_voxel(seg, labels, sources):
    reading = read_seg(seg, sources)
    np.testing.assert_array_equal(reading.labels, labels)
    assert reading.labels.dtype == np.uint8
    assert (reading.state, reading.warnings) == ("draft", ())


@pytest.mark.parametrize("patient", ["phantom-1", "phantom-2"])
def test_sample_series_come_back_voxel_for_voxel(samples, patient):
    scan, sources = sample_sources(samples / "dicom" / patient)
    labels = np.random.default_rng(0).integers(0, 6, scan.pixels.shape, dtype=np.uint8)
    seg = make_seg(labels, sources, state="reviewed", algorithm_type="MANUAL", creator="Doe^Jane")
    reading = read_seg(seg, sources)
    np.testing.assert_array_equal(reading.labels, labels)
    assert (reading.state, reading.warnings) == ("reviewed", ())


def test_the_label_map_follows_the_order_of_the_images_given(seg, labels, sources):
    np.testing.assert_array_equal(read_seg(seg, sources[::-1]).labels, labels[::-1])


def test_an_empty_seg_is_an_empty_label_map(labels, sources):
    seg = make_seg(
        np.zeros_like(labels), sources, state="reviewed", algorithm_type="MANUAL", creator="Doe"
    )
    reading = read_seg(seg, sources)
    assert not reading.labels.any()
    assert reading.warnings == ("no segment has a voxel",)


def test_segments_are_known_by_code_whatever_they_are_called(seg, labels, sources):
    for number, item in enumerate(seg.SegmentSequence, start=1):
        item.SegmentLabel = f"Segment {number}"
    np.testing.assert_array_equal(read_seg(seg, sources).labels, labels)


def test_a_name_that_contradicts_the_code_is_told(seg, labels, sources):
    seg.SegmentSequence[2].SegmentLabel = "Core scar"
    reading = read_seg(seg, sources)
    np.testing.assert_array_equal(reading.labels, labels)
    assert reading.warnings == ("segment 'Core scar' has the code of grey_zone, which is taken",)


def test_old_codes_mean_the_same(seg, labels, sources):
    (kind,) = seg.SegmentSequence[0].SegmentedPropertyTypeCodeSequence
    (site,) = seg.SegmentSequence[0].AnatomicRegionSequence
    kind.CodeValue, kind.CodingSchemeDesignator = "T-C2000", "SRT"
    site.CodeValue, site.CodingSchemeDesignator = "T-32600", "SRT"
    seg.SegmentSequence[0].SegmentLabel = "Segment 1"
    np.testing.assert_array_equal(read_seg(seg, sources).labels, labels)


@pytest.mark.parametrize(
    "rename",
    [
        str.upper,
        lambda name: name.replace("_", " ").title(),
        lambda name: name.replace("_", "-"),
        lambda name: f" {name} ",
    ],
)
def test_segments_without_codes_are_known_by_name(seg, labels, sources, rename):
    anonymous_codes(seg)
    for item, name in zip(seg.SegmentSequence, NAMES, strict=True):
        item.SegmentLabel = rename(name)
    assert is_mappable(seg)
    np.testing.assert_array_equal(read_seg(seg, sources).labels, labels)


def test_numbers_in_another_order_do_not_matter(seg, labels, sources):
    for item in seg.SegmentSequence:
        item.SegmentNumber = 6 - item.SegmentNumber
    for item in seg.PerFrameFunctionalGroupsSequence:
        (identification,) = item.SegmentIdentificationSequence
        number = identification.ReferencedSegmentNumber
        identification.ReferencedSegmentNumber = 6 - number
    np.testing.assert_array_equal(read_seg(seg, sources).labels, labels)


def test_an_unknown_segment_with_pixels_is_refused_by_name(seg, sources):
    anonymous_codes(seg)
    seg.SegmentSequence[3].SegmentLabel = "Scar"
    with pytest.raises(InputError, match=r"segments 'Scar' are none of lv_blood_pool, .*names"):
        read_seg(seg, sources)


def test_an_unknown_segment_without_pixels_is_told(seg, sources):
    anonymous_codes(seg)
    seg.SegmentSequence[3].SegmentLabel = "Segment 4"
    with_frames(seg, [(frame(1, slice_position(0)), np.ones((ROWS, COLUMNS), dtype=bool))])
    reading = read_seg(seg, sources)
    assert reading.warnings == ("segment 'Segment 4' is not known; it is empty and left out",)


def with_painted_segment(seg, name):
    """The SEG with a sixth segment, which fills a slice and a plane between two slices."""
    anonymous_codes(seg)
    painted = copy.deepcopy(seg.SegmentSequence[0])
    painted.SegmentNumber, painted.SegmentLabel = 6, name
    seg.SegmentSequence.append(painted)
    everywhere = np.ones((ROWS, COLUMNS), dtype=bool)
    frames = [(frame(6, slice_position(at)), everywhere) for at in (1, 1.5)]
    return with_frames(seg, [*frames_of(seg), *frames])


@pytest.mark.parametrize("name", ["background", "Background", "Foreground scribbles"])
def test_background_and_scribbles_are_left_out(seg, labels, sources, name):
    reading = read_seg(with_painted_segment(seg, name), sources)
    np.testing.assert_array_equal(reading.labels, labels)
    assert reading.warnings == ()
    seg.SegmentSequence[5].SegmentLabel = "liver"
    with pytest.raises(InputError, match="segments 'liver' are none of"):
        read_seg(seg, sources)


def test_background_has_no_value_beside_numbered_segments(seg, labels, sources):
    for number, item in enumerate(seg.SegmentSequence, start=1):
        item.SegmentLabel = f"Segment {number}"
    painted = with_painted_segment(seg, "background")
    reading = read_seg(painted, sources, by_number=is_only_numbered)
    np.testing.assert_array_equal(reading.labels, labels)
    assert not reading.named


def test_scar_that_is_neither_core_nor_grey_zone_is_not_guessed(seg, sources):
    (kind,) = seg.SegmentSequence[3].SegmentedPropertyTypeCodeSequence
    del kind.SegmentedPropertyTypeModifierCodeSequence
    seg.SegmentSequence[3].SegmentLabel = "Scar"
    with pytest.raises(InputError, match="'Scar'"):
        read_seg(seg, sources)


def test_blood_of_the_right_ventricle_is_not_ours(seg, sources):
    (site,) = seg.SegmentSequence[0].AnatomicRegionSequence
    site.CodeValue, site.CodeMeaning = "53085002", "Right Ventricle"
    seg.SegmentSequence[0].SegmentLabel = "rv"
    with pytest.raises(InputError, match="'rv'"):
        read_seg(seg, sources)


def test_where_segments_overlap_the_more_particular_wins(seg, sources):
    mask = np.zeros((ROWS, COLUMNS), dtype=bool)
    mask[2, 2:6] = True
    scar = np.roll(mask, 2, axis=1)
    frames = [(frame(4, slice_position(1)), scar), (frame(2, slice_position(1)), mask)]
    reading = read_seg(with_frames(seg, frames), sources)
    assert reading.labels[1, 2].tolist() == [0, 0, 2, 2, 4, 4, 4, 4, 0]
    assert reading.warnings[0].startswith("2 voxels are in more than one segment")


def test_fractions_count_from_one_half(seg, sources):
    stored = np.zeros((1, ROWS, COLUMNS), dtype=np.uint8)
    stored[0, 0, :4] = 99, 100, 101, 200
    with_frames(seg, [(frame(1, slice_position(0)), stored[0] > 0)])
    seg.SegmentationType, seg.MaximumFractionalValue = "FRACTIONAL", 200
    seg.BitsAllocated, seg.BitsStored, seg.HighBit = 8, 8, 7
    seg.PixelData = stored.tobytes()
    assert read_seg(seg, sources).labels[0, 0].tolist() == [0, 1, 1, 1, 0, 0, 0, 0, 0]


def test_label_map_segmentations_are_read(seg, labels, sources):
    background = copy.deepcopy(seg.SegmentSequence[0])
    background.SegmentNumber, background.SegmentLabel = 0, "Background"
    seg.SegmentSequence.insert(0, background)
    items = [frame(1, slice_position(index)) for index in (3, 1, 2)]
    for item in items:
        del item.SegmentIdentificationSequence
    with_frames(seg, [(item, np.ones((ROWS, COLUMNS), dtype=bool)) for item in items])
    seg.SOPClassUID, seg.SegmentationType = LABEL_MAP_STORAGE, "LABELMAP"
    seg.BitsAllocated, seg.BitsStored, seg.HighBit = 8, 8, 7
    seg.PixelData = labels[[3, 1, 2]].tobytes()
    np.testing.assert_array_equal(read_seg(seg, sources).labels, labels)
    assert is_mappable(seg)


def test_another_frame_of_reference_is_refused_unless_the_images_are_named(seg, labels, sources):
    seg.FrameOfReferenceUID = "1.2.3.10"
    np.testing.assert_array_equal(read_seg(seg, sources).labels, labels)
    for item in seg.PerFrameFunctionalGroupsSequence:
        del item.DerivationImageSequence
    with pytest.raises(GeometryError, match=r"FrameOfReferenceUID is 1\.2\.3\.10"):
        read_seg(seg, sources)


def test_what_other_software_saved_anew_is_no_draft_of_ours(seg, sources):
    assert own_state(seg) is not None
    seg.Manufacturer = "OHIF"
    assert own_state(seg) is None
    assert read_seg(seg, sources).state == "unknown"


def test_a_seg_without_one_of_our_labels_is_left_to_its_maker(seg):
    anonymous_codes(seg)
    for item in seg.SegmentSequence:
        item.SegmentLabel = "Liver"
    assert not is_mappable(seg)


def test_what_is_no_segmentation_is_neither_mapped_nor_read(seg, sources):
    seg.SOPClassUID = RTStructureSetStorage
    assert not is_mappable(seg)
    with pytest.raises(InputError, match="must be a segmentation"):
        read_seg(seg, sources)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda s: setattr(s, "PixelData", s.PixelData[:-2]),
            "PixelData must have 41 bytes, got 40",
        ),
        (lambda s: delattr(s, "PixelData"), "has no pixels"),
        (lambda s: setattr(s, "NumberOfFrames", 10**9), "too large"),
        (lambda s: s.PerFrameFunctionalGroupsSequence.pop(), "got 5 for 6"),
        (lambda s: s.SegmentSequence.pop(), r"does not describe segments \[5\]"),
        (lambda s: setattr(s, "SegmentationType", "SURFACE"), "must be BINARY"),
        (lambda s: setattr(s, "Rows", None), "has no pixels"),
        (lambda s: delattr(s, "SamplesPerPixel"), "is damaged"),
        (
            lambda s: delattr(
                s.PerFrameFunctionalGroupsSequence[0], "SegmentIdentificationSequence"
            ),
            "frame 1 does not say",
        ),
    ],
)
def test_damaged_segs_are_refused(seg, sources, spoil, message):
    spoil(seg)
    with pytest.raises(InputError, match=message):
        read_seg(seg, sources)


def test_a_segmentation_of_images_that_were_replaced_says_so(seg, labels, sources):
    replaced = copy.deepcopy(list(sources))
    for number, source in enumerate(replaced):
        source.SOPInstanceUID = f"1.2.77.{number}"
    reading = read_seg(seg, replaced)
    np.testing.assert_array_equal(reading.labels, labels)
    assert [one.partition(":")[0] for one in reading.warnings] == [
        "the segmentation names none of the images of this scan"
    ]
