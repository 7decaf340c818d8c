"""The scans of a cohort, one after another: from a folder, a pattern, a CSV table or a PACS.

A list is gone through as it is worked on, and never held as a whole. In a folder, and for a
pattern, a case is called by its path below the folder, or below what the pattern fixes, with "_"
between the parts: `patient-1/lge.nii.gz` is `patient-1_lge`, and `patient-1/lge.nrrd` beside it
`patient-1_lge_nrrd`. In a CSV table its name is as
`acsnet segment` calls it, unless the column `case` says otherwise; in a PACS by its UID. A folder
is searched for all series in it; one that a pattern or a table names must hold a single one.
"""

import glob
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from acsnet.cohort.outcome import Outcome
from acsnet.cohort.sources import FileSource, Listed, PacsSource, all_named
from acsnet.cohort.table_list import in_table, unused_columns
from acsnet.cohort.tables import TABLES
from acsnet.errors import InputError, PacsError
from acsnet.io.dicom_files.dicom_file import (
    DicomFile,
    is_volume,
    quiet_pydicom,
    read_header,
    text_of,
)
from acsnet.io.dicom_files.walk import Walk, files_below
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
from acsnet.io.series import Series, SeriesFinder, Tagged, image_id
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
    elif _is_table(path):
        listed = in_table(path)
    elif glob.has_magic(where):
        listed = _matching(path, output=output.resolve())
    else:
        missing = "" if path.exists() else ", and nothing of this name exists"
        msg = f"{where} must be a folder, a pattern, a CSV table or the address of a PACS{missing}"
        raise InputError(msg)
    return _each_once(listed)


def unused_in(where: str) -> str:
    """What a CSV table holds that nothing is taken from, in words; empty for none or no table.

    Raises as `list_scans`.
    """
    path = Path(where).absolute()
    names = unused_columns(path) if _is_table(path) else ""
    return f"columns of {path.name} that are not used: {names}" if names else ""


def _is_table(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() == ".csv"


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
    """Volumes and DICOM series in a folder, the subfolders of one examination after another."""
    peeked, walk = Walk(without=output), Walk(without=output)
    groups = _of_one_examination(root, peeked)
    is_mixed = sum(len(folders) > 1 for folders in groups.values()) > 1
    search = _Search(root=root, is_mixed=is_mixed, later={key: [] for key in groups})
    for examined, folders in groups.items():
        paths = search.later.pop(examined)
        paths += [path for folder in folders for path in _files(folder, root, walk)]
        yield from _in_files(paths, search)
    for folder in dict.fromkeys((*walk.closed, *peeked.closed)):
        yield Outcome(case="", place=str(folder), reason="the folder cannot be opened")


Examined = tuple[str, ...]
"""Values of `EXAMINED_TAGS`."""


@dataclass(frozen=True, kw_only=True)
class _Search:
    """What the search of a folder keeps in mind.

    is_mixed: whether several examinations each lie in several subfolders; later: examinations whose
    subfolders come later -> files of them found before; known: series UID, and whose it is -> hash
    of the images found of it, and where; images: names of images; named: folder -> UID of the first
    scan called like it.
    """

    root: Path
    is_mixed: bool
    later: dict[Examined, list[Path]]
    known: dict[Examined, tuple[int, Path]] = field(default_factory=dict)
    images: set[str] = field(default_factory=set)
    named: dict[Path, str] = field(default_factory=dict)


def _of_one_examination(root: Path, walk: Walk) -> dict[Examined, list[Path]]:
    """The folder and its subfolders by the examination that the first DICOM file of each is of.

    In the order of the last of each; a folder that tells none is alone. Where the series of an
    examination lie in folders of their own it is one in all of them, and folders of patients stay
    apart, to be worked on as they come.
    """
    groups: dict[Examined, list[Path]] = {}
    for folder in (root, *_folders_in(root, walk)):
        peeked = islice(_files(folder, root, walk), MAX_PEEKED)
        examined = _first_examined(peeked) or (str(folder),)
        groups[examined] = [*groups.pop(examined, []), folder]
    return groups


def _files(folder: Path, root: Path, walk: Walk) -> Iterator[Path]:
    """The files below a subfolder, or those in the folder itself."""
    return files_below(folder, subfolders=folder != root, walk=walk)


def _first_examined(paths: Iterable[Path]) -> Examined | None:
    """Whose and of what the first DICOM file is that tells a study or a patient."""
    with quiet_pydicom():
        for path in paths:
            try:
                file = None if is_volume(path) else read_header(path, path.name)[0]
            except (OSError, InputError):
                continue
            if file is not None and (file.text(STUDY) or file.text("PatientID")):
                return _examined(file)
    return None


def _examined(item: Tagged) -> Examined:
    return tuple(
        person(item.text(tag)) if tag == "PatientName" else item.text(tag) for tag in EXAMINED_TAGS
    )


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


def _in_files(paths: list[Path], search: _Search) -> Iterator[Listed]:
    """The scans in the files of one examination; those of a single slice come last.

    Series of another examination whose subfolders come later are left to it.
    """
    files = [path for path in paths if is_volume(path)]
    volumes, remarks = scan_files(paths, root=search.root, images=search.images)
    for remark in remarks:
        yield Outcome(case="", place=str(search.root), reason=remark, skipped=True)
    search.images.update(image_stems(files, root=search.root))
    yield from all_named(volumes, search.root)
    others = [path for path in paths if not is_volume(path)]
    all_series: list[Series] = []
    for series in SeriesFinder(search.root, paths=others).find():
        if (later := search.later.get(_examined(series))) is None:
            all_series.append(series)
        else:
            later += series.paths
    scans = scans_of(all_series)
    single = dict.fromkeys(scan for scan in scans if scan.uid and is_single_slice(scan))
    yield from _as_sources([scan for scan in scans if scan not in single], search)
    yield from _as_sources(list(single), search)


def _as_sources(scans: list[Series], search: _Search) -> Iterator[Listed]:
    """Series as scans; one that is alone in its folder is called like the folder.

    The UID tells those apart that share a folder, also with scans listed before, or each lie in
    several. One part of a heart is no scan, and the list is gone through once: the second tells.
    """
    places = [_place_of_name(scan, search.root) for scan in scans]
    for scan, place in zip(scans, places, strict=True):
        name = called_by_path(place, search.root)
        shared = search.named.setdefault(place, scan.uid) != scan.uid
        apart = shared or places.count(place) > 1
        apart = apart or (place == search.root and search.is_mixed)
        case = shortened(f"{name}_{image_id(scan, search.root)}") if apart else name
        folder = common_folder(scan)
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
                remarks=scan.remarks,
            )
            continue
        reason = (
            f"this series has other images in {first}, which were taken as a whole scan: put "
            "them into one folder, if they are of one scan"
        )
        yield Outcome(case=case, place=str(folder), reason=reason)


def _place_of_name(scan: Series, root: Path) -> Path:
    """The folder that a scan is called like: that of all files, or of the first of several copies.

    Copies below one subfolder are called like the folder above them.
    """
    folder = common_folder(scan)
    if folder != root or not scan.files:
        return folder
    first: dict[tuple[str, str], DicomFile] = {}
    for file in scan.files:
        uid = file.text("SOPInstanceUID") or file.name
        first.setdefault((uid, file.text("ImagePositionPatient")), file)
    return common_folder(replace(scan, files=tuple(first.values()), damaged=()))


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
