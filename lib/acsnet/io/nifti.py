"""NIfTI and Analyze files -> `Volume`, and label maps to NIfTI on the grid of the input."""

import gzip
import logging
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.imageglobals import logger as nibabel_logger
from nibabel.spatialimages import HeaderDataError, HeaderTypeError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from acsnet.errors import AcsnetError, InputError
from acsnet.io.limits import MAX_EXTENSION_BYTES, PIXEL_MM
from acsnet.io.volume import (
    DATA_SUFFIXES,
    NiftiForms,
    SplitGrid,
    Volume,
    case_name,
    in_mm,
)
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.storage import write_bytes

NIFTI_1, NIFTI_2 = 348, 540
"""Bytes of a header, which begins with this number."""

_KINDS = {
    int.from_bytes(size.to_bytes(4, order), "little"): kind
    for size, kind in ((NIFTI_1, nib.Nifti1Image), (NIFTI_2, nib.Nifti2Image))
    for order in ("little", "big")
}
PIECE_BYTES = 2**20
MAX_REST_BYTES = 2**20
"""Behind the pixels of a compressed file, where nothing belongs: it is unpacked to its end."""

NOTE = b"ACSNet, research use only, not a medical device"
"""In the header of what is written."""

DAMAGED = (
    ImageFileError,
    HeaderDataError,
    HeaderTypeError,
    EOFError,
    LookupError,
    MemoryError,
    OSError,
    OverflowError,
    ValueError,
    WrapStructError,
    zlib.error,
)
"""What nibabel raises on damaged files."""


UNITS = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 0.001}
"""Millimetres of the spatial units that a NIfTI header can name."""

MAGIC = slice(344, 348)
GZIP = b"\x1f\x8b"


def nifti_volume(path: Path, *, name: str) -> Volume:
    """The volume in a NIfTI or Analyze file; `name` is what messages call it.

    Scaled by scl_slope and scl_inter. Raises InputError for another format.
    """
    image = open_nifti(path, name=name)
    warnings: list[str] = []
    with _named_errors(f"{name} has a damaged NIfTI header"):
        header = image.header
        if isinstance(image, nib.Spm99AnalyzeImage):
            return _analyze_volume(path, image, name=name)
        qform, sform = image.get_qform(coded=False), image.get_sform(coded=False)
        codes = int(header["qform_code"]), int(header["sform_code"])
        forms = NiftiForms(
            qform=np.asarray(qform, dtype=np.float64),
            qform_code=codes[0],
            sform=np.asarray(sform, dtype=np.float64),
            sform_code=codes[1],
            unit_name=header.get_xyzt_units()[0],
            unit=UNITS.get(header.get_xyzt_units()[0], 1.0),
        )
        pixdim = _stored_pixdim(path, image)
        affine = np.asarray(image.affine, dtype=np.float64)
        empty = not np.isfinite(forms.sform).all() or not forms.sform[:3, :3].any()
        if codes[1] > 0 and codes[0] > 0 and empty:
            warnings.append("the sform of the header is empty: its qform is used")
            affine, forms = forms.qform, replace(forms, sform_code=0)
    if forms.unit != 1.0 and not _is_pixel_size(pixdim * forms.unit) and _is_pixel_size(pixdim):
        warnings.append(f"the header is in {forms.unit_name}, which cannot be true: mm are assumed")
        forms = replace(forms, unit=1.0)
    if codes == (0, 0):
        warnings.append("no orientation in the header: qform_code and sform_code are 0")
    if forms.unit != 1.0:
        warnings.append(f"the header is in {forms.unit_name}: taken as {forms.unit:g} mm each")
    return Volume(
        name=name,
        shape=image.shape,
        dtype=image.get_data_dtype(),
        affine=in_mm(affine, forms.unit),
        load=lambda: _loaded(path, image, name=name),
        pixdim=pixdim * forms.unit,
        forms=forms,
        warnings=tuple(warnings),
    )


def _is_pixel_size(pixdim: NDArray[np.float64]) -> bool:
    low, high = PIXEL_MM
    return bool((np.sort(pixdim)[:2] >= low).all() and (np.sort(pixdim)[:2] <= high).all())


