"""Series that share a SeriesInstanceUID, or have none: as anonymisers leave an examination."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from acsnet.io.dicom_files.dicom_file import DicomFile
from acsnet.io.dicom_stack.contrast import other_scan_reason
from acsnet.io.dicom_stack.planes import centred, planes_in
from acsnet.io.dicom_stack.selection import MIN_STACK, are_numbered_alike
from acsnet.io.dicom_stack.series_names import first_name, person, series_name
from acsnet.io.geometry import Plane

MAX_DIGITS = 12
"""Of a SeriesNumber (PS3.5 6.2)."""

MAX_LOOKED_AT = 20
"""Images of a series, spread evenly, that tell what it shows. Ours."""


def by_series(files: Iterable[DicomFile]) -> list[list[DicomFile]]:
    """Images by series, those of each SeriesInstanceUID as `series_of_uid` has them."""
    by_uid: dict[str, list[DicomFile]] = {}
    for file in files:
        by_uid.setdefault(file.text("SeriesInstanceUID"), []).append(file)
    return [series for alike in by_uid.values() for _, series in series_of_uid(alike)]


def series_of_uid(files: Sequence[DicomFile]) -> list[tuple[str, list[DicomFile]]]:
    """Images of one SeriesInstanceUID, or of none, by series, each with what names it behind that.

    LGE, and what may be, is one series, whatever its numbers and names, and keeps the UID. Cine,
    other contrasts and planning beside it are others, by SeriesNumber. Folders of two patients or
    studies, or with a stack each that numbers its images anew, are two series.
    """
    series = []
    for ending, of_kind in _by_kind(files).items():
        first, *others = [scan for whose in _by_patient(of_kind) for scan in _by_folder(whose)]
        series.append((ending, first))
        series += [(f"{ending or '-series'}-{_digest(*_place(scan))}", scan) for scan in others]
    return series


def is_other_scan(files: Sequence[DicomFile]) -> bool:
    """Whether most images of a series are neither LGE nor may be."""
    placed = [file for file in files if _has_place(file)]
    each = len(placed) // max(1, len(_places(placed)))
    some = placed[:: 1 + len(placed) // MAX_LOOKED_AT]
    reasons = [other_scan_reason(file.header, images_each=each) for file in some]
    return 2 * reasons.count(None) < len(some)


def _by_kind(files: Sequence[DicomFile]) -> dict[str, list[DicomFile]]:
    """Images by what names their series behind the UID: nothing for LGE, or where there is none.

    What is one by its number and name is one whatever single images are called. Of the number of
    LGE are other series only where two images lie at one place, and so is a single image: a slice
    may be called otherwise by chance. What lies nowhere tells nothing.
    """
    keys = [(file.text("SeriesNumber"), series_name(file)) for file in files]
    named: dict[tuple[str, str], list[DicomFile]] = {}
    for key, file in zip(keys, files, strict=True):
        named.setdefault(key, []).append(file)
    placed = {key: places for key, some in named.items() if (places := _places(some))}
    others = {key for key in placed if len(placed) > 1 and is_other_scan(named[key])}
    if not others or len(others) == len(placed):
        return {"": list(files)}
    of_lge: dict[str, set[str]] = {}
    for key in placed.keys() - others:
        of_lge.setdefault(key[0], set()).update(placed[key])
    endings = dict.fromkeys(named, "")
    for key in others:
        single = len(named[key]) == 1
        near = set().union(*of_lge.values()) if single else of_lge.get(key[0])
        if near is None or placed[key] & near:
            endings[key] = _ending(*key)
    kinds: dict[str, list[DicomFile]] = {"": []}
    for key, file in zip(keys, files, strict=True):
        kinds.setdefault(endings[key], []).append(file)
    return kinds


def _ending(number: str, name: str) -> str:
    plain = number.isascii() and number.isdecimal() and len(number) <= MAX_DIGITS
    return f"-series-{int(number) if plain else _digest(number, first_name(name))}"


def _digest(*words: str) -> str:
    return hashlib.sha256("\n".join(words).encode(errors="backslashreplace")).hexdigest()[:8]


def _places(files: Sequence[DicomFile]) -> set[str]:
    return {file.text("ImagePositionPatient") for file in files if _has_place(file)}


def _has_place(file: DicomFile) -> bool:
    framed = file.text("NumberOfFrames") not in ("", "1")
    return file.is_image and (framed or bool(file.text("ImagePositionPatient")))


def _by_patient(files: list[DicomFile]) -> list[list[DicomFile]]:
    """Images by study and patient, where these lie in folders of their own.

    A folder of both is refused (`check_one_patient`); what each image has for itself tells nothing.
    """
    folders = [file.path.parent for file in files]
    if len(there := {*folders}) < 2:
        return [files]
    telling = [
        values
        for values in zip(*map(_whose, files), strict=True)
        if 1 < len({*values} - {""}) < len(values)
        and len({*zip(folders, values, strict=True)}) == len(there)
    ]
    if not telling:
        return [files]
    alike: dict[tuple[str, ...], list[DicomFile]] = {}
    for file, whose in zip(files, zip(*telling, strict=True), strict=True):
        alike.setdefault(whose, []).append(file)
    return list(alike.values())


def _whose(file: DicomFile) -> tuple[str, str]:
    patient = file.text("PatientID") or person(file.text("PatientName"))
    return file.text("StudyInstanceUID"), patient


def _place(files: Sequence[DicomFile]) -> tuple[str, ...]:
    """Whose a series is, and in which folder."""
    return (*_whose(files[0]), files[0].name.rpartition("/")[0])


def _by_folder(files: list[DicomFile]) -> list[list[DicomFile]]:
    """Images of one series, by folder where each holds a stack that is numbered like the others.

    Not if these lie end to end: a part of a stack may be numbered anew.
    """
    folders: dict[Path, list[DicomFile]] = {}
    for file in files:
        folders.setdefault(file.path.parent, []).append(file)
    stacks = list(folders.values())
    if len(stacks) < 2 or min(len(_places(some)) for some in stacks) < MIN_STACK:
        return [files]
    of_several = are_numbered_alike(stacks) and _overlap([planes_in(some) for some in stacks])
    return stacks if of_several else [files]


def _overlap(stacks: Sequence[Sequence[Plane]]) -> bool:
    """Whether some of several stacks of planes lie beside one another along the first's normal."""
    placed = [stack for stack in stacks if stack]
    along = [
        [centred(plane).position_mm @ placed[0][0].normal for plane in some] for some in placed
    ]
    ranges = sorted((min(some), max(some)) for some in along)
    return any(second[0] <= first[1] for first, second in pairwise(ranges))
