"""The scans of a cohort, one after another: from a folder, a pattern, a CSV table or a PACS.

A list is gone through as it is worked on, and never held as a whole. In a folder, and for a
pattern, a case is called by its path below the folder, or below what the pattern fixes, with "_"
between the parts: `patient-1/lge.nii.gz` is `patient-1_lge`, and `patient-1/lge.nrrd` beside it
`patient-1_lge_nrrd`. In a CSV table its name is as
`acsnet segment` calls it, unless the column `case` says otherwise; in a PACS by its UID. A folder
is searched for all series in it; one that a pattern or a table names must hold a single one.
"""

import glob
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from acsnet.cohort.outcome import Outcome
from acsnet.cohort.sources import FileSource, Listed, PacsSource, all_named
from acsnet.cohort.table_list import in_table
from acsnet.cohort.tables import TABLES
from acsnet.errors import InputError, PacsError
from acsnet.io.dicom_files.dicom_file import is_volume, quiet_pydicom, read_header, text_of
from acsnet.io.dicom_files.walk import Walk, files_below
from acsnet.io.dicom_stack.parts import is_part
from acsnet.io.dicom_stack.series_names import person
from acsnet.io.finder import (
    LABEL_FOLDER,
    called_by_path,
    common_folder,
    image_stems,
    is_single_slice,
    scan_files,
    scans_of,
)
from acsnet.io.series import Series, SeriesFinder, image_id, series_in, together
from acsnet.pacs.config import is_dicomweb, pacs_settings
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.pacs.preflight import examine
from acsnet.pacs.transfer import find_scans
from acsnet.storage import broken_rule, shortened

DERIVED = "derivatives"
"""The folder of what was made from images, in the layout of BIDS."""

MAX_PEEKED = 100
"""Files of a folder that are looked at for the study of its images. Ours."""

STUDY = "StudyInstanceUID"
EXAMINED_TAGS = (STUDY, "PatientID", "PatientName", "PatientBirthDate")
"""In which all parts of one stack agree, and images of two patients do not."""


def list_scans(where: str, *, output: Path) -> Iterator[Listed]:
    """The scans of `where`, in the order of their names; what lies in `output` is passed over.

    where: a folder, a pattern such as "scans/*.nii.gz", a CSV table with a column `image` (paths
    from the table's folder) and perhaps others of `in_table`, or http(s)://... of a DICOMweb
    service, of which the LGE series are taken. A second scan of the same name is refused. Raises
    InputError for any other place, and InputError or PacsError on the way where the list itself
    cannot be read.
    """
    path = Path(where).absolute()
    if is_dicomweb(where):
        listed = _in_pacs(where)
    elif path.is_dir():
        listed = _below(path, output=output.resolve())
    elif path.is_file() and path.suffix.lower() == ".csv":
        listed = in_table(path)
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
        elif fault := _name_fault(item.case):
            reason = f"{item.case!r} cannot be the name of a case: {fault}"
            yield Outcome(case=item.case, place=item.place, reason=reason)
        elif item.case in names:
            reason = f"a case named {item.case} is in the list already"
            yield Outcome(case=item.case, place=item.place, reason=reason)
        else:
            names.add(item.case)
            yield item


def _name_fault(case: str) -> str:
    """Why a case cannot be called so; empty where it can."""
    if case in TABLES:
        return "a table of the cohort is called so"
    return f"it must be a name {rule}" if (rule := broken_rule(case)) else ""


def _below(root: Path, *, output: Path) -> Iterator[Listed]:
    """Volumes and DICOM series in a folder and its subfolders, one of these after another.

    Possible parts of a stack wait for the last folder of their study, where it lies in several;
    series of a single slice for the end.
    """
    walk = Walk(without=output)
    search = _Search(root=root, last_of=_last_folders(root, Walk(without=output)))
    yield from _in_files(list(files_below(root, subfolders=False, walk=walk)), root, search)
    for folder in _folders_in(root, walk):
        yield from _in_files(list(files_below(folder, walk=walk)), folder, search)
    for parts in search.waiting.values():
        yield from _joined_parts(parts, search)
    for folder in dict.fromkeys(walk.closed):
        yield Outcome(case="", place=str(folder), reason="the folder cannot be opened")


