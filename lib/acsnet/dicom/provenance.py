"""Provenance of a DICOM object (equipment, series, state), shared by SEG, SR and PDF."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import Any, Literal

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from acsnet import __version__
from acsnet.errors import AcsnetError, InputError
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, text_of

State = Literal["draft", "reviewed"]
AlgorithmType = Literal["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"]

MAKER = "ACSNet"
SERIES_DESCRIPTION: dict[State, str] = {"draft": "ACSNet draft", "reviewed": "ACSNet reviewed"}
MAX_CREATOR = 64
UTF_8 = "ISO_IR 192"


def equipment_and_series(
    sources: Sequence[Dataset], *, offset: int, state: State
) -> dict[str, Any]:
    """Series and equipment of an object as arguments of highdicom's classes, with fresh UIDs.

    offset: 1 to 99, by kind of object, added to 100 times the number of the MR series, so that
    viewers list objects after their images.
    """
    number = text_of(sources[0], "SeriesNumber")
    base = int(number) if re.fullmatch(r"\d{1,7}", number) else 90
    return {
        "series_instance_uid": generate_uid(prefix=None),
        "series_number": 100 * base + offset,
        "series_description": SERIES_DESCRIPTION[state],
        "sop_instance_uid": generate_uid(prefix=None),
        "instance_number": 1,
        "manufacturer": MAKER,
        "manufacturer_model_name": MAKER,
        "software_versions": __version__,
        "device_serial_number": "none",
    }


def check_creator(creator: str) -> str:
    """The name, if valid as a DICOM person name. Raises InputError otherwise."""
    unfit = not creator.strip() or re.search(r"[\\=\x00-\x1f]", creator)
    if unfit or len(creator) > MAX_CREATOR:
        msg = f"creator must be 1 to {MAX_CREATOR} characters without \\ and =, got {creator!r}"
        raise InputError(msg)
    return creator


@contextmanager
def made_of(sources: Sequence[Dataset]) -> Iterator[None]:
    """While highdicom makes an object of images: its remarks are kept from the user.

    Raises InputError with the series and the cause for what it cannot make an object of, such as a
    tag that nobody foresaw.
    """
    try:
        with quiet_pydicom():
            yield
    except AcsnetError:
        raise
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        series = text_of(sources[0], "SeriesInstanceUID")
        msg = (
            f"no DICOM object can be made of the images of series {series} "
            f"({type(error).__name__}: {error})"
        )
        raise InputError(msg) from error


def finished(dataset: Dataset) -> Dataset:
    """A plain dataset with text in UTF-8, as read from a file: highdicom's cannot be copied."""
    dataset.SpecificCharacterSet = UTF_8
    with BytesIO() as stream:
        dataset.save_as(stream, write_like_original=False)
        stream.seek(0)
        plain = pydicom.dcmread(stream)
    plain.filename = None
    return plain
