"""What a short-axis stack can be, and how packed files are read within that: limits of all readers.

Not from the paper.
"""

import bz2
import gzip
import math
import unicodedata
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import GeometryError, InputError
from acsnet.scan import InputGrid

THIN_MM, WIDE_MM = 4.0, 15.0
"""Distances of slices beyond which a scan is unlike those that the networks learned on (ours)."""

PIXEL_MM = (0.2, 5.0)
SLICE_STEP_MM = (0.4, 30.0)
UNITS_MM = {
    **dict.fromkeys(("mm", "millimeter", "millimetre"), 1.0),
    **dict.fromkeys(("cm", "centimeter", "centimetre"), 10.0),
    **dict.fromkeys(("m", "meter", "metre"), 1000.0),
    **dict.fromkeys(("um", "\u03bcm", "micron", "micrometer", "micrometre"), 0.001),
}
"""Millimetres of the units that a header may name: NRRD and MetaImage fix no names."""

MAX_EXTENT_MM = 400.0
"""From the first slice to the last: no short-axis stack is half as long."""

MAX_FIELD_MM = 1000.0
"""Rows and columns of a slice: the bore of a magnet is 700 mm wide, and some exports add black."""

MAX_FIELD_MM2 = 12_500_000.0
"""Of all slices of a stack: 100 of 353 x 353 mm, where a short-axis stack has a tenth of that. The
networks see millimetres, not pixels: few wide pixels become as many as the field has room for."""

BLOCK_BYTES = 4096
"""To a multiple of which programs and tapes fill files up."""

MAX_MATRIX = 2048
"""Rows and columns: twice what cardiac MR is reconstructed to."""

MAX_SLICES = 1000
MAX_BYTES = 200_000_000
"""Of a stack's pixels, four bytes each or more, before anything is unpacked: 120 slices of 640 x
640, where a short-axis stack has a twentieth of that. The memory must hold a few copies of it."""

MAX_VOXELS = 25_000_000
"""Of a stack: 95 slices of 512 x 512. A scan needs 33 bytes a voxel while it is segmented, and 56
for each on the standard grid: with the area above never more than 1.3 GB."""

MAX_SPAN = 1e15
"""From the darkest to the brightest pixel: squares of it are still numbers of four bytes."""

MAX_PACKED = 1.25
"""How much larger than its plain pixels a compressed image may be: no method adds that much."""

MAX_HEADER_BYTES = 4 * 2**20
"""Of a DICOM file before its pixels. The longest of scanners are a fifth of that, and a header is
kept in the memory at fifty times its size."""

MAX_INFLATED_BYTES = 40 * 2**20
"""Of a DICOM file of the deflated transfer syntax: an image of the largest matrix, four times."""

MAX_EXTENSION_BYTES = 16 * 2**20
"""Before the pixels of a NIfTI file, where extensions of its header lie, which are read whole."""

GZIP = b"\x1f\x8b"
"""How a file begins that gzip packed."""


def check_voxel_mm(name: str, *, slice_mm: float, row_mm: float, column_mm: float) -> None:
    """Refuse sizes that no cardiac MR has: most likely they are not in millimetres.

    Raises GeometryError.
    """
    for what, sizes, (low, high) in (
        ("pixel spacing", (row_mm, column_mm), PIXEL_MM),
        ("distance between slices", (slice_mm,), SLICE_STEP_MM),
    ):
        if any(not low <= round(size, 3) <= high for size in sizes):
            got = " x ".join(f"{size:.4g}" for size in sizes)
            msg = f"{name}: {what} must be {low:g} to {high:g} mm, got {got}: are the units mm?"
            raise GeometryError(msg)


def named_unit(name: str, texts: Iterable[str]) -> tuple[str, float]:
    """The unit of a header that names one for each axis, and its millimetres; 1 if it is not known.

    name: of the file, for messages. Raises InputError where axes have different units.
    """
    plain = [unicodedata.normalize("NFKC", text).strip('" ').lower() for text in texts]
    units = [text.removesuffix("s") if len(text) > 3 else text for text in plain]
    known = {UNITS_MM[unit]: unit for unit in units if unit in UNITS_MM}
    if len(known) > 1:
        msg = f"{name} must have one unit for all axes, got {' and '.join(known.values())}"
        raise InputError(msg)
    return next(((unit, mm) for mm, unit in known.items()), ("unknown", 1.0))


