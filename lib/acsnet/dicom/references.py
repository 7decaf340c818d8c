"""References of a DICOM object to images of several series, and to frames of one object.

highdicom refers to single images of one series only, and knows neither private nor retired classes
of them. It is given MR images in their stead, and what it wrote of these is replaced.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy

from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage, generate_uid

from acsnet.io.dicom_files.dicom_file import text_of
from acsnet.io.dicom_stack.frames import ENHANCED

LISTS = ("ReferencedInstanceSequence", "ReferencedSOPSequence")
"""In an item of ReferencedSeriesSequence: of the common instance reference, of SR evidence."""


def stand_ins(headers: Sequence[Dataset]) -> list[Dataset]:
    """One MR image a slice, all of one series; the headers themselves if they are such.

    headers: of the slices, as `acsnet.dicom.header.clean_headers` gives them.
    """
    if not _need_others(headers):
        return list(headers)
    others = []
    for header in headers:
        other = deepcopy(header)
        other.SOPClassUID, other.SOPInstanceUID = MRImageStorage, generate_uid()
        other.SeriesInstanceUID = headers[0].SeriesInstanceUID
        others.append(other)
    return others


def refer(dataset: Dataset, *, others: Sequence[Dataset], headers: Sequence[Dataset]) -> Dataset:
    """The object, with each reference to a stand-in as one to the image, or frame, of its slice.

    others: as `stand_ins` made them of headers. The object itself is changed.
    """
    if _need_others(headers):
        by_uid = {
            other.SOPInstanceUID: header for other, header in zip(others, headers, strict=True)
        }
        _rewrite(dataset, by_uid)
    return dataset


def _need_others(headers: Sequence[Dataset]) -> bool:
    series = {text_of(header, "SeriesInstanceUID") for header in headers}
    return len(series) > 1 or any(
        text_of(header, "SOPClassUID") != MRImageStorage for header in headers
    )


def _rewrite(dataset: Dataset, by_uid: dict[str, Dataset]) -> None:
    for element in list(dataset):
        if element.VR != "SQ":
            continue
        if element.keyword == "ReferencedSeriesSequence":
            element.value = list(_by_series(element.value, by_uid))
            continue
        for item in element.value:
            header = by_uid.get(text_of(item, "ReferencedSOPInstanceUID"))
            if header is not None:
                name_image(item, header)
                if text_of(header, "SOPClassUID") in ENHANCED:
                    item.ReferencedFrameNumber = int(header.InstanceNumber)
            _rewrite(item, by_uid)


def _by_series(items: Sequence[Dataset], by_uid: dict[str, Dataset]) -> Iterator[Dataset]:
    """An item for each true series, and those that name no stand-in as they are."""
    for item in items:
        kept = next(name for name in LISTS if name in item)
        stacks: dict[str, list[Dataset]] = {}
        for reference in item.get(kept):
            header = by_uid.get(text_of(reference, "ReferencedSOPInstanceUID"))
            series = item.SeriesInstanceUID if header is None else header.SeriesInstanceUID
            stacks.setdefault(str(series), []).append(reference)
        for series, references in stacks.items():
            of_series = Dataset()
            of_series.SeriesInstanceUID = series
            setattr(of_series, kept, _objects(references, by_uid))
            yield of_series


def _objects(references: Sequence[Dataset], by_uid: dict[str, Dataset]) -> list[Dataset]:
    """Each object once, whole."""
    named: dict[str, Dataset] = {}
    for reference in references:
        item = deepcopy(reference)
        header = by_uid.get(text_of(reference, "ReferencedSOPInstanceUID"))
        if header is not None:
            name_image(item, header)
        named.setdefault(text_of(item, "ReferencedSOPInstanceUID"), item)
    return list(named.values())


def name_image(item: Dataset, header: Dataset) -> None:
    """Make an item refer to an image, or to the object that a frame is of."""
    item.ReferencedSOPClassUID = header.SOPClassUID
    item.ReferencedSOPInstanceUID = header.SOPInstanceUID
