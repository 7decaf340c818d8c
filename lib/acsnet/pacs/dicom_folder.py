"""Find and read DICOM files to send."""

from collections.abc import Iterable
from pathlib import Path

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from acsnet.errors import InputError
from acsnet.io.dicom_files import DAMAGED, DICOM_SUFFIXES, quiet_pydicom, text_of

UNDEFINED_LENGTH = 0xFFFFFFFF


def files_below(paths: Iterable[Path]) -> list[Path]:
    """The given files, and all DICOM files in the given folders, without DICOMDIR.

    Raises InputError for a missing path, and if there is no file at all.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += [
                file
                for file in sorted(path.rglob("*"))
                if file.is_file() and file.name != "DICOMDIR" and _claims(file)
            ]
        elif path.is_file():
            files.append(path)
        else:
            msg = f"{path} is not there"
            raise InputError(msg)
    if not files:
        msg = "there are no DICOM files to send"
        raise InputError(msg)
    return files


def _claims(file: Path) -> bool:
    """Whether a file in a folder claims to be DICOM, by its preamble or its suffix."""
    with file.open("rb") as stream:
        preamble = stream.read(132)[128:] == b"DICM"
    return preamble or file.suffix.lower() in DICOM_SUFFIXES


def read_whole(file: Path) -> Dataset:
    """Read a DICOM file to send it. Raises InputError if it is not DICOM, damaged or cut short.

    pydicom accepts a last value cut short by the end of the file, so lengths are checked here.
    """
    try:
        with quiet_pydicom():
            dataset = pydicom.dcmread(file)
            short = [
                element.tag
                for element in dataset.values()
                if isinstance(element, RawDataElement)
                and element.length != UNDEFINED_LENGTH
                and len(element.value or b"") != element.length
            ]
            named = all(text_of(dataset, tag) for tag in ("SOPClassUID", "SOPInstanceUID"))
    except DAMAGED as error:
        msg = "it is no DICOM file, or damaged"
        raise InputError(msg) from error
    if not named:
        msg = "it has no SOPClassUID or SOPInstanceUID (damaged or cut short?)"
        raise InputError(msg)
    if short:
        msg = f"it is cut short: element {short[0]} is not whole"
        raise InputError(msg)
    return dataset
