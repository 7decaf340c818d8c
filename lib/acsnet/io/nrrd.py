"""NRRD files (.nrrd, .nhdr), among them segmentations of 3D Slicer and MITK -> `Volume`.

Format: teem.sourceforge.net/nrrd/format.html. Detached pixels are read only from beside the header,
or a link to it.
"""

import io
import json
import operator
import re
import warnings
from pathlib import Path
from typing import Any

import nrrd  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.io.geometry import LPS_TO_RAS
from acsnet.io.limits import (
    MAX_BYTES,
    MAX_HEADER_BYTES,
    decoded,
    named_unit,
    true_unit,
    unpacked,
)
from acsnet.io.volume import Segment, Volume, beside, in_mm

MAGIC = b"NRRD"
ENCODINGS = {
    "raw": "raw",
    "gz": "gzip",
    "gzip": "gzip",
    "bz2": "bzip2",
    "bzip2": "bzip2",
    "txt": "text",
    "text": "text",
    "ascii": "text",
}
RAS_SIGNS = {
    "left-posterior-superior": (-1.0, -1.0, 1.0),
    "lps": (-1.0, -1.0, 1.0),
    "right-anterior-superior": (1.0, 1.0, 1.0),
    "ras": (1.0, 1.0, 1.0),
    "left-anterior-superior": (-1.0, 1.0, 1.0),
    "las": (-1.0, 1.0, 1.0),
    "scanner-xyz": (-1.0, -1.0, 1.0),
}
"""Of the axes of each space towards right, anterior and superior."""

WITH_TIME = re.compile(r"-time$|(?<=^[rl][ap]s)t$")
"""What the name of a space ends with that has time as its fourth axis."""

SEGMENT_FIELD = re.compile(r"Segment(\d{1,6})_(ID|Name|LabelValue|Layer)")
"""A field of the header that tells which voxels a segment has; others are for display."""

OF_SEGMENTATION = re.compile(r"Segment(ation|\d{1,6})_")
"""How each field begins that 3D Slicer adds to the header of a segmentation."""

MITK_GROUPS = "org.mitk.multilabel.segmentation.labelgroups"
"""The field in which MITK names labels: JSON, a list of groups, each of which is a layer."""


def nrrd_volume(path: Path, *, name: str) -> Volume:
    """The volume in an NRRD file; `name` is what messages call it.

    Raises InputError for what is damaged, of several volumes, or packed in an unknown way.
    """
    header, begins = _header(path, name)
    sizes = [int(size) for size in header.get("sizes", ())]
    remarks: list[str] = []
    affine = np.eye(4)
    layered = False
    if "space directions" in header:
        space, directions, origin = _space(header)
        layered = len(sizes) == 4 == len(directions) and bool(np.isnan(directions[0]).any())
        if space not in RAS_SIGNS:
            remarks.append("the header does not name its space: left-posterior-superior is assumed")
        signs = np.diag(RAS_SIGNS.get(space, RAS_SIGNS["lps"]))
        if directions.shape != (len(sizes), 3):
            msg = (
                f"{name} must have 'space directions' of three numbers for each of its "
                f"{len(sizes)} axes, got {len(directions)} of {directions.shape[-1]}"
            )
            raise InputError(msg)
        spatial = directions[1:] if layered else directions[:3]
        if spatial.shape != (3, 3) or origin.shape != (3,):
            msg = (
                f"{name} must have three 'space directions' and a 'space origin' of three numbers, "
                f"got {len(spatial)} directions and an origin of {origin.size} (damaged?)"
            )
            raise InputError(msg)
        affine[:3, :3] = signs @ spatial.T
        affine[:3, 3] = signs @ origin
        units = header.get("space units", ())
    else:
        spacings = np.asarray(header.get("spacings", ()), dtype=float)[:3]
        if len(spacings) != 3 or not np.isfinite(spacings).all():
            msg = f"{name} gives no voxel size: neither 'space directions' nor 'spacings'"
            raise InputError(msg)
        affine[:3, :3] = np.diag(spacings)
        affine = LPS_TO_RAS @ affine
        units = header.get("units", ())
        remarks.append("no orientation in the header: it has spacings alone")
    unit, unit_mm = named_unit(name, map(str, units[:3]))
    unit_mm, unit_remarks = true_unit(unit, unit_mm, np.linalg.norm(affine[:3, :3], axis=0))
    dtype = _dtype(header, name)
    return Volume(
        name=name,
        shape=tuple(sizes),
        dtype=dtype,
        affine=in_mm(affine, unit_mm),
        load=lambda: _pixels(path, header, begins=begins, sizes=sizes, dtype=dtype, name=name),
        segments=_segments(header, layers=sizes[0] if layered else 1, name=name),
        layered=layered,
        is_segmentation=MITK_GROUPS in header or any(map(OF_SEGMENTATION.match, header)),
        warnings=(*remarks, *unit_remarks),
    )