Examined = tuple[str, ...]
"""Values of `EXAMINED_TAGS`."""


@dataclass(frozen=True, kw_only=True)
class _Search:
    """What the search of a folder keeps in mind.

    last_of: StudyInstanceUID -> the last of its folders, of studies in several; waiting: possible
    parts of stacks, by whom and what they are of; known: series UID, and whose it is -> hash of the
    images found of it, and where; images: names of images; named: folder -> UID of the first scan
    called like it.
    """

    root: Path
    last_of: dict[str, Path]
    waiting: dict[Examined, list[Series]] = field(default_factory=dict)
    known: dict[Examined, tuple[int, Path]] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    named: dict[Path, str] = field(default_factory=dict)

    @property
    def is_mixed(self) -> bool:
        """Whether several examinations may each lie in several folders."""
        return len(self.last_of) > 1 or len(self.waiting) > 1


def _last_folders(root: Path, walk: Walk) -> dict[str, Path]:
    """StudyInstanceUID -> the last folder with it, of those that begin several.

    One file is read of each folder: an examination whose series lie in folders of their own has
    one study in all of them, and folders of patients stay apart, to be worked on as they come.
    """
    folders: dict[str, list[Path]] = {}
    for folder in (root, *_folders_in(root, walk)):
        files = files_below(folder, subfolders=folder != root, walk=walk)
        study = _first_study(islice(files, MAX_PEEKED))
        folders.setdefault(study, []).append(folder)
    return {study: some[-1] for study, some in folders.items() if study and len(some) > 1}


def _first_study(paths: Iterable[Path]) -> str:
    """StudyInstanceUID of the first DICOM file that has one; else empty."""
    with quiet_pydicom():
        for path in paths:
            try:
                file = None if is_volume(path) else read_header(path, path.name)[0]
            except (OSError, InputError):
                continue
            if file is not None and (study := file.text(STUDY)):
                return study
    return ""


def _folders_in(root: Path, walk: Walk) -> list[Path]:
    try:
        folders = [path for path in root.iterdir() if path.is_dir() and path.name[0] != "."]
    except OSError:
        walk.closed.append(root)
        return []
    return sorted(folders, key=_images_first)


def _images_first(folder: Path) -> tuple[bool, Path]:
    """Folders of label maps come last: by then their images are known."""
    of_labels = LABEL_FOLDER.search(folder.name) or folder.name.lower() == DERIVED
    return bool(of_labels), folder


def _in_files(paths: list[Path], folder: Path, search: _Search) -> Iterator[Listed]:
    """The scans in the files of a folder, and those that waited for it; what waits is put aside."""
    files = [path for path in paths if is_volume(path)]
    volumes, remarks = scan_files(paths, root=search.root, images=search.images)
    for remark in remarks:
        yield Outcome(case="", place=str(search.root), reason=remark, skipped=True)
    search.images.update(image_stems(files, root=search.root))
    yield from all_named(volumes, search.root)
    others = [path for path in paths if not is_volume(path)]
    waiting: list[Series] = []
    alone: list[Series] = []
    for series in SeriesFinder(search.root, paths=others).find():
        elsewhere = series.text(STUDY) in search.last_of and series.uid and is_part(series.files)
        (waiting if elsewhere else alone).append(series)
    single = {
        file: series
        for series in alone
        if series.uid and is_single_slice(series)
        for file in series.files
    }
    scans = scans_of(alone)
    unjoined = [
        scan for scan in scans if scan.uid and is_single_slice(scan) and scan.files[0] in single
    ]
    waiting += dict.fromkeys(single[scan.files[0]] for scan in unjoined)
    for series in waiting:
        search.waiting.setdefault(_examined(series), []).append(series)
    yield from _as_sources([scan for scan in scans if scan not in unjoined], search)
    for examined in [key for key in search.waiting if search.last_of.get(key[0]) == folder]:
        yield from _joined_parts(search.waiting.pop(examined), search)


