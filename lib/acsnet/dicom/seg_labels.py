"""The label of a segment of a DICOM segmentation, by its code, else by its name."""

from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import SegmentationStorage

from acsnet.dicom.provenance import MAKER, SERIES_DESCRIPTION, State
from acsnet.io.dicom_files.dicom_file import text_of
from acsnet.labels import LABELS, Label, LabelInfo, Snomed, find_label

# Label Map Segmentation Storage, which the pydicom in use does not know.
LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"
SEG_CLASSES = (SegmentationStorage, LABEL_MAP_STORAGE)


def is_seg(dataset: Dataset) -> bool:
    """Whether a dataset is a segmentation of pixels."""
    return text_of(dataset, "SOPClassUID") in SEG_CLASSES


def is_mappable(seg: Dataset) -> bool:
    """Whether a SEG has any of our labels; others belong to other software."""
    return is_seg(seg) and any(label_of(segment) for segment in segments_of(seg).values())


def own_state(seg: Dataset) -> State | None:
    """State of a SEG that is as `make_seg` wrote it; None for one of other software."""
    if not is_seg(seg) or text_of(seg, "Manufacturer") != MAKER:
        return None
    called = text_of(seg, "SeriesDescription")
    return next((state for state, text in SERIES_DESCRIPTION.items() if text == called), None)


def segments_of(seg: Dataset) -> dict[int, Dataset]:
    """Segment number -> item, without the background (0) of a label map."""
    items = seg.get("SegmentSequence") or []
    return {int(number): item for item in items if (number := item.get("SegmentNumber"))}


def label_of(segment: Dataset) -> Label | None:
    """Label of a segment, by its code or else by its name; None if it is none of ours."""
    return coded_label(segment) or named_label(segment)


def coded_label(segment: Dataset) -> Label | None:
    """Label of a segment by its codes."""
    return next((info.label for info in LABELS if _coded_as(segment, info)), None)


def named_label(segment: Dataset) -> Label | None:
    """Label of a segment by its name."""
    return find_label(text_of(segment, "SegmentLabel"))


def name_of(segment: Dataset) -> str:
    """Name of a segment, for messages."""
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
    """Whether a code item is the concept, in SCT or (older software) in SRT codes."""
    code = Code(text_of(item, "CodeValue"), text_of(item, "CodingSchemeDesignator"), "")
    return bool(code == Code(concept.code, "SCT", concept.meaning))
