"""Segmentations made to do harm are refused in one sentence, in bounded time and memory."""

import copy
import io
import struct
import warnings

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

from acsnet.dicom.seg_labels import LABEL_MAP_STORAGE
from acsnet.dicom.seg_read import read_seg
from acsnet.errors import AcsnetError, InputError
from acsnet.io.dicom_files.dicom_file import DAMAGED

FUZZ = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
NUMBERS = st.one_of(
    st.integers(-(2**31), 2**32), st.floats(allow_nan=False, allow_infinity=False, width=32)
)


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"NumberOfFrames": 2**31 - 1}, "too large"),
        ({"NumberOfFrames": -6}, "has no pixels"),
        ({"Rows": 65535, "Columns": 65535}, "too large"),
        ({"Rows": 60, "Columns": 90}, "PixelData must have"),
        ({"BitsAllocated": 64}, "is damaged|PixelData must have"),
        ({"BitsAllocated": 0}, "is damaged|PixelData must have"),
        ({"SamplesPerPixel": 3}, "is damaged|PixelData must have"),
    ],
)
def test_sizes_that_are_not_those_of_the_pixels_are_refused(seg, sources, tags, reason):
    for tag, value in tags.items():
        setattr(seg, tag, value)
    with pytest.raises(InputError, match=reason):
        read_seg(seg, sources)


@pytest.mark.parametrize(
    ("group", "tag", "value"),
    [
        ("PlanePositionSequence", "ImagePositionPatient", ["1e400", "0", "0"]),
        ("PlaneOrientationSequence", "ImageOrientationPatient", [0, 0, 0, 0, 0, 0]),
        ("PlaneOrientationSequence", "ImageOrientationPatient", [1, 0, 0, 1, 0, 0]),
        ("PixelMeasuresSequence", "PixelSpacing", [0, 0]),
        ("PixelMeasuresSequence", "PixelSpacing", [-1, 1]),
    ],
)
def test_a_frame_that_lies_nowhere_is_refused(seg, sources, group, tag, value):
    """Compared with any slice, a position that is no number would be near enough."""
    for item in (*seg.PerFrameFunctionalGroupsSequence, *seg.SharedFunctionalGroupsSequence):
        for one in item.get(group) or []:
            setattr(one, tag, value)
    with pytest.raises(InputError, match="has no valid position"):
        read_seg(seg, sources)


def test_compressed_frames_larger_than_they_say_are_not_unpacked(seg, sources):
    seg.file_meta.TransferSyntaxUID = RLELossless
    seg.PixelData = encapsulate([bytes([1]) + bytes(63) + bytes([129, 0]) * 10**5])
    with pytest.raises(InputError, match="bytes of compressed pixels for an image of"):
        read_seg(seg, sources)


def refused_or_read(seg, sources):
    try:
        reading = read_seg(seg, sources)
    except AcsnetError:
        return
    assert reading.labels.shape == (4, 6, 9)
    assert reading.labels.max() <= 5


@FUZZ
@given(
    sizes=st.fixed_dictionaries(
        {},
        optional={
            tag: st.integers(0, 2**16 - 1)
            for tag in ("Rows", "Columns", "BitsAllocated", "BitsStored", "SamplesPerPixel")
        }
        | {"NumberOfFrames": st.integers(-5, 2**31 - 1)},
    ),
    places=st.lists(st.tuples(st.integers(0, 5), st.lists(NUMBERS, max_size=7)), max_size=3),
    segments=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2**16 - 1)), max_size=3),
)
def test_no_segmentation_does_more_than_be_refused(seg, sources, sizes, places, segments):
    spoilt = copy.deepcopy(seg)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for tag, value in sizes.items():
            setattr(spoilt, tag, value)
        for which, values in places:
            (plane,) = spoilt.PerFrameFunctionalGroupsSequence[which].PlanePositionSequence
            plane.ImagePositionPatient = [f"{float(value):.9g}"[:16] for value in values]
        for which, number in segments:
            item = spoilt.PerFrameFunctionalGroupsSequence[which]
            item.SegmentIdentificationSequence[0].ReferencedSegmentNumber = number
    refused_or_read(spoilt, sources)


@FUZZ
@given(
    changes=st.lists(
        st.tuples(st.floats(0, 1, exclude_max=True), st.binary(min_size=1, max_size=6)),
        min_size=1,
        max_size=5,
    )
)
def test_no_damage_to_the_file_does_more_than_be_refused(seg, sources, changes):
    stream = io.BytesIO()
    seg.save_as(stream, write_like_original=False)
    content = bytearray(stream.getvalue())
    for share, piece in changes:
        at = int(share * len(content))
        content[at : at + len(piece)] = piece
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            spoilt = pydicom.dcmread(io.BytesIO(bytes(content)), force=True)
        except DAMAGED:
            return
    refused_or_read(spoilt, sources)


def test_one_frame_does_not_take_the_room_of_all_others(seg, sources):
    """Each frame may be packed by itself only: 131 kB of runs unpack to 8 MB."""
    frames = [struct.pack("<16I", 1, 64, *[0] * 14) + bytes([129, 0]) * 2**16]
    frames += [bytes(16)] * 9999
    seg.file_meta.TransferSyntaxUID = RLELossless
    seg.BitsAllocated = seg.BitsStored = 8
    seg.HighBit, seg.NumberOfFrames = 7, len(frames)
    seg.PixelData = encapsulate(frames)
    with pytest.raises(InputError, match="131136 bytes of compressed pixels for an image of 54"):
        read_seg(seg, sources)


def test_thousands_of_values_in_one_frame_are_no_mask_each(seg, sources):
    """65,535 values on 512 x 512 pixels in half a megabyte: their masks would be 17 GB."""
    values = np.arange(512 * 512, dtype=np.uint32).astype(np.uint16)
    seg.SOPClassUID, seg.SegmentationType = LABEL_MAP_STORAGE, "LABELMAP"
    seg.Rows = seg.Columns = 512
    seg.BitsAllocated, seg.BitsStored, seg.HighBit = 16, 16, 15
    seg.NumberOfFrames = 1
    seg.PerFrameFunctionalGroupsSequence = seg.PerFrameFunctionalGroupsSequence[:1]
    seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence = [Dataset()]
    seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing = [1, 1]
    seg.PixelData = values.tobytes()
    with pytest.raises(InputError, match="too large: 763 segments in frames, and more"):
        read_seg(seg, sources)
