"""The scans of a cohort, one after another: from a folder, a pattern, a CSV table or a PACS.

A list is gone through as it is worked on, and never held as a whole. In a folder, and for a
pattern, a case is called by its path below the folder, or below what the pattern fixes, with "_"
between the parts: `patient-1/lge.nii.gz` is `patient-1_lge`. In a CSV table its name is as
`acsnet segment` calls it, unless the column `case` says otherwise; in a PACS by its UID. A folder
is searched for all series in it; one that a pattern or a table names must hold a single one.
"""

import csv
import glob
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from acsnet.cohort.outcome import Outcome
from acsnet.cohort.sources import FileSource, PacsSource, Source, examined_in
from acsnet.cohort.tables import TABLES
from acsnet.errors import InputError, PacsError
from acsnet.io.dicom_files import Walk, files_below, is_volume
from acsnet.io.finder import (
    LABEL_FOLDER,
    called_by_path,
    common_folder,
    image_stems,
    is_single_slice,
    scan_files,
    scans_of,
)
from acsnet.io.series import Series, SeriesFinder
from acsnet.io.volume import case_name
from acsnet.pacs.config import is_dicomweb, pacs_settings
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.pacs.transfer import find_scans
from acsnet.storage import is_plain_name

DERIVED = "derivatives"
"""The folder of what was made from images, in the layout of BIDS."""

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
        listed = _in_pacs(where)
    elif path.is_dir():
        listed = _below(path, output=output.resolve())
    elif path.is_file() and path.suffix.lower() == ".csv":
        listed = _in_table(path)
    elif glob.has_magic(where):
        listed = _matching(path, output=output.resolve())
    else:
        missing = "" if path.exists() else ", and nothing of this name exists"
        msg = f"{where} must be a folder, a pattern, a CSV table or the address of a PACS{missing}"
        raise InputError(msg)
    return _each_once(listed)


def _each_once(listed: Iterator[Listed]) -> Iterator[Listed]:
    """Refuse invalid names, and those listed before."""
    names: set[str] = set()
    for item in listed:
        if isinstance(item, Outcome):
            yield item
        elif not is_plain_name(item.case) or item.case in TABLES:
            reason = f"{item.case!r} cannot be the name of a case"
            yield Outcome(case=item.case, place=item.place, reason=reason)
        elif item.case in names:
            reason = f"a case named {item.case} is in the list already"
            yield Outcome(case=item.case, place=item.place, reason=reason)
        else:
            names.add(item.case)
            yield item


def _below(root: Path, *, output: Path) -> Iterator[Listed]:
    """Volumes and DICOM series in a folder and its subfolders, one of these after another.

    Series of a single slice wait for the end: they may be parts of one stack.
    """
    walk = Walk(without=output)
    parts: list[Series] = []
    known: dict[str, tuple[int, Path]] = {}
    images: set[str] = set()
    here = list(files_below(root, depth=0, walk=walk))
    yield from _in_files(here, root, root, parts, known, images)
    for folder in sorted(_folders_in(root, walk), key=_images_first):
        below = list(files_below(folder, walk=walk))
        yield from _in_files(below, folder, root, parts, known, images)
    yield from _as_sources(scans_of(parts), root, known)
    for folder in walk.closed:
        yield Outcome(case="", place=str(folder), reason="the folder cannot be opened")


def _images_first(folder: Path) -> tuple[bool, Path]:
    """Folders of label maps come last: by then their images are known."""
    of_labels = LABEL_FOLDER.search(folder.name) or folder.name.lower() == DERIVED
    return bool(of_labels), folder


def _folders_in(root: Path, walk: Walk) -> list[Path]:
    try:
        return [path for path in root.iterdir() if path.is_dir() and path.name[0] != "."]
    except OSError:
        walk.closed.append(root)
        return []


def _in_files(
    paths: list[Path],
    folder: Path,
    root: Path,
    parts: list[Series],
    known: dict[str, tuple[int, Path]],
    images: set[str],
) -> Iterator[Listed]:
    """The scans in the files of a folder below `root`.

    parts: where single slices are put; images: where the names of images are.
    """
    files = [path for path in paths if is_volume(path)]
    volumes, _ = scan_files(files, root=root, images=images)
    images |= image_stems(files, root=root)
    yield from (_named(path, root) for path in volumes)
    others = [path for path in paths if not is_volume(path)]
    scans = scans_of(SeriesFinder(folder, paths=others).find())
    single = [scan for scan in scans if is_single_slice(scan)]
    parts += single
    yield from _as_sources([scan for scan in scans if scan not in single], root, known)


def _as_sources(
    scans: list[Series], root: Path, known: dict[str, tuple[int, Path]]
) -> Iterator[Listed]:
    """Series as scans; one that is alone in its folder is called like the folder.

    known: series UID -> hash of the images found of it, and where. A copy is a scan of its own,
    but one part of a heart is not, and the list is gone through once: the second part tells.
    """
    folders = [common_folder(scan) for scan in scans]
    for scan, folder in zip(scans, folders, strict=True):
        name = _called(folder, root)
        case = name if folders.count(folder) == 1 else f"{name}_{scan.uid}"
        images = hash(frozenset(file.text("SOPInstanceUID") for file in scan.files))
        same, first = known.setdefault(scan.uid, (images, folder)) if scan.uid else (images, folder)
        if same == images:
            yield FileSource(
                case=case,
                path=folder,
                series=scan.uid or None,
                files=scan.paths,
                phase=scan.phase,
            )
            continue
        reason = (
            f"this series has other images in {first}, which were taken as a whole scan: put "
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
    pacs = DicomWeb(settings)
    for first, *others in find_scans(pacs=pacs, settings=settings):
        parts = (first.series, *(other.series for other in others)) if others else ()
        source = PacsSource(
            address=settings.url, study=first.study, series=first.series, parts=parts
        )
        try:
            scans = examined_in(pacs, study=first.study, series=first.series, parts=parts)
        except PacsError:  # told where it is read
            scans = {}
        if set(scans) <= {first.series}:
            yield source
        else:
            yield from (replace(source, scan=scan) for scan in scans)


def _named(path: Path, root: Path) -> Listed:
    """A file, or a folder with one series, called by its path below `root`."""
    try:
        return FileSource(case=_called(path, root), path=path)
    except InputError as error:
        return Outcome(case=path.name, place=str(path), reason=str(error))


def _called(path: Path, root: Path) -> str:
    if not path.is_dir():
        case_name(path)
    return called_by_path(path, root)
