"""Series that are parts of one stack: a breath-hold each, halves, every second slice.

A breath-hold stack is stored as one series at many sites, and as one series a slice at others.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.contrast import ABBREVIATION, NO_LGE, OTHER_CONTRAST
from acsnet.io.dicom_stack.planes import are_pieces, centred, lie_beyond, places_of, planes_in
from acsnet.io.dicom_stack.selection import stacks_of
from acsnet.io.geometry import SAME_POSITION_MM, Plane, group_by_position

MAX_SLICES_OF_PART = 3
"""Slices of a breath-hold. Series of so few need not lie evenly to be a stack. Ours."""

MAX_UNEVENNESS = 0.05
"""Share by which steps between the slices of longer parts may differ from the median. Ours."""

MIN_PARTS = 3
"""Series that make a stack: two single slices are as likely two planning images. Ours."""

TIME = re.compile(
    r"""
    (?<![^\W\d_]) ti [\W_]* \d+
    | \d+ (?: [.,]\d+ )? [\s_-]* (?: min (?: utes? )? | ms (?: ec )? | sec (?: onds? )? ) (?![^\W_])
    | \d+ (?: [.,]\d+ )? s (?![^\W_])
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""In the name of a series: after contrast, or of inversion."""

PART = re.compile(
    r"""
    (?<![^\W\d_]) (?:
        api [ck] al e? | apex | basal e? | bas (?: e | is )
        | mid (?: dle )? (?: [\s_-]* ventric [^\W\d_]* )?
        | (?: upper | lower | first | second | 1st | 2nd ) [\s_-]* half
        | part (?: e | ie )? | teil
        | (?: additional | extra ) (?: [\s_-]* slices? )?
        | (?<= \d ) [\s_]* (?: of | von | de ) (?= [\s_]* \d )
    ) (?![^\W\d_])
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""In the name of a series: which part of the ventricle it shows. Ours."""

USUAL_STEP = 0.75, 1.25
"""Steps of the parts of a stack that are called by their part, from the end of one to the next."""

MAX_STEP_OF_SINGLES = 1.5
"""The same, where only SpacingBetweenSlices or SliceThickness tells of steps: of these. Ours."""

OF_SINGLE_SLICES = (NO_LGE, OTHER_CONTRAST, ABBREVIATION)
"""In the name of a series: what is scanned at a base, a middle and an apex, and is no stack."""


@dataclass(frozen=True, eq=False)
class _Part:
    """A series.

    planes: of its images and frames, those of its largest stack; never empty.
    """

    files: list[DicomFile]
    planes: list[Plane]


_Stack = list[_Part]
"""Series that are one stack, or may be."""


def joined(groups: Sequence[list[DicomFile]]) -> list[list[DicomFile]]:
    """Series, with those that are parts of one stack joined: by study, name, plane and matrix.

    groups: files by series; names are compared by `name_stem`. Parts hold a few slices each, of
    places that no other part holds, or one slice each, of which some may be repeated; or more
    slices, if all of them lie evenly. Pieces of one ventricle come together even so, and the reader
    refuses what is no stack: none of them is a scan alone. Parts whose names differ must lie end
    to end. Slices are places: magnitude and phase-sensitive images of one are one.
    """
    if len(groups) < 2:
        return list(groups)
    by_key: dict[tuple[object, ...], list[list[DicomFile]]] = {}
    for group in groups:
        by_key.setdefault(_part_key(group) or (id(group),), []).append(group)
    out = []
    for parts in (some for named in by_key.values() for some in _by_time(named)):
        for stack in _stacks_by_name(parts):
            ordered = sorted(stack, key=lambda part: _number(part[0]))
            out.append([file for part in ordered for file in part])
    return out


def join_remarks(files: Sequence[DicomFile]) -> list[str]:
    """What to tell of a stack that was joined from several series."""
    count = len({file.text("SeriesInstanceUID") for file in files})
    if count < 2:
        return []
    called = [file.text("SeriesDescription") or "no description" for file in files]
    names = {_letters(name): repr(name) for name in reversed(called)}  # but for numbers
    words = ", ".join(dict.fromkeys(names[_letters(name)] for name in called))
    return [f"{count} series of one slice or a few each ({words}) joined to one stack"]


def is_part(group: Sequence[DicomFile]) -> bool:
    """Whether the images of a series may be a part of a stack, as `joined` has it."""
    return _part_key(group) is not None and bool(planes_in(group))


def is_mr(group: Sequence[DicomFile]) -> bool:
    """Whether a series holds MR images."""
    return any(file.text("Modality") == "MR" for file in group)


def name_stem(name: str) -> str:
    """What the names of the parts of one stack share, whatever stands between words.

    No numbers, and not which part of the ventricle each shows: of maps and perfusion, that are
    single slices called so, it is kept.
    """
    if any(words.search(name) for words in OF_SINGLE_SLICES):
        return _letters(name)
    return _letters(PART.sub("", name))


def _letters(name: str) -> str:
    return re.sub(r"[\W\d_]+", "", name.casefold())


def _part_key(group: Sequence[DicomFile]) -> tuple[object, ...] | None:
    """What the parts of one stack share; None for a series that is no part."""
    if not is_mr(group) or not all(file.is_image for file in group):
        return None
    first = group[0]
    return (
        first.text("StudyInstanceUID"),
        first.text("PatientID") or first.text("PatientName"),
        name_stem(_name(first)),
    )


def _name(file: DicomFile) -> str:
    return file.text("SeriesDescription") or file.text("ProtocolName")


def _by_time(parts: list[list[DicomFile]]) -> list[list[list[DicomFile]]]:
    """Series called alike, apart by the times in their names where these are scans of their own.

    "LGE 10min" and "LGE 20min" are, if they show the same places. One slice taken again with
    another inversion time in its name is not, and neither is the other half of a stack.
    """
    by_time: dict[tuple[str, ...], list[list[DicomFile]]] = {}
    for part in parts:
        times = (re.sub(r"[\W_]+", "", time) for time in TIME.findall(_name(part[0]).casefold()))
        by_time.setdefault(tuple(times), []).append(part)
    planes = [[plane for part in some for plane in planes_in(part)] for some in by_time.values()]
    whole = [some for some in planes if len(places_of(some)) >= MIN_PARTS]
    apart = any(not are_pieces(*pair) for pair in combinations(whole, 2))
    return list(by_time.values()) if apart else [parts]


def _stacks_by_name(parts: list[list[DicomFile]]) -> list[list[list[DicomFile]]]:
    """Series of one `name_stem` by stack: those of one name, and of several if they lie so."""
    by_name = _by_name(parts)
    if len(by_name) > 1:
        stacks = _stacks_of_parts(parts)
        of_several = [named for stack in stacks if len(named := _by_name(stack)) > 1]
        if of_several and all(map(_lie_end_to_end, of_several)):
            return stacks
    return [stack for named in by_name for stack in _stacks_of_parts(named)]


def _by_name(parts: list[list[DicomFile]]) -> list[list[list[DicomFile]]]:
    by_name: dict[str, list[list[DicomFile]]] = {}
    for part in parts:
        by_name.setdefault(_letters(_name(part[0])), []).append(part)
    return list(by_name.values())


def _lie_end_to_end(parts: Sequence[list[list[DicomFile]]]) -> bool:
    """Whether series by name follow one another along the heart, each a step after the one before.

    Words such as `extra` and `mid` also tell of slices between others, and far apart. Two longer
    parts with a slice missing between them come together, and the reader refuses them.
    """
    placed = [[plane for files in some for plane in planes_in(files)] for some in parts]
    normal = placed[0][0].normal
    rows = sorted((_offsets_mm(planes, normal) for planes in placed), key=lambda row: row[0])
    long = [row for row in rows if len(row) >= MIN_PARTS]
    if long:
        step_mm = float(np.median(np.concatenate([np.diff(row) for row in long])))
        least, most = USUAL_STEP
    else:
        step_mm = _told_step_mm(parts[0][0][0])
        least, most = 0.0, MAX_STEP_OF_SINGLES
    for row, following in pairwise(rows):
        gap = following[0] - row[-1]
        cut = min(len(row), len(following)) >= MIN_PARTS
        if gap <= max(SAME_POSITION_MM, least * step_mm) or (gap > most * step_mm and not cut):
            return False
    return bool(long) or all(np.diff(row).max(initial=0.0) <= most * step_mm for row in rows)


def _offsets_mm(planes: Sequence[Plane], normal: NDArray[np.float64]) -> NDArray[np.float64]:
    """(slice,) places along the normal, ascending, each once."""
    centres = [centred(plane) for plane in planes]
    offsets = np.sort([plane.position_mm @ normal for plane in centres])
    return offsets[np.diff(offsets, prepend=-np.inf) > SAME_POSITION_MM]


def _told_step_mm(file: DicomFile) -> float:
    """The step of the slices by their header; 0 where it does not tell."""
    for tag in ("SpacingBetweenSlices", "SliceThickness"):
        try:
            step_mm = float(file.text(tag))
        except ValueError:
            continue
        if 0.0 < step_mm < np.inf:
            return step_mm
    return 0.0


def _stacks_of_parts(parts: list[list[DicomFile]]) -> list[list[list[DicomFile]]]:
    """Series of one study and name by stack: those of one plane and matrix first, then pieces."""
    if len(parts) < 2:
        return [parts]
    placed = [
        _Part(files, _largest_stack(planes)) for files in parts if (planes := planes_in(files))
    ]
    stacks: list[list[_Stack]] = []
    for alike in stacks_of([part.planes[0] for part in placed]):
        for stack in _one_plane_stacks([placed[i] for i in alike]):
            pieces = [other for other in stacks if any(_are_cut(stack, some) for some in other)]
            stacks = [other for other in stacks if other not in pieces]
            stacks.append([stack, *(some for other in pieces for some in other)])
    series = [[part.files for stack in some for part in stack] for some in stacks]
    there = {id(files) for some in series for files in some}
    series += [[files] for files in parts if id(files) not in there]
    return sorted(
        (sorted(some, key=parts.index) for some in series), key=lambda some: parts.index(some[0])
    )


def _largest_stack(planes: Sequence[Plane]) -> list[Plane]:
    return [planes[i] for i in stacks_of(planes)[0]]


def _one_plane_stacks(alike: _Stack) -> list[_Stack]:
    """Series of one name, plane and matrix: those that are one stack together, the others alone."""
    few = [part for part in alike if len(group_by_position(part.planes)) <= MAX_SLICES_OF_PART]
    chosen = next((some for some in (alike, few) if _are_one_stack(some)), [])
    return [*([chosen] if chosen else []), *([part] for part in alike if part not in chosen)]


def _are_one_stack(parts: _Stack) -> bool:
    """Whether series of one name, plane and matrix are parts of one stack."""
    if len(parts) < 2:
        return False
    planes = [plane for part in parts for plane in part.planes]
    part_of = [number for number, part in enumerate(parts) for _ in part.planes]
    places = [{part_of[i] for i in group} for group in group_by_position(planes)]
    if len(places) < MIN_PARTS:
        return False
    slices = Counter(number for place in places for number in place)
    disjoint = all(len(place) == 1 for place in places)
    apart = disjoint or max(slices.values()) == 1
    few = len(parts) >= MIN_PARTS and max(slices.values()) <= MAX_SLICES_OF_PART
    return (few and apart) or (disjoint and _are_even(planes))


def _are_cut(stack: _Stack, other: _Stack) -> bool:
    """Whether two stacks are pieces of one ventricle, so that neither is a scan of its own.

    Each lacks what the other shows off its end. Of other planes or matrices are also those of which
    one was joined, or all of whose slices lie evenly.
    """
    planes, others = ([plane for part in some for plane in part.planes] for some in (stack, other))
    if len(planes) + len(others) < MIN_PARTS or not are_pieces(planes, others):
        return False
    together = [centred(plane) for plane in (*others, *planes)]
    enough = len(group_by_position(together)) >= MIN_PARTS
    if enough and lie_beyond(planes, others):
        return True
    if len(stacks_of([planes[0], others[0]])) < 2:
        return False
    return (enough and _are_even(together)) or max(len(stack), len(other)) > 1


def _are_even(planes: Sequence[Plane]) -> bool:
    """Whether places are steps of one size along the normal of the first plane."""
    first = [planes[group[0]] for group in group_by_position(planes)]
    steps = np.diff(np.array([plane.position_mm for plane in first]) @ planes[0].normal)
    usual = float(np.median(steps))
    return bool((np.abs(steps - usual) <= MAX_UNEVENNESS * usual).all())


def _number(file: DicomFile) -> tuple[float, str]:
    text = file.text("SeriesNumber")
    try:
        return float(text), text
    except ValueError:
        return 0.0, text
