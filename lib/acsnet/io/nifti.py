"""A NIfTI file -> `ShortAxisScan`, and label maps back to NIfTI on the grid of the input."""

import gzip
import logging
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.imageglobals import logger as nibabel_logger
from nibabel.openers import ImageOpener
from nibabel.spatialimages import HeaderDataError, HeaderTypeError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from acsnet.errors import AcsnetError, GeometryError, InputError
from acsnet.io.limits import (
    MAX_EXTENSION_BYTES,
    check_extent,
    check_field,
    check_pixels,
    check_size,
    check_voxel_mm,
)
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.storage import readable_name, write_bytes

SUFFIXES = (".nii.gz", ".nii")
NIFTI_1, NIFTI_2 = 348, 540
"""Bytes of a header, which begins with this number."""

_KINDS = {
    int.from_bytes(size.to_bytes(4, order), "little"): kind
    for size, kind in ((NIFTI_1, nib.Nifti1Image), (NIFTI_2, nib.Nifti2Image))
    for order in ("little", "big")
}
SLICE_AXIS_RATIO = 1.5
"""The slice axis is clear when its spacing is this many times both others. Ours."""

PIECE_BYTES = 2**20
MAX_REST_BYTES = 2**20
"""Behind the pixels of a compressed file, where nothing belongs: it is unpacked to its end."""

NOTE = b"ACSNet, research use only, not a medical device"
"""In the header of what is written."""

MAX_SHEAR_SINE = float(np.sin(np.deg2rad(1.0)))
SIZE_TOLERANCE = 0.01
"""How far pixdim may be from the voxel size in the affine before they are two answers. Ours."""

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


def case_name(path: Path) -> str:
    """File name without `.nii.gz` or `.nii`. Raises InputError for any other ending."""
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix) and len(path.name) > len(suffix):
            return readable_name(path.name[: -len(suffix)])
    msg = f"{path.name} must be a .nii.gz or .nii file, or a folder of DICOM files"
    raise InputError(msg)


def read_nifti(path: Path) -> ShortAxisScan:
    """One short-axis stack from a 3-D NIfTI file (or 4-D with one volume), any orientation.

    Scaled by scl_slope and scl_inter. Raises InputError for what is no grey 3-D image,
    GeometryError for a header from which no true volume can be built.
    """
    name = case_name(path)
    warnings: list[str] = []
    image = open_nifti(path, name=path.name)
    with _named_errors(f"{path.name} has a damaged NIfTI header"):
        with image.file_map["image"].get_prepare_fileobj("rb") as stream:
            as_stored = type(image.header).from_fileobj(stream, check=False)
            pixdim = np.asarray(as_stored["pixdim"][1:4], dtype=np.float64)
        units = image.header.get_xyzt_units()[0]
    shape = _volume_shape(path.name, image)
    if units not in ("mm", "unknown"):
        msg = f"{path.name} must be in mm, got spatial units {units!r}"
        raise GeometryError(msg)
    header_affine = np.asarray(image.affine, dtype=np.float64)
    if int(image.header["qform_code"]) == 0 and int(image.header["sform_code"]) == 0:
        warnings.append("no orientation in the header: qform_code and sform_code are 0")
    affine = _true_affine(path.name, header_affine, pixdim, warnings)
    axes = _axes(shape, np.linalg.norm(affine[:3, :3], axis=0), warnings)
    stored = None if affine is header_affine else header_affine
    grid = InputGrid(shape=shape, affine=affine, axes=axes, stored_affine=stored)
    check_size(
        path.name,
        slices=shape[axes[0]],
        rows=shape[axes[1]],
        columns=shape[axes[2]],
        item_bytes=image.get_data_dtype().itemsize,
    )
    _check_directions(path.name, grid, warnings)
    check_whole(path, image, name=path.name)
    with _named_errors(f"pixels of {path.name} cannot be read (damaged or cut short?)"):
        data = image.get_fdata(dtype=np.float32, caching="unchanged").reshape(shape)
    check_pixels(path.name, data)
    pixels = np.ascontiguousarray(grid.from_input(data))
    return ShortAxisScan(name=name, pixels=pixels, grid=grid, warnings=tuple(warnings))


def open_nifti(path: Path, *, name: str) -> nib.Nifti1Image:
    """The image in a file, its header read and its pixels not; `name` is what messages call it.

    Raises InputError for another format, and for extensions that would fill the memory.
    """
    with _named_errors(f"{name} cannot be read as NIfTI (damaged or another format?)"):
        with ImageOpener(path, "rb") as stream:
            head = stream.read(NIFTI_2)
        kind = _KINDS[int.from_bytes(head[:4], "little")]
        block = head[: kind.header_class.sizeof_hdr]
        begins = float(kind.header_class(block, check=False)["vox_offset"])
        if begins <= MAX_EXTENSION_BYTES:
            return kind.from_filename(path)
    msg = f"{name} has its pixels behind {begins:.4g} bytes, at most {MAX_EXTENSION_BYTES}"
    raise InputError(msg)