def _analyze_volume(path: Path, image: nib.Spm99AnalyzeImage, *, name: str) -> Volume:
    return Volume(
        name=name,
        shape=image.shape,
        dtype=image.get_data_dtype(),
        affine=np.asarray(image.affine, dtype=np.float64),
        load=lambda: _loaded(path, image, name=name),
        warnings=("no orientation in the header: Analyze files have none",),
    )


def _stored_pixdim(path: Path, image: nib.Nifti1Image) -> NDArray[np.float64]:
    """(3,) voxel size as the header has it: nibabel mends it when it reads."""
    file = image.file_map["header" if "header" in image.file_map else "image"]
    stream = file.get_prepare_fileobj("rb") if file.fileobj is None else opened(path)
    with stream:
        as_stored = type(image.header).from_fileobj(stream, check=False)
    return np.asarray(as_stored["pixdim"][1:4], dtype=np.float64)


def _loaded(path: Path, image: nib.Nifti1Image, *, name: str) -> NDArray[Any]:
    check_whole(path, image, name=name)
    with _named_errors(f"pixels of {name} cannot be read (damaged or cut short?)"):
        pixels = np.asanyarray(image.dataobj)
    for file in image.file_map.values():
        if file.fileobj is not None:
            file.fileobj.close()
    return pixels


def opened(path: Path) -> IO[bytes]:
    """A file to read from, unpacked if its content is gzip, whatever its ending says.

    Twice where it is packed twice, as some downloads are.
    """
    stream: IO[bytes] = path.open("rb")
    for _ in range(_layers(path)):
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


def _layers(path: Path) -> int:
    """How often a file is packed: 0, 1 or 2 times."""
    with path.open("rb") as stream:
        if stream.read(2) != GZIP:
            return 0
    with gzip.open(path) as stream:
        try:
            return 2 if stream.read(2) == GZIP else 1
        except (EOFError, OSError, zlib.error):
            return 1


def header_path(path: Path) -> Path:
    """The `.hdr` file that belongs to a `.img` file; any other path as it is."""
    lowered = path.name.lower()
    for suffix in DATA_SUFFIXES:
        if lowered.endswith(suffix):
            stem = path.name[: -len(suffix)]
            beside = (path.with_name(stem + ending) for ending in (".hdr", ".HDR"))
            return next((header for header in beside if header.is_file()), path)
    return path


def open_nifti(path: Path, *, name: str) -> nib.Nifti1Image:
    """The image in a file, its header read and its pixels not; `name` is what messages call it.

    By the content, for endings are wrong at times. Raises InputError for another format, and for
    extensions that would fill the memory.
    """
    path = header_path(path)
    with _named_errors(f"{name} cannot be read as NIfTI (damaged or another format?)"):
        with opened(path) as stream:
            head = stream.read(NIFTI_2)
        kind = _KINDS[int.from_bytes(head[:4], "little")]
        if kind is nib.Nifti1Image and head[MAGIC] != b"n+1\0":
            pair = nib.Nifti1Pair if head[MAGIC] == b"ni1\0" else nib.Spm99AnalyzeImage
            if path.suffix.lower() == ".hdr":
                return pair.from_filename(path)
        block = head[: kind.header_class.sizeof_hdr]
        begins = float(kind.header_class(block, check=False)["vox_offset"])
        if begins <= MAX_EXTENSION_BYTES:
            named = int(path.suffix.lower() == ".gz")
            well_named = _layers(path) == named and path.suffix.lower() in (".nii", ".gz")
            return kind.from_filename(path) if well_named else kind.from_stream(opened(path))
    msg = f"{name} has its pixels behind {begins:.4g} bytes, at most {MAX_EXTENSION_BYTES}"
    raise InputError(msg)


def check_whole(path: Path, image: nib.Nifti1Image, *, name: str) -> None:
    """Refuse a compressed file that is not as it was packed: nibabel stops before its checksum.

    image: from `open_nifti`, of a size that was found good. Raises InputError.
    """
    path = header_path(path)
    if path.suffix.lower() == ".hdr":
        return
    size = math.prod(image.shape) * image.get_data_dtype().itemsize
    left = int(image.dataobj.offset) + size + MAX_REST_BYTES
    damaged = f"pixels of {name} cannot be read (damaged or cut short?)"
    with _named_errors(damaged), opened(path) as stream:
        if not isinstance(stream, gzip.GzipFile):
            return
        while left > 0 and (piece := stream.read(min(left, PIECE_BYTES))):
            left -= len(piece)
    if left <= 0:
        msg = f"{name} is longer than the image that its header describes"
        raise InputError(msg)


