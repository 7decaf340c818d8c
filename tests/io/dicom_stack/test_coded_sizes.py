"""What compressed pixels tell of their own size is believed before a decoder makes room for it."""

import io
import struct

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from acsnet.errors import InputError
from acsnet.io.dicom_stack.decoding.coded_sizes import check_coded, jpeg_2000_size, jpeg_size


def picture(kind, *, rows, columns):
    stream = io.BytesIO()
    Image.fromarray(np.zeros((rows, columns), np.uint8)).save(stream, kind)
    return stream.getvalue()


def test_a_jpeg_tells_its_rows_and_columns():
    assert jpeg_size(picture("JPEG", rows=30, columns=20)) == (30, 20)


def test_a_jpeg_ls_tells_its_rows_and_columns():
    header = (
        b"\xff\xd8" + b"\xff\xf7\x00\x0b\x08" + struct.pack(">HH", 30, 20) + b"\x01\x01\x11\x00"
    )
    assert jpeg_size(header) == (30, 20)


def test_markers_before_the_size_are_passed_over():
    note = b"\xff\xfe\x00\x06\xff\xc0\x00\x00"  # a comment that looks like a frame inside
    frame = b"\xff\xc3\x00\x0b\x10" + struct.pack(">HH", 7, 9) + b"\x01\x01\x11\x00"
    assert jpeg_size(b"\xff\xd8" + note + b"\xff" + frame) == (7, 9)


def test_a_jpeg_2000_tells_its_rows_and_columns_bare_and_in_a_file():
    boxed = picture("JPEG2000", rows=30, columns=20)
    assert jpeg_2000_size(boxed) == (30, 20)
    assert jpeg_2000_size(boxed[boxed.index(b"\xff\x4f\xff\x51") :]) == (30, 20)


def test_an_image_in_another_box_is_not_the_one_that_is_decoded():
    """A small image in a box that decoders pass over, and behind it the large one."""
    small = picture("JPEG2000", rows=30, columns=20)
    small = small[small.index(b"\xff\x4f\xff\x51") :]
    large = picture("JPEG2000", rows=300, columns=200)
    lure = struct.pack(">I", len(small) + 8) + b"uuid" + small
    assert jpeg_2000_size(large[:12] + lure + large[12:]) == (300, 200)


@pytest.mark.parametrize(
    "code", [b"", b"\xff\xd8", b"\xff\xd8\xff\xda\x00\x02", b"\x89PNG\r\n\x1a\n"]
)
def test_what_tells_no_size_has_none(code):
    assert jpeg_size(code) is None
    assert jpeg_2000_size(code) is None


def dataset(frames, syntax, *, rows, columns):
    packed = Dataset()
    packed.file_meta = FileMetaDataset()
    packed.file_meta.TransferSyntaxUID = syntax
    packed.Rows, packed.Columns, packed.NumberOfFrames = rows, columns, len(frames)
    packed.PixelData = encapsulate(frames)
    return packed


@pytest.mark.parametrize(
    ("kind", "syntax"), [("JPEG", JPEGBaseline8Bit), ("JPEG2000", JPEG2000Lossless)]
)
def test_one_frame_of_another_size_is_refused(kind, syntax):
    frames = [picture(kind, rows=30, columns=20), picture(kind, rows=31, columns=20)]
    packed = dataset(frames, syntax, rows=30, columns=20)
    with pytest.raises(InputError, match="they are of 31 x 20 where Rows and Columns"):
        check_coded("IM1", packed, plain=2 * 30 * 20)
    same = dataset(frames[:1] * 2, syntax, rows=30, columns=20)
    check_coded("IM1", same, plain=2 * 30 * 20)


def test_a_picture_of_another_format_is_refused():
    packed = dataset([picture("PNG", rows=30, columns=20)], JPEGLSLossless, rows=30, columns=20)
    with pytest.raises(InputError, match="they tell no size"):
        check_coded("IM1", packed, plain=600)


def test_one_frame_does_not_take_the_room_of_all_others():
    """200 kB in the first of 1000 frames of 600 bytes: each may be packed by itself only."""
    frames = [bytes(200_000), *[bytes(64)] * 999]
    packed = dataset(frames, RLELossless, rows=30, columns=20)
    with pytest.raises(InputError, match="200000 bytes of compressed pixels for an image of 600"):
        check_coded("IM1", packed, plain=1000 * 600)
