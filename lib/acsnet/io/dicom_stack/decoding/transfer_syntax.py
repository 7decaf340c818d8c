"""How the pixels of a DICOM file are coded, where its meta information is lost or contradicts them.

Anonymisers and exports strip the meta information, or leave it as it was when they unpack or pack
the pixels. What lies in the pixels decides then (PS3.5 A.4, JPEG of ITU T.81).
"""

from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    RLELossless,
    UncompressedTransferSyntaxes,
)

from acsnet.errors import InputError
from acsnet.io.dicom_stack.decoding.apart import JPEG_LOSSLESS
from acsnet.io.dicom_stack.decoding.coded_sizes import IMAGES, JPEG, frame_marker, jpeg_2000_size

ITEM = b"\xfe\xff\x00\xe0"
"""How compressed pixels begin: the first item is the table of their frames."""

OF_MARKERS = {
    0xC0: JPEGBaseline8Bit,
    0xC1: JPEGExtended12Bit,
    0xC3: JPEG_LOSSLESS,
    0xF7: JPEGLSNearLossless,  # and lossless
}
"""The markers of a frame in JPEG and JPEG-LS that are decoded."""

RLE_HEAD, RLE_SEGMENTS = 64, 15
"""Bytes before the first segment of run-length coded pixels, and segments at most (PS3.5 G.5)."""

BY_FIRST_BYTES = "{} images do not tell how they are compressed: decoded by their first bytes"
IN_SPITE_OF_META = "{} images are called compressed and are not: read as they lie"


def set_syntax(dataset: Dataset, *, name: str) -> str:
    """Give a data set that was read the transfer syntax of its pixels.

    Args:
        dataset: with its pixels; bare ones have no meta information.
        name: of the file, for messages.

    Returns:
        What to tell, with {} for a number of images, where the meta information told otherwise.

    Raises:
        InputError: pixels that are compressed in a way that neither meta information nor they tell.
    """
    by_meta = dataset.file_meta.get("TransferSyntaxUID")
    if by_meta is None:
        dataset.file_meta.TransferSyntaxUID = _plain_syntax(dataset)
    compressed = _pixels(dataset).startswith(ITEM)
    if compressed and (by_meta is None or by_meta in UncompressedTransferSyntaxes):
        if (syntax := _syntax_of(_first_code(_pixels(dataset)))) is None:
            msg = (
                f"pixels of {name} are compressed, but the file does not tell how: export it again "
                "with its meta information"
            )
            raise InputError(msg)
        dataset.file_meta.TransferSyntaxUID = syntax
        return BY_FIRST_BYTES
    if not compressed and "PixelData" in dataset and by_meta in (*IMAGES, RLELossless):
        dataset.file_meta.TransferSyntaxUID = _plain_syntax(dataset)
        return IN_SPITE_OF_META
    return ""


def _plain_syntax(dataset: Dataset) -> UID:
    """As the tags of a data set were read."""
    if dataset.is_implicit_VR:
        return ImplicitVRLittleEndian
    return ExplicitVRLittleEndian if dataset.is_little_endian else ExplicitVRBigEndian


def _pixels(dataset: Dataset) -> bytes:
    """As they lie in the file; nothing where there are none."""
    stored = dataset.get_item("PixelData").value if "PixelData" in dataset else b""
    return stored if isinstance(stored, bytes) else b""


def _first_code(pixels: bytes) -> bytes:
    """The first piece of compressed pixels and all after it, behind the table of frames."""
    table = int.from_bytes(pixels[4:8], "little")
    return pixels[16 + table :]


def _syntax_of(code: bytes) -> UID | None:
    """The compression of an image by its first bytes; None for any that is not decoded."""
    if code.startswith(JPEG):
        marker = frame_marker(code)
        return None if marker is None else OF_MARKERS.get(marker)
    if jpeg_2000_size(code) is not None:
        return JPEG2000
    segments, first = (int.from_bytes(code[at : at + 4], "little") for at in (0, 4))
    return RLELossless if 1 <= segments <= RLE_SEGMENTS and first == RLE_HEAD else None
