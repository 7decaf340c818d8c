"""Which series of a folder is the scan: the one that is asked for, or the only one that can be."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from pydicom.dataset import Dataset

from acsnet.errors import InputError, SeriesChoiceError
from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.across_series.end_to_end import adjoining, adjoining_remarks
from acsnet.io.dicom_stack.across_series.parts import count_of_slices, is_mr, joined
from acsnet.io.dicom_stack.across_series.shared_uids import by_series, is_other_scan
from acsnet.io.dicom_stack.contrast import (
    is_called_lge,
    name_with,
    never_lge_name,
    other_reason,
)
from acsnet.io.dicom_stack.frames import flat
from acsnet.io.dicom_stack.selection import LOCALIZER
from acsnet.io.dicom_stack.series_names import join_remarks
from acsnet.io.dicom_stack.twins import twin_remarks
from acsnet.io.series_words import LONG_AXIS, SHORT_AXIS

MAX_LISTED = 20
SERIES_NAMES = ("SeriesInstanceUID", "SeriesNumber")


def choose_series(
    files: Sequence[DicomFile], *, series: str | Sequence[str] | None, folder: str
) -> tuple[list[DicomFile], list[str]]:
    """The files of the one MR image series, with a warning for each series left out.

    series: a SeriesInstanceUID or a SeriesNumber that is unique in the folder; several of them, as
    a list or with commas, are joined. Slices taken again as a later series come with their stack
    only where no series is asked for. Raises InputError with a list of what is there when none or
    several fit, or when what fits is not MR.
    """
    wanted = series.split(",") if isinstance(series, str) else list(series or ())
    wanted = [part.strip() for text in wanted for part in text.split(",")]
    all_series = by_series(map(flat, files))
    if wanted:
        named = _named(all_series, wanted, folder=folder)
        of_one = check_one_patient(named)
        if len(wanted) > 1:
            return named, of_one
        return named, [*of_one, *_beside(named, joined(all_series)), *join_remarks(named)]
    groups = joined(all_series)
    with_mr = [group for group in groups if is_mr(group)]
    chosen = [group for group in with_mr if any(file.is_image for file in group)] or with_mr
    chosen = _likely(chosen)
    if not chosen:
        modalities = ", ".join(sorted({_modality(group) for group in groups}))
        msg = f"{folder} must hold an MR series, got Modality {modalities}"
        raise InputError(msg)
    if len(chosen) > 1:
        there = {id(file) for group in chosen for file in group}
        chosen = [some for some in _to_choose(all_series) if id(some[0]) in there]
        before = f"{folder} holds {len(chosen)} MR series; "
        raise SeriesChoiceError(before, "series", f": {_listed(chosen)}{_hint(chosen)}")
    others = [group for group in groups if group is not chosen[0]]
    remarks = [f"left out of the folder: {_listed(others)}"] if others else []
    remarks += [*check_one_patient(chosen[0]), *_beside(chosen[0], groups)]
    return chosen[0], [*remarks, *join_remarks(chosen[0])]


def _beside(chosen: Sequence[DicomFile], groups: Sequence[list[DicomFile]]) -> list[str]:
    """What to tell of a scan by the others of a folder: that it may be a part of one of them."""
    number = next((i for i, group in enumerate(groups) if group[0] is chosen[0]), None)
    if number is None:
        return []
    return [*adjoining_remarks(groups).get(number, ()), *twin_remarks(groups).get(number, ())]


def check_one_patient(files: Sequence[DicomFile]) -> list[str]:
    """Refuse images of several patients or studies under one SeriesInstanceUID.

    Careless copies and anonymisers make them. A study for each image means that they were all given
    new UIDs. So does a patient for each place of one stack, which is told.
    """
    remarks = []
    for tag, what in (("PatientID", "patients"), ("StudyInstanceUID", "studies")):
        by_series: dict[str, dict[str, str]] = {}
        for file in files:
            if value := file.text(tag):
                series = file.text("SeriesInstanceUID") if what == "studies" else ""
                by_series.setdefault(series, {}).setdefault(value, file.name)
        names = max(by_series.values(), key=len, default={})
        if len(names) < 2 or (what == "studies" and len(names) == len(files)):
            continue
        way_out = "put those of each into a folder of their own"
        if len(names) == len(files):
            if _is_one_stack(files):
                remarks.append("each image has a PatientID of its own: taken as one patient")
                continue
            way_out = "export the series again with one PatientID"
        first, second, *_ = names.values()
        msg = (
            f"images of {len(names)} {what} have one SeriesInstanceUID ({tag} differs "
            f"between {first} and {second}): {way_out}"
        )
        raise InputError(msg)
    return remarks


def _is_one_stack(files: Sequence[DicomFile]) -> bool:
    """Whether images are of one series, study and frame of reference, each at a place of its own.

    That of two patients would share no frame of reference.
    """
    shared = ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
    places = {file.text("ImagePositionPatient") for file in files}
    of_one = all(len({file.text(tag) for file in files}) == 1 for tag in shared)
    return of_one and all(files[0].text(tag) for tag in shared) and len(places) == len(files)


def _named(
    all_series: Sequence[list[DicomFile]], wanted: Sequence[str], *, folder: str
) -> list[DicomFile]:
    """The files of the series with the UIDs or numbers in `wanted`, each once.

    A joined stack is listed by its first series, whose name stands for all of it; where several of
    its parts are named, only these are meant. Raises InputError with a list of what is there.
    """
    groups = _to_choose(all_series)
    stacks = {id(file): stack for stack in groups for file in stack}
    named: list[list[DicomFile]] = []
    for name in wanted:
        chosen = [part for part in all_series if name in _names(part)]
        if all(part[0].text("SeriesInstanceUID") == name for part in chosen):
            chosen = [part for part in chosen if not is_other_scan(part)] or chosen
        stack = stacks[id(chosen[0][0])] if chosen else []
        if name in _names(stack) and all(stacks[id(part[0])] is stack for part in chosen):
            chosen = [part for part in chosen if part[0] is stack[0]]
        if len(chosen) != 1:
            count = "no series" if not chosen else f"{len(chosen)} series"
            before = f"{folder} has {count} {name!r}; "
            raise SeriesChoiceError(before, "other_series", f" {_listed(groups)}")
        if not is_mr(chosen[0]):
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


def _to_choose(all_series: Sequence[list[DicomFile]]) -> list[list[DicomFile]]:
    """What `--series` may name: stacks, and slices taken again as series of their own."""
    return joined(all_series, repeats=False)


def _names(group: Sequence[DicomFile]) -> tuple[str, ...]:
    """What `--series` may call a series, or a joined stack: by its first image."""
    return tuple(file.text(tag) for file in group[:1] for tag in SERIES_NAMES)


def _likely(groups: list[list[DicomFile]]) -> list[list[DicomFile]]:
    """Of several series the only one that is no planning, or is called short-axis LGE; else all."""
    scans = [group for group in groups if not _is_planning(group)]
    if len(scans) > 1:  # a whole examination has one series that is called so
        called = [group for group in scans if _is_called_short_axis_lge(group[0].header)]
        scans = called if len(called) == 1 else scans
    return scans if len(scans) == 1 else groups


def _is_planning(group: Sequence[DicomFile]) -> bool:
    """Whether all images are localizers, or their series is called a scout, localizer or map."""
    if never_lge_name(group[0].header) is not None:
        return True
    return all(LOCALIZER in file.text("ImageType").upper() for file in group)


def _is_called_short_axis_lge(header: Dataset) -> bool:
    long = name_with(header, SHORT_AXIS) is None and name_with(header, LONG_AXIS) is not None
    return is_called_lge(header) and not long and other_reason(header) is None


def _modality(group: Sequence[DicomFile]) -> str:
    return "/".join(sorted({file.text("Modality") or "(empty)" for file in group}))


def _listed(groups: Sequence[list[DicomFile]]) -> str:
    lines = [
        f"{group[0].text('SeriesInstanceUID') or 'no UID'} "
        f"(number {group[0].text('SeriesNumber') or 'none'}, "
        f"{_called(group) or 'no description'!r}, {_modality(group)}, "
        f"{', '.join([f'{len(group)} files', *_told_apart(group, groups)])})"
        for group in groups[:MAX_LISTED]
    ]
    more = len(groups) - MAX_LISTED
    return "; ".join(lines) + (f"; and {more} more" if more > 0 else "")


def _called(group: Sequence[DicomFile]) -> str:
    return group[0].text("SeriesDescription")


def _told_apart(group: Sequence[DicomFile], groups: Sequence[list[DicomFile]]) -> list[str]:
    """What tells a series from others of its name: day, ImageType, and folder if it has their UID.

    Days are counted: messages come into logs, and dates are a patient's.
    """
    alike = [other for other in groups if _called(other) == _called(group)]
    days = sorted({day for other in alike if (day := _day(other))})
    types = {other[0].text("ImageType") for other in alike}
    words = []
    if len(days) > 1 and _day(group):
        words.append(f"day {days.index(_day(group)) + 1} of {len(days)}")
    if len(types) > 1:
        words.append(group[0].text("ImageType") or "no ImageType")
    same = [other for other in alike if _names(other) == _names(group)]
    if len({_folder(other) for other in same}) > 1:
        words.append(f"in {_folder(group)}")
    return words


def _folder(group: Sequence[DicomFile]) -> str:
    return PurePosixPath(group[0].name).parent.as_posix()


def _day(group: Sequence[DicomFile]) -> str:
    return group[0].text("StudyDate") or group[0].text("AcquisitionDate")


def _hint(groups: Sequence[list[DicomFile]]) -> str:
    """How to join series that are called too differently to be joined, or to choose of one UID."""
    if len({_names(group) for group in groups}) < len(groups):
        return "; of those with one UID and number, give a folder with one alone"
    if count := count_of_slices(groups):
        which = f"{count} of them lie as the slices of one stack do"
    elif following := adjoining(groups):
        parts = [_names(groups[i]) for i in dict.fromkeys(i for pair in following for i in pair)]
        numbers = {number for _, number in parts} - {""}
        named = [number if len(numbers) == len(parts) else uid for uid, number in parts]
        which = f"series {', '.join(named)} lie end to end, as parts of one stack do"
    else:
        return ""
    return f"; {which}: several UIDs or numbers, with commas between them, choose these together"
