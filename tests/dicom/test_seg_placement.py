"""Frames of a SEG lie where their positions and the grid of the images put them."""

import numpy as np
import pytest
from pydicom.dataset import Dataset

from acsnet.dicom.seg_read import read_seg
from acsnet.dicom.seg_write import make_seg
from acsnet.errors import GeometryError, InputError

from .conftest import COLUMN_TO, COLUMNS, NORMAL, ORIGIN, ROW_TO, ROWS
from .seg_frames import frame, frames_of, slice_position, with_frames


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


def test_frames_of_images_whose_spacings_differ_by_rounding_are_not_resampled(sources):
    """0.4 % are a pixel and a half at the far end of 400 rows."""
    tall = np.zeros((4, 400, 9), dtype=np.uint8)
    tall[3, ::2] = 1
    for image in sources:
        image.Rows = 400
    sources[3].PixelSpacing = [1.506, 2.0]
    seg = make_seg(tall, sources, state="draft", algorithm_type="MANUAL", creator="Reader")
    reading = read_seg(seg, sources)
    np.testing.assert_array_equal(reading.labels, tall)
    assert reading.warnings == ()


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


@pytest.mark.parametrize(("step_mm", "off_mm", "most_mm"), [(8.0, 1.2, 1.0), (2.0, 0.6, 0.5)])
def test_more_than_a_millimetre_or_a_quarter_of_the_step_is_off_a_slice(
    seg, sources, step_mm, off_mm, most_mm
):
    for index, image in enumerate(sources):
        image.ImagePositionPatient = [*(ORIGIN + step_mm * index * NORMAL)]
    beside = frame(3, ORIGIN + (2 * step_mm + off_mm) * NORMAL)
    with_frames(seg, [(beside, np.ones((ROWS, COLUMNS), dtype=bool))])
    told = rf"is {off_mm:.2f} mm off the nearest \(at most {most_mm:.2f} mm\)"
    with pytest.raises(GeometryError, match=told):
        read_seg(seg, sources)


def test_tilted_frames_are_refused(seg, sources):
    orientation = Dataset()
    orientation.ImageOrientationPatient = [*ROW_TO, *NORMAL]
    item = frame(1, slice_position(1), PlaneOrientationSequence=[orientation])
    with_frames(seg, [(item, np.ones((ROWS, COLUMNS), dtype=bool))])
    with pytest.raises(GeometryError, match="lie on no slice"):
        read_seg(seg, sources)


def refer(item, *sources):
    """Let a frame refer to these images instead."""
    images = [Dataset() for _ in sources]
    for image, source in zip(images, sources, strict=True):
        image.ReferencedSOPInstanceUID = source.SOPInstanceUID
    derivation = Dataset()
    derivation.SourceImageSequence = images
    item.DerivationImageSequence = [derivation]


def test_a_frame_that_refers_to_the_image_of_another_slice_is_refused(seg, sources):
    """As one whose stack was mirrored, and its references were not; slice 1 holds frame 1."""
    refer(seg.PerFrameFunctionalGroupsSequence[0], sources[2])
    told = r"frame 1 .* lies on slice 2 by its position, and refers to the image of slice 3"
    with pytest.raises(InputError, match=told):
        read_seg(seg, sources)
    with_frames(seg, frames_of(seg)[:1])
    with pytest.raises(InputError, match=told):
        read_seg(seg, sources)


def test_one_drawn_slice_may_refer_to_the_series_as_its_empty_frames_do(seg, labels, sources):
    """Slice 2 alone is drawn; all four frames refer to the image of slice 0."""
    masks = [(labels[index] == 2) & (index == 2) for index in range(4)]
    frames = [(frame(2, slice_position(index)), mask) for index, mask in enumerate(masks)]
    for item, _ in frames:
        refer(item, sources[0])
    drawn = read_seg(with_frames(seg, frames), sources).labels
    np.testing.assert_array_equal(drawn, 2 * np.array(masks))
    assert drawn[2].any()
    with pytest.raises(InputError, match="refers to the image of slice 1"):
        read_seg(with_frames(seg, frames[2:3]), sources)


@pytest.mark.parametrize("images", [(0,), (0, 1, 2, 3)])
def test_frames_that_all_refer_to_the_series_lie_where_their_positions_say(
    seg, labels, sources, images
):
    for item in seg.PerFrameFunctionalGroupsSequence:
        refer(item, *(sources[index] for index in images))
    np.testing.assert_array_equal(read_seg(seg, sources).labels, labels)
