"""The DICOM files of a folder, and the one MR series among them."""

import os
import struct
import warnings
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pydicom
from PIL.Image import DecompressionBombError
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.uid import (
    UID,
    EnhancedMRColorImageStorage,
    EnhancedMRImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
    MRImageStorage,
)

from acsnet.errors import InputError
from acsnet.io.dicom_stack.file_checks import BoundedFile, check_inflated
from acsnet.io.dicom_stack.lost_slices import called_like_slices
from acsnet.io.volume import DATA_SUFFIXES, SUFFIXES, is_packed

Header = Dataset
"""What a DICOM file says of its image."""

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
IDENTITY_TAGS = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "Modality")
IMAGE_TAGS = ("SOPClassUID", "Modality")
"""Without these nothing tells what an image is; empty UIDs are what some anonymisers leave."""

MR_IMAGES = (
    MRImageStorage,
    EnhancedMRImageStorage,
    EnhancedMRColorImageStorage,
    LegacyConvertedEnhancedMRImageStorage,
)
"""What is MR by its class, where an anonymiser has emptied Modality."""

MAGIC, MAGIC_AT = b"DICM", slice(128, 132)

WITHOUT_PREAMBLE = MAGIC + b"\x02\x00"
"""How a file begins that lacks the 128 bytes before it: with the group of meta information."""

DIRECTORY = b"\x02\x00\x02\x00UI\x14\x001.2.840.10008.1.3.10"
"""MediaStorageSOPClassUID of a DICOMDIR (PS3.10 8.6), which has no SOPClassUID of its own."""

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
    """One file: its path, its name below the folder, its tags without the pixels.

    frame: which of its frames is meant, from 0, where the tags are those of one frame of several.
    """

    path: Path
    name: str
    header: Dataset
    frame: int | None = None

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
        return _stored_text(header, tag)
    if isinstance(value, pydicom.multival.MultiValue):
        return "\\".join(map(str, value))
    return "" if value is None else str(value).strip()


def _stored_text(header: Dataset, tag: str) -> str:
    """The bytes of a damaged tag as text; empty where not even these can be had."""
    try:
        stored = header.get_item(tag).value
    except DAMAGED:
        return ""
    return stored.decode("ascii", "replace").strip(" \0") if isinstance(stored, bytes) else ""


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
    """Folder and its subfolders -> DICOM files, with warnings about files passed over.

    DICOMDIR, hidden and text files are not looked at. Raises InputError for a file that claims
    to be DICOM and cannot be read, and for a folder without any.
    """
    walk = Walk()
    names = {path: path.relative_to(folder).as_posix() for path in candidates(folder, walk=walk)}
    files, remarks = headers_of(names)
    if not files:
        hints = [f"{path.name} is packed, unpack it first" for path in names if is_packed(path)]
        hint = "".join(f": {hint}" for hint in (*walk.remarks(folder), *hints)[:1])
        msg = f"{folder.name} holds no DICOM files, nor do its subfolders{hint}"
        raise InputError(msg)
    return files, [*remarks, *walk.remarks(folder)]


def headers_of(paths: Mapping[Path, str]) -> tuple[list[DicomFile], list[str]]:
    """DICOM files of paths with their names, and warnings about files passed over.

    Raises InputError for one that claims to be DICOM, or is called like the slices beside it, and
    cannot be read.
    """
    files: list[DicomFile] = []
    remarks: list[str] = []
    for path, name in paths.items():
        file, remark = read_header(path, name)
        remarks += [] if is_volume(path) else remark  # a scan of its own
        files += [] if file is None else [file]
    read = {file.path for file in files}
    seriesless = [file for file in files if not (file.is_image or file.text("SeriesInstanceUID"))]
    if len(seriesless) < len(files):
        remarks += [
            f"{file.name} was skipped: it is no image ({_kind_of(file)})" for file in seriesless
        ]
        files = [file for file in files if file not in seriesless]
    others = [path for path in paths if path not in read]
    if lost := called_like_slices(others, slices=[file.path for file in files if file.is_image]):
        what = "is packed: unpack it first" if is_packed(lost[0]) else "cannot be read as DICOM"
        msg = f"{paths[lost[0]]} is called like the slices beside it, and {what}"
        raise InputError(msg)
    return files, remarks


def is_dicom_file(path: Path) -> bool:
    """Whether a file is DICOM by its content, or called so.

    Raises InputError for a DICOMDIR, which is passed over among other files and holds no image.
    """
    head = _head(path)
    if DIRECTORY in head:
        msg = f"{path.name} is the index of a disc (DICOMDIR), not an image: give its folder"
        raise InputError(msg)
    return _claims(path, head)


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(512)


def _claims(path: Path, head: bytes) -> bool:
    """Whether a file is DICOM by its first bytes, or called so."""
    magic = head[MAGIC_AT] == MAGIC or head.startswith(WITHOUT_PREAMBLE)
    return magic or path.suffix.lower() in DICOM_SUFFIXES


