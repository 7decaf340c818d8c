"""The inputs of a command line: folders of several scans taken apart, each scan with a name.

Cohorts and the server tell files of one name apart as it does.
"""

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import permutations
from pathlib import Path

from acsnet.io.finder import common_folder, scans_of, volume_files
from acsnet.io.nifti import header_path
from acsnet.io.series import Series, SeriesFinder, patient_of
from acsnet.io.volume import SUFFIXES, stem_of
from acsnet.storage import readable_name, shortened, whole_path

ADDED_ENDINGS = re.compile(f"({'|'.join(SUFFIXES)})+$".replace(".", "_"))
"""Endings of files as they are added to names."""


def expanded(inputs: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Paths of single scans, and what in folders of several was passed over.

    A folder of volume files stands for each of them, one with the series of several patients for
    the folder of each. Any other path stays as it is.
    """
    paths: list[Path] = []
    remarks: list[str] = []
    for path in inputs:
        if not path.is_dir():
            paths.append(path)
            continue
        scans = scans_of(SeriesFinder(path).find())
        files, passed_over = volume_files(path)
        paths += [*_folders(scans, path), *files] if scans else files or [path]
        remarks += passed_over
    return paths, remarks


def _folders(scans: Sequence[Series], path: Path) -> list[Path]:
    """The folder of each patient whose series lie in one; else the whole folder."""
    by_patient: dict[str, list[Series]] = {}
    for scan in scans:
        by_patient.setdefault(patient_of(scan), []).append(scan)
    folders = [
        Path(os.path.commonpath([common_folder(scan) for scan in series]))
        for series in by_patient.values()
    ]
    nested = any(a.is_relative_to(b) for a, b in permutations(folders, 2))
    return [path] if nested or len(folders) < 2 else folders


def without_endings(stem: str) -> str:
    """A name of a volume without what `told_apart` may have added."""
    return ADDED_ENDINGS.sub("", stem)


def told_apart(names: Mapping[Path, str]) -> dict[Path, str]:
    """Volumes -> what they are called where several have one name: `scan.nrrd` is `scan_nrrd`.

    The first keeps the name, and both halves of a pair have it. None gets the name that another
    has without its ending. Files without an ending of a volume keep their names.
    """
    own = set(names.values())
    first: dict[str, Path] = {}
    apart = {}
    for path, name in names.items():
        file = whole_path(header_path(path))
        ending = path.name[len(stem_of(path)) :].lower().replace(".", "_")
        called = name
        while ending and (first.get(called, file) != file or (called != name and called in own)):
            called = shortened(called + ending)
        first[called] = file
        apart[path] = called
    return apart


def names_of(paths: Sequence[Path]) -> dict[Path, str]:
    """Names for scans whose files or folders are called alike: with as much of the path as needed.

    Of files that differ in their endings alone all but the first have theirs at the end.
    Scans that are called like no other have none here: their reader names them.
    """
    parts = _parts_of_all(paths)
    names: dict[Path, str] = {}
    by_name: dict[str, list[Path]] = {}
    for path in paths:
        by_name.setdefault(parts[path][-1], []).append(path)
    for name, alike in by_name.items():
        if len(alike) > 1:
            names |= _told_apart(alike, parts)
        elif parts[alike[0]] != _parts(alike[0]):
            names[alike[0]] = name
    return names


def _parts_of_all(paths: Sequence[Path]) -> dict[Path, tuple[str, ...]]:
    """As `_parts`, the last of the files of one folder `told_apart`."""
    by_path: dict[Path, tuple[str, ...]] = {}
    files: dict[tuple[str, ...], dict[Path, str]] = {}
    for path in paths:
        by_path[path] = parts = _parts(path)
        if not path.is_dir():
            files.setdefault(parts[:-1], {})[path] = parts[-1]
    for above, names in files.items():
        by_path |= {path: (*above, name) for path, name in told_apart(names).items()}
    return by_path


def _told_apart(alike: Sequence[Path], parts_of: Mapping[Path, tuple[str, ...]]) -> dict[Path, str]:
    """As many last parts of each path as no other has; none for one that is there twice."""
    names: dict[Path, str] = {}
    all_parts = [parts_of[path] for path in alike]
    for count in range(2, max(map(len, all_parts)) + 1):
        called = [shortened("_".join(parts[-count:])) for parts in all_parts]
        shared = Counter(called)
        for path, name in zip(alike, called, strict=True):
            if shared[name] == 1:
                names.setdefault(path, name)
        if len(names) == len(alike):
            break
    return names


def _parts(path: Path) -> tuple[str, ...]:
    """Of a path as it was given, not of what it links to; the last without the ending of a file."""
    whole = whole_path(path)
    last = whole.name if path.is_dir() else stem_of(path)
    return *map(readable_name, whole.parts[1:-1]), readable_name(last)
