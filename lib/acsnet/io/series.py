"""Every DICOM series below a folder, whether a scan can be built from it or not."""

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from pydicom.dataset import Dataset

from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import (
    DAMAGED,
    DicomFile,
    is_volume,
    quiet_pydicom,
    read_header,
)
from acsnet.io.dicom_files.folder import called_like_slices
from acsnet.io.dicom_files.walk import files_below, leads_nowhere
from acsnet.io.dicom_stack.across_series.scan_settings import COMPARED_TAGS
from acsnet.io.dicom_stack.across_series.shared_uids import series_of_uid
from acsnet.io.dicom_stack.frames import flat
from acsnet.io.dicom_stack.phases import SEPARATING_TAGS
from acsnet.io.dicom_stack.repeats import SAME_OF_SERIES

KEPT_TAGS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyDate",
    "SeriesDate",
    "StudyTime",
    "AccessionNumber",
    "Modality",
    "ReferringPhysicianName",
    "StudyDescription",
    "SeriesDescription",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "BodyPartExamined",
    "ProtocolName",
    "SpecificCharacterSet",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "StudyID",
    "SeriesNumber",
    "ImageType",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SpacingBetweenSlices",
    "InstanceNumber",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "RescaleType",
    *dict.fromkeys((*SAME_OF_SERIES, *COMPARED_TAGS, *SEPARATING_TAGS)),
)
"""What searches ask for: whole headers of a large folder would fill the memory."""


@dataclass(frozen=True, eq=False)
class Series:
    """The files of one series, in the order of their names below the folder.

    uid: SeriesInstanceUID, with more where several series share it, see `series_of_uid`; empty
    where images have none, and where only damaged files are known. damaged: files of the same
    folders that claim to be DICOM and cannot be read. They may belong to this series, so whoever
    reads it must meet them.
    kind: which part it is, where several scans lie in one series; phase: as `read_scan` takes it,
    where the parts lie in the same files; remarks: what its images alone do not tell.
    """

    uid: str
    files: tuple[DicomFile, ...]
    damaged: tuple[Path, ...]
    kind: str | None = None
    phase: int | None = None
    remarks: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[Path, ...]:
        """All files, damaged ones last."""
        return (*(file.path for file in self.files), *self.damaged)

    @property
    def has_images(self) -> bool:
        """Whether it may be a scan, or once was one: segmentations and reports are none."""
        kinds = {file.text("Modality") for file in self.files}
        images = any(file.is_image for file in self.files) or not self.files
        return images and not kinds & {"SEG", "RTSTRUCT", "SR", "PR", "KO"}

    def text(self, tag: str) -> str:
        """A tag of the first file; empty where there is none."""
        return self.files[0].text(tag) if self.files else ""


class SeriesFinder:
    """Finds series below `folder`; a file is read once, and again only when it changes.

    paths: the files to look at, where the caller has walked through the folder already.
    """

    def __init__(self, folder: Path, *, paths: Sequence[Path] | None = None) -> None:
        self._folder = folder
        self._paths = paths
        self._known: dict[tuple[Path, int, int], DicomFile | Path | None] = {}
        self._series: list[Series] = []

    def find(self) -> Sequence[Series]:
        """The series there are now, by the name of their first file.

        The same object as before as long as no file changes.
        """
        known = {}
        with quiet_pydicom():
            for path in self._files():
                if is_volume(path):
                    continue
                try:
                    status = path.stat()
                    key = (path, status.st_mtime_ns, status.st_size)
                    known[key] = self._known[key] if key in self._known else self._read(path)
                except OSError:  # gone, or not ours to read
                    if leads_nowhere(path):
                        known[path, 0, 0] = path
        if known == self._known:
            return self._series
        entries = [entry for entry in known.values() if entry is not None]
        images = [e.path for e in entries if isinstance(e, DicomFile) and e.is_image]
        others = [path for (path, _, _), entry in known.items() if entry is None]
        series = _grouped([*entries, *called_like_slices(others, slices=images)])
        self._known, self._series = known, series
        return self._series

    def _files(self) -> Iterable[Path]:
        return files_below(self._folder) if self._paths is None else self._paths

    def _read(self, path: Path) -> DicomFile | Path | None:
        """The file with its kept tags; its path where it is damaged, None where it is no DICOM."""
        try:
            file, _ = read_header(path, path.relative_to(self._folder).as_posix())
        except InputError:
            return path
        if file is None:
            return None
        try:
            file = flat(file)
        except InputError:
            return path
        kept = Dataset()
        for tag in KEPT_TAGS:
            try:
                if tag in file.header:
                    item = file.header.get_item(tag)
                    kept[item.tag] = item
            except DAMAGED:  # as if it were missing
                continue
        kept.is_little_endian = file.header.is_little_endian
        kept.is_implicit_VR = file.header.is_implicit_VR
        return DicomFile(file.path, file.name, kept)


