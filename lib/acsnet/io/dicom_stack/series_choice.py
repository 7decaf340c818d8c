"""Which series of a folder is the scan: the one that is asked for, or the only one that can be.

A breath-hold stack is stored as one series at many sites, and as one series a slice at others.
"""

import re
from collections.abc import Sequence

import numpy as np
from pydicom.dataset import Dataset

from acsnet.errors import InputError
from acsnet.io.dicom_files import DicomFile, text_of
from acsnet.io.dicom_stack.contrast import (
    LONG_AXIS,
    NAME_TAGS,
    NO_LGE,
    SHORT_AXIS,
    is_called_lge,
    other_reason,
)
from acsnet.io.dicom_stack.frames import flat
from acsnet.io.dicom_stack.planes import are_pieces, planes_of, stacked
from acsnet.io.dicom_stack.selection import LOCALIZER

MAX_LISTED = 20
SERIES_NAMES = ("SeriesInstanceUID", "SeriesNumber")
MAX_SLICES_OF_PART = 3
"""Slices that a series may have to be a part of a stack: breath-holds hold one to three. Ours."""

MAX_SLICES_OF_SLAB = 12
"""As `MAX_SLICES_OF_PART`, of series that only together lie evenly: halves, or every second slice.
"""

MAX_SLAB_UNEVENNESS = 0.05
"""Share by which steps between their slices may differ from the median. Ours."""

MIN_PARTS = 3
"""Series that make a stack: two single slices are as likely two planning images. Ours."""


def choose_series(
    files: Sequence[DicomFile], *, series: str | Sequence[str] | None, folder: str
) -> tuple[list[DicomFile], list[str]]:
    """The files of the one MR image series, with a warning for each series left out.

    series: a SeriesInstanceUID or a SeriesNumber that is unique in the folder; several of them, as
    a list or with commas, are joined. Raises InputError with a list of what is there when none or
    several fit, or when what fits is not MR.
    """
    by_uid: dict[str, list[DicomFile]] = {}
    for file in map(flat, files):
        by_uid.setdefault(file.text("SeriesInstanceUID"), []).append(file)
    wanted = series.split(",") if isinstance(series, str) else list(series or ())
    wanted = [part.strip() for text in wanted for part in text.split(",")]
    groups = joined(list(by_uid.values()))
    if wanted:
        named = _named(list(by_uid.values()), groups, wanted, folder=folder)
        check_one_patient(named)
        return named, join_remarks(named) if len(wanted) == 1 else []
    with_mr = [group for group in groups if _is_mr(group)]
    chosen = [group for group in with_mr if any(file.is_image for file in group)] or with_mr
    scans = [group for group in chosen if not _is_planning(group)]
    if len(scans) > 1:  # a whole examination has one series that is called so
        called = [group for group in scans if _is_called_short_axis_lge(group[0].header)]
        scans = called if len(called) == 1 else scans
    chosen = scans if len(scans) == 1 else chosen
    if not chosen:
        modalities = ", ".join(sorted({_modality(group) for group in groups}))
        msg = f"{folder} must hold an MR series, got Modality {modalities}"
        raise InputError(msg)
    if len(chosen) > 1:
        msg = (
            f"{folder} holds {len(chosen)} MR series; choose one with --series UID "
            f"(or its number): {_listed(chosen)}"
        )
        raise InputError(msg)
    others = [group for group in groups if group is not chosen[0]]
    remarks = [f"left out of the folder: {_listed(others)}"] if others else []
    check_one_patient(chosen[0])
    return chosen[0], [*remarks, *join_remarks(chosen[0])]


def check_one_patient(files: Sequence[DicomFile]) -> None:
    """Refuse images of several patients or studies under one SeriesInstanceUID.

    Careless copies and anonymisers make them. A study for each image means that they were all given
    new UIDs.
    """
    for tag, what in (("PatientID", "patients"), ("StudyInstanceUID", "studies")):
        by_series: dict[str, dict[str, str]] = {}
        for file in files:
            if value := file.text(tag):
                series = file.text("SeriesInstanceUID") if what == "studies" else ""
                by_series.setdefault(series, {}).setdefault(value, file.name)
        names = max(by_series.values(), key=len, default={})
        if len(names) < 2 or (what == "studies" and len(names) == len(files)):
            continue
        first, second, *_ = names.values()
        msg = (
            f"images of {len(names)} {what} have one SeriesInstanceUID ({tag} differs "
            f"between {first} and {second}): put those of each into a folder of their own"
        )
        raise InputError(msg)