def _space(header: dict[str, Any]) -> tuple[str, NDArray[np.float64], NDArray[np.float64]]:
    """Name of the space, a row for each axis of the file, and the origin, all without time.

    Rows of axes that are none of space (lists, time) are NaN. Time is also a fourth dimension
    that is apart from the others, as ITK writes it, without a name of the space.
    """
    space = str(header.get("space", "")).lower()
    directions = np.atleast_2d(np.asarray(header["space directions"], dtype=float))
    origin = np.asarray(header.get("space origin", np.zeros(directions.shape[-1])), dtype=float)
    in_space = WITH_TIME.sub("", space)
    is_apart = directions.shape == (4, 4) and not (
        directions[3, :3].any() or directions[:3, 3].any()
    )
    if in_space != space or is_apart:
        directions, origin = directions[:, :3].copy(), origin[:3]
        directions[~directions.any(axis=1)] = np.nan
    return in_space, directions, origin


def nrrd_pixels(path: Path, *, name: str) -> Path:
    """The file with the pixels of an NRRD. Raises InputError as `nrrd_volume` does."""
    header, _ = _header(path, name)
    return _pixel_file(path, header, name)


def _pixel_file(path: Path, header: dict[str, Any], name: str) -> Path:
    other = header.get("data file", header.get("datafile"))
    if other is None:
        return path
    if isinstance(other, list) or str(other).upper().startswith("LIST") or "%" in str(other):
        msg = f"{name} has its pixels in several files: save it as one file"
        raise InputError(msg)
    if (file := beside(path, str(other))) is None:
        msg = f"the pixels of {name} must lie beside it, in the file {str(other)!r} that it names"
        raise InputError(msg)
    return file


def _header(path: Path, name: str) -> tuple[dict[str, Any], int]:
    """The fields of a header, and where the pixels begin in the file."""
    with path.open("rb") as stream:
        content = stream.read(MAX_HEADER_BYTES)
    ends = [at + len(mark) for mark in (b"\n\n", b"\r\n\r\n") if (at := content.find(mark)) >= 0]
    end = min(ends, default=len(content))
    if not ends and (len(content) == MAX_HEADER_BYTES or b"data file" not in content.lower()):
        msg = f"{name} cannot be read as NRRD: its header does not end (damaged or cut short?)"
        raise InputError(msg)
    try:
        lines = map(decoded, io.BytesIO(content[:end]))  # pynrrd itself drops what is not ASCII
        header: dict[str, Any] = dict(nrrd.read_header(lines))
    except (nrrd.NRRDError, ValueError, LookupError, TypeError, AttributeError) as error:
        msg = f"{name} cannot be read as NRRD (damaged or another format?)"
        raise InputError(msg) from error
    return header, end


def _dtype(header: dict[str, Any], name: str) -> np.dtype[Any]:
    try:
        order = {"little": "<", "big": ">"}[str(header.get("endian", "little"))]
        kind = np.dtype(nrrd.reader._TYPEMAP_NRRD2NUMPY[header["type"]])
    except (LookupError, TypeError) as error:
        msg = f"{name} must hold numbers, got type {header.get('type')!r}"
        raise InputError(msg) from error
    return np.dtype(f"{order}{kind.kind}{kind.itemsize}")


