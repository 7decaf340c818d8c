"""NIfTI and Analyze files -> `Volume`, and label maps to NIfTI on the grid of the input."""

import gzip
import logging
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.imageglobals import logger as nibabel_logger
from nibabel.spatialimages import HeaderDataError, HeaderTypeError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from acsnet.errors import AcsnetError, InputError
from acsnet.io.geometry import LPS_TO_RAS
from acsnet.io.limits import (
    MAX_EXTENSION_BYTES,
    check_rest,
    gzip_layers,
    open_unpacked,
    pixel_bytes,
    read_rest,
    true_unit,
)
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

UNITS_MM = {1: ("meter", 1000.0), 2: ("mm", 1.0), 3: ("micron", 0.001)}
"""Name and millimetres of the spatial units of a NIfTI header; any other is unknown, as 0 is."""

SPATIAL = 0b111
"""The bits of xyzt_units that tell the spatial unit."""

ALIGNED = 2
"""What a code above all that are defined is taken for: its transform is set."""

MAGIC = slice(344, 348)


class _Mended:
    """What nibabel refuses, or reads otherwise than the authors of the format (nifti1_io.c)."""

    def get_data_offset(self: Any) -> int:
        """Where the pixels begin: in a single file behind its header, whatever that says."""
        offset = int(super().get_data_offset())  # type: ignore[misc]
        return max(offset, int(self.single_vox_offset)) if self.is_single else offset

    def get_data_shape(self: Any) -> tuple[int, ...]:
        """Sizes, 1 for an axis behind the third of which the header has none."""
        shape = super().get_data_shape()  # type: ignore[misc]
        return (*shape[:3], *(max(size, 1) for size in shape[3:]))

    def get_slope_inter(self: Any) -> Any:
        """Scale and offset, which is 0 where it is no number."""
        if not np.isfinite(self["scl_inter"]):
            self["scl_inter"] = 0
        return super().get_slope_inter()  # type: ignore[misc]

    def get_qform_quaternion(self: Any) -> NDArray[np.float64]:
        """(4,) of length 1, also where rounding, or software, made the three stored longer."""
        stored = np.array([self[f"quatern_{axis}"] for axis in "bcd"], dtype=np.float64)
        if (length := np.linalg.norm(stored)) > 1:
            return np.array([0.0, *stored / length])
        return np.asarray(super().get_qform_quaternion())  # type: ignore[misc]


def _mended(kind: Any) -> Any:
    """A class of images of nibabel, with mended headers."""
    header = type(kind.header_class.__name__, (_Mended, kind.header_class), {})
    return type(kind.__name__, (kind,), {"header_class": header})


_SINGLE, _SINGLE_2, _PAIR = map(_mended, (nib.Nifti1Image, nib.Nifti2Image, nib.Nifti1Pair))
_KINDS = {
    int.from_bytes(size.to_bytes(4, order), "little"): kind
    for size, kind in ((NIFTI_1, _SINGLE), (NIFTI_2, _SINGLE_2))
    for order in ("little", "big")
}


def nifti_volume(path: Path, *, name: str) -> Volume:
    """The volume in a NIfTI or Analyze file; `name` is what messages call it.

    Scaled by scl_slope and scl_inter. Raises InputError for another format.
    """
    image = open_nifti(path, name=name)
    warnings: list[str] = []
    with _named_errors(f"{name} has a damaged NIfTI header"):
        is_analyze = isinstance(image, nib.Spm99AnalyzeImage)
        stored = None if is_analyze else _stored_header(path, image)
        forms = _settled(_forms(image, stored), warnings)
    pixdim = None if stored is None else np.asarray(stored["pixdim"][1:4], dtype=np.float64)
    if pixdim is not None:
        unit, remarks = true_unit(forms.unit_name, forms.unit, pixdim)
        warnings += remarks
        forms = replace(forms, unit=unit)
        pixdim *= unit
    if forms.is_empty:
        why = "qform_code and sform_code are 0" if stored is not None else "Analyze files have none"
        warnings.append(f"no orientation in the header: {why}")
    if stored is not None and not np.isfinite(stored["scl_inter"]):
        warnings.append("scl_inter of the header is no number: it is taken as 0")
    if stored is not None and (begin := image.dataobj.offset) != stored["vox_offset"]:
        warnings.append(
            f"vox_offset of the header is {float(stored['vox_offset']):g}, which is within the "
            f"header: pixels are read from byte {begin} on"
        )
    affine = image.affine if forms.is_empty else forms.sform if forms.sform_code else forms.qform
    return Volume(
        name=name,
        shape=image.shape,
        dtype=image.get_data_dtype(),
        affine=in_mm(np.asarray(affine, dtype=np.float64), forms.unit),
        load=lambda: _loaded(path, image, name=name),
        pixdim=pixdim,
        forms=forms,
        warnings=tuple(warnings),
    )


