"""The DICOM files of a folder, and none left out that is called like the slices beside it.

Copies fail, and single files are packed. Not from any standard: the rules.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import (
    REMEDIES,
    UNFINISHED_SUFFIXES,
    DicomFile,
    is_volume,
    quiet_pydicom,
    read_header,
    why_unread,
)
from acsnet.io.dicom_files.walk import Walk, candidates

MIN_ALIKE = 2
"""Slices whose names are alike but for their numbers: by them others are known."""

ONE_PACKED = (".gz", ".bz2", ".xz", ".zip", ".zst", ".lz4", ".z", *UNFINISHED_SUFFIXES)
"""Of archives, and parts of downloads, that may hold one slice each."""


PassedOver = list[tuple[Path, str]]
"""Warnings about files that were passed over, each with what lies above the slices it may hold."""


def read_headers(folder: Path) -> tuple[list[DicomFile], PassedOver]:
    """Folder and its subfolders -> DICOM files, with warnings about files passed over.

    DICOMDIR, hidden and text files are not looked at. Raises InputError for a file that claims
    to be DICOM and cannot be read, and for a folder without any.
    """
    walk = Walk()
    names = {path: path.relative_to(folder).as_posix() for path in candidates(folder, walk=walk)}
    files, remarks = headers_of(names)
    if not files:
        hints = [
            f"{path.name} is {why}, {REMEDIES[why]}" for path in names if (why := why_unread(path))
        ]
        hint = "".join(f": {hint}" for hint in (*walk.remarks(folder), *hints)[:1])
        msg = f"{folder.name} holds no DICOM files, nor do its subfolders{hint}"
        raise InputError(msg)
    return files, [*remarks, *((folder, remark) for remark in walk.remarks(folder))]


def headers_at(path: Path) -> list[Dataset]:
    """The headers of the DICOM files below a folder, as `read_headers`, or of the one in `path`.

    Empty for a file that is not DICOM. Raises InputError as `read_headers`, and OSError.
    """
    with quiet_pydicom():
        if path.is_dir():
            return [file.header for file in read_headers(path)[0]]
        file, _ = read_header(path, path.name)
        return [] if file is None else [file.header]


def headers_of(paths: Mapping[Path, str]) -> tuple[list[DicomFile], PassedOver]:
    """DICOM files of paths with their names, and warnings about files passed over.

    Raises InputError for one that claims to be DICOM, or is called like the slices beside it, and
    cannot be read.
    """
    files: list[DicomFile] = []
    remarks: PassedOver = []
    for path, name in paths.items():
        file, of_file = read_header(path, name)
        remarks += [(path, remark) for remark in of_file if not is_volume(path)]  # a scan itself
        files += [] if file is None else [file]
    read = {file.path for file in files}
    seriesless = [file for file in files if not (file.is_image or file.text("SeriesInstanceUID"))]
    if len(seriesless) < len(files):
        remarks += [
            (file.path, f"{file.name} was skipped: it is no image ({_kind_of(file)})")
            for file in seriesless
        ]
        files = [file for file in files if file not in seriesless]
    others = [path for path in paths if path not in read]
    if lost := called_like_slices(others, slices=[file.path for file in files if file.is_image]):
        why = why_unread(lost[0])
        what = f"is {why}: {REMEDIES[why]}" if why else "cannot be read as DICOM"
        msg = f"{paths[lost[0]]} is called like the slices beside it, and {what}"
        raise InputError(msg)
    return files, remarks


def called_like_slices(others: Iterable[Path], *, slices: Iterable[Path]) -> list[Path]:
    """Of the files that are no DICOM those whose names go on with the names of slices.

    Without its last slice a ventricle is too short, and nothing else tells that it is missing.
    """
    there = set(slices)
    patterns = Counter(map(_pattern, there))
    return [
        path
        for path in others
        if patterns[_pattern(path)] >= MIN_ALIKE and _unpacked_name(path) not in there
    ]


def _pattern(path: Path) -> tuple[Path, str]:
    """The folder of a file, and its name without numbers."""
    return path.parent, re.sub(r"\d+", "#", _unpacked_name(path).name)


def _unpacked_name(path: Path) -> Path:
    return path.with_suffix("") if path.suffix.lower() in ONE_PACKED else path


def _kind_of(file: DicomFile) -> str:
    """The name of the class of an object in words."""
    return UID(file.text("SOPClassUID")).name.removesuffix(" Storage")
