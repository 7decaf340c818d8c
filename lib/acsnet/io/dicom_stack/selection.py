"""Of the images of a series those that make one stack: what is double or foreign is left out.

What is plain is decided and told; what is not is left to the caller, who asks. Ours.
"""

import hashlib
from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import EnhancedMRImageStorage, MRImageStorage, SecondaryCaptureImageStorage

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.frames import frames_of
from acsnet.io.dicom_stack.pixels import values_of
from acsnet.io.geometry import (
    MAX_SIDEWAYS_MM,
    SAME_POSITION_MM,
    Plane,
    are_alike,
    group_by_position,
)

IMAGES = (MRImageStorage, EnhancedMRImageStorage)
"""Of these one without pixels is damaged."""

LOCALIZER = "LOCALIZER"
FOREIGN_SHARE = 1 / 3
"""Of the slice positions of the stack: fewer of one other orientation and matrix are no stack."""

PIECE_TURN_DEGREES = 30.0
"""Between the normals of two pieces of one ventricle; long-axis views are turned by more."""

NEXT_SLICE = 0.5, 1.5
"""Steps of the stack from its nearest slice between which a plane along it is a slice of it."""

MIN_STACK = 3
PLACE_TAGS = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")


def without_copies(files: Sequence[DicomFile]) -> tuple[list[DicomFile], list[str]]:
    """Files, without those that are the same image as one before them, and which these are.

    One SOPInstanceUID for images of different places is no copy: some anonymisers give all images
    one. Raises InputError for two contents of one image.
    """
    kept: list[DicomFile] = []
    originals: dict[tuple[str, ...], DicomFile] = {}
    copies: list[tuple[DicomFile, DicomFile]] = []
    for file in sorted(files, key=lambda image: len(image.name)):  # copies have longer names
        uid = file.text("SOPInstanceUID")
        original = originals.setdefault((uid, *_place(file)), file)
        if not uid or original is file:
            kept.append(file)
        else:
            copies.append((original, file))
    if not copies:
        return list(files), []
    _check_rewritten([pair for pair in copies if len(set(map(_content, pair))) > 1])
    of, left_out = (named(part) for part in zip(*copies, strict=True))
    word = "a copy of" if len(copies) == 1 else "copies of"
    return kept, [f"left out: {left_out}, {word} {of}"]


def _check_rewritten(pairs: Sequence[tuple[DicomFile, DicomFile]]) -> None:
    """Refuse two contents of one image; each pair has one SOPInstanceUID and other bytes.

    An archive may compress an image, or add a tag to it: place and values stay the same.
    """
    frames = {file: frames_of(file) for pair in pairs for file in pair}
    values = values_of([frame for file in frames for frame in frames[file]])
    digests = {file: [_digest(next(values)) for _ in frames[file]] for file in frames}
    for original, file in pairs:
        places, others = (
            {tag: [frame.text(tag) for frame in frames[image]] for tag in PLACE_TAGS}
            for image in (original, file)
        )
        different = [tag for tag in PLACE_TAGS if places[tag] != others[tag]]
        if digests[original] != digests[file]:
            different.append("pixel values")
        if different:
            msg = (
                f"{original.name} and {file.name} are the same image (SOPInstanceUID "
                f"{file.text('SOPInstanceUID')}) with different {different[0]}: remove one of them"
            )
            raise InputError(msg)


def _digest(pixels: NDArray[np.float32]) -> bytes:
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest()


def without_other_objects(files: Sequence[DicomFile]) -> tuple[list[DicomFile], list[str]]:
    """The images of a series, without raw data, reports, screen captures and colour."""
    others = [
        file for file in files if not file.is_image and file.text("SOPClassUID") not in IMAGES
    ]
    captures = [file for file in files if file.is_image and _is_capture(file)]
    kept = [file for file in files if file not in others and file not in captures]
    if not kept or not (others or captures):
        return list(files), []
    remarks = []
    if others:
        remarks.append(f"left out: {named(others)} of the series without an image")
    if captures:
        remarks.append(f"left out: {named(captures)}, screen captures or colour")
    return kept, remarks


def _is_capture(file: DicomFile) -> bool:
    """Whether an image is a picture of something and not measured."""
    kind = file.text("SOPClassUID")
    colour = file.text("SamplesPerPixel") not in ("", "1")
    made = "SECONDARY" in file.text("ImageType").upper().split("\\")
    nowhere = kind == MRImageStorage and not file.text("ImagePositionPatient")
    return colour or kind.startswith(SecondaryCaptureImageStorage) or (made and nowhere)