def _pixels(
    path: Path,
    header: dict[str, Any],
    *,
    begins: int,
    sizes: list[int],
    dtype: np.dtype[Any],
    name: str,
) -> NDArray[Any]:
    """Whole pixels, the first axis running fastest."""
    count = int(np.prod(sizes, dtype=object))
    encoding = ENCODINGS.get(str(header.get("encoding", "")).lower())
    if encoding is None:
        msg = f"{name} has the encoding {header.get('encoding')!r}: save it as raw or gzip"
        raise InputError(msg)
    lines, skip = (int(header.get(f"{unit} skip", 0) or 0) for unit in ("line", "byte"))
    if lines or skip < -1 or (skip and encoding != "raw"):
        msg = f"{name} skips lines or bytes before its pixels: save it plainly"
        raise InputError(msg)
    packed = _packed(path, header, begins=begins, name=name)
    if skip:  # -1: the pixels are the end of the file
        packed = packed[skip if skip > 0 else max(0, len(packed) - count * dtype.itemsize) :]
    if encoding == "text":
        return _written_out(packed, count, name).astype(dtype).reshape(sizes, order="F")
    return unpacked(name, packed, encoding=encoding, shape=tuple(sizes), dtype=dtype)


def _written_out(text: bytes, count: int, name: str) -> NDArray[np.float64]:
    """(count,) numbers of a text, without an object for each."""
    is_ink = np.frombuffer(text, np.uint8) > ord(" ")
    words = int(np.count_nonzero(is_ink[1:] & ~is_ink[:-1])) + int(is_ink[:1].sum())
    if words != count:
        msg = f"pixels of {name} cannot be read: they do not fill the matrix (cut short?)"
        raise InputError(msg)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DeprecationWarning)  # how numpy tells of what is none
            return np.fromstring(text, dtype=float, sep=" ")
    except (ValueError, DeprecationWarning) as error:
        msg = f"pixels of {name} cannot be read: they are not numbers (damaged?)"
        raise InputError(msg) from error


def _packed(path: Path, header: dict[str, Any], *, begins: int, name: str) -> bytes:
    """The bytes of the pixels as they lie in the file, or in the one beside it."""
    source = _pixel_file(path, header, name)
    with source.open("rb") as stream:
        stream.seek(begins if source == path else 0)
        return stream.read(MAX_BYTES + 1)


def _segments(header: dict[str, Any], *, layers: int, name: str) -> tuple[Segment, ...]:
    """What 3D Slicer or MITK writes of each segment.

    Raises InputError for what is no whole number, and for a layer that is not there.
    """
    of_mitk = _mitk_segments(header[MITK_GROUPS], name) if MITK_GROUPS in header else []
    segments = of_mitk or _slicer_segments(header, layers=layers, name=name)
    for segment in segments:
        if not 0 <= segment.layer < layers:
            msg = f"segment {segment.name!r} of {name} is in layer {segment.layer}, "
            raise InputError(msg + f"but the layers of the file are 0 to {layers - 1}")
    return tuple(segments)


def _mitk_segments(groups: str, name: str) -> list[Segment]:
    """The labels of all groups, in their order; a group without any may have null in their place.

    Raises InputError for what is no list of groups whose labels have a name and a whole value.
    """
    segments = []
    try:
        for layer, group in enumerate(json.loads(groups)):
            for label in group["labels"] or ():
                value = operator.index(label["value"])
                segments.append(Segment(name=str(label["name"]), value=value, layer=layer))
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        msg = f"{MITK_GROUPS} in the header of {name} does not list groups of labels (damaged?)"
        raise InputError(msg) from error
    return segments


def _slicer_segments(header: dict[str, Any], *, layers: int, name: str) -> list[Segment]:
    """Segments in the order of their numbers, which may have gaps.

    Before version 4.11 3D Slicer wrote no LabelValue, which is then 1, and no Layer: each segment
    was a layer of its own. A segment with neither name nor ID is called by its value.
    """
    fields: dict[int, dict[str, str]] = {}
    for key, text in header.items():
        if match := SEGMENT_FIELD.fullmatch(key):
            fields.setdefault(int(match[1]), {})[match[2]] = str(text)
    segments = []
    for number, texts in sorted(fields.items()):
        own_layer = str(number) if layers > 1 else "0"
        value = _whole(texts.get("LabelValue", "1"), f"Segment{number}_LabelValue of {name}")
        segment = Segment(
            name=texts.get("Name") or texts.get("ID") or f"Segment_{value}",
            value=value,
            layer=_whole(texts.get("Layer", own_layer), f"Segment{number}_Layer of {name}"),
        )
        segments.append(segment)
    return segments


def _whole(text: str, field: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        msg = f"{field} must be a whole number, got {text!r:.40}"
        raise InputError(msg) from error
