"""Source of a scan: how it is called and read, and how an unchanged scan is recognised."""

import hashlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from acsnet.cohort.outcome import Outcome
from acsnet.errors import InputError
from acsnet.io import read_scan, read_series
from acsnet.io.containers import files_of
from acsnet.io.content.side_file import header_beside
from acsnet.io.dicom_files.walk import candidates
from acsnet.io.finder import called_by_path
from acsnet.io.inputs import told_apart
from acsnet.io.volume import case_name
from acsnet.pacs.config import pacs_settings
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.pacs.download import download_images
from acsnet.pacs.preflight import Examination, examine
from acsnet.scan import ShortAxisScan


class Source(Protocol):
    """One scan of a cohort. Both methods raise AcsnetError or OSError with the reason."""

    @property
    def case(self) -> str:
        """The name of its folder below the output."""
        ...

    @property
    def place(self) -> str:
        """What a user knows it by."""
        ...

    def content(self) -> str:
        """SHA-256 of all that is read."""
        ...

    def read(self) -> ShortAxisScan:
        """The scan, by `acsnet.io.read_scan`."""
        ...


@dataclass(frozen=True, kw_only=True)
class FileSource:
    """A file with a volume, or a DICOM series of a folder.

    series: its UID, None where it is alone; files: of the series, where the folder was searched;
    phase: which of several in the same files; remarks: what is known of it beside its files.
    """

    case: str
    path: Path
    series: str | None = None
    files: tuple[Path, ...] = ()
    phase: int | None = None
    remarks: tuple[str, ...] = ()

    @property
    def place(self) -> str:
        """The path, with the series where it is named."""
        return f"{self.path}" if self.series is None else f"{self.path} series {self.series}"

    def content(self) -> str:
        """SHA-256 of the file, or of all that the reader looks at, in a folder with their names.

        Raises InputError for what is not there, OSError for what cannot be read.
        """
        if not self.path.exists():
            msg = f"{self.path.name} does not exist"
            raise InputError(msg)
        phase = "" if self.phase is None else f" phase {self.phase}"
        if self.path.is_file():
            first, *others = (_sha256(file.read_bytes()) for file in files_of(self.path))
            others += [phase] if phase else []
            others += [str(tags)] if (tags := header_beside(self.path)) else []
            return _sha256("\n".join((first, *others)).encode()) if others else first
        digest = hashlib.sha256(f"{self.series or ''}{phase}".encode())
        for path in self.files or candidates(self.path):
            name = path.relative_to(self.path).as_posix()
            digest.update(f"\n{name}\n{_sha256(path.read_bytes())}".encode())
        return digest.hexdigest()

    def read(self) -> ShortAxisScan:
        """The scan."""
        if self.files:
            scan = read_series(self.files, name=self.case, phase=self.phase)
            return replace(scan, warnings=(*self.remarks, *scan.warnings))
        return read_scan(self.path, phase=self.phase, series=self.series)


@dataclass(frozen=True, kw_only=True)
class PacsSource:
    """A scan in a PACS; address: of its DICOMweb service; parts: as `examine` takes them.

    scan: its id, where the series holds several.

    The login is read from the environment where the scan is read, so that it travels nowhere.
    """

    address: str
    study: str
    parts: tuple[str, ...]
    scan: str = ""

    @property
    def case(self) -> str:
        """The SeriesInstanceUID, with more where the series holds several scans."""
        return self.scan or self.parts[0]

    @property
    def place(self) -> str:
        """The same: an address with it would be too long to read."""
        return self.case

    def content(self) -> str:
        """SHA-256 of the UIDs of its images: an image never changes under its UID."""
        examined = self._examination
        phase = [] if examined.phase is None else [f"phase {examined.phase}"]
        return _sha256("\n".join([*sorted(examined.instances), *phase]).encode())

    def read(self) -> ShortAxisScan:
        """The scan, fetched to a folder that is removed again."""
        with tempfile.TemporaryDirectory() as folder:
            examination = self._examination
            images = dict(zip(examination.instances, examination.in_series, strict=True))
            download_images(self._pacs, study=self.study, images=images, folder=Path(folder))
            return read_scan(folder, phase=examination.phase)

    @property
    def _pacs(self) -> DicomWeb:
        return DicomWeb(pacs_settings(self.address))

    @cached_property
    def _examination(self) -> Examination:
        examination = examine(self._pacs, study=self.study, parts=self.parts).get(self.case)
        if examination is None:
            msg = f"{self.case} is not in the PACS any more"
            raise InputError(msg)
        if examination.reason is not None:
            raise InputError(examination.reason)
        return examination


Listed = Source | Outcome
"""A scan, or why what is listed is none."""


def named(path: Path, root: Path) -> Listed:
    """A file, or a folder with one series, called by its path below `root`."""
    try:
        if not path.is_dir():
            case_name(path)
    except InputError as error:
        return Outcome(case=path.name, place=str(path), reason=str(error))
    return FileSource(case=called_by_path(path, root), path=path)


def all_named(paths: Iterable[Path], root: Path) -> Iterator[Listed]:
    """As `named`, the files `told_apart`."""
    listed = {path: named(path, root) for path in paths}
    cases = told_apart({path: item.case for path, item in listed.items() if not path.is_dir()})
    for path, item in listed.items():
        case = cases.get(path, item.case)
        yield replace(item, case=case) if isinstance(item, FileSource) else item


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