def are_numbered_alike(groups: Sequence[Sequence[DicomFile]]) -> bool:
    """Whether groups of images under one UID give a number to other images, as two scans do.

    One scan numbers its images once, and a copy has the same ones, also under UIDs of its own.
    """
    number = ("SeriesInstanceUID", "ImageType", "InstanceNumber")
    image = ("ImagePositionPatient", "AcquisitionDate", "AcquisitionTime")
    of_groups = [{tuple(map(file.text, (*number, *image))) for file in some} for some in groups]
    images = set.union(*of_groups)
    once = all(len({i[: len(number)] for i in some}) == len(some) for some in of_groups)
    return once and len({i[: len(number)] for i in images}) < len(images)


def stacks_of(planes: Sequence[Plane]) -> list[list[int]]:
    """Indices of planes of one matrix, pixel spacing and orientation; most slices first."""
    stacks: list[list[int]] = []
    known: dict[tuple[object, ...], list[int]] = {}
    for index, plane in enumerate(planes):
        if (stack := known.get(_compared(plane))) is None:
            alike = (some for some in stacks if are_alike(plane, planes[some[0]]))
            if (stack := next(alike, None)) is None:
                stacks.append(stack := [])
            known[_compared(plane)] = stack
        stack.append(index)
    if len(stacks) == 1:
        return stacks
    return sorted(stacks, key=lambda stack: -_positions([planes[i] for i in stack]))


def _compared(plane: Plane) -> tuple[object, ...]:
    """What `are_alike` compares, which most images of an examination share."""
    return plane.rows, plane.columns, plane.spacing_mm, plane.cosines.tobytes()


def main_stack(files: Sequence[DicomFile], planes: Sequence[Plane]) -> tuple[list[int], list[str]]:
    """Indices of the images that make the stack, without those that are plainly foreign to it.

    All of them where that is no plain matter.
    """
    stacks = stacks_of(planes)
    if len(stacks) == 1:
        return stacks[0], []
    main, others = stacks[0], stacks[1:]
    size = _positions([planes[i] for i in main])
    foreign = [index for stack in others for index in stack]
    if size >= MIN_STACK and _are_told_apart(files, stacks):
        left_out = named([files[i] for i in foreign])
        return sorted(main), [f"left out: {left_out}, of another stack by their StackID"]
    inside, elsewhere = ([planes[i] for i in some] for some in (main, foreign))
    most = max(_positions([planes[i] for i in stack]) for stack in others)
    few = most <= FOREIGN_SHARE * size  # each view of the long axis is a stack of its own
    localizers = all(LOCALIZER in files[i].text("ImageType").upper() for i in foreign)
    odd = few and not _are_next_to(elsewhere, inside) and not _is_one_alike(elsewhere, inside)
    if size < MIN_STACK or not (odd or localizers):
        return list(range(len(planes))), []
    left_out = f"left out: {named([files[i] for i in foreign])}"
    if localizers:
        return sorted(main), [f"{left_out}, localizers"]
    odd_planes = f"{left_out}, of another orientation, matrix or pixel spacing"
    near_mm = NEXT_SLICE[0] * usual_step_mm(inside) - SAME_POSITION_MM
    along = [i for i in foreign if _is_along(planes[i], inside[0].normal)]
    on_slices = distances_mm([planes[i] for i in along], inside) < near_mm
    if again := [files[i] for i, on_slice in zip(along, on_slices, strict=True) if on_slice]:
        shown, of = ("shows a slice", "it") if len(again) == 1 else ("show slices", "each")
        odd_planes += (
            f"; if {named(again)} {shown} taken again, the first image of {of} is measured: "
            "check whether that one was bad"
        )
    return sorted(main), [odd_planes]


def _are_next_to(foreign: Sequence[Plane], main: Sequence[Plane]) -> bool:
    """Whether one of some planes lies where the next slice of a stack would, or is missing.

    Breath-holds are planned one by one: a slice of another matrix, tilted or turned by 180 degrees,
    is no picture from elsewhere, and without it the ventricle would be too short. A plane midway
    between two slices of a whole stack is none of it; at most gaps, they are every second slice.
    """
    least_mm, most_mm = np.multiply(NEXT_SLICE, usual_step_mm(main))
    off_mm = distances_mm(foreign, main)
    off_mm = off_mm[off_mm < most_mm]
    midway = np.count_nonzero(off_mm > least_mm - SAME_POSITION_MM)
    return bool((off_mm > least_mm + SAME_POSITION_MM).any() or 2 * midway >= len(main))


