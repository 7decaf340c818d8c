"""The DICOM files of a folder, and the one MR series among them."""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import pydicom
from PIL.Image import DecompressionBombError
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import _read_file_meta_info, read_preamble
from pydicom.uid import DeflatedExplicitVRLittleEndian

from acsnet.errors import InputError
from acsnet.io.limits import MAX_HEADER_BYTES, MAX_INFLATED_BYTES

Header = Dataset
"""What a DICOM file says of its image."""

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
IDENTITY_TAGS = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality")
MAX_LISTED = 20

DAMAGED = (
    BytesLengthException,
    DecompressionBombError,
    InvalidDicomError,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What pydicom and its decoders raise on damaged or unsupported files."""


@dataclass(frozen=True, eq=False)
class DicomFile:
    """One file: its path, its name below the folder, its tags without the pixels."""

    path: Path
    name: str
    header: Dataset

    def text(self, tag: str) -> str:
        """The value of a tag as DICOM writes it, valid or not; empty when it is missing."""
        return text_of(self.header, tag)

    @property
    def is_image(self) -> bool:
        """Whether the header tells of pixels."""
        return "Rows" in self.header and "Columns" in self.header


def text_of(header: Dataset, tag: str) -> str:
    """The value of a tag as DICOM writes it, valid or not; empty when it is missing."""
    try:
        value = header.get(tag)
    except DAMAGED:
        stored = header.get_item(tag).value
        return stored.decode("ascii", "replace").strip(" \0")
    if isinstance(value, pydicom.multival.MultiValue):
        return "\\".join(map(str, value))
    return "" if value is None else str(value).strip()


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Keep remarks of pydicom and highdicom on dates, UIDs and names from the user.

    None bears on geometry. For one thread: see `silence_pydicom`.
    """
    with warnings.catch_warnings():
        silence_pydicom()
        yield


def silence_pydicom() -> None:
    """Keep the remarks of `quiet_pydicom` away for good.

    A program with threads calls it once at its start: `catch_warnings` lets one thread undo the
    filters of another, and the remarks quote dates and names of patients.
    """
    warnings.filterwarnings("ignore", category=UserWarning, module=r"(pydicom|highdicom)(\..*)?$")


def read_headers(folder: Path) -> tuple[list[DicomFile], list[str]]:
    """Folder and its direct subfolders -> DICOM files, with warnings about files passed over.

    DICOMDIR, hidden and text files are not looked at. Raises InputError for a file that claims
    to be DICOM and cannot be read, for one image that is there twice, and for an empty folder.
    """
    files: list[DicomFile] = []
    remarks: list[str] = []
    seen: dict[str, str] = {}
    for path in candidates(folder):
        name = path.relative_to(folder).as_posix()
        file, remark = read_header(path, name)
        remarks += remark
        if file is None:
            continue
        uid = file.text("SOPInstanceUID")
        if uid in seen:
            msg = f"{seen[uid]} and {name} are the same image (SOPInstanceUID {uid})"
            raise InputError(msg)
        seen[uid] = name
        files.append(file)
    if not files:
        msg = f"{folder.name} holds no DICOM files, nor do its direct subfolders"
        raise InputError(msg)
    return files, remarks


def choose_series(
    files: list[DicomFile], *, series: str | None, folder: str
) -> tuple[list[DicomFile], list[str]]:
    """The files of the one MR image series, with a warning for each series left out.

    series: a SeriesInstanceUID or a SeriesNumber that is unique in the folder. Raises InputError
    with a list of what is there when none or several fit, or when what fits is not MR.
    """
    by_uid: dict[str, list[DicomFile]] = {}
    for file in files:
        by_uid.setdefault(file.text("SeriesInstanceUID"), []).append(file)
    if series is not None:
        chosen = [g for u, g in by_uid.items() if series in (u, g[0].text("SeriesNumber"))]
        if len(chosen) != 1:
            found = "no series" if not chosen else f"{len(chosen)} series"
            msg = f"{folder} has {found} {series!r}; choose with --series from {_listed(by_uid)}"
            raise InputError(msg)
        if not _is_mr(chosen[0]):
            msg = f"series {series!r} in {folder} must be MR, got Modality {_modality(chosen[0])}"
            raise InputError(msg)
        return chosen[0], []
    with_mr = [group for group in by_uid.values() if _is_mr(group)]
    chosen = [group for group in with_mr if any(file.is_image for file in group)] or with_mr
    if not chosen:
        found = ", ".join(sorted({_modality(group) for group in by_uid.values()}))
        msg = f"{folder} must hold an MR series, got Modality {found}"
        raise InputError(msg)
    if len(chosen) > 1:
        msg = (
            f"{folder} holds {len(chosen)} MR series; choose one with --series UID "
            f"(or its number): {_listed({g[0].text('SeriesInstanceUID'): g for g in chosen})}"
        )
        raise InputError(msg)
    others = {u: g for u, g in by_uid.items() if g is not chosen[0]}
    return chosen[0], [f"left out of the folder: {_listed(others)}"] if others else []


def candidates(folder: Path) -> Iterator[Path]:
    """The files of a folder and its direct subfolders that a reader looks at, by name.

    Raises InputError for a link to nothing, which may be a slice.
    """
    for entry in sorted(folder.iterdir()):
        for path in sorted(entry.iterdir()) if entry.is_dir() else [entry]:
            hidden = entry.name.startswith(".") or path.name.startswith(".")
            if not hidden and leads_nowhere(path):
                msg = f"{path.name} is a link to a file that is not there"
                raise InputError(msg)
            if path.is_file() and not hidden and path.name.upper() != "DICOMDIR":
                yield path


def leads_nowhere(path: Path) -> bool:
    """Whether this is a link to nothing that is called as DICOM files are."""
    named = path.suffix.lower() in ("", *DICOM_SUFFIXES) or path.suffix[1:].isdecimal()
    return named and path.is_symlink() and not path.exists()


def read_header(path: Path, name: str) -> tuple[DicomFile | None, list[str]]:
    """The DICOM file in `path`, or None with a remark where it is passed over.

    name: what messages call it. Raises InputError for a file that claims to be DICOM and cannot
    be read, OSError for one that cannot be opened.
    """
    with path.open("rb") as stream:
        head = stream.read(512)
    preamble = head[128:132] == b"DICM"
    claims = preamble or path.suffix.lower() in DICOM_SUFFIXES
    if not claims and head and b"\0" not in head:
        return None, []  # text: README, .txt, .json, .csv
    cause: Exception | None = None
    missing = ["readable header"]
    try:
        check_inflated(path, name)
        with path.open("rb") as stream:
            counted = _Counted(stream, name)
            header = pydicom.dcmread(counted, stop_before_pixels=True, force=not preamble)
        file = DicomFile(path, name, header)
        missing = [tag for tag in IDENTITY_TAGS if not file.text(tag)]
    except InputError:
        raise
    except DAMAGED as error:
        cause = error
    if not missing:
        return file, []
    if not claims:
        return None, [f"{name} was passed over: it is not DICOM"]
    msg = f"{name} cannot be read as DICOM: it has no {missing[0]} (damaged or cut short?)"
    raise InputError(msg) from cause


def check_inflated(path: Path, name: str) -> None:
    """Refuse a deflated file (PS3.5 A.5) that would fill the memory: pydicom inflates it whole.

    Raises InputError, also for meta information that never ends, and what pydicom does on a
    damaged file.
    """
    with path.open("rb") as stream:
        counted = _Counted(stream, name)
        read_preamble(counted, force=True)
        meta = _read_file_meta_info(counted)
        if meta.get("TransferSyntaxUID") != DeflatedExplicitVRLittleEndian:
            return
        inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        inflated = len(inflate.decompress(stream.read(MAX_HEADER_BYTES), MAX_INFLATED_BYTES + 1))
    if inflated > MAX_INFLATED_BYTES:
        msg = f"{name} is too large: it inflates to more than {MAX_INFLATED_BYTES} bytes"
        raise InputError(msg)


class _Counted:
    """A file that is read up to where a header must have ended, for pydicom."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream = stream
        self._left = MAX_HEADER_BYTES
        self.name = name
        self.seek, self.tell, self.close = stream.seek, stream.tell, stream.close

    def read(self, size: int = -1) -> bytes:
        """As of the file. Raises InputError beyond the limit."""
        content = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        self._left -= len(content)
        if self._left < 0:
            msg = f"{self.name} is too large: a header of more than {MAX_HEADER_BYTES} bytes"
            raise InputError(msg)
        return content


def _is_mr(group: list[DicomFile]) -> bool:
    return any(file.text("Modality") == "MR" for file in group)


def _modality(group: list[DicomFile]) -> str:
    return "/".join(sorted({file.text("Modality") or "(empty)" for file in group}))


def _listed(by_uid: dict[str, list[DicomFile]]) -> str:
    lines = [
        f"{uid} (number {group[0].text('SeriesNumber') or 'none'}, "
        f"{group[0].text('SeriesDescription') or 'no description'!r}, {_modality(group)}, "
        f"{len(group)} files)"
        for uid, group in by_uid.items()
    ]
    more = len(lines) - MAX_LISTED
    return "; ".join(lines[:MAX_LISTED]) + (f"; and {more} more" if more > 0 else "")