class Tagged(Protocol):
    """What has the tags of a DICOM series, such as `Series`."""

    def text(self, tag: str, /) -> str:
        """A tag; empty where there is none."""


def patient_of(series: Tagged) -> str:
    """Whose a DICOM series is: its PatientID, or its StudyInstanceUID where that was removed.

    Not from the paper. Series of a study without PatientIDs are of one patient; two such studies
    are taken for two patients. Empty where a series has neither.
    """
    return series.text("PatientID") or series.text("StudyInstanceUID")


def of_one_uid(all_series: Iterable[Series]) -> list[Series]:
    """Series as DICOMweb addresses them: those of one study and UID as one."""
    by_uid: dict[tuple[str, ...], list[Series]] = {}
    for number, item in enumerate(all_series):
        uid = item.text("SeriesInstanceUID")
        key = (item.text("StudyInstanceUID"), uid) if uid else (str(number),)
        by_uid.setdefault(key, []).append(item)
    whole = (together(*some) for some in by_uid.values())
    return [replace(item, uid=item.text("SeriesInstanceUID"), kind=None) for item in whole]


def together(first: Series, *others: Series) -> Series:
    """Series as one, which is called like the first."""
    series = (first, *others)
    files = tuple(file for item in series for file in item.files)
    damaged = tuple(dict.fromkeys(path for item in series for path in item.damaged))
    return replace(first, files=files, damaged=damaged)


def image_id(series: Series, folder: Path) -> str:
    """Its UID; without one, and for damaged files, a name made from their folder."""
    if series.uid:
        return series.uid
    place = series.paths[0].parent.relative_to(folder).as_posix()
    digest = hashlib.sha256(os.fsencode(place + (series.kind or ""))).hexdigest()[:8]
    return f"series-{digest}" if series.files else f"damaged-{digest}"


def series_in(uid: str, files: Sequence[DicomFile], damaged: Sequence[Path]) -> list[Series]:
    """The series of one SeriesInstanceUID, or of images without, and damaged files beside them."""
    series = []
    for ending, some in series_of_uid(files):
        folders = {file.path.parent for file in some}
        near = tuple(path for path in damaged if path.parent in folders)
        kind = ending.strip("-").replace("-", " ") or None
        series.append(Series(f"{uid}{ending}" if uid else "", tuple(some), near, kind))
    return series


def _grouped(entries: list[DicomFile | Path]) -> list[Series]:
    files = [entry for entry in entries if isinstance(entry, DicomFile)]
    damaged = [entry for entry in entries if not isinstance(entry, DicomFile)]
    by_uid: dict[tuple[str, Path | None], list[DicomFile]] = {}
    for file in files:  # images without a series are one a folder
        uid = file.text("SeriesInstanceUID")
        by_uid.setdefault((uid, None if uid else file.path.parent), []).append(file)
    series = [item for (uid, _), some in by_uid.items() for item in series_in(uid, some, damaged)]
    with_files = {file.path.parent for file in files}
    alone: dict[Path, list[Path]] = {}
    for path in damaged:
        if path.parent not in with_files:
            alone.setdefault(path.parent, []).append(path)
    series += [Series("", (), tuple(paths)) for paths in alone.values()]
    return series
