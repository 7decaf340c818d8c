"""A folder with one DICOM series -> `ShortAxisScan`, through the geometry gate.

Slices are ordered along the normal of ImageOrientationPatient by ImagePositionPatient;
SliceLocation and InstanceNumber are not trusted. Pixels are rescaled but not windowed.
MONOCHROME1 is refused: an inverted MR image is no signal to measure. Ours.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.pixel_data_handlers.util import get_expected_length
from pydicom.uid import (
    UID,
    EnhancedMRColorImageStorage,
    EnhancedMRImageStorage,
    ImplicitVRLittleEndian,
    LegacyConvertedEnhancedMRImageStorage,
    UncompressedPixelTransferSyntaxes,
)

from acsnet.errors import InputError
from acsnet.io.dicom_files import (
    DAMAGED,
    DicomFile,
    check_inflated,
    choose_series,
    quiet_pydicom,
    read_headers,
)
from acsnet.io.geometry import Plane, check_parallel, check_stack, group_by_position, stack_affine
from acsnet.io.limits import (
    check_extent,
    check_field,
    check_packed,
    check_pixels,
    check_size,
    check_voxel_mm,
)
from acsnet.io.phases import choose_phase
from acsnet.scan import InputGrid, ShortAxisScan

MULTI_FRAME = (
    EnhancedMRImageStorage,
    EnhancedMRColorImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
)
PIXEL_TAGS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
NEEDED = (
    "NumberOfFrames",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    *PIXEL_TAGS,
)
"""To decode pixels. Whatever else a file holds behind them would fill the memory."""

SPACING_TAG_TOLERANCE = 0.05


@dataclass(frozen=True, kw_only=True)
class HeaderStack:
    """One stack as its headers tell it.

    files: one a slice, ascending along the normal; grid: of (column, row, slice), as NIfTI has
    it; windows: (slice, 2) centre and width, or None.
    """

    files: tuple[DicomFile, ...]
    grid: InputGrid
    windows: NDArray[np.float32] | None
    warnings: tuple[str, ...]


def read_dicom_folder(
    folder: Path, *, phase: int | None = None, series: str | None = None
) -> ShortAxisScan:
    """One short-axis stack from a folder, slices ascending along the normal.

    phase: which image (from 1) where each position holds several; series: SeriesInstanceUID or
    SeriesNumber. The grid is that of (column, row, slice), as NIfTI has it. Raises InputError
    for files that are no MR image, GeometryError for images that are no stack.
    """
    name = folder.resolve().name
    with quiet_pydicom():
        files, passed_over = read_headers(folder)
        files, left_out = choose_series(files, series=series, folder=name)
        stack = check_headers(files, name=name, phase=phase)
        pixels = np.stack([_pixels(file) for file in stack.files])
        uids = tuple(file.text("SOPInstanceUID") for file in stack.files)
        height_m = _told(stack.files[0], "PatientSize")
        weight_kg = _told(stack.files[0], "PatientWeight")
    check_pixels(name, pixels)
    return ShortAxisScan(
        name=name,
        pixels=pixels,
        grid=stack.grid,
        windows=stack.windows,
        instance_uids=uids,
        height_cm=None if height_m is None else 100.0 * height_m,
        weight_kg=weight_kg,
        warnings=(*passed_over, *left_out, *stack.warnings),
    )


def check_headers(files: list[DicomFile], *, name: str, phase: int | None = None) -> HeaderStack:
    """The images of one series as a stack, as far as their headers tell; pixels are not read.

    name: of the series, for messages; phase: which image (from 1) where each position holds
    several. Raises InputError for files that are no MR image, GeometryError for images that are
    no stack.
    """
    with quiet_pydicom():
        planes = [_plane(file) for file in files]
        check_parallel(planes)
        groups = group_by_position(planes)
        first = planes[0]
        check_size(name, slices=len(groups), rows=first.rows, columns=first.columns, item_bytes=4)
        chosen = choose_phase([[files[i] for i in group] for group in groups], phase=phase)
        by_file = dict(zip(files, planes, strict=True))
        stack = [by_file[file] for file in chosen]
        check_stack(stack)
        step_mm = float((stack[-1].position_mm - stack[0].position_mm) @ first.normal)
        step_mm /= len(stack) - 1
        row_mm, column_mm = first.spacing_mm
        check_voxel_mm(name, slice_mm=step_mm, row_mm=row_mm, column_mm=column_mm)
        check_extent(name, slices=len(stack), slice_mm=step_mm)
        windows, window_remarks = _windows(chosen)
        remarks = *_spacing_remarks(chosen, step_mm), *window_remarks, *_cine_remarks(chosen)
    grid = InputGrid(
        shape=(first.columns, first.rows, len(stack)), affine=stack_affine(stack), axes=(2, 1, 0)
    )
    check_field(name, grid)
    return HeaderStack(files=chosen, grid=grid, windows=windows, warnings=remarks)


def _plane(file: DicomFile) -> Plane:
    """Where an image lies, once it is sure to be one grey MR image with pixels."""
    modality = file.text("Modality")
    if modality != "MR":
        msg = f"Modality of {file.name} must be MR, got {modality or '(empty)'}"
        raise InputError(msg)
    frames = file.text("NumberOfFrames") or "1"
    kind = UID(file.text("SOPClassUID"))
    if kind in MULTI_FRAME or frames != "1":
        msg = (
            f"{file.name} is a multi-frame object ({kind.name}, {frames} "
            "frames), which is not supported: export the series as one file a slice"
        )
        raise InputError(msg)
    if not file.is_image:
        msg = f"{file.name} has no pixel data"
        raise InputError(msg)
    samples = file.text("SamplesPerPixel") or "1"
    photometric = file.text("PhotometricInterpretation") or "MONOCHROME2"
    if samples != "1" or photometric != "MONOCHROME2":
        msg = (
            f"{file.name} must be grey: SamplesPerPixel 1 and PhotometricInterpretation "
            f"MONOCHROME2, got {samples} and {photometric}"
        )
        raise InputError(msg)
    position = _numbers(file, "ImagePositionPatient", 3)
    cosines = _numbers(file, "ImageOrientationPatient", 6)
    spacing = _numbers(file, "PixelSpacing", 2)
    rows, columns = _numbers(file, "Rows", 1), _numbers(file, "Columns", 1)
    if min(*spacing, *rows, *columns) <= 0:
        msg = (
            f"PixelSpacing, Rows and Columns of {file.name} must be positive, "
            f"got {spacing}, {rows[0]:g} and {columns[0]:g}"
        )
        raise InputError(msg)
    return Plane(
        file=file.name,
        rows=int(rows[0]),
        columns=int(columns[0]),
        position_mm=np.array(position),
        cosines=np.array(cosines).reshape(2, 3),
        spacing_mm=(spacing[0], spacing[1]),
    )


def _numbers(file: DicomFile, tag: str, count: int) -> list[float]:
    """Values of a tag that must be there. Raises InputError that names file and tag."""
    text = file.text(tag)
    try:
        values = [float(part) for part in text.split("\\")]
    except ValueError:
        values = []
    if len(values) != count or not all(map(math.isfinite, values)):
        msg = f"{file.name} must have {tag} with {count} numbers, got {text or 'none'}"
        raise InputError(msg)
    return values


def _told(file: DicomFile, tag: str) -> float | None:
    """A number that a header may have; scanners write 0 for what nobody typed in."""
    try:
        value = float(file.text(tag))
    except ValueError:
        return None
    return value if math.isfinite(value) and value != 0 else None


def _pixels(file: DicomFile) -> NDArray[np.float32]:
    """(row, column) stored values, rescaled. Raises InputError when they cannot be decoded."""
    try:
        check_inflated(file.path, file.name)
        dataset = pydicom.dcmread(file.path, force=True, specific_tags=list(NEEDED))
        has_pixels = any(tag in dataset for tag in PIXEL_TAGS)
    except InputError:
        raise
    except DAMAGED as error:
        msg = f"{file.name} cannot be read as DICOM (damaged or cut short?)"
        raise InputError(msg) from error
    if not has_pixels:
        msg = f"{file.name} has no pixel data"
        raise InputError(msg)
    try:
        if dataset.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian).is_encapsulated:
            check_packed(
                file.name, stored=len(dataset.PixelData), plain=get_expected_length(dataset)
            )
        stored = dataset.pixel_array
    except InputError:
        raise
    except DAMAGED as error:
        syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian)))
        if syntax not in UncompressedPixelTransferSyntaxes:
            reason = f"transfer syntax {syntax.name} ({syntax}) cannot be decoded"
        else:
            reason = "they do not fill the matrix (damaged or cut short?)"
        msg = f"pixels of {file.name} cannot be read: {reason}"
        raise InputError(msg) from error
    slope = _numbers(file, "RescaleSlope", 1)[0] if file.text("RescaleSlope") else 1.0
    intercept = _numbers(file, "RescaleIntercept", 1)[0] if file.text("RescaleIntercept") else 0.0
    if slope == 0.0:
        msg = f"RescaleSlope of {file.name} must not be 0"
        raise InputError(msg)
    with np.errstate(all="ignore"):  # what float32 cannot hold is refused as infinite
        pixels: NDArray[np.float32] = (stored * slope + intercept).astype(np.float32)
    return pixels


def _windows(chosen: Sequence[DicomFile]) -> tuple[NDArray[np.float32] | None, list[str]]:
    """(slice, 2) first window centre and width of each slice; None unless each has one."""
    windows: list[tuple[float, float]] = []
    unusable: list[str] = []
    for file in chosen:
        tags = [file.text(tag) for tag in ("WindowCenter", "WindowWidth")]
        try:
            centre, width = (float(text.split("\\")[0]) for text in tags)
        except ValueError:
            centre, width = math.nan, math.nan
        if math.isfinite(centre) and math.isfinite(width) and width > 0:
            windows.append((centre, width))
        elif any(tags):
            unusable.append(f"{file.name} (centre {tags[0] or 'none'}, width {tags[1] or 'none'})")
    if len(windows) == len(chosen):
        return np.array(windows, dtype=np.float32), []
    if unusable:
        return None, [f"window left unused, it is unusable in {unusable[0]}"]
    if windows:
        return None, [f"window left unused, only {len(windows)} of {len(chosen)} slices have one"]
    return None, []


def _spacing_remarks(chosen: Sequence[DicomFile], step_mm: float) -> list[str]:
    """Every second slice missing leaves even steps: only this tag can tell."""
    text = chosen[0].text("SpacingBetweenSlices")
    try:
        told = abs(float(text))
    except ValueError:
        return []
    if told == 0.0 or abs(told - step_mm) <= SPACING_TAG_TOLERANCE * step_mm:
        return []
    return [
        f"slices lie {step_mm:.2f} mm apart by ImagePositionPatient, which is used, but "
        f"SpacingBetweenSlices is {told:g} mm: check that no slice is missing"
    ]


def _cine_remarks(chosen: Sequence[DicomFile]) -> list[str]:
    """LGE is one inversion-recovery image a position; cine has many phases and no inversion.

    Bright spots in the wall of a cine are no scar, but a network measures them all the same.
    """
    phases = chosen[0].text("CardiacNumberOfImages")
    inversion = chosen[0].text("InversionTime")
    try:
        cine = int(phases or 1) > 1 and float(inversion or 0) == 0.0
    except ValueError:
        return []
    if not cine:
        return []
    return [
        f"this looks like cine, not LGE (CardiacNumberOfImages {phases}, no InversionTime): "
        "scar cannot be measured on it"
    ]
