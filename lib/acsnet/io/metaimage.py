"""MetaImage files (.mha, .mhd with its .raw or .zraw) -> `Volume`.

Format: itk.org/Wiki/ITK/MetaIO/Documentation. Detached pixels are read only from beside the header,
or a link to it.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import number_of
from acsnet.io.geometry import LPS_TO_RAS
from acsnet.io.limits import MAX_BYTES, decoded, named_unit, pixel_bytes, true_unit, unpacked
from acsnet.io.volume import Volume, beside, in_mm

TYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
MAX_HEADER = 2**16
"""Bytes: ITK writes about 500."""

MAX_DIMENSIONS = 5
"""A volume has 3; one, or a time, may be added. The matrix of directions has their square."""

SIZES = ("ElementSpacing", "ElementSize")
"""Fields with the voxel size; the first that is there holds."""

TURNS = ("TransformMatrix", "Rotation", "Orientation")
"""As `SIZES`, with the directions of the axes."""

LAST = "ElementDataFile"
KEYS = (b"ObjectType", b"NDims", b"Comment")
"""One of these begins a MetaImage."""


def metaimage_volume(path: Path, *, name: str) -> Volume:
    """The volume in a MetaImage file; `name` is what messages call it.

    Raises InputError for what is damaged, or no grey volume.
    """
    fields, begins = _header(path, name)
    dimensions = len(fields.get("DimSize", "").split())
    if dimensions > MAX_DIMENSIONS:
        msg = f"{name} must be a 3-D image, got {dimensions} dimensions"
        raise InputError(msg)
    try:
        shape = tuple(int(part) for part in fields["DimSize"].split())
        spacing = _numbers(fields, SIZES, len(shape), np.nan)
        origin = _numbers(fields, ("Offset", "Origin", "Position"), len(shape), 0.0)
        turn = _numbers(fields, TURNS, len(shape) ** 2, 0.0)
        dtype = np.dtype(TYPES[fields["ElementType"]])
    except (LookupError, ValueError) as error:
        msg = f"{name} cannot be read as MetaImage (damaged or another format?)"
        raise InputError(msg) from error
    if fields.get("ElementNumberOfChannels", "1") != "1":
        msg = f"{name} must be grey, got {fields['ElementNumberOfChannels']} channels"
        raise InputError(msg)
    size_field = next((field for field in SIZES if field in fields), None)
    if size_field is None:
        msg = f"{name} gives no voxel size: neither {' nor '.join(map(repr, SIZES))}"
        raise InputError(msg)
    if not (spacing > 0).all():
        msg = f"{size_field} of {name} must be positive, got {fields[size_field]}"
        raise InputError(msg)
    big = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "")).lower()
    dtype = dtype.newbyteorder(">" if big == "true" else "<")
    affine = np.eye(4)
    has_turn = bool(turn.any())
    turned = turn.reshape(len(shape), len(shape)) if has_turn else np.eye(len(shape))
    size = min(len(shape), 3)
    # The matrix holds the direction of each axis as a row.
    affine[:size, :size] = (turned[:size, :size] * spacing[:size, None]).T
    affine[:size, 3] = origin[:size]
    unit, unit_mm = named_unit(name, [fields.get("DistanceUnits", "")])
    unit_mm, unit_remarks = true_unit(unit, unit_mm, spacing[:3])
    untold = () if has_turn else (f"no orientation in the header: {TURNS[0]} is not given",)
    return Volume(
        name=name,
        shape=shape,
        dtype=dtype,
        affine=in_mm(LPS_TO_RAS @ affine, unit_mm),
        load=lambda: _pixels(path, fields, begins=begins, shape=shape, dtype=dtype, name=name),
        warnings=(*untold, *unit_remarks),
    )


def metaimage_pixels(path: Path, *, name: str) -> Path:
    """The file with the pixels of a MetaImage. Raises InputError as `metaimage_volume` does."""
    fields, _ = _header(path, name)
    return _pixel_file(path, fields, name)


def _pixel_file(path: Path, fields: dict[str, str], name: str) -> Path:
    other = fields[LAST]
    if other.upper() == "LOCAL":
        return path
    if other.upper().startswith("LIST") or "%" in other:
        msg = f"{name} has its pixels in several files ({other}): save it as one file"
        raise InputError(msg)
    if (file := beside(path, other)) is None:
        msg = f"the pixels of {name} must lie beside it, in the file {other!r} that it names"
        raise InputError(msg)
    return file


def _header(path: Path, name: str) -> tuple[dict[str, str], int]:
    """The fields of a header, and where the pixels begin in the file."""
    fields: dict[str, str] = {}
    with path.open("rb") as stream:
        while stream.tell() < MAX_HEADER and (line := stream.readline(MAX_HEADER)):
            key, equals, value = decoded(line).partition("=")
            if not equals:
                break
            fields[key.strip()] = value.strip()
            if key.strip() == LAST:
                return fields, stream.tell()
    msg = f"{name} cannot be read as MetaImage: its header does not end (damaged or cut short?)"
    raise InputError(msg)


def _numbers(
    fields: dict[str, str], keys: tuple[str, ...], count: int, otherwise: float
) -> NDArray[np.float64]:
    text = next((fields[key] for key in keys if key in fields), None)
    if text is None:
        return np.full(count, otherwise)
    values = [number_of(part) for part in text.split()]
    if len(values) != count or None in values:
        msg = f"{keys[0]} must have {count} numbers"
        raise ValueError(msg)
    return np.array(values, dtype=float)


def _pixels(
    path: Path,
    fields: dict[str, str],
    *,
    begins: int,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    name: str,
) -> NDArray[Any]:
    """Whole pixels, the first axis running fastest."""
    if fields.get("BinaryData", "True").lower() == "false":
        msg = f"{name} holds its pixels as text: save it as binary"
        raise InputError(msg)
    source = _pixel_file(path, fields, name)
    at = begins if source == path else 0
    compressed = fields.get("CompressedData", "False").lower() == "true"
    size, _ = pixel_bytes(shape, dtype)
    at += _skipped(fields, source, at=at, size=size, compressed=compressed, name=name)
    with source.open("rb") as stream:
        stream.seek(at)
        packed = stream.read(MAX_BYTES + 1)
    encoding = "gzip" if compressed else "raw"
    return unpacked(name, packed, encoding=encoding, shape=shape, dtype=dtype)


def _skipped(
    fields: dict[str, str], source: Path, *, at: int, size: int, compressed: bool, name: str
) -> int:
    """Bytes before the pixels, by HeaderSize: -1 where the pixels are the end of the file."""
    text = fields.get("HeaderSize", "0")
    try:
        skip = int(text)
    except ValueError:
        skip = -2
    if skip < -1 or (compressed and skip):
        msg = f"{name} has a HeaderSize of {text}, by which its pixels cannot be found"
        raise InputError(msg)
    return skip if skip >= 0 else max(0, source.stat().st_size - at - size)
