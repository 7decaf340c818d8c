"""SEG files of other software come back in the right place with the right label, or are refused."""

import copy

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import RTStructureSetStorage

from acsnet.dicom.seg_labels import LABEL_MAP_STORAGE, is_mappable, written_by_acsnet
from acsnet.dicom.seg_read import read_seg
from acsnet.dicom.seg_write import make_seg
from acsnet.errors import GeometryError, InputError

from .conftest import COLUMN_TO, COLUMNS, NORMAL, ORIGIN, ROW_TO, ROWS, STEP_MM, sample_sources

NAMES = (
    "lv_blood_pool",
    "lv_myocardium",
    "grey_zone",
    "core_scar",
    "microvascular_obstruction",
)


def with_frames(seg, frames):
    """The SEG with these frames instead: (item, (row, column) mask) each."""
    items, masks = zip(*frames, strict=True)
    stack = np.stack(masks)
    seg.NumberOfFrames, seg.Rows, seg.Columns = stack.shape
    seg.PerFrameFunctionalGroupsSequence = Sequence(items)
    packed = np.packbits(stack.ravel(), bitorder="little").tobytes()
    seg.PixelData = packed + b"\0" * (len(packed) % 2)
    return seg


def frames_of(seg):
    return list(
        zip(seg.PerFrameFunctionalGroupsSequence, seg.pixel_array.astype(bool), strict=True)
    )


def frame(segment, position, **tags):
    """A frame's item with only segment and position."""
    item, identification, plane = Dataset(), Dataset(), Dataset()
    identification.ReferencedSegmentNumber = segment
    item.SegmentIdentificationSequence = [identification]
    plane.ImagePositionPatient = [*map(float, position)]
    item.PlanePositionSequence = [plane]
    for name, value in tags.items():
        setattr(item, name, value)
    return item


def slice_position(index):
    return ORIGIN + STEP_MM * index * NORMAL


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


def test_frames_in_any_order_are_placed_by_position(seg, labels, sources):
    frames = frames_of(seg)
    with_frames(seg, [frames[i] for i in (4, 1, 5, 0, 3, 2)])
    np.testing.assert_array_equal(read_seg(seg, sources).labels, labels)


def test_left_out_frames_leave_their_slices_empty(seg, labels, sources):
    with_frames(seg, [pair for pair in frames_of(seg) if pair[1].sum() != 7])
    expected = np.where(np.arange(4)[:, None, None] == 1, labels == 1, labels)
    np.testing.assert_array_equal(read_seg(seg, sources).labels, expected)


def test_without_pixel_spacing_that_of_the_images_is_taken(seg, labels, sources):
    for measures in seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence:
        del measures.PixelSpacing
    np.testing.assert_array_equal(read_seg(seg, sources).labels, labels)


def test_without_any_geometry_that_of_the_image_referred_to_is_taken(seg, labels, sources):
    shared = seg.SharedFunctionalGroupsSequence[0]
    del shared.PixelMeasuresSequence, shared.PlaneOrientationSequence
    for item in seg.PerFrameFunctionalGroupsSequence:
        del item.PlanePositionSequence
    np.testing.assert_array_equal(read_seg(seg, sources).labels, labels)
    for item in seg.PerFrameFunctionalGroupsSequence:
        del item.DerivationImageSequence
    with pytest.raises(InputError, match="frame 1 has no position and orientation"):
        read_seg(seg, sources)


def test_without_pixel_spacing_another_matrix_is_refused(seg, sources):
    del seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    with_frames(seg, [(frame(1, slice_position(0)), np.ones((3, 4), dtype=bool))])
    with pytest.raises(InputError, match="frame 1 has no pixel spacing"):
        read_seg(seg, sources)


def test_a_cropped_frame_is_put_where_it_lies(seg, labels, sources):
    """Rows 2 to 4, columns 3 to 7 of slice 2: the part that holds the wall."""
    corner = slice_position(2) + 2 * 1.5 * COLUMN_TO + 3 * 2.0 * ROW_TO
    with_frames(seg, [(frame(2, corner), labels[2, 2:5, 3:8] == 2)])
    reading = read_seg(seg, sources)
    np.testing.assert_array_equal(reading.labels[2], np.where(labels[2] == 2, 2, 0))
    assert not reading.labels[[0, 1, 3]].any()
    assert reading.warnings == ()


