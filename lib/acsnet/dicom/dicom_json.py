"""DICOM JSON (PS3.18 annex F) from a PACS -> headers for the checks of the reader."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from acsnet.io.dicom_files.dicom_file import DAMAGED, DicomFile, quiet_pydicom

PIXEL_TAGS = ("7FE00008", "7FE00009", "7FE00010")
VALUE_KEYS = ("Value", "InlineBinary")
_TAG = re.compile("[0-9A-Fa-f]{8}")


def objects_in(answer: Any) -> list[dict[str, Any]]:
    """The objects of a DICOM JSON answer; some services give one alone without a list.

    Raises ValueError for other content, such as `{"error": ...}` of a gateway: taken for an object
    it would end a search, with all that follows left out.
    """
    objects = [answer] if isinstance(answer, dict) else answer
    if not isinstance(objects, list) or not all(map(_is_object, objects)):
        msg = "an answer must hold objects of DICOM JSON"
        raise ValueError(msg)
    return objects


def _is_object(content: Any) -> bool:
    return isinstance(content, dict) and any(map(_TAG.fullmatch, content))


def header(answer: Mapping[str, Mapping[str, Any]]) -> Dataset:
    """One object of a DICOM JSON answer as a dataset without pixels.

    A value that its VR does not allow is left out like a missing one. Some services leave the
    padding that texts have in a file; it is no part of them.
    """
    dataset = Dataset()
    with quiet_pydicom():
        for tag, element in answer.items():
            key = next((key for key in VALUE_KEYS if key in element), None)
            if tag.upper() in PIXEL_TAGS or "BulkDataURI" in element:
                continue
            try:
                value = None if key is None else without_padding(element[key])
                dataset.add(DataElement.from_json(Dataset, tag, element["vr"], value, key))
            except DAMAGED:
                continue
    return dataset


def without_padding(value: Any) -> Any:
    """A value in DICOM JSON, with all that is in it, without NUL and space at the end of texts."""
    if isinstance(value, str):
        return value.rstrip("\0 ")
    if isinstance(value, list):
        return list(map(without_padding, value))
    if isinstance(value, dict):
        return {name: without_padding(part) for name, part in value.items()}
    return value


def as_files(headers: Sequence[Dataset]) -> list[DicomFile]:
    """Headers as input of the reader, named by their InstanceNumber if this is unique."""
    with quiet_pydicom():
        numbers = [str(header.get("InstanceNumber", "")) for header in headers]
        count = Counter(numbers)
        uids = [str(header.get("SOPInstanceUID", "")) for header in headers]
    return [
        DicomFile(
            path=Path(f"{uid}.dcm"),
            name=f"image {number}" if number and count[number] == 1 else f"image {uid}",
            header=header,
        )
        for header, number, uid in zip(headers, numbers, uids, strict=True)
    ]
