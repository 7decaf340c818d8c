"""Which of our labels a segment of a DICOM segmentation is: by its code, else by its name."""

import re
from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import SegmentationStorage

from acsnet.dicom.provenance import MAKER, SERIES_DESCRIPTION
from acsnet.io.dicom_files import text_of
from acsnet.labels import LABELS, Label, LabelInfo, Snomed

LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"
"""Label Map Segmentation Storage: younger than the pydicom in use."""

SEG_CLASSES = (SegmentationStorage, LABEL_MAP_STORAGE)


def is_seg(dataset: Dataset) -> bool:
    """Whether this is a segmentation of pixels."""
    return text_of(dataset, "SOPClassUID") in SEG_CLASSES


def is_mappable(seg: Dataset) -> bool:
    """Whether a SEG draws any of our labels; others belong to other software and are left alone."""
    return is_seg(seg) and any(label_of(segment) for segment in segments_of(seg).values())


def written_by_acsnet(seg: Dataset) -> bool:
    """Whether `make_seg` wrote this SEG and nobody has saved it anew since."""
    return (
        is_seg(seg)
        and text_of(seg, "Manufacturer") == MAKER
        and text_of(seg, "SeriesDescription") in SERIES_DESCRIPTION.values()
    )


def segments_of(seg: Dataset) -> dict[int, Dataset]:
    """Segment number -> its item; a label map's item 0 is its background, no segment."""
    items = seg.get("SegmentSequence") or []
    return {int(number): item for item in items if (number := item.get("SegmentNumber"))}


def label_of(segment: Dataset) -> Label | None:
    """Our label for a segment, by its code or else by its name; None if it is none of ours."""
    return coded_label(segment) or named_label(segment)


def coded_label(segment: Dataset) -> Label | None:
    """The label that a segment's codes say it is."""
    return next((info.label for info in LABELS if _coded_as(segment, info)), None)


def named_label(segment: Dataset) -> Label | None:
    """The label that a segment is called after."""
    return next((info.label for info in LABELS if _named_as(segment, info)), None)


def name_of(segment: Dataset) -> str:
    """How a segment is called, for messages."""
    return text_of(segment, "SegmentLabel") or f"number {segment.SegmentNumber}"


def _coded_as(segment: Dataset, info: LabelInfo) -> bool:
    kinds: Sequence[Dataset] = segment.get("SegmentedPropertyTypeCodeSequence") or []
    if not kinds or not _is_concept(kinds[0], info.kind):
        return False
    modifiers = kinds[0].get("SegmentedPropertyTypeModifierCodeSequence") or []
    if len(modifiers) != (info.modifier is not None):
        return False
    if info.modifier is not None and not _is_concept(modifiers[0], info.modifier):
        return False
    sites = segment.get("AnatomicRegionSequence") or []
    return info.site is None or any(_is_concept(site, info.site) for site in sites)


def _is_concept(item: Dataset, concept: Snomed) -> bool:
    """Older software writes the same concepts as SRT codes: pydicom knows both."""
    code = Code(text_of(item, "CodeValue"), text_of(item, "CodingSchemeDesignator"), "")
    return bool(code == Code(concept.code, "SCT", concept.meaning))


def _named_as(segment: Dataset, info: LabelInfo) -> bool:
    return _plain(text_of(segment, "SegmentLabel")) in (_plain(info.name), _plain(info.description))


def _plain(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())