def is_volume(path: Path) -> bool:
    """Whether a file is called as volumes are.

    `.img` is what some archives call DICOM files, too: these are none, by their content.
    """
    lowered = path.name.lower()
    if not lowered.endswith(SUFFIXES) or lowered in SUFFIXES:
        return False
    try:
        return not (lowered.endswith(DATA_SUFFIXES) and _claims(path, _head(path)))
    except OSError:
        return True


@dataclass(frozen=True, kw_only=True)
class Walk:
    """What a walk through folders keeps in mind.

    been: folders that it was in; closed: those it could not open; without: a folder, resolved,
    that is left out.
    """

    been: set[tuple[int, int]] = field(default_factory=set)
    closed: list[Path] = field(default_factory=list)
    without: Path | None = None

    def entries(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        """What a folder holds, by name; nothing where it cannot be opened, or was gone through."""
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            self.closed.append(folder)
            return iter(())
        left_out = self.without is not None and folder.resolve().is_relative_to(self.without)
        if left_out or (status.st_dev, status.st_ino) in self.been:
            return iter(())
        self.been.add((status.st_dev, status.st_ino))
        return iter(entries)

    def remarks(self, root: Path) -> list[str]:
        """Of each folder that could not be opened, that what it holds is missing."""
        names = (path.name if path == root else path.relative_to(root) for path in self.closed)
        return [f"{name} was skipped: the folder cannot be opened" for name in names]


def files_below(
    folder: Path, *, subfolders: bool = True, walk: Walk | None = None
) -> Iterator[Path]:
    """All files that may be scans or slices, at any depth, in the order of their names.

    Not hidden ones and no DICOMDIR; with links to nothing that are called as slices are. No folder
    is gone through twice, so that links that lead round in circles end.
    """
    walk = walk or Walk()
    levels = [walk.entries(folder)]
    while levels:
        entry = next(levels[-1], None)
        if entry is None:
            levels.pop()
            continue
        if entry.name.startswith(".") or entry.name.upper() == "DICOMDIR":
            continue
        try:
            is_file, is_folder = entry.is_file(), entry.is_dir()
        except OSError:  # a link to itself
            is_file = is_folder = False
        if is_file or leads_nowhere(Path(entry.path)):
            yield Path(entry.path)
        elif is_folder and subfolders:
            levels.append(walk.entries(Path(entry.path)))


def candidates(folder: Path, *, walk: Walk | None = None) -> Iterator[Path]:
    """The files of a folder and its subfolders that a reader looks at, by name.

    Raises InputError for a link to nothing, which may be a slice.
    """
    for path in files_below(folder, walk=walk):
        if leads_nowhere(path):
            msg = f"{path.name} is a link to a file that does not exist"
            raise InputError(msg)
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
    head = _head(path)
    claims = _claims(path, head)
    if claims and not head:
        msg = f"{name} cannot be read as DICOM: it is empty (a copy that failed?)"
        raise InputError(msg)
    if DIRECTORY in head or (not claims and head and b"\0" not in head):
        return None, []  # nor text: README, .txt, .json, .csv
    if head.startswith(WITHOUT_PREAMBLE):
        msg = (
            f"{name} cannot be read as DICOM: it begins with DICM, without the 128 bytes that "
            "belong before it (export it again)"
        )
        raise InputError(msg)
    cause: Exception | None = None
    missing = ["readable header"]
    try:
        check_inflated(path, name)
        with path.open("rb") as stream:
            counted = BoundedFile(stream, name)
            header = pydicom.dcmread(
                counted, stop_before_pixels=True, force=head[MAGIC_AT] != MAGIC
            )
        file = DicomFile(path, name, header)
        modality = file.text("Modality")
        if modality.upper() == "MR" or (not modality and file.text("SOPClassUID") in MR_IMAGES):
            header.Modality = "MR"
        missing = [tag for tag in _needed_tags(file) if not file.text(tag)]
    except InputError:
        raise
    except DAMAGED as error:
        cause = error
    if not missing:
        return file, []
    if not claims:
        return None, [f"{name} was skipped: it is not DICOM"]
    msg = f"{name} cannot be read as DICOM: it has no {missing[0]} (damaged or cut short?)"
    raise InputError(msg) from cause


def _needed_tags(file: DicomFile) -> tuple[str, ...]:
    """What a file must tell to be known: hanging protocols and palettes belong to no series."""
    if file.is_image:
        return IMAGE_TAGS
    kind = UID(file.text("SOPClassUID"))
    no_image = kind.type == "SOP Class" and "Image" not in kind.name
    return ("SOPClassUID",) if no_image else IDENTITY_TAGS


def _kind_of(file: DicomFile) -> str:
    """The name of the class of an object in words."""
    return UID(file.text("SOPClassUID")).name.removesuffix(" Storage")
