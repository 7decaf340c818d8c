"""The inputs of a command line: folders of several scans taken apart, each scan with a name."""

import os
from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

from acsnet.io.finder import common_folder, scans_of, stem_of, volume_files
from acsnet.io.series import Series, SeriesFinder, patient_of
from acsnet.storage import readable_name, shortened, whole_path


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


def names_of(paths: Sequence[Path]) -> dict[Path, str]:
    """Names for scans whose files or folders are called alike: with as much of the path as needed.

    Scans that are called like no other have none here: their reader names them.
    """
    by_name: dict[str, list[Path]] = {}
    for path in paths:
        by_name.setdefault(_parts(path)[-1], []).append(path)
    groups = (alike for alike in by_name.values() if len(alike) > 1)
    return {path: name for alike in groups for path, name in _told_apart(alike).items()}


def _told_apart(alike: Sequence[Path]) -> dict[Path, str]:
    """As many last parts of each path as no other has; none for one that is there twice."""
    names: dict[Path, str] = {}
    all_parts = [_parts(path) for path in alike]
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
