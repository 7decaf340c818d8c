"""A folder with one DICOM series -> `ShortAxisScan`, through the geometry gate.

Slices are ordered along the normal of ImageOrientationPatient by ImagePositionPatient;
SliceLocation and InstanceNumber are not trusted. Pixels are rescaled but not windowed.
MONOCHROME1 is refused: an inverted MR image is no signal to measure. Ours.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread

from acsnet.errors import GeometryError, InputError
from acsnet.io.dicom_files.dicom_file import (
    DAMAGED,
    DicomFile,
    quiet_pydicom,
    read_header,
)
from acsnet.io.dicom_files.folder import read_headers
from acsnet.io.dicom_stack.contrast import Content, content_of
from acsnet.io.dicom_stack.file_checks import loss_remarks
from acsnet.io.dicom_stack.frames import concatenation_remarks, frames_of
from acsnet.io.dicom_stack.lost_slices import (
    Listed,
    acquisition_remarks,
    check_stack,
    directories_of,
    images_listed,
    listed_and_missing,
    spacing_remarks,
    told_number,
)
from acsnet.io.dicom_stack.one_kind import typical_of
from acsnet.io.dicom_stack.phases import choose_phase, phase_of_folder
from acsnet.io.dicom_stack.pixels import pixel_remarks, pixels_of, stacked_padding
from acsnet.io.dicom_stack.planes import check_mosaics, grey_mr_plane, inversion_remarks
from acsnet.io.dicom_stack.repeats import without_repeats
from acsnet.io.dicom_stack.selection import (
    main_stack,
    without_copies,
    without_other_objects,
)
from acsnet.io.dicom_stack.series_choice import choose_series
from acsnet.io.dicom_stack.windows import fitting_windows, stored_windows
from acsnet.io.geometry import (
    Plane,
    check_directions,
    check_parallel,
    group_by_position,
    parallel_remarks,
    stack_affine,
)
from acsnet.io.limits import check_extent, check_field, check_size, check_voxel_mm
from acsnet.io.signal import cleaned
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.storage import readable_name, whole_path

MAX_CHANGE_OF_SETTING = 2.0
"""Times by which EchoTime or InversionTime may differ between the slices of one scan. Ours."""


@dataclass(frozen=True, kw_only=True)
class HeaderStack:
    """One stack as its headers tell it.

    files: one a slice, ascending along the normal; grid: of (column, row, slice), as NIfTI has
    it; windows: (slice, 2) centre and width, or None; content: what it shows.
    """

    files: tuple[DicomFile, ...]
    grid: InputGrid
    windows: NDArray[np.float32] | None
    warnings: tuple[str, ...]
    content: Content


def read_dicom_folder(
    folder: Path, *, phase: int | None = None, series: str | Sequence[str] | None = None
) -> ShortAxisScan:
    """One short-axis stack from a folder, slices ascending along the normal.

    phase: which image (from 1) where each position holds several; series: SeriesInstanceUID or
    SeriesNumber, or several of them to be joined. The grid is that of (column, row, slice), as
    NIfTI has it. Raises InputError for files that are no MR image, GeometryError for images that
    are no stack.
    """
    with quiet_pydicom():
        files, passed_over = read_headers(folder)
    phase = phase_of_folder(folder) if phase is None else phase
    return read_dicom_files(
        files, name=whole_path(folder).name, passed_over=passed_over, phase=phase, series=series
    )


def read_dicom_file(path: Path, *, phase: int | None = None) -> ShortAxisScan:
    """The stack in one enhanced MR object; else as `read_dicom_folder`.

    Raises InputError for an object of a single slice.
    """
    with quiet_pydicom():
        file, _ = read_header(path, path.name)
    if file is None or file.text("NumberOfFrames") in ("", "1"):
        msg = f"{path.name} is a DICOM file of one slice: give the folder with all of its series"
        raise InputError(msg)
    return read_dicom_files([file], name=readable_name(path.stem), phase=phase)


def read_dicom_files(
    files: Sequence[DicomFile],
    *,
    name: str,
    passed_over: Sequence[tuple[Path, str]] = (),
    phase: int | None = None,
    series: str | Sequence[str] | None = None,
) -> ShortAxisScan:
    """As `read_dicom_folder`, from files whose headers were read.

    passed_over: as `read_headers` has it; told of what may hold slices of the series.
    """
    with quiet_pydicom():
        chosen, left_out = choose_series(files, series=series, folder=name)
        _check_directories(files, chosen)
        stack = check_headers(chosen, name=name, phase=phase)
        images = pixels_of(stack.files)
        height_m = told_number(stack.files[0], "PatientSize")
        weight_kg = told_number(stack.files[0], "PatientWeight")
    clean = cleaned(
        name,
        np.stack([image.pixels for image in images]),
        padding=stacked_padding(images),
    )
    near = Path(os.path.commonpath([file.path.parent for file in chosen]))
    skipped = [
        remark
        for path, remark in passed_over
        if path.is_relative_to(near) or near.is_relative_to(path)
    ]
    remarks = (*skipped, *left_out, *stack.warnings, *pixel_remarks(images), *clean.warnings)
    windows, window_remarks = fitting_windows(stack.windows, images, clean)
    instance_uids, frame_numbers = _own_uids(stack.files)
    return ShortAxisScan(
        name=name,
        pixels=clean.pixels,
        grid=stack.grid,
        windows=windows,
        signal=clean.signal,
        contrast=stack.content.contrast,
        view=stack.content.view,
        instance_uids=instance_uids,
        frame_numbers=frame_numbers,
        height_cm=None if height_m is None else 100.0 * height_m,
        weight_kg=weight_kg,
        warnings=(*remarks, *window_remarks),
    )


def _check_directories(files: Sequence[DicomFile], chosen: Sequence[DicomFile]) -> None:
    """Refuse a series of which the index of its disc lists images that are not there."""
    there = {file.text("SOPInstanceUID") for file in files}
    series = {file.text("SeriesInstanceUID") for file in chosen} - {""}
    for path in directories_of(file.path for file in chosen):
        try:
            listed = _listed(path, path.stat().st_mtime_ns)
            images = [image for uid in series for image in listed.get(uid, ())]
            missing = listed_and_missing(images, path.parent, there=there)
        except DAMAGED:  # no image depends on it
            continue
        if missing:
            msg = (
                f"{path.name} lists images of this series that are not there, {len(missing)} of "
                f"them, the first is {missing[0].as_posix()}: copy the whole disc again, or move "
                f"the folder away from its {path.name} if they were left out on purpose"
            )
            raise InputError(msg)


@lru_cache(maxsize=4)
def _listed(path: Path, changed_ns: int) -> Listed:
    """What the index of a disc lists, read anew when it changed: it may take seconds."""
    return images_listed(dcmread(path))


def check_headers(
    files: Sequence[DicomFile], *, name: str, phase: int | None = None
) -> HeaderStack:
    """The images of one series as a stack, as far as their headers tell; pixels are not read.

    What is double or plainly foreign is left out and told. name: of the series, for messages;
    phase: which image (from 1) where each position holds several. Raises InputError for files that
    are no MR image, GeometryError for images that are no stack.
    """
    with quiet_pydicom():
        pictures = [file for file in files if file.is_image]
        files, others = without_other_objects(files)
        pictures = [file for file in pictures if file not in files]
        files, copies = without_copies(files)
        parts = concatenation_remarks(files)
        images = [frame for file in files for frame in frames_of(file)]
        planes = [grey_mr_plane(file) for file in images]
        check_directions(planes)
        main, foreign = main_stack(images, planes)
        try:
            stack = _stacked(images, planes, main, name=name, phase=phase)
        except GeometryError:
            check_mosaics(images)
            check_parallel(planes)  # the foreign images are what is missing
            for file in pictures:
                grey_mr_plane(file)
            raise
    return replace(stack, warnings=(*others, *copies, *parts, *foreign, *stack.warnings))


def _stacked(
    images: Sequence[DicomFile],
    planes: Sequence[Plane],
    main: Sequence[int],
    *,
    name: str,
    phase: int | None,
) -> HeaderStack:
    """One image at each position of those with the indices `main`."""
    parallel = [planes[i] for i in main]
    check_parallel(parallel)
    groups = group_by_position(parallel)
    first = parallel[0]
    if len(groups) == 1 < len(parallel):
        msg = (
            f"all {len(parallel)} images of {name} lie at one position: they are phases of a "
            "single slice, or anonymisation has emptied ImagePositionPatient"
        )
        raise GeometryError(msg)
    slices, rows, columns = len(groups), first.rows, first.columns
    extent_mm = float(np.ptp([plane.position_mm @ first.normal for plane in parallel]))
    slice_mm = extent_mm / max(slices - 1, 1)
    check_size(name, slices=slices, rows=rows, columns=columns, item_bytes=4, slice_mm=slice_mm)
    at_places, repeats = without_repeats([[images[main[i]] for i in group] for group in groups])
    chosen = choose_phase(at_places, phase=phase)
    by_image = {id(image): plane for image, plane in zip(images, planes, strict=True)}
    stack = [by_image[id(image)] for image in chosen]
    odd_places = check_stack(stack)
    step_mm = float((stack[-1].position_mm - stack[0].position_mm) @ first.normal)
    step_mm /= len(stack) - 1
    row_mm, column_mm = first.spacing_mm
    check_voxel_mm(name, slice_mm=step_mm, row_mm=row_mm, column_mm=column_mm)
    check_extent(name, slices=len(stack), slice_mm=step_mm)
    windows, window_remarks = stored_windows(chosen)
    grid = InputGrid(
        shape=(first.columns, first.rows, len(stack)), affine=stack_affine(stack), axes=(2, 1, 0)
    )
    typical, odd_kinds = typical_of(chosen)
    content = content_of(typical.header, grid, images_each=len(at_places[0]))
    remarks = (
        *repeats,
        *odd_places,
        *odd_kinds,
        *parallel_remarks(stack),
        *spacing_remarks(chosen, step_mm),
        *_setting_remarks(chosen),
        *acquisition_remarks(chosen, images),
        *_reference_remarks(chosen),
        *inversion_remarks(chosen),
        *loss_remarks(chosen),
        *window_remarks,
        *content.remarks,
        *_uid_remarks(chosen),
    )
    check_field(name, grid)
    return HeaderStack(
        files=chosen,
        grid=grid,
        windows=windows,
        warnings=remarks,
        content=content,
    )


def _uid_remarks(files: Sequence[DicomFile]) -> list[str]:
    if _own_uids(files)[0]:
        return []
    return [
        "images without a SOPInstanceUID of their own: no DICOM SEG can refer to them (export "
        "the series again with a UID for each image)"
    ]


def _own_uids(files: Sequence[DicomFile]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """SOPInstanceUIDs, one a slice, and frame numbers from 1 where slices are frames.

    None where slices share them or have none.
    """
    uids = tuple(file.text("SOPInstanceUID") for file in files)
    frames = tuple(0 if file.frame is None else file.frame + 1 for file in files)
    if not all(uids) or len(set(zip(uids, frames, strict=True))) < len(files):
        return (), ()
    return uids, frames if any(frames) else ()


def _setting_remarks(chosen: Sequence[DicomFile]) -> list[str]:
    """Slices of one scan have one EchoTime, and InversionTime is set anew by little."""
    remarks = []
    for tag in ("EchoTime", "InversionTime"):
        times = {ms: file.name for file in chosen if (ms := told_number(file, tag)) is not None}
        if times and max(times) > MAX_CHANGE_OF_SETTING * min(times):
            remarks.append(
                f"{tag} is {min(times):g} ms in {times[min(times)]} and {max(times):g} ms in "
                f"{times[max(times)]}: check whether the slices are of one scan"
            )
    return remarks


def _reference_remarks(chosen: Sequence[DicomFile]) -> list[str]:
    """Positions of two frames of reference in one series have no common origin."""
    by_series: dict[str, dict[str, str]] = {}
    for file in chosen:
        if frame := file.text("FrameOfReferenceUID"):
            by_series.setdefault(file.text("SeriesInstanceUID"), {}).setdefault(frame, file.name)
    names = list(max(by_series.values(), key=len, default={}).values())
    if len(names) < 2 or len(names) == len(chosen):  # an anonymiser gave each image one of its own
        return []
    return [
        f"FrameOfReferenceUID differs between {names[0]} and {names[1]}: if the patient was moved "
        "between them, the slices do not fit together"
    ]