def centre_mm(plane: Plane) -> NDArray[np.float64]:
    """(3,) of the image: matrices and turns about it leave it in place."""
    row_mm, column_mm = plane.spacing_mm
    middle_mm = np.array([(plane.columns - 1) * column_mm, (plane.rows - 1) * row_mm]) / 2
    centre: NDArray[np.float64] = plane.position_mm + middle_mm @ plane.cosines
    return centre


def usual_step_mm(stack: Sequence[Plane]) -> float:
    """Median distance between the slices of a stack; 0 where all lie at one place."""
    steps = np.diff(np.sort([centre_mm(plane) @ stack[0].normal for plane in stack]))
    steps = steps[steps > SAME_POSITION_MM]
    return float(np.median(steps)) if len(steps) else 0.0


def distances_mm(planes: Sequence[Plane], stack: Sequence[Plane]) -> NDArray[np.float64]:
    """(plane,) from each plane to the nearest slice of a stack; NaN for a view of its own.

    Planes that are nearly parallel to the stack are measured by their centres, along its normal.
    One that is turned by more is a view of its own, planned about the heart, unless its first
    pixel lies in the row of those of the stack: then it is a slice whose orientation is wrong.
    """
    normal = stack[0].normal
    offsets = np.array([centre_mm(plane) @ normal for plane in stack])
    firsts = np.array([plane.position_mm for plane in stack])
    row = firsts[np.linalg.norm(firsts - firsts[0], axis=1).argmax()] - firsts[0]
    row /= max(float(np.linalg.norm(row)), SAME_POSITION_MM)
    distances = []
    for plane in planes:
        if _is_along(plane, normal):
            distances.append(np.abs(offsets - centre_mm(plane) @ normal).min())
        else:
            distances.append(_distance_in_row_mm(plane.position_mm - firsts, row))
    return np.array(distances)


def _is_along(plane: Plane, normal: NDArray[np.float64]) -> bool:
    """Whether a plane is nearly parallel to a stack with this normal, a (3,) unit vector."""
    return abs(float(plane.normal @ normal)) >= float(np.cos(np.deg2rad(PIECE_TURN_DEGREES)))


def _distance_in_row_mm(vectors_mm: NDArray[np.float64], row: NDArray[np.float64]) -> float:
    """From a first pixel to the nearest of others along their row; NaN if it lies beside it.

    vectors_mm: (slice, 3) to it from each of the others; row: (3,) unit vector.
    """
    along = vectors_mm @ row
    nearest = np.abs(along).argmin()
    beside_mm = np.linalg.norm(vectors_mm[nearest] - along[nearest] * row)
    return float(np.abs(along[nearest])) if beside_mm <= MAX_SIDEWAYS_MM else np.nan


def _is_one_alike(foreign: Sequence[Plane], main: Sequence[Plane]) -> bool:
    """Whether one of some planes is like one of a stack, if not like its first.

    Which is the first depends on the names of files, so that either may be the foreign one.
    """
    ours, others = ({_compared(plane): plane for plane in some} for some in (main, foreign))
    return any(are_alike(*pair) for pair in product(ours.values(), others.values()))


def _are_told_apart(files: Sequence[DicomFile], stacks: Sequence[Sequence[int]]) -> bool:
    """Whether each stack has a StackID of its own, and the first has the most images."""
    ids = [{files[i].text("StackID") for i in stack} for stack in stacks]
    alone = all(len(stack_ids) == 1 and "" not in stack_ids for stack_ids in ids)
    largest = all(len(stack) < len(stacks[0]) for stack in stacks[1:])
    return alone and largest and len(set.union(*ids)) == len(stacks)


def _positions(planes: Sequence[Plane]) -> int:
    """Slice positions, each orientation counted for itself."""
    count, left = 0, list(planes)
    while left:
        together = [plane for plane in left if are_alike(plane, left[0])]
        count += len(group_by_position(together))
        left = [plane for plane in left if not are_alike(plane, left[0])]
    return count


def _place(file: DicomFile) -> tuple[str, ...]:
    return (file.text("ImagePositionPatient"), file.text("ImageOrientationPatient"))


def _content(file: DicomFile) -> bytes:
    return hashlib.sha256(file.path.read_bytes()).digest()


def named(files: Sequence[DicomFile]) -> str:
    """The names of files for a message, the first five of them."""
    names = [file.name for file in files]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
