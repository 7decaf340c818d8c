"""What a DICOM file must not be: without end.

Headers are read, and deflated files inflated, up to a limit.
"""

import zlib
from pathlib import Path
from typing import BinaryIO

from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import DeflatedExplicitVRLittleEndian

from acsnet.errors import InputError
from acsnet.io.limits import MAX_HEADER_BYTES, MAX_INFLATED_BYTES


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
