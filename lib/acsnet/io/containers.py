"""A file with a volume, of any format that is read, told by its content and not by its ending."""

import codecs
import hashlib
import re
import zlib
from pathlib import Path

from nibabel import Spm99AnalyzeImage

from acsnet.errors import GeometryError, InputError
from acsnet.io import metaimage, nrrd
from acsnet.io.dicom_files.dicom_file import HEAD_BYTES, has_mark, head_of
from acsnet.io.dicom_stack.phases import PHASE_FILE
from acsnet.io.dicom_stack.selection import MIN_STACK
from acsnet.io.limits import GZIP, open_unpacked
from acsnet.io.metaimage import metaimage_pixels, metaimage_volume
from acsnet.io.nifti import NIFTI_1, NIFTI_2, header_path, nifti_volume
from acsnet.io.nrrd import nrrd_pixels, nrrd_volume
from acsnet.io.volume import SUFFIXES, Volume, case_name, followed, scan_of
from acsnet.scan import ShortAxisScan
from acsnet.storage import sha256_of

PACKERS = {
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7-Zip",
    b"Rar!": "RAR",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"\x04\x22\x4d\x18": "LZ4",
    b"\x1f\x9d": "compress",
}
"""What packs files, by the first bytes; gzip is read."""

OTHER_HALF = {".hdr": (".img", ".IMG"), ".img": (".hdr", ".HDR")}
"""Of a pair, by the ending of the one that is given."""

HOLDS = {".hdr": "header", ".img": "pixels"}
"""Which half of a pair is called so."""

TEXT_HEADERS = {".nrrd": "NRRD", ".nhdr": "NRRD", ".mha": "MetaImage", ".mhd": "MetaImage"}
"""What files of these endings are, whose content is no other format either."""

SINGLE_AT = {344: b"n+1\0", 4: b"n+2\0"}
"""At which bytes NIfTI files that are no half of a pair tell so, and how."""


def open_volume(path: Path, *, name: str) -> Volume:
    """The volume in a file; `name` is what messages call it.

    Raises InputError for a file of another format, and for one that is damaged.
    """
    path = _beside_other_half(path)
    head = head_of(path)
    if not head:
        msg = f"{name} cannot be read: it is empty (a copy that failed?)"
        raise InputError(msg)
    if _begins(head, nrrd.MAGIC):
        return nrrd_volume(path, name=name)
    if _begins(head, *metaimage.KEYS):
        return metaimage_volume(path, name=name)
    packer = next((program for magic, program in PACKERS.items() if head.startswith(magic)), None)
    if packer is not None:
        msg = f"{name} is packed ({packer}): unpack it first"
        raise InputError(msg)
    if head.startswith(GZIP):
        _check_packed(path, name)
    if has_mark(head):
        msg = f"{name} is a DICOM file: give the folder with all slices of its series"
        raise InputError(msg)
    if not head.startswith(GZIP):
        _check_halves(path, name)
        _check_called_volume(path, name, head)
    return nifti_volume(path, name=name)


def files_of(path: Path) -> tuple[Path, ...]:
    """The files that `open_volume` reads, the header first; this one alone where it is damaged."""
    path = _beside_other_half(path)
    if path.suffix.lower() == ".hdr":
        # SPM keeps the transform of an Analyze file in a third one.
        parts = Spm99AnalyzeImage.filespec_to_file_map(path).values()
        others = {Path(part.filename) for part in parts} - {path}
        return path, *sorted(other for other in others if other.is_file())
    head = head_of(path)
    try:
        if _begins(head, nrrd.MAGIC):
            pixels = nrrd_pixels(path, name=path.name)
        elif _begins(head, *metaimage.KEYS):
            pixels = metaimage_pixels(path, name=path.name)
        else:
            pixels = path
    except InputError:  # said by the reader
        pixels = path
    return (path,) if pixels == path else (path, pixels)


def parts_of(path: Path) -> list[Path]:
    """All files of a scan: in its folder, or as `files_of`. Raises OSError where there is none.

    Of the hidden files of a folder, which no reader takes, only the one that says which phase is
    meant: the others tell of the copies on this machine, or are on their way.
    """
    if not path.is_dir():
        return list(files_of(path))
    files = path.iterdir()
    return sorted(f for f in files if f.name == PHASE_FILE or not f.name.startswith("."))