def true_unit(
    unit: str, unit_mm: float, sizes: NDArray[np.floating[Any]]
) -> tuple[float, tuple[str, ...]]:
    """Millimetres of the unit of a header, and what to say of it.

    sizes: (3,) of a voxel, in that unit. Where they are those of a heart in mm, and in the unit are
    not, mm are assumed.
    """
    if unit_mm == 1.0:
        return 1.0, ()
    if not _is_pixel_size(sizes * unit_mm) and _is_pixel_size(sizes):
        return 1.0, (f"the header is in {unit}, which cannot be true: mm are assumed",)
    return unit_mm, (f"the header is in {unit}: taken as {unit_mm:g} mm each",)


def _is_pixel_size(sizes: NDArray[np.floating[Any]]) -> bool:
    low, high = PIXEL_MM
    pixel = np.sort(sizes)[:2].round(3)
    return bool((pixel >= low).all() and (pixel <= high).all())


def check_extent(name: str, *, slices: int, slice_mm: float) -> None:
    """Refuse a stack longer than any heart: a localizer, an aorta or mixed scans.

    Raises GeometryError.
    """
    extent_mm = slices * slice_mm
    if extent_mm > MAX_EXTENT_MM:
        msg = (
            f"{name} must be a short-axis stack of at most {MAX_EXTENT_MM:g} mm, got "
            f"{extent_mm:.0f} mm: {slices} slices {slice_mm:.4g} mm apart"
        )
        raise GeometryError(msg)


def check_field(name: str, grid: InputGrid) -> None:
    """Refuse, before any pixel is read, a field of view that would fill the memory on our grid.

    Args:
        name: of the scan, for messages.
        grid: its shape and its steps in mm, as its headers tell them.

    Raises:
        GeometryError: a side is longer than any magnet is wide, or all slices together have more
            room than the memory is for, as those of a 3-D scan.
    """
    slices, rows, columns = (grid.shape[axis] for axis in grid.axes)
    slice_mm, row_mm, column_mm = np.linalg.norm(grid.steps_mm, axis=1)
    height_mm, width_mm = rows * row_mm, columns * column_mm
    got = f"got {slices} slices of {height_mm:.0f} x {width_mm:.0f} mm"
    if max(height_mm, width_mm) > MAX_FIELD_MM:
        msg = f"{name}: field of view must be at most {MAX_FIELD_MM:g} mm wide, {got}"
        raise GeometryError(msg)
    if slices * height_mm * width_mm > MAX_FIELD_MM2:
        most = f"at most {MAX_FIELD_MM2 / 1e6:g} m2 in all"
        msg = f"{name}: its slices must cover {most}, {got}{_if_thin(slice_mm)}"
        raise GeometryError(msg)


def _if_thin(slice_mm: float) -> str:
    """What to add to why a scan is too large, by the distance of its slices."""
    if round(slice_mm, 2) >= THIN_MM:
        return ""
    return (
        f"; its slices lie {slice_mm:.3g} mm apart, so that it is a 3-D scan: reformat it to "
        "short-axis slices of 5 to 10 mm"
    )


def check_size(
    name: str,
    *,
    slices: int,
    rows: int,
    columns: int,
    item_bytes: int,
    slice_mm: float = WIDE_MM,
) -> None:
    """Refuse, before any pixel is read, what is no stack or would fill the memory.

    slice_mm: distance of slices, where it is known. Raises GeometryError for a single slice,
    InputError for more than any scanner makes.
    """
    if slices < 2:
        msg = f"{name} holds a single slice; a volume needs at least 2"
        raise GeometryError(msg)
    if slices > MAX_SLICES or max(rows, columns) > MAX_MATRIX:
        msg = (
            f"{name} is too large: {slices} slices of {rows} x {columns} pixels, "
            f"at most {MAX_SLICES} of {MAX_MATRIX} x {MAX_MATRIX}{_if_thin(slice_mm)}"
        )
        raise InputError(msg)
    size = slices * rows * columns * max(item_bytes, 4)
    if size > MAX_BYTES:
        got = f"{size / 1e9:.3g} GB of pixels, at most {MAX_BYTES / 1e9:g} GB"
        msg = f"{name} is too large: {got}{_if_thin(slice_mm)}"
        raise InputError(msg)
    voxels = slices * rows * columns
    if voxels > MAX_VOXELS:
        got = f"{voxels / 1e6:.1f} million voxels, at most {MAX_VOXELS / 1e6:g} million"
        msg = f"{name} is too large: {got}{_if_thin(slice_mm)}"
        raise InputError(msg)