def join_remarks(files: Sequence[DicomFile]) -> list[str]:
    """What to tell of a stack that was joined from several series."""
    count = len({file.text("SeriesInstanceUID") for file in files})
    if count < 2:
        return []
    first = files[0].text("SeriesDescription") or "no description"
    return [f"{count} series of one slice or a few each ({first!r}) joined to one stack"]


def joined(groups: Sequence[list[DicomFile]]) -> list[list[DicomFile]]:
    """Series, with those that are parts of one stack joined: by study, name, plane and matrix.

    groups: files by series. Parts hold a few slices each, of places that no other part holds, or
    one slice each, of which some may be repeated; or more slices, if all of them lie evenly. A
    piece of another plane or matrix that no joined stack may lack comes with it: the reader tells.
    """
    if len(groups) < 2:
        return list(groups)
    by_key: dict[tuple[object, ...], list[list[DicomFile]]] = {}
    for group in groups:
        by_key.setdefault(_part_key(group) or (id(group),), []).append(group)
    out = []
    for parts in by_key.values():
        for stack in _stacks_of_parts(parts):
            ordered = sorted(stack, key=lambda part: _number(part[0]))
            out.append([file for part in ordered for file in part])
    return out


def is_part(group: Sequence[DicomFile]) -> bool:
    """Whether the images of a series may be a part of a stack, as `joined` has it."""
    return bool(group) and _part_key(group) is not None


Parts = list[list[DicomFile]]
"""Series that are one stack, or may be."""


def _stacks_of_parts(parts: Parts) -> list[Parts]:
    """Series of one study and name by stack: those of one plane and matrix first, then pieces."""
    if len(parts) < 2:
        return [parts]
    by_first = {id(part[0]): part for part in parts}
    stacks: list[Parts] = []
    for firsts in stacked([part[0] for part in parts]):
        alike = [by_first[id(file)] for file in firsts]
        few = [part for part in alike if len(_slices(part)) <= MAX_SLICES_OF_PART]
        chosen = next((some for some in (alike, few) if _are_one_stack(some)), [])
        stacks += [chosen] if chosen else []
        stacks += [[part] for part in alike if part not in chosen]
    whole: list[Parts] = []
    for stack in sorted(stacks, key=lambda some: -sum(map(len, some))):
        other = next((other for other in whole if _is_cut(stack, other)), None)
        if other is None:
            whole.append(stack)
        else:
            other += stack
    return sorted(whole, key=lambda stack: min(map(parts.index, stack)))


def _is_cut(stack: Parts, other: Parts) -> bool:
    """Whether two stacks of other planes or matrices are pieces of one ventricle.

    One of them was joined, or all of their slices lie evenly: whole stacks are scans of their own.
    """
    if len(stacked([stack[0][0], other[0][0]])) < 2:
        return False
    images, others = ([file for part in some for file in part] for some in (stack, other))
    if not are_pieces(planes_of(images), planes_of(others)):
        return False
    places = _slices([*images, *others])
    even = len(places) >= MIN_PARTS and _are_even(other[0][0], places)
    return even or max(len(stack), len(other)) > 1


def _are_one_stack(parts: Sequence[Sequence[DicomFile]]) -> bool:
    """Whether series of one name, plane and matrix are parts of one stack."""
    slices = [_slices(part) for part in parts]
    places = {place for part in slices for place in part}
    if len(places) < MIN_PARTS:
        return False
    disjoint = sum(map(len, slices)) == len(places)
    apart = disjoint or all(len(part) == 1 for part in slices)
    few = len(parts) >= MIN_PARTS and max(map(len, slices)) <= MAX_SLICES_OF_PART
    slabs = len(parts) > 1 and disjoint and _are_even(parts[0][0], places)
    return (few and apart) or slabs


def _part_key(group: Sequence[DicomFile]) -> tuple[object, ...] | None:
    """What the parts of one stack share; None for a series that is no part."""
    first = group[0]
    if not 0 < len(_slices(group)) <= MAX_SLICES_OF_SLAB or not _is_mr(group):
        return None
    if not all(file.is_image for file in group) or not planes_of([first]):
        return None
    name = first.text("SeriesDescription") or first.text("ProtocolName")
    return (
        first.text("StudyInstanceUID"),
        first.text("PatientID") or first.text("PatientName"),
        name_stem(name),
    )


