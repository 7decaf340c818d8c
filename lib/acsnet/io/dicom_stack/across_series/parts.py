"""Series that are parts of one stack: a breath-hold each, halves, every second slice.

A breath-hold stack is stored as one series at many sites, and as one series a slice at others.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from acsnet.io.dicom_files.dicom_file import DicomFile, number_of
from acsnet.io.dicom_stack.across_series.end_to_end import end_to_end
from acsnet.io.dicom_stack.image_kinds import kind_of
from acsnet.io.dicom_stack.planes import (
    are_pieces,
    centred,
    lie_beyond,
    offsets_mm,
    places_of,
    planes_in,
)
from acsnet.io.dicom_stack.repeats import may_be_again
from acsnet.io.dicom_stack.selection import are_numbered_alike, stacks_of
from acsnet.io.dicom_stack.series_names import (
    first_name,
    letters,
    name_stem,
    part_stem,
    person,
    series_name,
    times_in,
)
from acsnet.io.geometry import SAME_POSITION_MM, Plane, group_by_position

MAX_SLICES_OF_PART = 3
"""Slices of a breath-hold. Series of so few need not lie evenly to be a stack. Ours."""

MAX_UNEVENNESS = 0.05
"""Share by which steps between the slices of longer parts may differ from the median. Ours."""

MIN_PARTS = 3
"""Series that make a stack: two single slices are as likely two planning images. Ours."""

USUAL_STEP = 0.75, 1.25
"""Steps of the parts of a stack that are called by their part, from the end of one to the next."""

MAX_STEP_OF_SINGLES = 1.5
"""The same, where only SpacingBetweenSlices or SliceThickness tells of steps: of these. Ours."""


@dataclass(frozen=True, eq=False)
class _Part:
    """A series.

    planes: of its images and frames, those of its largest stack; never empty.
    """

    files: list[DicomFile]
    planes: list[Plane]


_Stack = list[_Part]
"""Series that are one stack, or may be."""

_Joined = list[list[DicomFile]]
"""The same, as files by series."""


def joined(groups: Sequence[list[DicomFile]], *, repeats: bool = True) -> list[list[DicomFile]]:
    """Series, with those that are parts of one stack joined: by study, name, plane and matrix.

    groups: files by series; names are compared by `part_stem`; repeats: whether slices taken again
    come with their stack, see `_with_repeats`.
    Parts hold a few slices each, of places that no other part holds, or one slice each, of which
    some may be repeated; or more slices, if all of them lie evenly. Pieces of one ventricle come
    together even so, and the reader refuses what is no stack: none of them is a scan alone. Parts
    whose names differ must lie end to end. What is left may differ in more of its name, see
    `_with_counted`, or in all of it, see `end_to_end`. Slices are places: magnitude and
    phase-sensitive images of one are one.
    """
    if len(groups) < 2:
        return list(groups)
    stacks = [
        stack
        for named in _alike([[group] for group in groups], part_stem)
        for parts in _by_time([part for (part,) in named])
        for stack in _stacks_by_name(parts)
    ]
    of_names = [_with_repeats(_with_counted(alike)) for alike in _alike(stacks, name_stem)]
    again = {id(stack): others for some in of_names for stack, others in some}
    whole: list[_Joined] = []
    for alike in _alike([stack for some in of_names for stack, _ in some], lambda _: ""):
        for numbers in end_to_end([_ordered(stack) for stack in alike]):
            stack = [part for number in numbers for part in alike[number]]
            others = [other for number in numbers for other in again[id(alike[number])]]
            whole += [sum(others, stack)] if repeats else [stack, *others]
    return list(map(_ordered, whole))


def _ordered(stack: _Joined) -> list[DicomFile]:
    """The files of a stack, by the number of their series."""
    return [file for part in sorted(stack, key=lambda part: _number(part[0])) for file in part]


def count_of_slices(groups: Sequence[list[DicomFile]]) -> int:
    """How many of some series are slices of one stack, or a few, by the way they lie; or 0.

    They share the study, or the frame of reference if a careless copy made studies of them.
    """
    stacks, whose = [[group] for group in groups], ("StudyInstanceUID", "FrameOfReferenceUID")
    shared = (some for tag in whose for some in _alike(stacks, lambda _: "", whose=tag))
    alike = max(shared, key=len)
    placed = [_Part(files, planes_in(files)) for (files,) in alike]
    few = [part for part in placed if 0 < len(places_of(part.planes)) <= MAX_SLICES_OF_PART]
    planes = [plane for part in few for plane in part.planes]
    if len(few) < MIN_PARTS or len(stacks_of(planes)) > 1:
        return 0
    apart = len(places_of(planes)) == sum(len(places_of(part.planes)) for part in few)
    return len(few) if apart and _are_even(planes) else 0


def is_mr(group: Sequence[DicomFile]) -> bool:
    """Whether a series holds MR images."""
    return any(file.text("Modality") == "MR" for file in group)


def _alike(
    stacks: Sequence[_Joined], stem: Callable[[str], str], *, whose: str = "StudyInstanceUID"
) -> list[list[_Joined]]:
    """Stacks, each of some series, by what the parts of one stack share; what is no part alone."""
    by_key: dict[tuple[object, ...], list[_Joined]] = {}
    for stack in stacks:
        by_key.setdefault(_part_key(stack[0], stem, whose=whose) or (id(stack),), []).append(stack)
    return list(by_key.values())


def _part_key(
    group: Sequence[DicomFile], stem: Callable[[str], str], *, whose: str = "StudyInstanceUID"
) -> tuple[object, ...] | None:
    """What the parts of one stack share; None for a series that is no part."""
    if not is_mr(group) or not all(file.is_image for file in group):
        return None
    first = group[0]
    return (
        first.text(whose),
        first.text("PatientID") or person(first.text("PatientName")),
        stem(series_name(first)),
    )


def _with_counted(stacks: list[_Joined]) -> list[_Joined]:
    """Stacks of one `name_stem`; series that letters or Roman numerals count as one.

    They must lie end to end: two reconstructions, and whole scans called A and B, do not.
    """
    alone = [stack[0] for stack in stacks if len(stack) == 1]
    if len(_by_name(alone, first_name)) < 2:
        return stacks
    counted = [
        stack
        for parts in _by_time(alone)
        for stack in _stacks_of_parts(parts)
        if len(stack) > 1 and _lie_end_to_end(_by_name(stack, first_name))
    ]
    there = {id(part) for stack in counted for part in stack}
    return [*counted, *(stack for stack in stacks if id(stack[0]) not in there)]


def _with_repeats(stacks: list[_Joined]) -> list[tuple[_Joined, list[_Joined]]]:
    """Stacks of one `name_stem`, each with the slices of it that were taken again as later series.

    Where these may be of several stacks they stay alone.
    """
    if len(stacks) < 2:
        return [(stack, []) for stack in stacks]
    placed = [[_Part(files, planes_in(files)) for files in stack] for stack in stacks]
    whole: dict[int, list[_Joined]] = {number: [] for number in range(len(stacks))}
    for number, again in enumerate(placed):
        of = [other for other, stack in enumerate(placed) if _is_again(again, stack)]
        if len(of) == 1 and of[0] in whole:
            whole[of[0]] += [stacks[number], *whole.pop(number)]
    return [(stacks[number], others) for number, others in whole.items()]


def _is_again(again: _Stack, stack: _Stack) -> bool:
    """Whether series are a few slices of a stack, later, and scanned alike.

    More than half of its places must have one image of each kind: what else lies at a place is
    then a repeat, which the reader leaves out or takes, and no cardiac phase.
    """
    first, *_ = numbers = [min(_number(part.files[0]) for part in some) for some in (stack, again)]
    if first == max(numbers):
        return False
    planes, others = ([plane for part in some for plane in part.planes] for some in (again, stack))
    if not planes or max(len(places_of(part.planes)) for part in again) > MAX_SLICES_OF_PART:
        return False
    places = len(places_of(others))
    files, of_stack = ([file for part in some for file in part.files] for some in (again, stack))
    kinds = {kind_of(file.header) for file in of_stack}
    few = 2 * (len(planes) + len(others)) < 3 * places * len(kinds)
    of_places = few and len(places_of([*others, *planes])) == places
    return of_places and may_be_again(files, of_stack)


def _by_time(parts: list[list[DicomFile]]) -> list[list[list[DicomFile]]]:
    """Series called alike, apart by the times in their names where these are scans of their own.

    "LGE 10min" and "LGE 20min" are, if they show the same places. One slice taken again with
    another inversion time in its name is not, and neither is the other half of a stack.
    """
    by_time: dict[tuple[str, ...], list[list[DicomFile]]] = {}
    for part in parts:
        by_time.setdefault(times_in(series_name(part[0])), []).append(part)
    planes = [[plane for part in some for plane in planes_in(part)] for some in by_time.values()]
    whole = [some for some in planes if len(places_of(some)) >= MIN_PARTS]
    apart = any(not are_pieces(*pair) for pair in combinations(whole, 2))
    return list(by_time.values()) if apart else [parts]


def _stacks_by_name(parts: list[list[DicomFile]]) -> list[list[list[DicomFile]]]:
    """Series of one `part_stem` by stack: those of one name, and of several if they lie so."""
    by_name = _by_name(parts)
    if len(by_name) > 1:
        stacks = _stacks_of_parts(parts)
        of_several = [named for stack in stacks if len(named := _by_name(stack)) > 1]
        if of_several and all(map(_lie_end_to_end, of_several)):
            return stacks
    return [stack for named in by_name for stack in _stacks_of_parts(named)]


def _by_name(
    parts: list[list[DicomFile]], named: Callable[[str], str] = letters
) -> list[list[list[DicomFile]]]:
    by_name: dict[str, list[list[DicomFile]]] = {}
    for part in parts:
        by_name.setdefault(named(series_name(part[0])), []).append(part)
    return list(by_name.values())


def _lie_end_to_end(parts: Sequence[list[list[DicomFile]]]) -> bool:
    """Whether series by name follow one another along the heart, each a step after the one before.

    Words such as `extra` and `mid` also tell of slices between others, and far apart. Two longer
    parts with a slice missing between them come together, and the reader refuses them.
    """
    placed = [[plane for files in some for plane in planes_in(files)] for some in parts]
    normal = placed[0][0].normal
    rows = sorted((offsets_mm(planes, normal) for planes in placed), key=lambda row: row[0])
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


def _told_step_mm(file: DicomFile) -> float:
    """The step of the slices by their header; 0 where it does not tell."""
    steps = (number_of(file.text(tag)) for tag in ("SpacingBetweenSlices", "SliceThickness"))
    return next((step_mm for step_mm in steps if step_mm is not None and step_mm > 0.0), 0.0)


def _stacks_of_parts(parts: list[list[DicomFile]]) -> list[list[list[DicomFile]]]:
    """Series of one study and name by stack: those of one plane and matrix first, then pieces."""
    if len(parts) < 2:
        return [parts]
    placed = [
        _Part(files, [planes[i] for i in stacks_of(planes)[0]])
        for files in parts
        if (planes := planes_in(files))
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
    most = max(Counter(number for place in places for number in place).values())
    disjoint = all(len(place) == 1 for place in places)
    if len(parts) >= MIN_PARTS and most <= MAX_SLICES_OF_PART and (disjoint or most == 1):
        return True
    mingled = sum(place != other for place, other in pairwise(places)) >= len(parts)
    step_mm = float(np.median(np.diff(offsets_mm(planes, planes[0].normal))))
    nearer = step_mm < (1.0 - MAX_UNEVENNESS) * (_told_step_mm(parts[0].files[0]) or np.inf)
    of_two = mingled and nearer and are_numbered_alike([part.files for part in parts])
    return disjoint and not of_two and _are_even(planes)


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
    return number_of(text) or 0.0, text