def test_a_frame_seen_from_behind_is_turned_back(seg, labels, sources):
    """Columns run the other way: the normal points to the other side, the voxels are the same."""
    orientation = Dataset()
    orientation.ImageOrientationPatient = [*map(float, -ROW_TO), *COLUMN_TO]
    corner = slice_position(1) + (COLUMNS - 1) * 2.0 * ROW_TO
    item = frame(1, corner, PlaneOrientationSequence=[orientation])
    with_frames(seg, [(item, (labels[1] == 1)[:, ::-1])])
    np.testing.assert_array_equal(read_seg(seg, sources).labels[1], labels[1] == 1)


def test_rows_and_columns_may_be_swapped(seg, labels, sources):
    orientation, measures = Dataset(), Dataset()
    orientation.ImageOrientationPatient = [*map(float, COLUMN_TO), *ROW_TO]
    measures.PixelSpacing = [2.0, 1.5]
    item = frame(
        1,
        slice_position(1),
        PlaneOrientationSequence=[orientation],
        PixelMeasuresSequence=[measures],
    )
    with_frames(seg, [(item, (labels[1] == 1).T)])
    np.testing.assert_array_equal(read_seg(seg, sources).labels[1], labels[1] == 1)


def test_a_grid_twice_as_fine_gives_the_nearest_pixels(seg, labels, sources):
    measures = Dataset()
    measures.PixelSpacing = [0.75, 1.0]
    mask = np.kron(labels[1] == 1, np.ones((2, 2), dtype=bool))
    corner = slice_position(1) - 0.375 * COLUMN_TO - 0.5 * ROW_TO
    with_frames(seg, [(frame(1, corner, PixelMeasuresSequence=[measures]), mask)])
    reading = read_seg(seg, sources)
    np.testing.assert_array_equal(reading.labels[1], labels[1] == 1)
    assert "1 of 1 frames are on another pixel grid" in reading.warnings[0]


def test_pixels_beyond_the_images_are_told(seg, sources):
    corner = slice_position(0) - 2 * 2.0 * ROW_TO
    with_frames(seg, [(frame(1, corner), np.ones((ROWS, COLUMNS), dtype=bool))])
    reading = read_seg(seg, sources)
    assert reading.labels[0, :, :7].all()
    assert not reading.labels[0, :, 7:].any()
    assert reading.warnings == (f"{2 * ROWS} drawn pixels lie outside the images and are left out",)


def test_frames_between_the_slices_are_refused_with_their_number(seg, sources):
    full, empty = np.ones((ROWS, COLUMNS), dtype=bool), np.zeros((ROWS, COLUMNS), dtype=bool)
    frames = [
        (frame(1, slice_position(0)), full),
        (frame(1, slice_position(0.5)), full),
        (frame(1, slice_position(7)), full),
        (frame(1, slice_position(1.5)), empty),
    ]
    with pytest.raises(
        GeometryError, match=r"2 of 3 drawn frames .* frame 2 is 4\.00 mm off the nearest"
    ):
        read_seg(with_frames(seg, frames), sources)


def test_a_little_off_a_slice_is_on_it(seg, sources):
    mask = np.ones((ROWS, COLUMNS), dtype=bool)
    reading = read_seg(with_frames(seg, [(frame(3, slice_position(2.1)), mask)]), sources)
    assert (reading.labels[2] == 3).all()


def test_tilted_frames_are_refused(seg, sources):
    orientation = Dataset()
    orientation.ImageOrientationPatient = [*ROW_TO, *NORMAL]
    item = frame(1, slice_position(1), PlaneOrientationSequence=[orientation])
    with_frames(seg, [(item, np.ones((ROWS, COLUMNS), dtype=bool))])
    with pytest.raises(GeometryError, match="lie on no slice"):
        read_seg(seg, sources)


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
    assert written_by_acsnet(seg)
    seg.Manufacturer = "OHIF"
    assert not written_by_acsnet(seg)
    assert read_seg(seg, sources).state == "unknown"


def test_a_seg_without_one_of_our_labels_is_left_to_its_maker(seg):
    anonymous_codes(seg)
    for item in seg.SegmentSequence:
        item.SegmentLabel = "Liver"
    assert not is_mappable(seg)


def test_what_is_no_segmentation_is_neither_mapped_nor_read(seg, sources):
    seg.SOPClassUID = RTStructureSetStorage
    assert not is_mappable(seg)
    with pytest.raises(InputError, match="a segmentation is wanted"):
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
