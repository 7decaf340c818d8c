"""A file with a volume, of any format that is read, told by its content and not by its ending."""

import zlib
from pathlib import Path

from acsnet.errors import InputError
from acsnet.io import metaimage, nrrd
from acsnet.io.metaimage import metaimage_volume
from acsnet.io.nifti import GZIP, header_path, nifti_volume, opened
from acsnet.io.nrrd import nrrd_volume
from acsnet.io.volume import LABEL_SUFFIXES, Volume, case_name, scan_of
from acsnet.scan import ShortAxisScan

DICOM_AT = slice(128, 132)

PACKERS = {
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"7z\xbc\xaf": "7-Zip",
    b"Rar!": "RAR",
}
"""What packs files, by the first bytes; gzip is read."""


def open_volume(path: Path, *, name: str) -> Volume:
    """The volume in a file; `name` is what messages call it.

    Raises InputError for a file of another format, and for one that is damaged.
    """
    path = header_path(path.resolve())  # detached pixels lie beside the file, not beside a link
    with path.open("rb") as stream:
        head = stream.read(DICOM_AT.stop)
    if not head:
        msg = f"{name} cannot be read: it is empty (a copy that failed?)"
        raise InputError(msg)
    if head.startswith(nrrd.MAGIC):
        return nrrd_volume(path, name=name)
    if head.lstrip().startswith(metaimage.KEYS):
        return metaimage_volume(path, name=name)
    packer = next((program for magic, program in PACKERS.items() if head.startswith(magic)), None)
    if packer is not None:
        msg = f"{name} is packed ({packer}): unpack it first"
        raise InputError(msg)
    if head.startswith(GZIP):
        _check_packed(path, name)
    if head[DICOM_AT] == b"DICM":
        msg = f"{name} is a DICOM file: give the folder with all slices of its series"
        raise InputError(msg)
    return nifti_volume(path, name=name)


def _check_packed(path: Path, name: str) -> None:
    """Refuse a gzip file with anything but NIfTI in it, which alone is read packed."""
    try:
        with opened(path) as stream:
            head = stream.read(DICOM_AT.stop)
    except (OSError, EOFError, zlib.error):
        return  # said by the reader of NIfTI
    other = head.startswith(nrrd.MAGIC) or head.lstrip().startswith(metaimage.KEYS)
    if other or head[DICOM_AT] == b"DICM":
        msg = f"{name} is packed (gzip): unpack it first"
        raise InputError(msg)


def read_volume(path: Path) -> ShortAxisScan:
    """The short-axis stack in a file, called by its name.

    Raises InputError for what is no grey 3-D image, GeometryError for a header from which no true
    volume can be built.
    """
    name = case_name(path)
    volume = open_volume(path, name=path.name)
    if volume.segments or path.name.lower().endswith(LABEL_SUFFIXES):
        msg = f"{path.name} is a segmentation, not a scan"
        raise InputError(msg)
    return scan_of(volume, name=name)
