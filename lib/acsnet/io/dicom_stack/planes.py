"""Where images lie by their headers, which make one stack, and which are pieces of one ventricle.

The reader, the search of folders and the PACS ask here, so that all take images apart alike. Ours.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import UID

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import DicomFile, number_of, read_header
from acsnet.io.dicom_stack.frames import ENHANCED, GROUPS, frames_of
from acsnet.io.dicom_stack.selection import centre_mm, distances_mm, named, stacks_of, usual_step_mm
from acsnet.io.geometry import SAME_POSITION_MM, Plane, group_by_position

SHAPE_TAGS = ("ImageOrientationPatient", "Rows", "Columns")

SAME_SLICE = 0.45
"""Steps of a stack from its nearest slice within which another stack shows the same part of the
heart; every second slice lies 0.5 of them aside.
"""


def plane_of(file: DicomFile) -> Plane:
    """Where an image lies. Raises InputError that names file and tag."""
    position = numbers_of(file, "ImagePositionPatient", 3)
    cosines = numbers_of(file, "ImageOrientationPatient", 6)
    spacing = numbers_of(file, "PixelSpacing", 2)
    rows, columns = numbers_of(file, "Rows", 1), numbers_of(file, "Columns", 1)
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


def numbers_of(file: DicomFile, tag: str, count: int) -> list[float]:
    """Values of a tag that must be there. Raises InputError that names file and tag."""
    text = file.text(tag)
    numbers = [number_of(part) for part in text.split("\\")]
    values = [number for number in numbers if number is not None]
    if not len(values) == len(numbers) == count:
        msg = f"{file.name} must have {tag} with {count} numbers, got {text or 'none'}"
        raise InputError(msg)
    return values


def planes_of(files: Sequence[DicomFile]) -> list[Plane]:
    """The planes of those images whose headers tell where they lie."""
    planes = []
    for file in files:
        try:
            planes.append(plane_of(file))
        except InputError:
            continue
    return [plane for plane in planes if np.linalg.norm(plane.cosines, axis=1).min() > 0]


def planes_in(files: Sequence[DicomFile]) -> list[Plane]:
    """As `planes_of`, of all frames of the files.

    Enhanced objects of which only some tags were kept are read again.
    """
    return [plane for file in files for plane in _planes_in(file)]


def _planes_in(file: DicomFile) -> Sequence[Plane]:
    if file.text("NumberOfFrames") in ("", "1"):
        return planes_of([file])
    if file.text("SOPClassUID") not in ENHANCED:
        return ()
    try:
        if GROUPS[1] in file.header:
            return planes_of(frames_of(file))
        return _planes_on_disk((file.path, file.path.stat().st_mtime_ns))
    except (OSError, InputError):
        return ()


@lru_cache(maxsize=1000)
def _planes_on_disk(state: tuple[Path, int]) -> tuple[Plane, ...]:
    """The planes of the frames of a file; state: its path and when it was changed."""
    path, _ = state
    file, _ = read_header(path, path.name)
    return () if file is None else tuple(planes_of(frames_of(file)))


def places_of(planes: Sequence[Plane]) -> list[list[int]]:
    """Indices of planes by slice, as the reader has it: of one stack, and at one position of it."""
    return [
        [stack[i] for i in group]
        for stack in stacks_of(planes)
        for group in group_by_position([planes[index] for index in stack])
    ]


def stacked(files: Sequence[DicomFile]) -> list[list[DicomFile]]:
    """Files by matrix, pixel spacing and orientation, each stack in the order of the files.

    As `stacks_of` tells planes apart: by numbers within its tolerances, however they are written,
    and each against the first of a stack, so that a row of small turns adds up to no large one.
    Files that do not tell where they lie are told apart by the text of `SHAPE_TAGS`.
    """
    alike: dict[tuple[str, ...], list[DicomFile]] = {}
    for file in files:
        alike.setdefault(tuple(map(file.text, (*SHAPE_TAGS, "PixelSpacing"))), []).append(file)
    if len(alike) < 2:
        return [list(files)]
    planes = {key: plane[0] for key, some in alike.items() if (plane := planes_of(some))}
    placed = list(planes)
    number = {
        placed[index]: stack
        for stack, indices in enumerate(stacks_of(list(planes.values())) if planes else ())
        for index in indices
    }
    stack_of = {id(file): number.get(key, key[:-1]) for key, some in alike.items() for file in some}
    stacks: dict[object, list[DicomFile]] = {}
    for file in files:
        stacks.setdefault(stack_of[id(file)], []).append(file)
    return list(stacks.values())


def are_pieces(planes: Sequence[Plane], others: Sequence[Plane]) -> bool:
    """Whether two stacks that differ are of one row and show other parts of the heart.

    Neither is a scan then: a ventricle would be cut in two. Of two whole stacks of one heart, most
    slices of the smaller lie where the other has some, or none is of its row.
    """
    few, main = sorted((planes, others), key=len)
    if not few:
        return False
    near_mm = max(SAME_POSITION_MM, SAME_SLICE * usual_step_mm(main))
    return int(np.count_nonzero(distances_mm(few, main) > near_mm)) > len(few) / 2


def lie_beyond(planes: Sequence[Plane], others: Sequence[Plane]) -> bool:
    """Whether most of the fewer of two sets of planes lie off the ends of the others.

    Each of two such pieces lacks a part of the ventricle; one that lies between the slices of
    another does not.
    """
    few, main = sorted((planes, others), key=len)
    normal = main[0].normal
    offsets = [centre_mm(plane) @ normal for plane in main]
    first, last = min(offsets) - SAME_POSITION_MM, max(offsets) + SAME_POSITION_MM
    return sum(not first <= centre_mm(plane) @ normal <= last for plane in few) > len(few) / 2


def offsets_mm(planes: Sequence[Plane], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """(slice,) places of the centres along a normal, ascending, each once."""
    offsets = np.sort([centre_mm(plane) @ normal for plane in planes])
    return np.asarray(offsets[np.diff(offsets, prepend=-np.inf) > SAME_POSITION_MM])


def centred(plane: Plane) -> Plane:
    """A plane by its centre, to be compared with planes of another matrix or orientation."""
    return replace(plane, position_mm=centre_mm(plane))


def check_mosaics(files: Sequence[DicomFile]) -> None:
    """Refuse images that make no stack and of which one is a mosaic by its type.

    Not before: programs that take mosaics apart leave their type. Raises InputError.
    """
    for file in files:
        if "MOSAIC" in file.text("ImageType").upper().split("\\"):
            msg = (
                f"{file.name} is a mosaic, all slices in one picture: export the series as one "
                "file a slice"
            )
            raise InputError(msg)


def grey_mr_plane(file: DicomFile) -> Plane:
    """Where an image lies, once it is sure to be one grey MR image with pixels."""
    modality = file.text("Modality")
    if modality != "MR":
        msg = f"Modality of {file.name} must be MR, got {modality or '(empty)'}"
        raise InputError(msg)
    frames = file.text("NumberOfFrames") or "1"
    if frames != "1":
        kind = UID(file.text("SOPClassUID"))
        msg = (
            f"{file.name} is a multi-frame object ({kind.name}, {frames} frames) that does not "
            "tell where its frames lie: export the series as enhanced MR or as one file a slice"
        )
        raise InputError(msg)
    if not file.is_image:
        msg = f"{file.name} has no pixel data that can be read: no Rows and Columns"
        raise InputError(msg)
    samples = file.text("SamplesPerPixel") or "1"
    photometric = file.text("PhotometricInterpretation") or "MONOCHROME2"
    if samples == "1" and photometric == "MONOCHROME1":
        msg = (
            f"{file.name} is stored inverted (PhotometricInterpretation MONOCHROME1), so that its "
            "values are no signal: export the series as MONOCHROME2"
        )
        raise InputError(msg)
    if samples != "1" or photometric != "MONOCHROME2":
        msg = (
            f"{file.name} must be grey: SamplesPerPixel 1 and PhotometricInterpretation "
            f"MONOCHROME2, got {samples} and {photometric}"
        )
        raise InputError(msg)
    return plane_of(file)


def inversion_remarks(files: Sequence[DicomFile]) -> list[str]:
    """What to tell of images that are to be shown inverted though they are MONOCHROME2.

    The tag may be left over from a conversion.
    """
    inverted = [file for file in files if file.text("PresentationLUTShape").upper() == "INVERSE"]
    if not inverted:
        return []
    return [
        f"{named(inverted)} may be stored inverted (PresentationLUTShape INVERSE): make sure that "
        "scar is bright"
    ]
