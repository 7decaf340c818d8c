"""The scans of a cohort, one after another: from a folder, a pattern, a CSV table or a PACS.

A list is gone through as it is worked on, and never held as a whole. In a folder, and for a
pattern, a case is called by its path below the folder, or below what the pattern fixes, with "_"
between the parts: `patient-1/lge.nii.gz` is `patient-1_lge`. In a CSV table it is called as
`acsnet segment` calls it, unless the column `case` says otherwise; in a PACS by its UID. A folder
is searched for all series in it; one that a pattern or a table names must hold a single one.
"""

import csv
import glob
import os
from collections.abc import Iterator
from pathlib import Path

from acsnet.cohort.outcome import Outcome
from acsnet.cohort.sources import FileSource, PacsSource, Source
from acsnet.cohort.tables import TABLES
from acsnet.errors import InputError
from acsnet.io.nifti import SUFFIXES, case_name
from acsnet.io.series import SeriesFinder
from acsnet.pacs.config import is_dicomweb, pacs_settings
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.pacs.transfer import find_series
from acsnet.storage import is_plain_name, readable_name

IMAGE, CASE = "image", "case"
"""Columns of a CSV table."""


Listed = Source | Outcome
"""A scan, or why what is listed is none."""


def list_scans(where: str, *, output: Path) -> Iterator[Listed]:
    """The scans of `where`, in the order of their names; what lies in `output` is passed over.

    where: a folder, a pattern such as "scans/*.nii.gz", a CSV table with a column `image` (paths
    from the table's folder) and perhaps `case`, or http(s)://... of a DICOMweb service, of which
    the LGE series are taken. A second scan of the same name is refused. Raises InputError for any
    other place, and InputError or PacsError on the way where the list itself cannot be read.
    """
    path = Path(where).absolute()
    if is_dicomweb(where):
        found = _in_pacs(where)
    elif path.is_dir():
        found = _below(path, output=output.resolve())
    elif path.is_file() and path.suffix.lower() == ".csv":
        found = _in_table(path)
    elif glob.has_magic(where):
        found = _matching(path, output=output.resolve())
    else:
        missing = "" if path.exists() else ", and there is nothing of this name"
        msg = f"{where} must be a folder, a pattern, a CSV table or the address of a PACS{missing}"
        raise InputError(msg)
    return _each_once(found)


def _each_once(found: Iterator[Listed]) -> Iterator[Listed]:
    """Refuse names that are no names, and those that were there before."""
    seen: set[str] = set()
    for one in found:
        if isinstance(one, Outcome):
            yield one
        elif not is_plain_name(one.case) or one.case in TABLES:
            reason = f"{one.case!r} cannot be the name of a case"
            yield Outcome(case=one.case, place=one.place, reason=reason)
        elif one.case in seen:
            reason = f"a case named {one.case} is in the list already"
            yield Outcome(case=one.case, place=one.place, reason=reason)
        else:
            seen.add(one.case)
            yield one


def _below(root: Path, *, output: Path) -> Iterator[Listed]:
    """NIfTI files and DICOM series in a folder and its subfolders; no folder twice."""
    seen: set[Path] = set()
    parts: dict[str, tuple[int, Path]] = {}
    closed: list[OSError] = []
    for place, folders, files in os.walk(root, followlinks=True, onerror=closed.append):
        folder = Path(place)
        real = folder.resolve()
        if real in seen or real.is_relative_to(output):
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield _named(folder / name, root)
        yield from _series_in(folder, root, parts)
    for error in closed:
        yield Outcome(case="", place=str(error.filename), reason="the folder cannot be opened")


def _series_in(folder: Path, root: Path, parts: dict[str, tuple[int, Path]]) -> Iterator[Listed]:
    """The DICOM series directly in a folder; one that is alone is called like the folder.

    parts: series UID -> hash of the images found of it, and where. A copy is a scan of its own,
    but one part of a heart is not, and the list is gone through once: the second part tells.
    """
    series = [one for one in SeriesFinder(folder, depth=0).find() if one.has_images]
    name = _called(folder, root)
    for one in series:
        case = name if len(series) == 1 else f"{name}_{one.uid}"
        images = hash(frozenset(file.text("SOPInstanceUID") for file in one.files))
        known, first = parts.setdefault(one.uid, (images, folder)) if one.uid else (images, folder)
        if known == images:
            yield FileSource(case=case, path=folder, series=one.uid or None)
            continue
        reason = (
            f"this series has other images in {first}, which were taken for a whole scan: put "
            "them into one folder"
        )
        yield Outcome(case=case, place=str(folder), reason=reason)


def _matching(pattern: Path, *, output: Path) -> Iterator[Listed]:
    fixed = next(index for index, part in enumerate(pattern.parts) if glob.has_magic(part))
    root = Path(*pattern.parts[:fixed])
    for match in sorted(root.glob("/".join(pattern.parts[fixed:]))):
        if not match.resolve().is_relative_to(output):
            yield _named(match, root)


def _in_table(table: Path) -> Iterator[Listed]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as stream:
            # What spreadsheets write between columns depends on the language of the system.
            delimiter = max(",;\t", key=stream.readline().count)
            for _ in stream:  # to its end: a damaged line is told before anything is worked on
                pass
            stream.seek(0)
            rows = csv.DictReader(stream, delimiter=delimiter)
            rows.fieldnames = [name.strip().lower() for name in rows.fieldnames or ()]
            if IMAGE not in rows.fieldnames:
                msg = f"{table.name} must have a column {IMAGE!r}, got {rows.fieldnames}"
                raise InputError(msg)
            if rows.fieldnames.count(IMAGE) > 1 or rows.fieldnames.count(CASE) > 1:
                msg = f"{table.name} must have each column once, got {rows.fieldnames}"
                raise InputError(msg)
            for row in rows:
                image, case = ((row.get(column) or "").strip() for column in (IMAGE, CASE))
                path = table.parent / image
                if not image:
                    place = f"{table.name} line {rows.line_num}"
                    yield Outcome(case=case, place=place, reason=f"column {IMAGE!r} is empty")
                elif case:
                    yield FileSource(case=case, path=path)
                else:
                    yield _named(path, path.parent)
    except (UnicodeDecodeError, csv.Error) as error:
        msg = f"{table.name} cannot be read as a CSV table: {error}"
        raise InputError(msg) from error


def _in_pacs(address: str) -> Iterator[Listed]:
    settings = pacs_settings(address)
    for one in find_series({}, pacs=DicomWeb(settings), settings=settings):
        yield PacsSource(address=settings.url, study=one.study, series=one.series)


def _named(path: Path, root: Path) -> Listed:
    """A file, or a folder with one series, called by its path below `root`."""
    try:
        return FileSource(case=_called(path, root), path=path)
    except InputError as error:
        return Outcome(case=path.name, place=str(path), reason=str(error))


def _called(path: Path, root: Path) -> str:
    if path == root:
        return readable_name(path.resolve().name)
    last = readable_name(path.name) if path.is_dir() else case_name(path)
    return "_".join((*map(readable_name, path.relative_to(root).parts[:-1]), last))