def check_packed(name: str, *, stored: int, plain: int) -> None:
    """Refuse, before it is unpacked, a compressed image that must unpack to more than it says.

    stored, plain: bytes as it lies in the file, and of its plain pixels. Raises InputError.
    """
    if stored > MAX_PACKED * plain + 2**16:
        msg = f"{name} has {stored} bytes of compressed pixels for an image of {plain} bytes"
        raise InputError(msg)


def decoded(line: bytes) -> str:
    """A line of a header: UTF-8 (perhaps with its mark), or else Latin-1, which any bytes are."""
    try:
        return line.decode("utf-8-sig")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def pixel_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> tuple[int, int]:
    """Bytes that the pixels of a header need, and of a row of them along the longest axis."""
    return math.prod(shape) * dtype.itemsize, max(shape) * dtype.itemsize


def check_rest(name: str, rest: bytes | None, *, row: int) -> None:
    """Refuse pixels with a row or more behind them: the type or a size is another one.

    Less may be a line end, and NUL what fills the last block. rest: what lies behind them, as far
    as `rest_bytes`, or what `read_rest` gives; row: as `pixel_bytes`. Raises InputError.
    """
    if rest is None:
        msg = f"{name} has other bytes behind its gzip data (a transfer that failed?)"
        raise InputError(msg)
    if len(rest) >= row and (len(rest) >= BLOCK_BYTES or any(rest)):
        msg = f"{name} is longer than the image that its header describes (another type or size?)"
        raise InputError(msg)


def read_rest(stream: IO[bytes], *, row: int) -> bytes | None:
    """What lies behind pixels that were read, as far as `rest_bytes`.

    None where it is behind the data that gzip packed, whose sum is right, and not packed itself.
    """
    try:
        return stream.read(rest_bytes(row))
    except gzip.BadGzipFile as error:
        if str(error).startswith("Not a gzipped file"):
            return None
        raise


def rest_bytes(row: int) -> int:
    """How many bytes behind pixels must be read to know whether they are too many."""
    return max(row, BLOCK_BYTES)


def unpacked(
    name: str, packed: bytes, *, encoding: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    """The pixels in `packed`, by encoding raw, gzip or bzip2, the first axis running fastest.

    Never unpacks more than them and `rest_bytes`. Raises InputError for fewer, and as `check_rest`.
    """
    size, row = pixel_bytes(shape, dtype)
    most = size + rest_bytes(row)
    try:
        if encoding == "raw":
            plain = packed[:most]
        elif encoding == "gzip":
            plain = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(packed, most)
        else:
            plain = bz2.BZ2Decompressor().decompress(packed, most)
    except (zlib.error, OSError, EOFError, MemoryError) as error:
        msg = f"pixels of {name} cannot be read (damaged or cut short?)"
        raise InputError(msg) from error
    if len(plain) < size:
        msg = f"pixels of {name} cannot be read: they do not fill the matrix (cut short?)"
        raise InputError(msg)
    check_rest(name, plain[size:], row=row)
    return np.frombuffer(plain[:size], dtype).reshape(shape, order="F")


def open_unpacked(path: Path) -> IO[bytes]:
    """A file to read from, unpacked if its content is gzip, whatever its ending says.

    Twice where it is packed twice, as some downloads are.
    """
    stream: IO[bytes] = path.open("rb")
    for _ in range(gzip_layers(path)):
        stream = cast(IO[bytes], _Unpacked(stream))
    return stream


class _Unpacked(gzip.GzipFile):
    """What a gzip stream holds; that stream is closed with it."""

    def __init__(self, packed: IO[bytes]) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self._packed = packed

    def close(self) -> None:
        """Close both."""
        super().close()
        self._packed.close()


def gzip_layers(path: Path) -> int:
    """How often a file is packed: 0, 1 or 2 times."""
    with path.open("rb") as stream:
        if stream.read(2) != GZIP:
            return 0
    with gzip.open(path) as stream:
        try:
            return 2 if stream.read(2) == GZIP else 1
        except (EOFError, OSError, zlib.error):
            return 1


def check_pixels(name: str, pixels: NDArray[np.float32]) -> None:
    """Refuse an image, of any shape, with pixels beyond any number, or with nothing to see.

    Raises InputError.
    """
    if not np.isfinite(pixels).all():
        msg = f"{name} holds NaN or infinite pixels"
        raise InputError(msg)
    low, high = float(pixels.min()), float(pixels.max())
    if high - low > MAX_SPAN:
        msg = f"{name} holds pixels from {low:.3g} to {high:.3g}: no scanner makes such values"
        raise InputError(msg)
    if low == high:
        msg = f"{name} has no contrast: every pixel is {float(pixels.flat[0]):g}"
        raise InputError(msg)
