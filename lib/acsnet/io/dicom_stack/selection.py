"""Of the images of a series those that make one stack: what is double or foreign is left out.

What is plain is decided and told; what is not is left to the caller, who asks. Ours.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.uid import EnhancedMRImageStorage, MRImageStorage, SecondaryCaptureImageStorage

from acsnet.errors import InputError
from acsnet.io.dicom_files import DAMAGED, DicomFile
from acsnet.io.dicom_stack.frames import frames_of
from acsnet.io.dicom_stack.phases import SEPARATING_TAGS
from acsnet.io.dicom_stack.pixels import values_of
from acsnet.io.geometry import (
    MAX_SPACING_DIFFERENCE_MM,
    MAX_TURN_DEGREES,
    SAME_POSITION_MM,
    Plane,
    group_by_position,
    turn_degrees,
)

IMAGES = (MRImageStorage, EnhancedMRImageStorage)
"""Of these one without pixels is damaged."""

LOCALIZER = "LOCALIZER"
FOREIGN_SHARE = 1 / 3
"""Of the slice positions of the stack: fewer of another orientation or matrix are no stack."""

NEXT_SLICE = 0.5, 1.5
"""Steps of the stack from its nearest slice at which a plane along it is a slice of it."""

MIN_STACK = 3
TIMES = ("AcquisitionDate", "AcquisitionTime", "ContentTime")
NUMBERS = ("AcquisitionNumber", "InstanceNumber")
PLACE_TAGS = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
REPEATED_WITH = {*TIMES, *NUMBERS, "InversionTime"}
"""In which the images of a repeated slice differ: its inversion time is set anew."""


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
    of, left_out = (_named(part) for part in zip(*copies, strict=True))
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
        remarks.append(f"left out: {_named(others)} of the series without an image")
    if captures:
        remarks.append(f"left out: {_named(captures)}, screen captures or colour")
    return kept, remarks


def _is_capture(file: DicomFile) -> bool:
    """Whether an image is a picture of something and not measured."""
    kind = file.text("SOPClassUID")
    colour = file.text("SamplesPerPixel") not in ("", "1")
    made = "SECONDARY" in file.text("ImageType").upper().split("\\")
    nowhere = kind == MRImageStorage and not file.text("ImagePositionPatient")
    return colour or kind.startswith(SecondaryCaptureImageStorage) or (made and nowhere)


def stacks_of(planes: Sequence[Plane]) -> list[list[int]]:
    """Indices of planes of one matrix, pixel spacing and orientation; most slices first."""
    stacks: list[list[int]] = []
    for index, plane in enumerate(planes):
        for stack in stacks:
            if _alike(plane, planes[stack[0]]):
                stack.append(index)
                break
        else:
            stacks.append([index])
    if len(stacks) == 1:
        return stacks
    return sorted(stacks, key=lambda stack: -_positions([planes[i] for i in stack]))


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
        left_out = _named([files[i] for i in foreign])
        return sorted(main), [f"left out: {left_out}, of another stack by their StackID"]
    elsewhere = [planes[i] for i in foreign]
    few = _positions(elsewhere) <= FOREIGN_SHARE * size
    localizers = all(LOCALIZER in files[i].text("ImageType").upper() for i in foreign)
    beside = not localizers and _are_next_to(elsewhere, [planes[i] for i in main])
    if size < MIN_STACK or not (few or localizers) or beside:
        return list(range(len(planes))), []
    what = "localizers" if localizers else "of another orientation, matrix or pixel spacing"
    return sorted(main), [f"left out: {_named([files[i] for i in foreign])}, {what}"]


def _are_next_to(foreign: Sequence[Plane], main: Sequence[Plane]) -> bool:
    """Whether one of some planes lies where the next slice of a stack would, or is missing.

    Breath-holds are planned one by one: a slice of another matrix, or turned by 180 degrees, is no
    picture from elsewhere, and without it the ventricle would be too short.
    """
    normal = main[0].normal
    offsets = np.sort([plane.position_mm @ normal for plane in main])
    steps = np.diff(offsets)
    steps = steps[steps > SAME_POSITION_MM]
    usual = float(np.median(steps)) if len(steps) else 0.0
    for plane in foreign:
        if abs(float(plane.normal @ normal)) < np.cos(np.deg2rad(MAX_TURN_DEGREES)):
            continue
        distance = np.abs(offsets - plane.position_mm @ normal).min()
        if NEXT_SLICE[0] * usual < distance < NEXT_SLICE[1] * usual:
            return True
    return False


def _are_told_apart(files: Sequence[DicomFile], stacks: Sequence[Sequence[int]]) -> bool:
    """Whether each stack has a StackID of its own, and the first has the most images."""
    ids = [{files[i].text("StackID") for i in stack} for stack in stacks]
    alone = all(len(stack_ids) == 1 and "" not in stack_ids for stack_ids in ids)
    largest = all(len(stack) < len(stacks[0]) for stack in stacks[1:])
    return alone and largest and len(set.union(*ids)) == len(stacks)


def without_repeats(
    groups: Sequence[Sequence[DicomFile]],
) -> tuple[list[list[DicomFile]], list[str]]:
    """The images of each slice position, of a repeated slice the later one alone.

    Repeated are slices of a few positions, or of more where some were taken once and the others
    differ by the time of their images: where all hold several there is something to choose.
    """
    most = Counter(len(group) for group in groups).most_common(1)[0][0]
    usual = [group for group in groups if len(group) == most]
    if len(usual) == len(groups) and most > 1 and are_twins(groups):
        others = _named([file for group in groups for file in group[1:]])
        return [[group[0]] for group in groups], [f"left out: {others}, with the same pixels"]
    if min(map(len, groups)) == 1 and all(map(_are_repeats, groups)):
        most = 1
    elif len(usual) == len(groups) or len(usual) < len(groups) / 2:
        return [list(group) for group in groups], []
    kinds = {file.text("ImageType") for group in usual for file in group}
    kept, remarks = [], []
    for group in groups:
        latest = _latest(group, kinds) if len(group) > most else list(group)
        if len(latest) > most == 1:
            latest = [max(group, key=_moment)]
        if len(latest) != most:
            latest = list(group)
        if len(latest) < len(group):
            others = _named([file for file in group if file not in latest])
            remarks.append(f"slice repeated: {_named(latest)} is taken, the latest, not {others}")
        kept.append(latest)
    return kept, remarks


def are_twins(groups: Sequence[Sequence[DicomFile]]) -> bool:
    """Whether all images of each position have the same pixels, as of a series that came twice.

    Some archives give UIDs, and numbers, of their own to what comes in again. What differs in any
    other tag was made on purpose.
    """
    others = [tag for tag in SEPARATING_TAGS if tag not in ("ContentTime", "InstanceNumber")]
    if any(len({file.text(tag) for file in group}) > 1 for group in groups for tag in others):
        return False
    try:
        return all(len({_pixels(file) for file in group}) == 1 for group in groups)
    except DAMAGED:
        return False


def _are_repeats(group: Sequence[DicomFile]) -> bool:
    """Whether images of one position differ by nothing but the moment, and what follows from it."""
    return all(
        len({file.text(tag) for file in group}) == 1
        for tag in SEPARATING_TAGS
        if tag not in REPEATED_WITH
    )


def _pixels(file: DicomFile) -> bytes:
    if file.frame is not None:
        return str(file.frame).encode()
    dataset = pydicom.dcmread(file.path, force=True, specific_tags=["PixelData"])
    return hashlib.sha256(dataset.PixelData).digest()


def _latest(group: Sequence[DicomFile], kinds: set[str]) -> list[DicomFile]:
    """Of each of the usual image types the latest image."""
    by_kind: dict[str, list[DicomFile]] = {}
    for file in group:
        by_kind.setdefault(file.text("ImageType"), []).append(file)
    return [max(files, key=_moment) for kind, files in by_kind.items() if kind in kinds]


def _moment(file: DicomFile) -> tuple[tuple[str, ...], tuple[float, ...], str]:
    numbers = []
    for tag in NUMBERS:
        try:
            numbers.append(float(file.text(tag)))
        except ValueError:
            numbers.append(0.0)
    return tuple(file.text(tag) for tag in TIMES), tuple(numbers), file.name


def _alike(plane: Plane, other: Plane) -> bool:
    if (plane.rows, plane.columns) != (other.rows, other.columns):
        return False
    spacing = np.abs(np.subtract(plane.spacing_mm, other.spacing_mm)).max()
    turned = turn_degrees(plane, other) > MAX_TURN_DEGREES
    return bool(spacing <= MAX_SPACING_DIFFERENCE_MM and not turned)


def _positions(planes: Sequence[Plane]) -> int:
    """Slice positions, each orientation counted for itself."""
    count, left = 0, list(planes)
    while left:
        together = [plane for plane in left if _alike(plane, left[0])]
        count += len(group_by_position(together))
        left = [plane for plane in left if not _alike(plane, left[0])]
    return count


def _place(file: DicomFile) -> tuple[str, ...]:
    return (file.text("ImagePositionPatient"), file.text("ImageOrientationPatient"))


def _content(file: DicomFile) -> bytes:
    return hashlib.sha256(file.path.read_bytes()).digest()


def _named(files: Sequence[DicomFile]) -> str:
    names = [file.name for file in files]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
