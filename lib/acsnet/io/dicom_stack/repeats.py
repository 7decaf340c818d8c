"""Slices that were taken again: which image of each position belongs to the stack.

What is plain is decided and told; what is not is left to the caller, who asks. Ours.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence

from pydicom.valuerep import DT

from acsnet.errors import GeometryError
from acsnet.io.dicom_files.dicom_file import DicomFile, number_of
from acsnet.io.dicom_stack.contrast import other_reason
from acsnet.io.dicom_stack.image_kinds import component_of, kind_of
from acsnet.io.dicom_stack.phases import SEPARATING_TAGS
from acsnet.io.dicom_stack.selection import named
from acsnet.io.dicom_stack.series_names import first_name, series_name, times_in
from acsnet.io.dicom_stack.twins import without_twins

TIMES = ("AcquisitionDate", "AcquisitionTime", "ContentTime")
MOMENTS = ("AcquisitionTime", "ContentTime")
NUMBERS = ("SeriesNumber", "AcquisitionNumber", "InstanceNumber")
REPEATED_WITH = {*TIMES, *NUMBERS, "InversionTime"}
"""In which the images of a repeated slice differ: its inversion time is set anew."""

REPEATED_LATER_WITH = {
    *REPEATED_WITH,
    "TriggerTime",
    "NominalCardiacTriggerDelayTime",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "ImageType",
}
"""As `REPEATED_WITH`, of images of one kind that lie apart in time by more than `MIN_APART_S`."""

MIN_APART_S = 2.0
"""A heartbeat with all its cardiac phases is shorter, a breath-hold longer."""

MAX_INVERSION_TIMES = 3
"""Of the images of a slice that was repeated: with more of them somebody looked for the best."""

MAX_CHANGE_OF_INVERSION_MS = 40.0
"""By which a slice taken again as a series has another inversion time than its stack. Ours."""

SAME_OF_SERIES = ("AcquisitionDate", "ScanningSequence", "SequenceName")
"""Tags that a slice taken again as a series shares with its stack, as they are written."""

RECONSTRUCTION = {"ND", "NORM", "DIS2D", "DIS3D", "FIL", "MFSPLIT", "NONE"}
"""Values of ImageType that tell how an image was corrected or filtered, not what it shows."""

Kind = tuple[str, str]
"""ComplexImageComponent, else what `kind_of` tells, and ImageType without `RECONSTRUCTION`."""


def without_repeats(
    groups: Sequence[Sequence[DicomFile]],
) -> tuple[list[list[DicomFile]], list[str]]:
    """The images of each slice position, of a repeated slice the later one alone.

    Repeated are slices of a few positions, or of more where some were taken once and the others
    differ by the time of their images: where all hold several there is something to choose.
    Magnitude and phase-sensitive images count apart, and of an image type that most positions lack
    none is a repeat. Raises GeometryError for images of many
    inversion times at a few positions, none of which plainly belongs to the others.
    """
    groups, remarks = without_twins(groups)
    for kind in dict.fromkeys(kind for group in groups for kind in _by_kind(group)):
        groups, more = _without_repeats_of(groups, kind)
        remarks += more
    most = Counter(len(group) for group in groups).most_common(1)[0][0]
    usual = [group for group in groups if len(group) == most]
    if min(map(len, groups)) == 1 and all(map(_are_repeats, groups)):
        most = 1
    elif len(usual) == len(groups) or len(usual) < len(groups) / 2:
        return [list(group) for group in groups], remarks
    kinds = _usual_types(usual)
    kept = []
    for group in groups:
        latest = _latest(group, kinds) if len(group) > most else list(group)
        if len(latest) > most == 1:
            latest = [_last(group)]
        if len(latest) != most:
            latest = list(group)
        remarks += _left_out_remarks(latest, group, kinds)
        kept.append(latest)
    return kept, remarks


def may_be_again(files: Sequence[DicomFile], stack: Sequence[DicomFile]) -> bool:
    """Whether images of a later series may be slices of a stack, taken again, by their settings.

    Names, but for words such as `repeat`, with their times, kind, contrast, sequence, echo time and
    day are those of images of the stack, and the inversion time is no more than set anew.
    """
    return _are_near(files, stack) and {*map(_setting, files)} <= {*map(_setting, stack)}


def are_scanned_alike(files: Sequence[DicomFile], others: Sequence[DicomFile]) -> bool:
    """Whether images may be of one scan by their settings, as `may_be_again` but for names."""
    near = _are_near(files, others) and _are_near(others, files)
    return near and {*map(_sequence, files)} == {*map(_sequence, others)}


def _are_near(files: Sequence[DicomFile], others: Sequence[DicomFile]) -> bool:
    """Whether each inversion time is near one of others."""
    times = _inversion_times(others)
    return all(
        min(abs(time - of) for of in times) <= MAX_CHANGE_OF_INVERSION_MS
        for time in _inversion_times(files)
    )


def _setting(file: DicomFile) -> tuple[object, ...]:
    names = series_name(file), file.text("ProtocolName")
    return (*((first_name(name), times_in(name)) for name in names), *_sequence(file))


def _sequence(file: DicomFile) -> tuple[object, ...]:
    return (
        *(file.text(tag) for tag in SAME_OF_SERIES),
        number_of(file.text("EchoTime")),
        kind_of(file.header),
        other_reason(file.header) is None,
    )


def _without_repeats_of(
    groups: Sequence[Sequence[DicomFile]], kind: Kind
) -> tuple[list[list[DicomFile]], list[str]]:
    """The images of each position, of one kind those that belong to the stack alone."""
    there = [_by_kind(group).get(kind, []) for group in groups]
    kept, remarks = _without_scouts(there)
    counts = [len(images) for images in kept if images]
    if min(counts) == 1 < max(counts) and all(_are_repeats(images) for images in kept if images):
        latest = [[_last(images)] if images else [] for images in kept]
        pairs = zip(latest, kept, strict=True)
        remarks += [_repeat_remark(last, of) for last, of in pairs if len(last) < len(of)]
        kept = latest
    out = [
        [file for file in group if file in keep or file not in images]
        for group, images, keep in zip(groups, there, kept, strict=True)
    ]
    return out, remarks


def _without_scouts(
    there: Sequence[list[DicomFile]],
) -> tuple[list[list[DicomFile]], list[str]]:
    """The images of one kind at each position, without a series of inversion times at a few.

    That is no repeat, even if it came last. Of the stack is what has an inversion time as its other
    slices have and was not taken within the series. Raises GeometryError where that is not plain.
    """
    scouted = [images for images in there if len(_inversion_times(images)) > MAX_INVERSION_TIMES]
    others = [images for images in there if images and images not in scouted]
    if not scouted or len(scouted) >= len(others):
        return list(there), []
    count = Counter(map(len, others)).most_common(1)[0][0]
    times = {time for images in others for time in _inversion_times(images)}
    low, high = min(times), max(times)
    kept, remarks = [], []
    for images in there:
        keep = images
        if images in scouted:
            alike = [file for file in images if low <= _inversion_time(file) <= high]
            keep = [file for file in alike if _is_apart(file, images)]
            left_out = named([file for file in images if file not in keep])
            if len(keep) != count:
                msg = (
                    f"{len(images)} images of {len(_inversion_times(images))} inversion times lie "
                    f"at one slice position ({named(images)}), and it is not plain which of them "
                    "belongs to the stack: put the others, such as a TI scout, into a folder of "
                    "their own"
                )
                raise GeometryError(msg)
            remarks.append(f"left out: {left_out}, of other inversion times, as of a TI scout")
        kept.append(keep)
    return kept, remarks


def _usual_types(groups: Sequence[Sequence[DicomFile]]) -> set[Kind]:
    """What `_type` gives at most positions; all of it where none is at most."""
    counts = Counter(kind for group in groups for kind in {*map(_type, group)})
    return {kind for kind, count in counts.items() if count > len(groups) / 2} or set(counts)


def _left_out_remarks(
    kept: Sequence[DicomFile], group: Sequence[DicomFile], kinds: set[Kind]
) -> list[str]:
    """What to tell of the images of a position that are not kept; kinds: the usual image types."""
    foreign = [
        file for file in group if file not in kept and not any(_is_of(file, kind) for kind in kinds)
    ]
    remarks = []
    if foreign:
        usual = {shown for _, shown in kinds}
        types = "/".join(sorted({_foreign_words(file, usual) for file in foreign}))
        remarks.append(
            f"left out: {named(foreign)}, of an image type ({types}) that most slices do not have"
        )
    alike = [file for file in group if file not in foreign]
    return [*remarks, _repeat_remark(kept, alike)] if len(kept) < len(alike) else remarks


def _foreign_words(file: DicomFile, usual: set[str]) -> str:
    """An unusual ImageType, or the kind of an image that has a usual one."""
    kind, shown = _type(file)
    return kind if shown in usual else shown or "none"


def _repeat_remark(latest: Sequence[DicomFile], group: Sequence[DicomFile]) -> str:
    others = [file for file in group if file not in latest]
    if {*map(_moment, others)} & {*map(_moment, latest)}:
        return (
            f"slice repeated: no tag tells which image is the latest: {named(latest)} is taken by "
            f"its name, not {named(others)}; if that is the wrong one, take it out of the folder"
        )
    return f"slice repeated: {named(latest)} is taken, the latest, not {named(others)}"


def _are_repeats(group: Sequence[DicomFile]) -> bool:
    """Whether images of one position differ by nothing but the moment, and what follows from it."""
    different = {tag for tag in SEPARATING_TAGS if len({file.text(tag) for file in group}) > 1}
    if len(_inversion_times(group)) > MAX_INVERSION_TIMES or len({*map(_kind, group)}) > 1:
        return False
    if different <= REPEATED_WITH:
        return True
    return different <= REPEATED_LATER_WITH and all(_is_apart(file, group) for file in group)


def _is_apart(file: DicomFile, group: Sequence[DicomFile]) -> bool:
    """Whether an image was taken before or after all others by more than `MIN_APART_S`."""
    others = [other for other in group if other is not file]
    taken = seconds(file, *MOMENTS)
    return all(abs(taken - seconds(other, *MOMENTS)) > MIN_APART_S for other in others)


def seconds(file: DicomFile, *tags: str) -> float:
    """When an image was taken, by the first of some times that is told; NaN for an invalid one."""
    day = file.text("AcquisitionDate") or "20000101"
    try:
        moment = DT(day + next((time for tag in tags if (time := _time(file, tag))), ""))
    except (ValueError, OverflowError):
        return math.nan
    return float(moment.timestamp())


def _inversion_times(images: Sequence[DicomFile]) -> set[float]:
    return {_inversion_time(file) for file in images}


def _inversion_time(file: DicomFile) -> float:
    """In ms; 0 where the header does not tell."""
    return number_of(file.text("InversionTime")) or 0.0


def _by_kind(group: Sequence[DicomFile]) -> dict[Kind, list[DicomFile]]:
    kinds: dict[Kind, list[DicomFile]] = {}
    for file in group:
        kinds.setdefault(_kind(file), []).append(file)
    return kinds


def _kind(file: DicomFile) -> Kind:
    values = file.text("ImageType").upper().split("\\")
    shown = "\\".join(value for value in values if value.strip() not in RECONSTRUCTION)
    return component_of(file.header) or kind_of(file.header) or "", shown


def _type(file: DicomFile) -> Kind:
    """As `_kind`, with the whole ImageType."""
    return _kind(file)[0], file.text("ImageType")


def _is_of(file: DicomFile, usual: Kind) -> bool:
    """Whether an image has the type `usual`; where nothing tells its kind, it may be of any."""
    kind, shown = _type(file)
    return shown == usual[1] and (kind == usual[0] or "" in (kind, usual[0]))


def _latest(group: Sequence[DicomFile], kinds: set[Kind]) -> list[DicomFile]:
    """Of each of the usual image types the latest image."""
    alike = [[file for file in group if _is_of(file, kind)] for kind in kinds]
    latest = {_last(files) for files in alike if files}
    return [file for file in group if file in latest]


def _last(images: Sequence[DicomFile]) -> DicomFile:
    """The latest image; of one moment by name."""
    return max(images, key=lambda file: (_moment(file), file.name))


def _moment(file: DicomFile) -> tuple[tuple[str, ...], tuple[float, ...]]:
    numbers = tuple(number_of(file.text(tag)) or 0.0 for tag in NUMBERS)
    return tuple(_time(file, tag) for tag in TIMES), numbers


def _time(file: DicomFile, tag: str) -> str:
    """A date or time as texts sort: 9:59 and 95900 have lost the zero of 09 hours."""
    text = file.text(tag).replace(":", "")
    digits = re.match(r"\d*", text)
    return f"0{text}" if digits and len(digits[0]) % 2 else text
