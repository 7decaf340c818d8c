"""Several images at one slice position: which tag tells them apart, and picking one."""

from collections.abc import Sequence
from pathlib import Path

from acsnet.errors import GeometryError, PhaseChoiceError
from acsnet.io.dicom_files.dicom_file import DicomFile, number_of
from acsnet.io.dicom_stack.image_kinds import component_of, kind_of
from acsnet.io.dicom_stack.one_kind import check_one_kind
from acsnet.io.dicom_stack.series_names import name_stem

SEPARATING_TAGS: dict[str, str] = {
    "TriggerTime": "cardiac phases",
    "NominalCardiacTriggerDelayTime": "cardiac phases",
    "CardiacCyclePosition": "cardiac phases",
    "TemporalPositionIdentifier": "time points",
    "TemporalPositionIndex": "time points",
    "EchoTime": "echoes",
    "InversionTime": "inversion times",
    "ComplexImageComponent": "image types",
    "ImageType": "image types",
    "AcquisitionTime": "acquisitions",
    "AcquisitionNumber": "acquisitions",
    "ContentTime": "images",
    "InstanceNumber": "images",
}
"""What the images at one position may be, by the tag that tells them apart; tried in order."""

KIND = "kind"
"""No tag: what `kind_of` tells, as a list of scans has it."""

SERIES_TAGS: dict[str, str] = {
    KIND: "image types",
    "SeriesDescription": "series",
    "SeriesNumber": "series",
}
"""The same of images that were several series, tried after these; of a name its `name_stem`.

But before a tag with other values at each position, unless the moment tells the images apart.
"""

KIND_TAGS = ("ComplexImageComponent", "ImageType", KIND)
"""Of these the tags of magnitude and phase-sensitive images, of which never both make a stack."""

TYPE_TAGS = (*KIND_TAGS, "SeriesDescription")
"""Of these the tags of images, and of pictures made of them, that some positions may lack."""

ACQUISITION_TAGS = ("AcquisitionTime", "AcquisitionNumber")
"""Of these the tags that number what was acquired one after another."""

HEART_TAGS = (
    "TriggerTime",
    "NominalCardiacTriggerDelayTime",
    "CardiacCyclePosition",
    "EchoTime",
    "InversionTime",
)
"""Of these the tags whose values differ by chance, too, from heartbeat to heartbeat or as set anew.
"""

PHASE_FILE = ".acsnet-phase"
"""Beside links to the images of several phases: the number of that which is meant."""

Value = float | str
Row = Sequence[DicomFile | None]
"""The images of one position, in the order in which they are numbered; None where one is missing.
"""


def choose_phase(
    groups: Sequence[Sequence[DicomFile]], *, phase: int | None
) -> tuple[DicomFile, ...]:
    """One image at each position: the only one, or the `phase`-th (from 1) by separating tag.

    groups: the images of each position. Raises GeometryError when there are several and no phase
    is given, when the phase is out of range or not there at every position, when positions hold
    different numbers of images and nothing tells which is missing, or when the choice would mix
    image types (magnitude and phase-sensitive, LGE and phase images or maps).
    """
    most = max(map(len, groups))
    if most == 1:
        if phase not in (None, 1):
            msg = f"phase must be 1, got {phase}: there is one image at each slice position"
            raise GeometryError(msg)
        chosen = tuple(group[0] for group in groups)
        check_one_kind(chosen)
        return chosen
    tag = _separating_tag(groups)
    if tag is None:
        raise GeometryError(_no_choice(groups))
    rows = _rows(groups, tag)
    if phase is None or phase not in _complete(rows):
        raise _offer(rows, tag=tag, phase=phase)
    return _chosen(rows, tag=tag, phase=phase)


def phase_of_folder(folder: Path) -> int | None:
    """Which phase a folder stands for that the server made for one of several in the same files."""
    try:
        text = (folder / PHASE_FILE).read_text()
    except (OSError, UnicodeDecodeError):
        return None
    return int(text) if text.isdecimal() and text.isascii() else None


