"""Patient, study and scanner of a scan from its DICOM header: the head of a report."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from acsnet.io.dicom_files.dicom_file import Header, is_dicom_file, quiet_pydicom, text_of
from acsnet.io.dicom_files.folder import headers_at


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Patient, study and scanner as text for a report; empty where unknown, as in NIfTI."""

    patient_name: str = ""
    patient_id: str = ""
    birth_date: str = ""
    sex: str = ""
    study_date: str = ""
    series: str = ""
    scanner: str = ""
    referring_physician: str = ""
    contrast: str = ""


UNKNOWN = Subject()
NOT_IN_FILE = "not in the file"


def subject_of(header: Header) -> Subject:
    """The subject from the header of any image of the series."""
    with quiet_pydicom():
        scanner = (
            text_of(header, "Manufacturer"),
            text_of(header, "ManufacturerModelName"),
            f"{field} T" if (field := text_of(header, "MagneticFieldStrength")) else "",
        )
        return Subject(
            patient_name=person_name(text_of(header, "PatientName")),
            patient_id=text_of(header, "PatientID"),
            birth_date=_date(text_of(header, "PatientBirthDate")),
            sex=text_of(header, "PatientSex"),
            study_date=_date(text_of(header, "StudyDate")),
            series=text_of(header, "SeriesDescription"),
            scanner=" ".join(part for part in scanner if part),
            referring_physician=person_name(text_of(header, "ReferringPhysicianName")),
            contrast=text_of(header, "ContrastBolusAgent"),
        )


def read_subject(path: Path, instance_uids: Sequence[str]) -> Subject:
    """The subject of a scan read from `path`; `UNKNOWN` if that is not DICOM.

    instance_uids: those of the scan, since a folder may hold several series; without any, as some
    anonymisers leave it, the subject is known where all images are of one series.
    """
    if not (path.is_dir() or is_dicom_file(path)):
        return UNKNOWN
    with quiet_pydicom():
        images = [header for header in headers_at(path) if "Rows" in header]
        series = {text_of(image, "SeriesInstanceUID") for image in images}
        by_uid = (image for image in images if text_of(image, "SOPInstanceUID") in instance_uids)
        by_series = iter(images if not instance_uids and len(series) == 1 else ())
        header = next(by_uid, None) or next(by_series, None)
    return UNKNOWN if header is None else subject_of(header)


def doubts_of_identity(first: Subject, second: Subject) -> list[str]:
    """What tells that scans under one PatientID, or under none, may be of two patients."""
    names = first.patient_name, second.patient_name
    births = first.birth_date, second.birth_date
    sexes = first.sex, second.sex
    differing = (
        ("names", names, names_differ(first, second)),
        ("dates of birth", births, all(births) and births[0] != births[1]),
        ("sexes", sexes, set(sexes) == {"M", "F"}),
    )
    return [
        f"the {what} differ: {former} and {latter}: is it one patient?"
        for what, (former, latter), differ in differing
        if differ
    ]


def names_differ(first: Subject, second: Subject) -> bool:
    """Whether two known names differ by more than capitals and what separates their parts."""
    names = (re.sub(r"[\W_]+", "", of.patient_name.casefold()) for of in (first, second))
    return len({name for name in names if name}) > 1


def person_name(text: str) -> str:
    """The first form of a person's name that is not empty: alphabetic before other scripts."""
    forms = (form.replace("^", " ").strip() for form in text.split("="))
    return next((form for form in forms if form), "")


def _date(text: str) -> str:
    """YYYYMMDD -> YYYY-MM-DD; empty for what is no day, such as 00000000."""
    try:
        return datetime.strptime(text, "%Y%m%d").date().isoformat()
    except ValueError:
        return ""
