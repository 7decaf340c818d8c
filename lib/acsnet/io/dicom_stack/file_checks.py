"""What a DICOM file must not be: without end, or with other pixels than its tags tell of."""

import zlib
from pathlib import Path
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import DeflatedExplicitVRLittleEndian

from acsnet.errors import InputError
from acsnet.io.limits import MAX_HEADER_BYTES, MAX_INFLATED_BYTES

PIXEL_TAGS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
MATRIX_TAGS = (
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
"""What tells how the pixels of a file are written, of all its frames."""

DESCRIBING = (
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
)
"""Without these nothing tells how pixels are written."""

OF_WHOLE_NUMBERS = ("BitsStored", "PixelRepresentation")
"""And without these, where they are no floating point numbers."""


def check_inflated(path: Path, name: str) -> None:
    """Refuse a deflated file (PS3.5 A.5) that would fill the memory: pydicom inflates it whole.

    Raises InputError, also for meta information that never ends, and what pydicom does on a
    damaged file.
    """
    with path.open("rb") as stream:
        counted = BoundedFile(stream, name)
        read_preamble(counted, force=True)
        meta = _read_file_meta_info(counted)
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            return
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        inflated = len(inflate.decompress(stream.read(MAX_HEADER_BYTES), MAX_INFLATED_BYTES + 1))
    if inflated > MAX_INFLATED_BYTES:
        msg = f"{name} is too large: it inflates to more than {MAX_INFLATED_BYTES} bytes"
        raise InputError(msg)


class BoundedFile:
    """A file that is read up to where a header must have ended, for pydicom."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._left = MAX_HEADER_BYTES
        self.name = name
        self.seek, self.tell, self.close = stream.seek, stream.tell, stream.close

    def read(self, size: int = -1) -> bytes:
        """As of the file. Raises InputError beyond the limit."""
        content = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            msg = f"{self.name} is too large: a header of more than {MAX_HEADER_BYTES} bytes"
            raise InputError(msg)
        return content


def check_described(name: str, dataset: Dataset) -> None:
    """Refuse pixels that lack a tag without which they cannot be decoded, by its name."""
    tags = (*DESCRIBING, *(OF_WHOLE_NUMBERS if "PixelData" in dataset else ()))
    missing = [tag for tag in tags if dataset.get(tag) in (None, "")]
    if missing:
        msg = f"pixels of {name} cannot be read: its header has no {', '.join(missing)}"
        raise InputError(msg)


def check_length(name: str, dataset: Dataset, *, plain: int) -> None:
    """Refuse uncompressed pixels that do not fill the matrix, or are more than it holds.

    plain: bytes of all pixels, by the header. Behind them may lie less than a row and a column of
    anything, or a row of one value: padding.
    """
    tag = next(tag for tag in PIXEL_TAGS if tag in dataset)
    pixels = dataset[tag].value or b""
    stored, behind = len(pixels), pixels[plain:]
    frame = plain // max(int(dataset.get("NumberOfFrames") or 1), 1)
    row, column = (frame // max(count, 1) for count in (dataset.Rows, dataset.Columns))
    blank = len(behind) <= row and len(set(behind)) == 1
    if stored >= plain and (blank or len(behind) < max(min(row, column), 2)):
        return
    few = "do not fill the matrix (damaged or cut short?)"
    fault = few if stored < plain else "are more than the matrix holds (a wrong tag?)"
    sizes = ("Rows", "Columns", "BitsAllocated", "NumberOfFrames")
    shape = ", ".join(f"{size} {dataset.get(size)}" for size in sizes if size in dataset)
    msg = (
        f"pixels of {name} cannot be read: they {fault}: {tag} has {stored} bytes, where {shape} "
        f"make {plain}"
    )
    raise InputError(msg)
