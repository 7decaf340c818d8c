"""Tags that a DICOM object takes over from its MR images: patient, study and geometry.

Invalid values of the images are left empty or out. Name and ID of the patient and UIDs are never
changed: another name would be of another patient, and a corrected UID would identify nothing. The
numbers of study and request, too, are kept when they are too long: cut short they name others.
"""

import logging
import math
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pydicom.valuerep import DSfloat

from acsnet.dicom.source_images import slice_step_mm, source_planes
from acsnet.errors import InputError
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, text_of
from acsnet.io.dicom_stack.frames import ENHANCED
from acsnet.io.geometry import stack_spacing_mm

UNDECODABLE = "\N{REPLACEMENT CHARACTER}"
SEPARATOR = "\\"
"""Between the values of a tag. Names in other encodings than the images say hold it by chance."""

TIME = re.compile(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?")
MAX_LONG_STRING = 64
"""Characters of a value of VR LO (PS3.5 section 6.2)."""
CODES = re.compile(r"[A-Z0-9_ ]{1,16}(\\[A-Z0-9_ ]{1,16})*")

FRAME_OF_REFERENCE = "FrameOfReferenceUID"
REQUIRED = (
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "SOPClassUID",
    FRAME_OF_REFERENCE,
    "Modality",
)
UNCHANGED = ("PatientName", "PatientID")  # empty if absent
LOSSY, LOSSY_RATIO = "LossyImageCompression", "LossyImageCompressionRatio"
LOSSY_DETAILS = (LOSSY_RATIO, "LossyImageCompressionMethod")
DECIMALS = ("PatientSize", "PatientWeight", LOSSY_RATIO)

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


def _are_numbers(text: str) -> bool:
    return all(map(_is_number, text.split(SEPARATOR)))


def _are_texts(text: str) -> bool:
    return UNDECODABLE not in text


def _is_text(text: str) -> bool:
    return _are_texts(text) and SEPARATOR not in text


def _is_long_string(text: str) -> bool:
    return _is_text(text) and len(text) <= MAX_LONG_STRING


# Taken over when valid, else empty (type 2).
MAY_BE_EMPTY: dict[str, Callable[[str], bool]] = {
    "PatientBirthDate": _is_date,
    "PatientSex": lambda text: text in ("M", "F", "O"),
    "StudyDate": _is_date,
    "StudyTime": lambda text: bool(TIME.fullmatch(text)),
    "ReferringPhysicianName": _is_text,
    "AccessionNumber": _is_text,
    "StudyID": _is_text,
}
# Taken over when valid, else left out (type 3, of lossy compression 1C).
MAY_BE_ABSENT: dict[str, Callable[[str], bool]] = {
    "IssuerOfPatientID": _is_text,
    "PatientAge": lambda text: bool(re.fullmatch(r"\d{3}[DWMY]", text)),
    "PatientSize": _is_number,
    "PatientWeight": _is_number,
    "StudyDescription": _is_long_string,
    "PatientIdentityRemoved": lambda text: text in ("YES", "NO"),
    "DeidentificationMethod": _are_texts,
    LOSSY_RATIO: _are_numbers,
    LOSSY_DETAILS[1]: lambda text: bool(CODES.fullmatch(text)),
}


def source_faults(sources: Sequence[Dataset]) -> tuple[str, ...]:
    """Warnings on the tags that an object takes over.

    Invalid values are left out, invalid UIDs unchanged. Images anonymised one by one may differ in
    FrameOfReferenceUID: that of the first is used.
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
                    f"{keyword} {invalid[0]} is not a valid UID ({len(invalid)} of {len(uids)} are "
                    "not); kept, because it identifies the original"
                )
        frames = {text_of(source, FRAME_OF_REFERENCE) for source in sources}
        if len(frames) > 1:
            faults.append(
                f"{FRAME_OF_REFERENCE} differs between the images of the series ({len(frames)} "
                f"values): that of the first slice is used"
            )
    return tuple(faults)


def clean_headers(sources: Sequence[Dataset]) -> list[Dataset]:
    """The images with only the tags that an object takes over, and the spacings of their stack.

    Raises InputError for an image without a required tag, and where name or ID of the patient
    cannot be decoded or are several.
    """
    with quiet_pydicom():
        if faults := source_faults(sources):
            _log.warning("%s", "; ".join(faults))
        planes = source_planes(sources)
        headers = [_clean_header(source, slice_step_mm(planes)) for source in sources]
    for header in headers:
        header.FrameOfReferenceUID = headers[0].FrameOfReferenceUID
        header.PixelSpacing = [_decimal(number) for number in stack_spacing_mm(planes)]
    return headers


def _clean_header(source: Dataset, step_mm: float) -> Dataset:
    clean = Dataset()
    for keyword in REQUIRED:
        text = text_of(source, keyword)
        if not text:
            msg = f"image {text_of(source, 'SOPInstanceUID')} must have {keyword}, got none"
            raise InputError(msg)
        setattr(clean, keyword, text)
    for keyword in UNCHANGED:
        text = text_of(source, keyword)
        charset = text_of(source, "SpecificCharacterSet") or "none"
        if not _are_texts(text):
            msg = f"{keyword} cannot be decoded with SpecificCharacterSet {charset}"
            raise InputError(msg)
        if SEPARATOR in text:
            msg = (
                f"{keyword} must have one value, got {text.count(SEPARATOR) + 1} with a backslash "
                f"between them (encoded otherwise than SpecificCharacterSet {charset} says?)"
            )
            raise InputError(msg)
        setattr(clean, keyword, text)
    for keyword, valid in MAY_BE_EMPTY.items():
        text = text_of(source, keyword)
        setattr(clean, keyword, text if valid(text) else "")
    for keyword, valid in MAY_BE_ABSENT.items():
        if (text := text_of(source, keyword)) and valid(text):
            values = text.split(SEPARATOR)
            decimal = keyword in DECIMALS
            setattr(clean, keyword, list(map(_decimal, values)) if decimal else values)
    if text_of(source, LOSSY) == "01":
        setattr(clean, LOSSY, "01")
        for keyword in LOSSY_DETAILS:
            clean.setdefault(keyword, None)  # highdicom asks for both
    if text_of(source, "SOPClassUID") in ENHANCED:
        clean.InstanceNumber = source.InstanceNumber  # of the frame
    clean.Rows, clean.Columns = int(source.Rows), int(source.Columns)
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient"):
        setattr(clean, keyword, [_decimal(number) for number in source.get(keyword)])
    thickness = text_of(source, "SliceThickness")
    usable = _is_number(thickness) and float(thickness) > 0
    clean.SliceThickness = _decimal(thickness if usable else step_mm)
    clean.SpacingBetweenSlices = _decimal(step_mm)
    return clean


def _decimal(number: float | str) -> DSfloat:
    """A number in the 16 characters of a DICOM decimal string."""
    return DSfloat(float(number), auto_format=True)
