"""The inputs of a command line: folders of several scans taken apart, each scan with a name."""

import os
from collections import Counter
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

from acsnet.io.finder import common_folder, scans_of, stem_of, volume_files
from acsnet.io.series import Series, SeriesFinder, patient_of


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
    names = {}
    shared = Counter(_called(path, 1) for path in paths)
    for path in paths:
        if shared[_called(path, 1)] < 2:
            continue
        alike = [other for other in paths if _called(other, 1) == _called(path, 1)]
        for parts in range(2, len(path.resolve().parts)):
            name = _called(path, parts)
            if sum(_called(other, parts) == name for other in alike) == 1:
                names[path] = name
                break
    return names


def _called(path: Path, parts: int) -> str:
    """The last parts of a path, without the ending of a file."""
    whole = path.resolve()
    last = whole.name if path.is_dir() else stem_of(path)
    return "_".join((*whole.parts[-parts:-1], last))
