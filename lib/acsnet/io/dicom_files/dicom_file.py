"""One DICOM file: whether it is one, and its tags without the pixels."""

import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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

from acsnet.errors import AcsnetError, InputError
from acsnet.io.dicom_files.bounded_file import BoundedFile, check_inflated
from acsnet.io.volume import DATA_SUFFIXES, SUFFIXES, is_packed

Header = Dataset
"""What a DICOM file says of its image."""

DICOM_SUFFIXES = (".dcm", ".dicom", ".ima")
FOREIGN_SUFFIXES = (".mgz", ".mgh", ".mnc", ".gipl", ".gipl.gz")
"""Of volumes of FreeSurfer, MINC and others, which are to be converted first."""

UNFINISHED_SUFFIXES = (".part", ".partial", ".crdownload", ".download")
"""Of files that a browser or another program has not received to the end."""

PACKED, UNFINISHED = "packed", "an unfinished download"
FOREIGN = "of another format than NIfTI, NRRD and MetaImage"
REMEDIES = {
    PACKED: "unpack it first",
    FOREIGN: "convert it first",
    UNFINISHED: "download it again",
}
"""What to do with a file that is not read, by `why_unread`."""

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

MAGIC, MAGIC_AT = b"DICM", 128

HEAD_BYTES = 512
"""Of a file, which are looked at to tell what it is. Ours."""

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


def number_of(text: str) -> float | None:
    """The number in a value of a tag, also with a decimal comma; None where it is none, or not
    finite.
    """
    try:
        number = float(text.replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


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


@contextmanager
def damage_as(message: str) -> Iterator[None]:
    """Whatever is raised on a damaged file becomes an InputError; our own errors stay."""
    try:
        yield
    except AcsnetError:
        raise
    except DAMAGED as error:
        raise InputError(message) from error


def head_of(path: Path) -> bytes:
    """The first `HEAD_BYTES` of a file, or all that it has."""
    with path.open("rb") as stream:
        return stream.read(HEAD_BYTES)


def has_mark(head: bytes) -> bool:
    """Whether a file is DICOM by its first bytes."""
    return head.startswith(MAGIC, MAGIC_AT)


def is_dicom_file(path: Path) -> bool:
    """Whether a file is DICOM by its content, or called so.

    Raises InputError for a DICOMDIR, which is passed over among other files and holds no image.
    """
    head = head_of(path)
    if DIRECTORY in head:
        msg = f"{path.name} is the index of a disc (DICOMDIR), not an image: give its folder"
        raise InputError(msg)
    return _claims(path, head)


def _claims(path: Path, head: bytes) -> bool:
    """Whether a file is DICOM by its first bytes, or called so."""
    magic = has_mark(head) or head.startswith(WITHOUT_PREAMBLE)
    return magic or path.suffix.lower() in DICOM_SUFFIXES


def is_volume(path: Path) -> bool:
    """Whether a file is called as volumes are.

    `.img` is what some archives call DICOM files, too: these are none, by their content.
    """
    lowered = path.name.lower()
    if not lowered.endswith(SUFFIXES) or lowered in SUFFIXES:
        return False
    try:
        return not (lowered.endswith(DATA_SUFFIXES) and _claims(path, head_of(path)))
    except OSError:
        return True


def why_unread(path: Path) -> str:
    """What a file is that may hold a scan and is not read, by its name; empty for any other."""
    lowered = path.name.lower()
    if is_packed(path):
        return PACKED
    if lowered.endswith(UNFINISHED_SUFFIXES):
        return UNFINISHED
    return FOREIGN if lowered.endswith(FOREIGN_SUFFIXES) else ""


def read_header(path: Path, name: str) -> tuple[DicomFile | None, list[str]]:
    """The DICOM file in `path`, or None with a remark where it is passed over.

    name: what messages call it. Raises InputError for a file that claims to be DICOM and cannot
    be read, OSError for one that cannot be opened.
    """
    head = head_of(path)
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
            header = pydicom.dcmread(counted, stop_before_pixels=True, force=not has_mark(head))
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
        return None, [f"{name} was skipped: it is {why_unread(path) or 'not DICOM'}"]
    msg = f"{name} cannot be read as DICOM: it has no {missing[0]} (damaged or cut short?)"
    raise InputError(msg) from cause


def _needed_tags(file: DicomFile) -> tuple[str, ...]:
    """What a file must tell to be known: hanging protocols and palettes belong to no series."""
    if file.is_image:
        return IMAGE_TAGS
    kind = UID(file.text("SOPClassUID"))
    no_image = kind.type == "SOP Class" and "Image" not in kind.name
    return ("SOPClassUID",) if no_image else IDENTITY_TAGS
