"""What a DICOM object takes over from its MR images: patient, study and geometry.

Faults of the images must not spoil what is written: a date that is none is left empty, as DICOM
wants a value that is unknown. What names the patient, the study or an image is never changed, not
even an invalid UID: a mended one would name nothing.
"""

import logging
import math
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pydicom.valuerep import DSfloat

from acsnet.dicom.source_images import planes_of, slice_step_mm
from acsnet.errors import InputError
from acsnet.io.dicom_files import quiet_pydicom, text_of

UNDECODABLE = "\N{REPLACEMENT CHARACTER}"
TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")

FRAME_OF_REFERENCE = "FrameOfReferenceUID"
REQUIRED = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "SOPClassUID",
    FRAME_OF_REFERENCE,
    "Modality",
)
KEPT = ("PatientName", "PatientID", "AccessionNumber", "StudyID")
"""Never changed; empty where the images have none."""

LOSSY = ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod")

_log = logging.getLogger(__name__)


def _is_date(text: str) -> bool:
    try:
        return len(text) == len("YYYYMMDD") and bool(datetime.strptime(text, "%Y%m%d"))
    except ValueError:
        return False


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _is_text(text: str) -> bool:
    return UNDECODABLE not in text


MAY_BE_EMPTY: dict[str, Callable[[str], bool]] = {
    "PatientBirthDate": _is_date,
    "PatientSex": lambda text: text in ("M", "F", "O"),
    "StudyDate": _is_date,
    "StudyTime": lambda text: bool(TIME.fullmatch(text)),
    "ReferringPhysicianName": _is_text,
}
"""Taken over when valid, else empty (type 2)."""

MAY_BE_ABSENT: dict[str, Callable[[str], bool]] = {
    "IssuerOfPatientID": _is_text,
    "PatientAge": lambda text: bool(re.fullmatch(r"\d{3}[DWMY]", text)),
    "PatientSize": _is_number,
    "PatientWeight": _is_number,
    "StudyDescription": _is_text,
    "PatientIdentityRemoved": lambda text: text in ("YES", "NO"),
    "DeidentificationMethod": _is_text,
}
"""Taken over when valid, else left out (type 3)."""


def source_faults(sources: Sequence[Dataset]) -> tuple[str, ...]:
    """What is wrong with the tags that an object takes over: told, never hidden.

    An invalid date or the like is left out of the object, an invalid UID stays as it is. Images
    that were made anonymous one by one may each have a FrameOfReferenceUID: the object gets that
    of the first.
    """
    with quiet_pydicom():
        faults = [
            f"{keyword} is invalid and left out"
            for keyword, valid in {**MAY_BE_EMPTY, **MAY_BE_ABSENT}.items()
            if (text := text_of(sources[0], keyword)) and not valid(text)
        ]
        for keyword in (*REQUIRED[:3], FRAME_OF_REFERENCE):
            uids = {text_of(source, keyword) for source in sources} - {""}
            invalid = sorted(uid for uid in uids if not UID(uid).is_valid)
            if invalid:
                faults.append(
                    f"{keyword} {invalid[0]} is no valid UID ({len(invalid)} of {len(uids)} are "
                    "not); kept, it is the name of the original"
                )
        frames = {text_of(source, FRAME_OF_REFERENCE) for source in sources}
        if len(frames) > 1:
            faults.append(
                f"{FRAME_OF_REFERENCE} differs between the images of the series ({len(frames)} "
                f"values): that of the first slice is used"
            )
    return tuple(faults)


def clean_headers(sources: Sequence[Dataset]) -> list[Dataset]:
    """The images with only the tags that an object takes over from them.

    SpacingBetweenSlices becomes the true step. Raises InputError for an image
    without a tag that every MR image must have, and for a patient's name that cannot be decoded.
    """
    with quiet_pydicom():
        if faults := source_faults(sources):
            _log.warning("%s", "; ".join(faults))
        step_mm = slice_step_mm(planes_of(sources))
        headers = [_clean_header(source, step_mm) for source in sources]
    for header in headers:
        header.FrameOfReferenceUID = headers[0].FrameOfReferenceUID
    return headers


def _clean_header(source: Dataset, step_mm: float) -> Dataset:
    clean = Dataset()
    for keyword in REQUIRED:
        text = text_of(source, keyword)
        if not text:
            msg = f"image {text_of(source, 'SOPInstanceUID')} must have {keyword}, got none"
            raise InputError(msg)
        setattr(clean, keyword, text)
    for keyword in KEPT:
        text = text_of(source, keyword)
        if not _is_text(text):
            charset = text_of(source, "SpecificCharacterSet") or "none"
            msg = f"{keyword} cannot be decoded with SpecificCharacterSet {charset}"
            raise InputError(msg)
        setattr(clean, keyword, text)
    for keyword, valid in MAY_BE_EMPTY.items():
        text = text_of(source, keyword)
        setattr(clean, keyword, text if valid(text) else "")
    for keyword, valid in MAY_BE_ABSENT.items():
        if (text := text_of(source, keyword)) and valid(text):
            setattr(clean, keyword, text)
    if text_of(source, LOSSY[0]) == "01":
        for keyword in LOSSY:
            setattr(clean, keyword, source.get(keyword))
    clean.Rows, clean.Columns = int(source.Rows), int(source.Columns)
    for keyword in ("PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"):
        setattr(clean, keyword, [_decimal(number) for number in source.get(keyword)])
    thickness = text_of(source, "SliceThickness")
    usable = _is_number(thickness) and float(thickness) > 0
    clean.SliceThickness = _decimal(thickness if usable else step_mm)
    clean.SpacingBetweenSlices = _decimal(step_mm)
    return clean


def _decimal(number: float | str) -> DSfloat:
    """A number in the 16 characters that DICOM allows it."""
    return DSfloat(float(number), auto_format=True)
