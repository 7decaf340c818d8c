"""DICOMweb retrieval (WADO-RS, DICOM PS3.18 section 10.4): metadata, frames and whole files."""

import math
import uuid
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.encaps import generate_pixel_data_frame
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    UncompressedTransferSyntaxes,
)

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import damage_as, quiet_pydicom
from acsnet.io.dicom_stack.decoding.transfer_syntax import set_syntax
from acsnet.server.dicomweb.qido import Attributes, element_json

PIXEL_DATA = "7FE00010"
LONG_BYTES = 1024
"""A binary value longer than this is sent on its own, not inside the metadata. Ours."""

BINARY = ("OB", "OD", "OF", "OL", "OV", "OW", "UN")

MEDIA_TYPES = {
    "1.2.840.10008.1.2.5": "image/dicom-rle",
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (50, 51, 57, 70)), "image/jpeg"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (80, 81)), "image/jls"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (90, 91)), "image/jp2"),
    **dict.fromkeys((f"1.2.840.10008.1.2.4.{n}" for n in (201, 202, 203)), "image/jphc"),
}
"""Of compressed frames, by transfer syntax (PS3.18 table 8.7.3-5): the viewer unpacks them."""


def metadata(path: Path, address: str) -> Attributes:
    """All elements of a file as DICOM JSON, pixels and long binary values as addresses.

    address: of the instance, without a slash at its end. Raises InputError for a damaged file.
    """
    dataset = _read(path)
    attributes: Attributes = {}
    for tag in sorted(dataset.keys()):
        key = f"{tag:08X}"
        vr, value = dataset.get_item(tag).VR, dataset.get_item(tag).value
        if key == PIXEL_DATA:
            attributes[key] = {"vr": "OW", "BulkDataURI": f"{address}/frames/1"}
        elif vr in BINARY and isinstance(value, bytes) and len(value) > LONG_BYTES:
            attributes[key] = {"vr": vr, "BulkDataURI": f"{address}/bulkdata/{key}"}
        elif (element := element_json(dataset, tag)) is not None:
            attributes[key] = element
    syntax = str(dataset.file_meta.TransferSyntaxUID)
    attributes["00083002"] = {"vr": "UI", "Value": [syntax]}  # AvailableTransferSyntaxUID
    return attributes


def bulk_data(path: Path, tag: str) -> bytes:
    """The bytes of one element, by its eight hexadecimal digits.

    Raises InputError where there are none.
    """
    dataset = _read(path)
    value = dataset.get_item(int(tag, 16)).value if int(tag, 16) in dataset else None
    if not isinstance(value, bytes):
        msg = f"there is no binary element {tag}"
        raise InputError(msg)
    return value


def frame(path: Path, number: int) -> tuple[bytes, str]:
    """Frame `number` (from 1) as it is stored, and its media type.

    Raises InputError where it is not there, and for frames of one bit a pixel that share a byte:
    they are not sent by themselves.
    """
    dataset = _read(path)
    with damage_as(f"there is no frame {number}, or it is damaged or cut short"):
        return _cut_out(dataset, number)


def _cut_out(dataset: Dataset, number: int) -> tuple[bytes, str]:
    """As `frame`; raises what a damaged file does."""
    count = int(dataset.get("NumberOfFrames") or 1)
    if not 1 <= number <= count:
        raise IndexError(number)
    syntax = dataset.file_meta.TransferSyntaxUID
    if syntax not in UncompressedTransferSyntaxes:
        kind = MEDIA_TYPES.get(str(syntax), "application/octet-stream")
        frames = list(generate_pixel_data_frame(dataset.PixelData, count))
        return frames[number - 1], f"{kind}; transfer-syntax={syntax}"
    sizes = (
        dataset.Rows,
        dataset.Columns,
        dataset.BitsAllocated,
        dataset.get("SamplesPerPixel", 1),
    )
    if not all(isinstance(size, int) for size in sizes):  # a damaged one may be a list
        raise ValueError(sizes)
    size, shared_bits = divmod(math.prod(sizes), 8)
    stored = dataset.PixelData[size * (number - 1) : size * number]
    if shared_bits or len(stored) < size:
        raise IndexError(number)
    if syntax == ExplicitVRBigEndian and dataset.BitsAllocated == 16:
        stored = np.frombuffer(stored, dtype=np.uint16).byteswap().tobytes()
    return stored, f"application/octet-stream; transfer-syntax={ExplicitVRLittleEndian}"


def multipart(content: bytes, kind: str) -> tuple[bytes, str]:
    """Body and content type of a multipart/related answer of one part of media type `kind`."""
    boundary = uuid.uuid4().hex
    head = f"--{boundary}\r\nContent-Type: {kind}\r\n\r\n".encode()
    foot = f"\r\n--{boundary}--\r\n".encode()
    media_type = kind.partition(";")[0]
    return head + content + foot, f'multipart/related; type="{media_type}"; boundary={boundary}'


def _read(path: Path) -> Dataset:
    with damage_as("the file cannot be read as DICOM (damaged or cut short?)"), quiet_pydicom():
        dataset = pydicom.dcmread(path, force=True)
        set_syntax(dataset, name=path.name)
        return dataset