def phases_of(groups: Sequence[Sequence[DicomFile]], *, count: int) -> list[tuple[int, str]]:
    """What there is to choose from: numbers of the images of a position, and which in words.

    groups: the images of each position; count: how many numbers at most, spread evenly, and beside
    them that of an image that is alone with its type. Empty where there is no choice, or no plain
    one: of images that are missing at some positions those must be the fewer. A number that would
    mix image types is left out.
    """
    most = max(map(len, groups))
    full = sum(len(group) == most for group in groups)
    if most < 2 or 2 * full <= len(groups) or (tag := _separating_tag(groups)) is None:
        return []
    rows = _rows(groups, tag)
    alone = _alone(rows, tag)
    numbers = _complete(rows)
    some = min(count, len(numbers))
    spread = {numbers[k * len(numbers) // some] for k in range(some)}
    phases = []
    for number in sorted(spread | alone.keys()):
        try:
            chosen = _chosen(rows, tag=tag, phase=number)
        except GeometryError:
            continue
        words = f"{number} of {most} {_what(tag)}, {tag} {_shown(chosen[0], tag)}"
        phases.append((number, f"{words}, {alone[number]}" if number in alone else words))
    return phases


def _alone(rows: Sequence[Row], tag: str) -> dict[int, str]:
    """Number, by a tag, of the image that is alone with its type at every position, and that type.

    Such as the average of raw images: more than two lie at each position. Empty without one.
    """
    for type_tag in TYPE_TAGS if tag not in TYPE_TAGS and len(rows[0]) > 2 else ():
        types = [[_value(file, type_tag) for file in row if file] for row in rows]
        alone = [
            [
                (number, value)
                for number, value in enumerate(row, 1)
                if value and row.count(value) < 2
            ]
            for row in types
        ]
        if len(alone[0]) == 1 and all(some == alone[0] for some in alone):
            ((number, value),) = alone[0]
            return {number: f"{type_tag} {value}"}
    return {}


def _rows(groups: Sequence[Sequence[DicomFile]], tag: str) -> list[Row]:
    ordered = _orders(groups, tag)
    fullest = max(ordered, key=len)
    if len(fullest) == min(map(len, ordered)):
        return list(ordered)
    by_value = [{_value(file, tag): file for file in group} for group in ordered]
    return [[files.get(_value(file, tag)) for file in fullest] for files in by_value]


def _complete(rows: Sequence[Row]) -> list[int]:
    """Numbers, from 1, of the images that every position has."""
    columns = zip(*rows, strict=True)
    return [number for number, column in enumerate(columns, start=1) if None not in column]


def _chosen(rows: Sequence[Row], *, tag: str, phase: int) -> tuple[DicomFile, ...]:
    """An image at each position. Raises GeometryError where it would mix image types."""
    chosen = tuple(file for row in rows if (file := row[phase - 1]) is not None)
    for kind_tag in KIND_TAGS[: 1 + KIND_TAGS.index(tag)] if tag in KIND_TAGS else KIND_TAGS:
        types = {_text(file, kind_tag) for file in chosen}
        several = any(len({_text(file, kind_tag) for file in row if file}) > 1 for row in rows)
        if len(types) > 1 and several:
            msg = f"phase {phase} by {tag} would mix image types over the slices: " + ", ".join(
                sorted(words or f"no {kind_tag}" for words in types)
            )
            raise GeometryError(msg)
    check_one_kind(chosen)
    return chosen


def _separating_tag(groups: Sequence[Sequence[DicomFile]]) -> str | None:
    """A tag with one value an image; at best with the same values at every position.

    Where positions hold different numbers of images, a tag of image types of which one is
    everywhere and the others where there are most.
    """
    separating = [
        tag
        for tag in (*SEPARATING_TAGS, *SERIES_TAGS)
        if all(len(_values(group, tag)) == len(group) for group in groups)
    ]
    fullest = max(groups, key=len)
    if len(fullest) > min(map(len, groups)):
        for tag in (tag for tag in separating if tag in TYPE_TAGS):
            values = [_values(group, tag) for group in groups]
            if set.union(*values) == _values(fullest, tag) and set.intersection(*values):
                return tag
        return None
    alike = [
        tag
        for tag in separating
        if all(_values(group, tag) == _values(groups[0], tag) for group in groups)
    ]
    acquired = [tag for tag in ACQUISITION_TAGS if tag in separating]
    if acquired:  # in the order of time come the phases of a cine, but not repeats by their phase
        orders = _orders(groups, acquired[0])
        by_chance = [tag for tag in HEART_TAGS if _orders(groups, tag) != orders]
        separating = [tag for tag in separating if tag not in by_chance]
    by_time = separating if acquired else []  # numbers by which labels were saved stay
    of_images = [tag for tag in alike + by_time if tag not in SERIES_TAGS]
    return next(iter(of_images + alike + separating), None)


def _orders(groups: Sequence[Sequence[DicomFile]], tag: str) -> list[list[DicomFile]]:
    """The images of each position in the order of a tag."""
    return [sorted(group, key=lambda file: _sort_key(file, tag)) for group in groups]


def _no_choice(groups: Sequence[Sequence[DicomFile]]) -> str:
    """Why there is no choice among images that no tag tells apart at every position."""
    counts = [len(group) for group in groups]
    least, most = min(counts), max(counts)
    pair = groups[counts.index(most)]
    if least == most:
        return (
            f"{most} images at each slice position and no tag tells them apart: "
            f"{pair[0].name} and {pair[1].name}"
        )
    return (
        f"every slice position must hold the same number of images, got {least} to {most}: "
        f"{pair[0].name} and {pair[1].name} lie at one position, "
        f"{groups[counts.index(least)][0].name} at one with {least}"
    )


def _offer(rows: Sequence[Row], *, tag: str, phase: int | None) -> PhaseChoiceError:
    """What there is to choose from, and which of it is not there at every position."""
    full = next(files for row in rows if len(files := [file for file in row if file]) == len(row))
    values = [_shown(file, tag) for file in full]
    shown = ", ".join(values) if len(values) <= 4 else f"{values[0]} to {values[-1]}"
    least = min(len(row) - row.count(None) for row in rows)
    counted = f"{len(full)}" if least == len(full) else f"{least} to {len(full)}"
    incomplete = "".join(
        f"{values[number]} is incomplete and cannot be chosen, it is missing at {len(beside)} "
        f"positions, the first is that of {beside[0].name}; "
        for number in range(len(full))
        if (beside := [next(filter(None, row)) for row in rows if row[number] is None])
    )
    of_own_type = "".join(
        f"number {number} alone is of its type, {words}; "
        for number, words in _alone(rows, tag).items()
    )
    asked = "" if phase is None else f"; got phase {phase}"
    there = (
        f"{counted} images at each of {len(rows)} slice positions "
        f"({full[0].name} and {full[1].name} lie at one): {len(full)} "
        f"{_what(tag)}, told apart by {tag} ({shown}); {incomplete}{of_own_type}"
    )
    complete = _complete(rows)
    all_of_them = f"from 1 to {len(full)}" if len(complete) == len(full) else ""
    numbers = all_of_them or "= " + " or ".join(map(str, complete))
    return PhaseChoiceError(there, "phase", asked, numbers)


def _what(tag: str) -> str:
    return (SEPARATING_TAGS | SERIES_TAGS)[tag]


def _shown(file: DicomFile, tag: str) -> str:
    is_of_series = tag in ("SeriesDescription", "SeriesNumber")
    value = file.text(tag) if is_of_series else f"{_value(file, tag)}"
    real = tag == "ComplexImageComponent" and value == "REAL"
    return f"{value}: phase-sensitive" if real else value


def _values(group: Sequence[DicomFile], tag: str) -> set[Value]:
    return {value for file in group if (value := _value(file, tag)) is not None}


def _value(file: DicomFile, tag: str) -> Value | None:
    text = _text(file, tag)
    number = number_of(text)
    return number if number is not None else text or None


def _text(file: DicomFile, tag: str) -> str:
    if tag == KIND:
        return kind_of(file.header) or ""
    if tag == "SeriesDescription":
        return name_stem(file.text(tag))
    return component_of(file.header) if tag == "ComplexImageComponent" else file.text(tag)


def _sort_key(file: DicomFile, tag: str) -> tuple[str, float, str]:
    date = file.text("AcquisitionDate") if tag == "AcquisitionTime" else ""  # beyond midnight
    value = _value(file, tag)
    return (date, value, "") if isinstance(value, float) else (date, 0.0, str(value))