def content_digest(path: Path) -> str:
    """SHA-256 of what the files of a scan hold, whatever their names and times are.

    Empty where one cannot be read, or there is none.
    """
    try:
        digests = sorted(sha256_of(file) for file in parts_of(path) if file.is_file())
    except OSError:
        return ""
    return hashlib.sha256("".join(digests).encode()).hexdigest() if all(digests or [""]) else ""


def _beside_other_half(path: Path) -> Path:
    """The header of a pair, where both halves, or links to them, lie together; else the path."""
    for place in followed(path):
        endings = OTHER_HALF.get(place.suffix.lower(), ())
        if any(place.with_suffix(ending).is_file() for ending in endings):
            return header_path(place)
    return path


def _check_halves(path: Path, name: str) -> None:
    """Refuse one half of a pair whose other half, after `_beside_other_half`, is not beside it."""
    endings = OTHER_HALF.get(path.suffix.lower(), ())
    if not endings or any(path.with_suffix(ending).is_file() for ending in endings):
        return
    with path.open("rb") as stream:
        head = stream.read(NIFTI_2)
    if any(head.startswith(magic, at) for at, magic in SINGLE_AT.items()):
        return
    msg = (
        f"{name} cannot be read as NIfTI or Analyze: {path.stem}{endings[0]}, the file with its "
        f"{HOLDS[endings[0]]}, is not beside it"
    )
    raise InputError(msg)


def _begins(head: bytes, *marks: bytes) -> bool:
    """Whether a text header begins with one of some marks, perhaps behind the mark of UTF-8."""
    return head.removeprefix(codecs.BOM_UTF8).lstrip().startswith(marks)


def _check_called_volume(path: Path, name: str, head: bytes) -> None:
    """Refuse what is no NIfTI by its content, and is called otherwise.

    Other formats, and what is no volume: contours, pictures, MATLAB files.
    """
    sizes = {int.from_bytes(head[:4], "little"), int.from_bytes(head[:4], "big")}
    if sizes & {NIFTI_1, NIFTI_2}:
        return
    if (called := TEXT_HEADERS.get(path.suffix.lower())) is not None:
        msg = f"{name} cannot be read as {called} (damaged or another format?)"
        raise InputError(msg)
    if path.name.lower().endswith(SUFFIXES):
        return
    msg = f"{name} is no file with a volume: export it as NIfTI, NRRD or MetaImage"
    raise InputError(msg)


def _check_packed(path: Path, name: str) -> None:
    """Refuse a gzip file with anything but NIfTI in it, which alone is read packed."""
    try:
        with open_unpacked(path) as stream:
            head = stream.read(HEAD_BYTES)
    except (OSError, EOFError, zlib.error):
        return  # said by the reader of NIfTI
    if _begins(head, nrrd.MAGIC, *metaimage.KEYS) or has_mark(head):
        msg = f"{name} is packed (gzip): unpack it first"
        raise InputError(msg)


def _check_whole(path: Path, volume: Volume) -> None:
    """Refuse a single slice among others that are called like it, with what makes them a scan.

    Some programs write a file for each slice. Raises GeometryError.
    """
    if sum(size > 1 for size in volume.shape) != 2:
        return
    pattern = _without_numbers(path)
    count = sum(_without_numbers(file) == pattern for file in path.parent.iterdir())
    if count >= MIN_STACK:
        msg = (
            f"{path.name} holds a single slice, and {count} files are called {pattern}: if these "
            "are one stack, join them to one volume (JoinSeries of SimpleITK), or give the DICOM "
            "series"
        )
        raise GeometryError(msg)


def _without_numbers(path: Path) -> str:
    return re.sub(r"\d+", "#", path.name)


def read_volume(path: Path) -> ShortAxisScan:
    """The short-axis stack in a file, called by its name.

    Raises InputError for what is no grey 3-D image, GeometryError for a header from which no true
    volume can be built.
    """
    name = case_name(path)
    volume = open_volume(path, name=path.name)
    _check_whole(path, volume)
    if volume.is_segmentation:
        msg = f"{path.name} is a segmentation, not a scan"
        raise InputError(msg)
    return scan_of(volume, name=name)