def write_label_map(path: str | Path, labels: NDArray[np.uint8], grid: InputGrid) -> None:
    """Write labels of `grid.shape` as NIfTI (uint8, mm) with the affine of the input.

    The file appears whole or not at all. Raises AcsnetError when labels do not fit the grid.
    """
    path = Path(path)
    case_name(path)
    save_nifti(path, _label_image(labels, grid))


def label_map_nifti(labels: NDArray[np.uint8], grid: InputGrid) -> bytes:
    """The content of the file that `write_label_map` writes, not compressed."""
    content: bytes = _label_image(labels, grid).to_bytes()
    return content


def write_map(
    path: Path, values: NDArray[np.float32], grid: InputGrid, *, note: bytes = NOTE
) -> None:
    """Write a number for each voxel of `grid.shape` as NIfTI (float32, mm), whole or not at all.

    note: in the header, 79 bytes at most.
    """
    save_nifti(path, _image(values, grid, note))


def write_image(path: Path, scan: ShortAxisScan) -> None:
    """Write the pixels of a scan, as read and not windowed, as NIfTI (float32, mm).

    The file appears whole or not at all.
    """
    pixels = scan.grid.to_input(scan.pixels)
    save_nifti(path, _image(pixels, scan.grid, b"ACSNet, research use only"))


def _label_image(labels: NDArray[np.uint8], grid: InputGrid) -> nib.Nifti1Image:
    if labels.shape != grid.shape or labels.dtype != np.uint8:
        msg = f"labels must be uint8 of shape {grid.shape}, got {labels.dtype} {labels.shape}"
        raise AcsnetError(msg)
    return _image(labels, grid, b"ACSNet labels, research use only, not a medical device")


def _image(array: NDArray[Any], grid: InputGrid, description: bytes) -> nib.Nifti1Image:
    affine = grid.header_affine
    image = nib.Nifti1Image(array, affine)
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = description
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")
    if not np.allclose(image.get_qform(), affine, rtol=1e-4, atol=1e-3):
        image.set_qform(None, code="unknown")  # a quaternion holds no shear
    if isinstance(grid, SplitGrid) and grid.forms is not None:
        _set_forms(image, grid.forms)
    elif grid.stored_affine is not None:
        image.set_qform(None, code="unknown")
        image.header.set_zooms(np.linalg.norm(grid.affine[:3, :3], axis=0))
    return image


def save_nifti(path: Path, image: nib.Nifti1Image) -> None:
    """Write a NIfTI image, whole or not at all, compressed where `path` ends with `.gz`."""
    content = image.to_bytes()
    write_bytes(path, packed(content) if path.name.endswith(".gz") else content)


def packed(content: bytes) -> bytes:
    """As gzip packs it: quickly, and without the time."""
    return gzip.compress(content, compresslevel=1, mtime=0)


def _set_forms(image: nib.Nifti1Image, forms: NiftiForms) -> None:
    """Both transforms, codes and units as the input has them: viewers choose one by the codes."""
    image.header.set_xyzt_units("mm" if forms.unit_name == "unknown" else forms.unit_name)
    image.set_qform(forms.qform if forms.qform_code else None, code=forms.qform_code)
    image.set_sform(forms.sform if forms.sform_code else None, code=forms.sform_code)


@contextmanager
def _named_errors(message: str) -> Iterator[None]:
    """Whatever nibabel raises, logs or warns of on a damaged file becomes one InputError."""
    level = nibabel_logger.level
    nibabel_logger.setLevel(logging.CRITICAL + 1)
    try:
        with np.errstate(all="ignore"):  # what float32 cannot hold is refused as infinite
            yield
    except PermissionError:
        raise
    except DAMAGED as error:
        raise InputError(message) from error
    finally:
        nibabel_logger.setLevel(level)