def _are_even(file: DicomFile, places: set[str]) -> bool:
    """Whether places, as DICOM writes them, are steps of one size along the normal of an image."""
    try:
        row, column = np.reshape(
            [float(v) for v in file.text("ImageOrientationPatient").split("\\")], (2, 3)
        )
        positions = np.array([[float(v) for v in place.split("\\")] for place in places])
        steps = np.diff(np.sort(positions @ np.cross(row, column)))
    except ValueError:
        return False
    usual = float(np.median(steps))
    return usual > 0 and bool((np.abs(steps - usual) <= MAX_SLAB_UNEVENNESS * usual).all())


def name_stem(name: str) -> str:
    """What the names of the parts of one stack share: no numbers, whatever stands between words."""
    return re.sub(r"[\W\d_]+", "", name.casefold())


def _slices(group: Sequence[DicomFile]) -> set[str]:
    return {place for file in group if (place := file.text("ImagePositionPatient"))}


def _number(file: DicomFile) -> tuple[float, str]:
    text = file.text("SeriesNumber")
    try:
        return float(text), text
    except ValueError:
        return 0.0, text


def _named(
    all_series: Sequence[list[DicomFile]],
    groups: Sequence[list[DicomFile]],
    wanted: Sequence[str],
    *,
    folder: str,
) -> list[DicomFile]:
    """The files of the series with the UIDs or numbers in `wanted`, each once.

    A joined stack is listed by its first series, whose name stands for all of it; where several of
    its parts are named, only these are meant. Raises InputError with a list of what is there.
    """
    stacks = {id(file): stack for stack in groups for file in stack}
    named: list[list[DicomFile]] = []
    for name in wanted:
        chosen = [part for part in all_series if name in _names(part)]
        stack = stacks[id(chosen[0][0])] if chosen else []
        if name in _names(stack) and all(stacks[id(part[0])] is stack for part in chosen):
            chosen = [part for part in chosen if part[0] is stack[0]]
        if len(chosen) != 1:
            count = "no series" if not chosen else f"{len(chosen)} series"
            msg = f"{folder} has {count} {name!r}; choose with --series from {_listed(groups)}"
            raise InputError(msg)
        if not _is_mr(chosen[0]):
            modality = _modality(chosen[0])
            msg = f"series {name!r} in {folder} must be MR, got Modality {modality}"
            raise InputError(msg)
        named += [] if chosen[0] in named else chosen
    files = []
    for part in named:
        stack = stacks[id(part[0])]
        alone = sum(stacks[id(other[0])] is stack for other in named) == 1
        files += stack if alone and part[0] is stack[0] else part
    return files


def _names(group: Sequence[DicomFile]) -> tuple[str, ...]:
    """What `--series` may call a series, or a joined stack: by its first image."""
    return tuple(file.text(tag) for file in group[:1] for tag in SERIES_NAMES)


def _is_planning(group: Sequence[DicomFile]) -> bool:
    """Whether all images are localizers, or their series is called a scout, localizer or map."""
    if any(NO_LGE.search(group[0].text(tag)) for tag in NAME_TAGS):
        return True
    return all(LOCALIZER in file.text("ImageType").upper() for file in group)


def _is_called_short_axis_lge(header: Dataset) -> bool:
    names = [text_of(header, tag) for tag in NAME_TAGS]
    short = any(map(SHORT_AXIS.search, names)) or not any(map(LONG_AXIS.search, names))
    return is_called_lge(header) and short and other_reason(header) is None


def _is_mr(group: Sequence[DicomFile]) -> bool:
    return any(file.text("Modality") == "MR" for file in group)


def _modality(group: Sequence[DicomFile]) -> str:
    return "/".join(sorted({file.text("Modality") or "(empty)" for file in group}))


def _listed(groups: Sequence[list[DicomFile]]) -> str:
    lines = [
        f"{group[0].text('SeriesInstanceUID')} (number {group[0].text('SeriesNumber') or 'none'}, "
        f"{group[0].text('SeriesDescription') or 'no description'!r}, {_modality(group)}, "
        f"{len(group)} files)"
        for group in groups
    ]
    more = len(lines) - MAX_LISTED
    return "; ".join(lines[:MAX_LISTED]) + (f"; and {more} more" if more > 0 else "")
