"""DICOMweb searches (QIDO-RS, DICOM PS3.18 section 10.6) over the series of a folder."""

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset

from acsnet.io.dicom_files.dicom_file import DAMAGED, DicomFile
from acsnet.io.series import Series

Attributes = dict[str, dict[str, Any]]
"""One object of a DICOM JSON answer (PS3.18 annex F): tag -> {"vr": ..., "Value": [...]}."""

STUDY_TAGS = (
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
    "StudyDescription",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyID",
)
SERIES_TAGS = (
    "SeriesDate",
    "SeriesTime",
    "Modality",
    "SeriesDescription",
    "BodyPartExamined",
    "ProtocolName",
    "SeriesInstanceUID",
    "SeriesNumber",
)
INSTANCE_TAGS = (
    "SOPClassUID",
    "SOPInstanceUID",
    "InstanceNumber",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
)


def studies(matches: Iterable[Series]) -> list[Attributes]:
    """One answer for each study, with the counts and modalities of its series."""
    by_uid: dict[str, list[Series]] = {}
    for series in matches:
        if series.files:
            by_uid.setdefault(series.text("StudyInstanceUID"), []).append(series)
    return [
        {
            **_picked(group[0].files[0], STUDY_TAGS),
            **_computed(
                "ModalitiesInStudy", *sorted({series.text("Modality") for series in group})
            ),
            **_computed("NumberOfStudyRelatedSeries", len(group)),
            **_computed(
                "NumberOfStudyRelatedInstances", sum(len(series.files) for series in group)
            ),
        }
        for group in by_uid.values()
    ]


def series(matches: Iterable[Series]) -> list[Attributes]:
    """One answer for each series."""
    return [
        {
            **_picked(match.files[0], (*SERIES_TAGS, "StudyInstanceUID")),
            **_computed("NumberOfSeriesRelatedInstances", len(match.files)),
        }
        for match in matches
        if match.files
    ]


def instances(matches: Iterable[Series]) -> list[Attributes]:
    """One answer for each file."""
    return [
        _picked(file, (*INSTANCE_TAGS, "StudyInstanceUID", "SeriesInstanceUID", "Modality"))
        for match in matches
        for file in match.files
    ]


def searched(answers: list[Attributes], query: Mapping[str, str]) -> list[Attributes]:
    """The answers that match a query, between its `offset` and `limit`.

    Keys are keywords or eight hexadecimal digits; what is no attribute of an answer is ignored,
    as the standard allows. Raises ValueError for an offset or limit that is no whole number.
    """
    for key, wanted in query.items():
        tag = tag_for_keyword(key)
        attribute = key.upper() if tag is None else f"{tag:08X}"
        if wanted and any(attribute in answer for answer in answers):
            answers = [answer for answer in answers if _matches(answer.get(attribute, {}), wanted)]
    start = max(int(query.get("offset", 0)), 0)
    count = int(query.get("limit", len(answers)))
    return answers[start : start + max(count, 0)]


def element_json(dataset: Dataset, tag: Any) -> dict[str, Any] | None:
    """One element as DICOM JSON; None where its value is damaged or JSON cannot hold it."""
    try:
        element: dict[str, Any] = dataset[tag].to_json_dict(
            bulk_data_element_handler=None, bulk_data_threshold=0
        )
        json.dumps(element, allow_nan=False)
    except DAMAGED:
        return None
    return element


def _picked(file: DicomFile, keywords: Iterable[str]) -> Attributes:
    attributes = {}
    for keyword in keywords:
        if keyword in file.header:
            element = element_json(file.header, keyword)
            if element is not None:
                attributes[f"{tag_for_keyword(keyword):08X}"] = element
    return attributes


def _computed(keyword: str, *values: Any) -> Attributes:
    """An attribute that no file holds: a count or a summary."""
    vr = "CS" if isinstance(values[0], str) else "IS"
    return {f"{tag_for_keyword(keyword):08X}": {"vr": vr, "Value": list(values)}}


def _matches(attribute: dict[str, Any], wanted: str) -> bool:
    values = [_text(value) for value in attribute.get("Value", [])] or [""]
    vr = attribute.get("vr")
    if vr in ("DA", "TM") and "-" in wanted:
        first, last = wanted.split("-", 1)
        return any(first <= value and (not last or value <= last) for value in values if value)
    choices = wanted.replace("\\", ",").split(",") if vr == "UI" else [wanted]
    return any(
        fnmatchcase(value.casefold(), choice.casefold()) for value in values for choice in choices
    )


def _text(value: Any) -> str:
    return str(value.get("Alphabetic", "")) if isinstance(value, dict) else str(value)
