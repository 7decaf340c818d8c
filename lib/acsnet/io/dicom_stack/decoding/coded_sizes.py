"""The size of the image in compressed pixels, as they tell it themselves, before they are decoded.

A decoder makes room for that, whatever Rows and Columns of the header say. JPEG (ITU T.81),
JPEG-LS (T.87), JPEG 2000 and its high-throughput form (T.800, T.814).
"""

from pydicom.dataset import Dataset
from pydicom.encaps import generate_pixel_data_frame
from pydicom.uid import UID

from acsnet.errors import InputError
from acsnet.io.limits import check_packed

IMAGES = tuple(f"1.2.840.10008.1.2.4.{number}" for number in (*range(50, 94), *range(201, 204)))
"""Transfer syntaxes of these (PS3.6 A.1); those between are films, which nothing here decodes."""

BARE = (0x01, *range(0xD0, 0xD8))
"""Markers of JPEG that no length follows."""

FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
"""Markers of JPEG and JPEG-LS with precision, rows and columns behind them."""

JPEG = b"\xff\xd8"
CODESTREAM = b"\xff\x4f\xff\x51"
"""How images begin: of JPEG and JPEG-LS, and of JPEG 2000 with the marker of its size."""

PLACE, BOX = b"jp2c", 8


def check_coded(name: str, dataset: Dataset, *, plain: int) -> None:
    """Refuse compressed pixels that would be decoded to more than the header says.

    Args:
        name: of the file, for messages.
        dataset: with PixelData, Rows, Columns and its transfer syntax; plain pixels are let pass.
        plain: bytes of all plain pixels, by the header.

    Raises:
        InputError: a frame of another size than Rows and Columns, or of too many bytes for it.
    """
    syntax = UID(str(dataset.file_meta.TransferSyntaxUID))
    if not syntax.is_encapsulated:
        return
    check_packed(name, stored=len(dataset.PixelData), plain=plain)
    count = max(int(dataset.get("NumberOfFrames") or 1), 1)
    for code in generate_pixel_data_frame(dataset.PixelData, count):
        check_packed(name, stored=len(code), plain=plain // count)
        if syntax not in IMAGES:
            continue
        size = jpeg_size(code) if code.startswith(JPEG) else jpeg_2000_size(code)
        if size != (dataset.Rows, dataset.Columns):
            coded = "tell no size" if size is None else f"are of {size[0]} x {size[1]}"
            msg = (
                f"pixels of {name} ({syntax.name}, {syntax}) cannot be decoded: they {coded} where "
                f"Rows and Columns of the header are {dataset.Rows} x {dataset.Columns} (damaged?)"
            )
            raise InputError(msg)


def jpeg_size(code: bytes) -> tuple[int, int] | None:
    """Rows and columns of a JPEG or JPEG-LS image; None where it tells none."""
    if (at := _frame_at(code)) is None:
        return None
    return _number(code, at + 5, 2), _number(code, at + 7, 2)


def frame_marker(code: bytes) -> int | None:
    """The second byte of the marker in `FRAMES` that tells how a JPEG or JPEG-LS image is coded."""
    return None if (at := _frame_at(code)) is None else code[at + 1]


def _frame_at(code: bytes) -> int | None:
    """Where the marker of the frame begins."""
    at = 2
    while at + 9 <= len(code) and code[at] == 0xFF:
        marker = code[at + 1]
        if marker in FRAMES:
            return at
        if marker == 0xFF:
            at += 1
        elif marker in BARE:
            at += 2
        else:
            at += 2 + _number(code, at + 2, 2)
    return None


def jpeg_2000_size(code: bytes) -> tuple[int, int] | None:
    """Rows and columns of a JPEG 2000 image, bare or in a JP2 file; None where it tells none."""
    at = 0
    while not code.startswith(CODESTREAM, at):
        length = _number(code, at, 4)
        if code[at + 4 : at + BOX] == PLACE:
            at += BOX if length != 1 else 2 * BOX
            break
        if length < BOX or at + length >= len(code):
            return None
        at += length
    if not code.startswith(CODESTREAM, at) or at + 24 > len(code):
        return None
    width, height, left, top = (_number(code, at + 8 + 4 * k, 4) for k in range(4))
    return height - top, width - left


def _number(code: bytes, at: int, size: int) -> int:
    return int.from_bytes(code[at : at + size], "big")
