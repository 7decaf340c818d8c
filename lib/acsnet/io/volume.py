"""One volume as its file tells it, whatever the format, and the short-axis stack in it.

Formats are read by `acsnet.io.nifti`, `acsnet.io.nrrd` and `acsnet.io.metaimage`; what holds for
all of them is here: one grey volume, true millimetres, a slice axis.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import GeometryError, InputError
from acsnet.io.geometry import corner_distances_mm, in_text, slice_row_column
from acsnet.io.limits import check_extent, check_field, check_size, check_voxel_mm
from acsnet.io.signal import cleaned
from acsnet.io.wrapped import as_meant
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.storage import readable_name

LABEL_SUFFIXES = (".seg.nrrd",)
"""What 3D Slicer calls a segmentation; in a folder of scans it is taken for one."""

SUFFIXES = (
    ".nii.gz",
    ".nii",
    ".nrrd",
    ".nhdr",
    ".mha",
    ".mhd",
    ".hdr",
    ".img",
)
"""Of the files that hold a volume, whichever case they are written in."""

PACKED_SUFFIXES = (
    *(".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz", ".tbz2", ".txz"),
    *(".bz2", ".xz", ".zst", ".lz4", ".z"),
    *(".hdr.gz", ".img.gz", ".nrrd.gz", ".mha.gz", ".dcm.gz"),
)
"""Of archives, which are to be unpacked first."""

DATA_SUFFIXES = (".img",)
"""Of the pixels whose header lies beside them in a `.hdr` file."""

MAX_SHEAR_SINE = float(np.sin(np.deg2rad(1.0)))

SIZE_TOLERANCE = 0.01
"""How far pixdim may be from the voxel size in the affine before they are two answers. Ours."""

MAX_FORMS_APART_MM = 0.1
"""How far apart the two transforms of a NIfTI header may place a corner of the image. Ours."""


@dataclass(frozen=True, kw_only=True)
class NiftiForms:
    """The two transforms of a NIfTI header with their codes, in its own units.

    unit: millimetres of one of these. A transform whose code is 0 is what programs take in its
    place, from the voxel size alone: qform as ITK, along the axes of LPS from its origin; sform as
    nibabel, which centres the image and turns its columns to the left.
    """

    qform: NDArray[np.float64]
    qform_code: int
    sform: NDArray[np.float64]
    sform_code: int
    unit_name: str
    unit: float

    @property
    def of_viewers(self) -> NDArray[np.float64]:
        """(4, 4) in mm, as ITK has it, and with it 3D Slicer, ITK-SNAP and others."""
        by_sform = self.sform_code == 1 or (self.sform_code > 0 and self.qform_code == 0)
        return in_mm(self.sform if by_sform else self.qform, self.unit)

    @property
    def is_empty(self) -> bool:
        """Whether the header has no orientation."""
        return self.qform_code == 0 and self.sform_code == 0

    @property
    def apart_mm(self) -> NDArray[np.float64]:
        """(4, 4) difference of the two in mm; zeros where only one is set."""
        if self.qform_code == 0 or self.sform_code == 0:
            return np.zeros((4, 4))
        return (self.qform - self.sform) * self.unit


@dataclass(frozen=True, kw_only=True)
class SplitGrid(InputGrid):
    """The grid of a NIfTI file with two transforms or none, or with other units than mm."""

    forms: NiftiForms | None = None


def possible_affines(grid: InputGrid) -> list[NDArray[np.float64]]:
    """Every affine (4, 4) in mm by which a label map may lie on this grid, the true one first."""
    places = [grid.affine]
    if grid.stored_affine is not None:
        places.append(grid.stored_affine)
    if isinstance(grid, SplitGrid) and grid.forms is not None:
        forms = grid.forms
        codes = ((forms.sform, forms.sform_code), (forms.qform, forms.qform_code))
        known = [form for form, code in codes if code > 0 or forms.is_empty]
        places += [in_mm(form, forms.unit) for form in known]
        places += known if forms.unit != 1.0 else []
    return places


def viewer_affine(grid: InputGrid) -> NDArray[np.float64]:
    """(4, 4) in mm by which viewers place the image of this grid."""
    if isinstance(grid, SplitGrid) and grid.forms is not None:
        return grid.forms.of_viewers
    return grid.affine


def in_mm(affine: NDArray[np.float64], unit: float) -> NDArray[np.float64]:
    """An affine (4, 4) in units of so many mm -> in mm."""
    scaled = affine.copy()
    scaled[:3] *= unit
    return scaled


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One segment of a `.seg.nrrd`: what it is called, where it is stored, and by which value."""

    name: str
    value: int
    layer: int = 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Volume:
    """One file with a volume, its header read and its pixels not.

    shape, dtype: as stored; affine: (4, 4), index -> RAS mm; pixdim: (3,) mm where the file tells
    the voxel size a second time; load: reads the pixels, with shape and scaled, and refuses what is
    damaged; segments: of a segmentation, whose first axis may be layers (layered); is_segmentation:
    also one without segments.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    affine: NDArray[np.float64]
    load: Callable[[], NDArray[Any]]
    pixdim: NDArray[np.float64] | None = None
    forms: NiftiForms | None = None
    segments: tuple[Segment, ...] = ()
    layered: bool = False
    is_segmentation: bool = False
    warnings: tuple[str, ...] = ()


def is_packed(path: Path) -> bool:
    """Whether a file is called as archives of files are."""
    return path.name.lower().endswith(PACKED_SUFFIXES)


def stem_of(path: Path) -> str:
    """File name without the ending of a volume."""
    lowered = path.name.lower()
    suffix = next((ending for ending in SUFFIXES if lowered.endswith(ending)), "")
    return path.name[: len(path.name) - len(suffix)]


def case_name(path: Path) -> str:
    """File name without its ending. Raises InputError for one that no volume has."""
    if (stem := stem_of(path)) not in ("", path.name):
        return readable_name(stem)
    if is_packed(path):
        msg = f"{path.name} is packed: unpack it first"
        raise InputError(msg)
    msg = (
        f"{path.name} must be a .nii.gz or .nii file, or a folder of DICOM files, "
        "or a .nrrd, .mha, .mhd or .hdr file"
    )
    raise InputError(msg)


def followed(path: Path) -> Iterator[Path]:
    """A path, and where it is a link what it leads to, one link after another."""
    yield path
    while path.is_symlink() and path.exists():
        path = path.parent / path.readlink()
        yield path


def beside(path: Path, name: str) -> Path | None:
    """The file of this name in the folder of `path`, or of what that links to; the nearest.

    In an annex each file lies in a folder of its own, and the links to them lie together.
    """
    if Path(name).parent != Path():
        return None
    files = (place.parent / Path(name).name for place in followed(path))
    return next((file for file in files if file.is_file()), None)


def plain_shape(volume: Volume) -> tuple[int, int, int]:
    """Three sizes. Raises InputError for several volumes, colour, and what is no 3-D image."""
    name, dtype, shape = volume.name, volume.dtype, volume.shape
    several = shape[0] if volume.layered else max(shape[3:4], default=1)
    shape = shape[1:] if volume.layered else shape
    if dtype.fields is not None:
        msg = f"{name} must be grey, got an RGB colour image"
        raise InputError(msg)
    if dtype.kind == "c":
        msg = f"{name} must hold real numbers, got complex ones ({dtype})"
        raise InputError(msg)
    if len(shape) == 4 and shape[0] == 1 < shape[3]:
        msg = (
            f"{name} must be a 3-D image, got shape {shape}: an axis of 1 lies before the others, "
            "whose voxel sizes the header then gives to the wrong axes"
        )
        raise InputError(msg)
    if several > 1 and len(volume.shape) == 4:
        msg = f"{name} must hold one volume, got {several}"
        raise InputError(msg)
    if len(shape) < 3 or min(shape) < 1 or max(shape[3:], default=1) > 1:
        msg = f"{name} must be a 3-D image, got {len(shape)}-D of shape {shape}"
        raise InputError(msg)
    return shape[0], shape[1], shape[2]


def scan_of(volume: Volume, *, name: str) -> ShortAxisScan:
    """The short-axis stack of a volume in any orientation.

    name: of the case. Raises InputError for what is no grey 3-D image, GeometryError for a header
    from which no true volume can be built.
    """
    shape = plain_shape(volume)
    warnings = list(volume.warnings)
    affine = true_affine(volume, warnings)
    sizes_mm = np.linalg.norm(affine[:3, :3], axis=0)
    axes = slice_row_column(shape, sizes_mm, warnings)
    grid = _grid(volume, affine=affine, axes=axes, warnings=warnings)
    check_size(
        volume.name,
        slices=shape[axes[0]],
        rows=shape[axes[1]],
        columns=shape[axes[2]],
        item_bytes=volume.dtype.itemsize,
        slice_mm=float(sizes_mm[axes[0]]),
    )
    _check_directions(volume.name, grid, warnings)
    with np.errstate(all="ignore"):  # what float32 cannot hold is refused as infinite
        stored, remarks = as_meant(volume.load().reshape(shape), axis=axes[2])
        warnings += remarks
        data = stored.astype(np.float32, copy=False)
        clean = cleaned(volume.name, np.ascontiguousarray(grid.from_input(data)))
    return ShortAxisScan(
        name=name,
        pixels=clean.pixels,
        grid=grid,
        signal=clean.signal,
        warnings=(*warnings, *clean.warnings),
    )


def _grid(
    volume: Volume,
    *,
    affine: NDArray[np.float64],
    axes: tuple[int, int, int],
    warnings: list[str],
) -> InputGrid:
    shape, forms = plain_shape(volume), volume.forms
    if forms is not None:
        apart_mm = float(corner_distances_mm(forms.apart_mm, shape).max())
        if apart_mm > MAX_FORMS_APART_MM:
            warnings.append(
                f"qform and sform of the header place the image up to {apart_mm:.0f} mm apart: "
                "label maps carry both and overlay it, but programs may show it in two places"
            )
        elif forms.unit == 1.0 and not forms.is_empty:
            forms = None
    if affine is volume.affine and forms is None:
        return InputGrid(shape=shape, affine=affine, axes=axes)
    return SplitGrid(
        shape=shape, affine=affine, axes=axes, stored_affine=volume.affine, forms=forms
    )


def true_affine(volume: Volume, warnings: list[str]) -> NDArray[np.float64]:
    """The affine in mm: the header's own, or its directions with the voxel size of pixdim.

    Conversions that lose the affine leave 1 mm in it and the true size in pixdim, or the other
    way round; any other disagreement has no right answer.

    Raises GeometryError for that, and for an affine or a voxel size that is none.
    """
    file, affine, pixdim = volume.name, volume.affine, volume.pixdim
    if pixdim is not None and (pixdim < 0).any():
        warnings.append(f"pixdim has a sign ({in_text(pixdim)}), which is ignored")
        pixdim = np.abs(pixdim)
    if pixdim is not None and not (np.isfinite(pixdim).all() and (pixdim > 0).all()):
        msg = f"pixdim of {file} must be positive, got {in_text(pixdim)}"
        raise GeometryError(msg)
    if not np.isfinite(affine).all():
        msg = f"affine of {file} must be finite, got {affine.tolist()}"
        raise GeometryError(msg)
    sizes = np.linalg.norm(affine[:3, :3], axis=0)
    if sizes.min() == 0 or abs(np.linalg.det(affine[:3, :3] / np.maximum(sizes, 1e-12))) < 1e-3:
        msg = f"affine of {file} is singular: {affine[:3, :3].tolist()}"
        raise GeometryError(msg)
    if pixdim is None or np.allclose(sizes, pixdim, rtol=SIZE_TOLERANCE, atol=0):
        if np.array_equal(np.abs(affine[:3, :3]), np.eye(3)):
            warnings.append(
                "voxels of exactly 1 x 1 x 1 mm along the axes of the body: if a conversion lost "
                "the header, volumes are wrong"
            )
        return affine
    if np.allclose(sizes, 1.0, rtol=1e-3):
        warnings.append(
            f"the affine has 1 mm voxels but pixdim has {in_text(pixdim)} mm: volumes use pixdim"
        )
        true = affine.copy()
        true[:3, :3] *= pixdim / sizes
        return true
    if np.allclose(pixdim, 1.0, rtol=1e-3):
        warnings.append(
            f"pixdim has 1 mm voxels but the affine has {in_text(sizes)} mm: volumes use the affine"
        )
        return affine
    sizes_text, pixdim_text = in_text(sizes), in_text(pixdim)
    msg = f"voxel size of {file} is {sizes_text} mm in the affine but {pixdim_text} mm in pixdim"
    raise GeometryError(msg)


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