def _forms(image: nib.Nifti1Image, stored: nib.Nifti1Header | None = None) -> NiftiForms:
    """What a header tells of its place; stored: as it lies in the file, None for Analyze."""
    header, qform_code, sform_code, unit = image.header, 0, 0, ("unknown", 1.0)
    if stored is not None:
        defined = nib.nifti1.xform_codes.value_set()
        codes = (max(int(stored[field]), 0) for field in ("qform_code", "sform_code"))
        qform_code, sform_code = (code if code in defined else ALIGNED for code in codes)
        unit = UNITS_MM.get(int(stored["xyzt_units"]) & SPATIAL, unit)
    by_size = LPS_TO_RAS @ np.diag([*np.asarray(header["pixdim"][1:4], float), 1.0])
    return NiftiForms(
        qform=np.asarray(header.get_qform(), float) if qform_code else by_size,
        qform_code=qform_code,
        sform=np.asarray(header.get_sform() if sform_code else header.get_base_affine(), float),
        sform_code=sform_code,
        unit_name=unit[0],
        unit=unit[1],
    )


def _settled(forms: NiftiForms, warnings: list[str]) -> NiftiForms:
    """The transforms without the one of two that says nothing."""
    if forms.qform_code == 0 or forms.sform_code == 0:
        return forms
    if not np.isfinite(forms.sform).all() or not forms.sform[:3, :3].any():
        warnings.append("the sform of the header is empty: its qform is used")
        return replace(forms, sform_code=0)
    if not np.isfinite(forms.qform).all():
        warnings.append("the qform of the header is not made of numbers: its sform is used")
        return replace(forms, qform_code=0)
    return forms


def _stored_header(path: Path, image: nib.Nifti1Image) -> nib.Nifti1Header:
    """The header as the file has it: nibabel mends it when it reads."""
    file = image.file_map["header" if "header" in image.file_map else "image"]
    stream = file.get_prepare_fileobj("rb") if file.fileobj is None else open_unpacked(path)
    with stream:
        return type(image.header).from_fileobj(stream, check=False)


def _loaded(path: Path, image: nib.Nifti1Image, *, name: str) -> NDArray[Any]:
    check_whole(path, image, name=name)
    with _named_errors(f"pixels of {name} cannot be read (damaged or cut short?)"):
        pixels = np.asanyarray(image.dataobj)
    for file in image.file_map.values():
        if file.fileobj is not None:
            file.fileobj.close()
    return pixels


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
        with open_unpacked(path) as stream:
            head = stream.read(NIFTI_2)
        kind = _KINDS[int.from_bytes(head[:4], "little")]
        if kind is _SINGLE and head[MAGIC] != b"n+1\0":
            pair = _PAIR if head[MAGIC] == b"ni1\0" else nib.Spm99AnalyzeImage
            if path.suffix.lower() == ".hdr":
                return pair.from_filename(path)
        block = head[: kind.header_class.sizeof_hdr]
        begins = float(kind.header_class(block, check=False)["vox_offset"])
        if begins <= MAX_EXTENSION_BYTES:
            named = int(path.suffix.lower() == ".gz")
            well_named = gzip_layers(path) == named and path.suffix.lower() in (".nii", ".gz")
            return kind.from_filename(path) if well_named else kind.from_stream(open_unpacked(path))
    msg = f"{name} has its pixels behind {begins:.4g} bytes, at most {MAX_EXTENSION_BYTES}"
    raise InputError(msg)


def check_whole(path: Path, image: nib.Nifti1Image, *, name: str) -> None:
    """Refuse a file with more pixels than its header tells, and one that is not as it was packed.

    nibabel stops before both. image: from `open_nifti`, of a size that was found good. Raises
    InputError.
    """
    size, row = pixel_bytes(image.shape, image.get_data_dtype())
    with _named_errors(f"pixels of {name} cannot be read (damaged or cut short?)"):
        pixels = Path(image.file_map["image"].filename) if "header" in image.file_map else None
        # A pair is never packed. Of a packed file, what is read to its end is checked by its sum.
        with open_unpacked(header_path(path)) if pixels is None else pixels.open("rb") as stream:
            stream.seek(int(image.dataobj.offset) + size)
            rest = read_rest(stream, row=row)
    check_rest(name, rest, row=row)


def write_label_map(path: str | Path, labels: NDArray[np.uint8], grid: InputGrid) -> None:
    """Write labels of `grid.shape` as NIfTI (uint8, mm) with the affine of the input.

    The file appears whole or not at all. Raises AcsnetError when labels do not fit the grid.
    """
    path = Path(path)
    case_name(path)
    save_nifti(path, _label_image(labels, grid))


def label_map_nifti(labels: NDArray[np.uint8], grid: InputGrid) -> bytes:
    """The file that `write_label_map` writes of labels of `grid.shape`, not compressed."""
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
        image.header.set_zooms(np.linalg.norm(grid.affine[:3, :3], axis=0) / grid.forms.unit)
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
