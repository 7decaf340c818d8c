"""Write a label map as DICOM segmentation: binary, one segment a label, number = value.

All five segments are always declared, so that numbers mean the same in every file; a label without
voxels has no frames, which the standard allows.
"""

from collections.abc import Sequence

import numpy as np
from highdicom import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentationTypeValues, SegmentDescription
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from skimage.color import rgb2lab

from acsnet import NOTICE, __version__
from acsnet.dicom.header import LOSSY_DETAILS, clean_headers
from acsnet.dicom.provenance import (
    MAKER,
    AlgorithmType,
    State,
    check_creator,
    equipment_and_series,
    finished,
    made_of,
)
from acsnet.dicom.references import refer, stand_ins
from acsnet.dicom.source_images import check_shape
from acsnet.errors import InputError
from acsnet.labels import LABELS, Label, LabelInfo, Snomed

SERIES_OFFSET = 1
CONTENT_LABEL: dict[State, str] = {"draft": "ACSNET_DRAFT", "reviewed": "ACSNET_REVIEWED"}


def make_seg(
    labels: NDArray[np.uint8],
    sources: Sequence[Dataset],
    *,
    state: State,
    algorithm_type: AlgorithmType,
    creator: str,
) -> Dataset:
    """Make a SEG of a (slice, row, column) label map on the grid of `sources`.

    sources: the image of each slice, as `source_stack` gives them; creator: who drew or reviewed
    it. Raises InputError for another shape, unknown values, and images of which no SEG can be made.
    """
    check_shape(labels, sources)
    unknown = sorted(set(np.unique(labels).tolist()) - {int(label) for label in Label})
    if unknown:
        msg = f"labels must be values 0 to {max(Label):d}, got {unknown}"
        raise InputError(msg)
    with made_of(sources):
        headers = clean_headers(sources)
        others = stand_ins(headers)
        seg = Segmentation(
            source_images=others,
            pixel_array=labels.astype(np.uint8),
            segmentation_type=SegmentationTypeValues.BINARY,
            segment_descriptions=[_description(info, algorithm_type) for info in LABELS],
            content_label=CONTENT_LABEL[state],
            content_description=NOTICE,
            content_creator_name=check_creator(creator),
            **equipment_and_series(sources, offset=SERIES_OFFSET, state=state),
        )
        for keyword in LOSSY_DETAILS:
            if keyword in seg and seg[keyword].is_empty:
                del seg[keyword]
        return refer(finished(seg), others=others, headers=headers)


def _description(info: LabelInfo, algorithm_type: AlgorithmType) -> SegmentDescription:
    algorithm = AlgorithmIdentificationSequence(
        name=MAKER, family=codes.DCM.ArtificialIntelligence, version=__version__
    )
    item = SegmentDescription(
        segment_number=int(info.label),
        segment_label=info.name,
        segmented_property_category=snomed(info.category),
        segmented_property_type=snomed(info.kind),
        algorithm_type=algorithm_type,
        algorithm_identification=None if algorithm_type == "MANUAL" else algorithm,
        anatomic_regions=None if info.site is None else [snomed(info.site)],
    )
    item.SegmentDescription = info.description
    item.RecommendedDisplayCIELabValue = cielab(info.colour)
    if info.modifier is not None:
        modifier = Dataset()
        modifier.CodeValue, modifier.CodingSchemeDesignator = info.modifier.code, "SCT"
        modifier.CodeMeaning = info.modifier.meaning
        kind = item.SegmentedPropertyTypeCodeSequence[0]
        kind.SegmentedPropertyTypeModifierCodeSequence = [modifier]
    return item


def snomed(concept: Snomed) -> Code:
    """A SNOMED CT concept as a DICOM code."""
    return Code(concept.code, "SCT", concept.meaning)


def cielab(colour: tuple[int, int, int]) -> list[int]:
    """RGB -> L*, a*, b* as DICOM stores them, three times 16 bit (PS3.3 C.10.7.1.1).

    White is D65, as OHIF and 3D Slicer read it, not the D50 of the standard.
    """
    lightness, a, b = rgb2lab(np.array(colour) / 255.0)
    scaled = (lightness / 100.0, (a + 128.0) / 255.0, (b + 128.0) / 255.0)
    return [round(float(value) * 0xFFFF) for value in scaled]
