"""Decode JPEG Lossless and JPEG-LS images with SimpleITK, as a program of its own.

GDCM inside it ends the whole process on some damaged files, so that it never runs within another
program. Paths and their transfer syntaxes come in the input, each with a zero byte behind it;
arrays go out one after another, as `numpy.save` writes them. It imports nothing of this package:
`python -I decode_apart.py` starts it.
"""

import io
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import SimpleITK

KEPT = (
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
)
"""What the decoder needs: with a slope beside it, it would scale the values."""

ROOM = 2 * 2**30
"""Bytes of memory that the program may take, where the system can hold it to that."""


def plain_copy(path: str, syntax: str, folder: str) -> str:
    """A file with the pixels of another, in `syntax`, and nothing that changes their values."""
    whole = pydicom.dcmread(path, force=True, specific_tags=list(KEPT))
    plain = pydicom.Dataset()
    for tag in KEPT:
        if tag in whole:
            plain[tag] = whole[tag]
    plain.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    plain.SOPInstanceUID = "1.2.3"
    plain.Modality = "OT"
    plain.file_meta = pydicom.dataset.FileMetaDataset()
    plain.file_meta.MediaStorageSOPClassUID = plain.SOPClassUID
    plain.file_meta.MediaStorageSOPInstanceUID = plain.SOPInstanceUID
    plain.file_meta.TransferSyntaxUID = syntax
    plain.is_little_endian, plain.is_implicit_VR = True, False
    copy = str(Path(folder) / "image.dcm")
    plain.save_as(copy, write_like_original=False)
    return copy


def limit_memory() -> None:
    """Hold the program to `ROOM` where there are such limits."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_AS, (ROOM, ROOM))


def main() -> None:
    """Decode what the input names, until it ends."""
    limit_memory()
    with tempfile.TemporaryDirectory() as folder:
        parts = [os.fsdecode(part) for part in sys.stdin.buffer.read().split(b"\0")[:-1]]
        for path, syntax in zip(parts[::2], parts[1::2], strict=True):
            image = SimpleITK.ReadImage(plain_copy(path, syntax, folder))
            buffer = io.BytesIO()
            np.save(buffer, SimpleITK.GetArrayFromImage(image), allow_pickle=False)
            sys.stdout.buffer.write(buffer.getvalue())
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