def _joined_parts(parts: Iterable[Series], search: _Search) -> Iterator[Listed]:
    """The scans that series of one examination make, which lie in several folders.

    Images of one series in two folders are put together. A copy of a series is a part of a copy
    of the scan.
    """
    copies: list[dict[str, Series]] = []
    for part in parts:
        uids = {file.text("SOPInstanceUID") for file in part.files}
        for copy in copies:
            same = copy.get(part.uid)
            if same is None:
                copy[part.uid] = part
            elif uids.isdisjoint(file.text("SOPInstanceUID") for file in same.files):
                copy[part.uid] = together(same, part)
            else:
                continue
            break
        else:
            copies.append({part.uid: part})
    for copy in copies:
        yield from _as_sources(scans_of(_taken_apart(copy)), search)


def _taken_apart(copy: Mapping[str, Series]) -> Iterator[Series]:
    """Series by UID, those that share one in several folders as if they lay in one search."""
    by_uid: dict[str, list[Series]] = {}
    for item in copy.values():
        by_uid.setdefault(item.text("SeriesInstanceUID"), []).append(item)
    for uid, some in by_uid.items():
        whole = together(*some)
        yield from series_in(uid, whole.files, whole.damaged) if uid in copy else some


def _examined(series: Series) -> Examined:
    return tuple(
        person(series.text(tag)) if tag == "PatientName" else series.text(tag)
        for tag in EXAMINED_TAGS
    )


def _as_sources(scans: list[Series], search: _Search) -> Iterator[Listed]:
    """Series as scans; one that is alone in its folder is called like the folder.

    The UID tells those apart that share a folder, also with scans that did not wait, or each lie in
    several. A copy is a scan of its own, but one part of a heart is not, and the list is gone
    through once: the second part tells.
    """
    folders = [common_folder(scan) for scan in scans]
    for scan, folder in zip(scans, folders, strict=True):
        name = called_by_path(folder, search.root)
        shared = search.named.setdefault(folder, scan.uid) != scan.uid
        apart = shared or folders.count(folder) > 1
        apart = apart or (folder == search.root and search.is_mixed)
        case = shortened(f"{name}_{image_id(scan, search.root)}") if apart else name
        here = hash(frozenset(file.text("SOPInstanceUID") for file in scan.files)), folder
        whose = scan.uid, *_examined(scan)
        same, first = search.known.setdefault(whose, here) if scan.uid else here
        if same == here[0]:
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
            "them into one folder, if they are of one scan"
        )
        yield Outcome(case=case, place=str(folder), reason=reason)


def _matching(pattern: Path, *, output: Path) -> Iterator[Listed]:
    fixed = next(index for index, part in enumerate(pattern.parts) if glob.has_magic(part))
    root = Path(*pattern.parts[:fixed])
    matches = sorted(root.glob("/".join(pattern.parts[fixed:])))
    wanted = (match for match in matches if not match.resolve().is_relative_to(output))
    yield from all_named(wanted, root)


def _in_pacs(address: str) -> Iterator[Listed]:
    settings = pacs_settings(address)
    pacs = DicomWeb(settings)
    for headers in find_scans(pacs=pacs, settings=settings):
        with quiet_pydicom():
            study = text_of(headers[0], STUDY)
            parts = tuple(text_of(header, "SeriesInstanceUID") for header in headers)
        source = PacsSource(address=settings.url, study=study, parts=parts)
        try:
            scans = examine(pacs, study=study, parts=parts)
        except PacsError:  # told where it is read
            scans = {}
        if set(scans) <= {parts[0]}:
            yield source
        else:
            yield from (replace(source, scan=scan) for scan in scans)