def check_whole(path: Path, image: nib.Nifti1Image, *, name: str) -> None:
    """Refuse a `.nii.gz` that is not as it was packed: nibabel stops before its checksum.

    image: from `open_nifti`, of a size that was found good. Raises InputError.
    """
    if path.suffix.lower() != ".gz":
        return
    size = math.prod(image.shape) * image.get_data_dtype().itemsize
    left = int(image.dataobj.offset) + size + MAX_REST_BYTES
    damaged = f"pixels of {name} cannot be read (damaged or cut short?)"
    with _named_errors(damaged), gzip.open(path) as stream:
        while left > 0 and (piece := stream.read(min(left, PIECE_BYTES))):
            left -= len(piece)
    if left <= 0:
        msg = f"{name} goes on behind the image that its header tells of"
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
    if grid.stored_affine is not None:
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


def _volume_shape(file: str, image: nib.Nifti1Image) -> tuple[int, int, int]:
    dtype = image.get_data_dtype()
    if dtype.fields is not None:
        msg = f"{file} must be grey, got an RGB colour image"
        raise InputError(msg)
    if dtype.kind == "c":
        msg = f"{file} must hold real numbers, got complex ones ({dtype})"
        raise InputError(msg)
    shape = image.shape
    if len(shape) == 4 and shape[3] != 1:
        msg = f"{file} must hold one volume, got {shape[3]}"
        raise InputError(msg)
    if len(shape) not in (3, 4) or min(shape) < 1:
        msg = f"{file} must be a 3-D image, got {len(shape)}-D of shape {shape}"
        raise InputError(msg)
    return shape[0], shape[1], shape[2]


def _true_affine(
    file: str, affine: NDArray[np.float64], pixdim: NDArray[np.float64], warnings: list[str]
) -> NDArray[np.float64]:
    """The affine in mm: the header's own, or its directions with the voxel size of pixdim.

    Conversions that lose the affine leave 1 mm in it and the true size in pixdim, or the other
    way round; any other disagreement has no right answer.
    """
    if not (np.isfinite(pixdim).all() and (pixdim > 0).all()):
        msg = f"pixdim of {file} must be positive, got {_mm(pixdim)}"
        raise GeometryError(msg)
    if not np.isfinite(affine).all():
        msg = f"affine of {file} must be finite, got {affine.tolist()}"
        raise GeometryError(msg)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    if sizes.min() == 0 or abs(np.linalg.det(affine[:3, :3] / np.maximum(sizes, 1e-12))) < 1e-3:
        msg = f"affine of {file} is singular: {affine[:3, :3].tolist()}"
        raise GeometryError(msg)
    if np.allclose(sizes, pixdim, rtol=SIZE_TOLERANCE, atol=0):
        return affine
    if np.allclose(sizes, 1.0, rtol=1e-3):
        warnings.append(
            f"the affine has 1 mm voxels but pixdim has {_mm(pixdim)} mm: volumes are by pixdim"
        )
        true = affine.copy()
        true[:3, :3] *= pixdim / sizes
        return true
    if np.allclose(pixdim, 1.0, rtol=1e-3):
        warnings.append(
            f"pixdim has 1 mm voxels but the affine has {_mm(sizes)} mm: volumes are by the affine"
        )
        return affine
    msg = f"voxel size of {file} is {_mm(sizes)} mm in the affine but {_mm(pixdim)} mm in pixdim"
    raise GeometryError(msg)


def _axes(
    shape: tuple[int, int, int], sizes_mm: NDArray[np.float64], warnings: list[str]
) -> tuple[int, int, int]:
    """Input axes that are slice, row and column."""
    second, largest = np.argsort(sizes_mm)[1:]
    if round(sizes_mm[largest] / sizes_mm[second], 3) >= SLICE_AXIS_RATIO:
        slice_axis = int(largest)
    else:
        fewest = [axis for axis in range(3) if shape[axis] == min(shape)]
        slice_axis = fewest[-1]
        which = "the one with fewest voxels" if len(fewest) == 1 else "the last of the shortest"
        warnings.append(
            f"slice axis not clear from voxel size {_mm(sizes_mm)} mm: axis {slice_axis} of shape "
            f"{shape} taken, {which}"
        )
    column, row = (axis for axis in range(3) if axis != slice_axis)
    return slice_axis, row, column


def _check_directions(file: str, grid: InputGrid, warnings: list[str]) -> None:
    steps = grid.steps_mm
    slice_to, row_to, column_to = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    if abs(float(row_to @ column_to)) > MAX_SHEAR_SINE:
        angle = np.rad2deg(np.arccos(row_to @ column_to))
        msg = f"rows and columns of {file} must be perpendicular, got {angle:.1f} degrees"
        raise GeometryError(msg)
    normal = np.cross(row_to, column_to)
    along = abs(float(slice_to @ normal)) / float(np.linalg.norm(normal))
    if np.sqrt(max(0.0, 1.0 - along**2)) > MAX_SHEAR_SINE:
        tilt = np.rad2deg(np.arccos(along))
        warnings.append(f"slices are stacked {tilt:.1f} degrees off their normal (sheared affine)")
    slice_mm, row_mm, column_mm = np.linalg.norm(steps, axis=1)
    check_voxel_mm(file, slice_mm=slice_mm * along, row_mm=row_mm, column_mm=column_mm)
    check_extent(file, slices=grid.shape[grid.axes[0]], slice_mm=slice_mm * along)
    check_field(file, grid)


def _mm(sizes: NDArray[np.float64]) -> str:
    return " x ".join(f"{size:.4g}" for size in sizes)
