"""The 17 AHA segments as groups of a structured report (DICOM CID 3717)."""

from collections.abc import Sequence

from highdicom.sr import MeasurementsAndQualitativeEvaluations
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from acsnet.dicom.seg_write import snomed
from acsnet.dicom.sr_content import (
    CLASS,
    MILLILITRE,
    OWN_SCHEME,
    PATTERN,
    PERCENT,
    VOLUME,
    region_group,
)
from acsnet.labels import SCAR
from acsnet.quantify.aha_segments import NAMES, Segment

SCAR_SHARE = Code("segment_scar", OWN_SCHEME, "Enhancement, share of the segment's volume")
TRANSMURALITY = Code(
    "transmurality", OWN_SCHEME, "Enhancement along a radial chord, mean of the segment"
)
# Codes of segments 1 to 17, such as LeftVentricleBasalAnteriorSegment.
SITES = (
    *(
        getattr(codes.cid3717, f"LeftVentricle{name.title().replace(' ', '')}Segment")
        for name in NAMES[:-1]
    ),
    codes.cid3717.ApexOfLeftVentricle,
)


def segment_groups(
    segments: Sequence[Segment], headers: Sequence[Dataset]
) -> list[MeasurementsAndQualitativeEvaluations]:
    """One group for each segment in which scar could be measured; headers: the images."""
    return [
        region_group(
            f"Segment {segment.segment}, {segment.name}",
            snomed(SCAR),
            SITES[segment.segment - 1],
            headers,
            (VOLUME, segment.scar_volume_ml, MILLILITRE),
            (SCAR_SHARE, segment.scar_percent, PERCENT),
            (TRANSMURALITY, segment.transmurality_mean_percent, PERCENT),
            words=((CLASS, segment.transmurality_class), (PATTERN, segment.pattern)),
        )
        for segment in segments
        if segment.scar_percent is not None
    ]
