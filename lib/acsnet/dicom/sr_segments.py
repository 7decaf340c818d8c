"""The 17 segments of the left ventricle as groups of a structured report (DICOM CID 3717)."""

from collections.abc import Sequence

from highdicom.sr import (
    FindingSite,
    MeasurementsAndQualitativeEvaluations,
    SourceImageForMeasurementGroup,
)
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from acsnet.dicom.seg_write import snomed
from acsnet.dicom.sr_content import MILLILITRE, OWN_SCHEME, PERCENT, VOLUME, measurements, tracking
from acsnet.labels import SCAR
from acsnet.quantify.aha_segments import Segment

SCAR_SHARE = Code("segment_scar", OWN_SCHEME, "Enhancement, share of the segment's volume")
TRANSMURALITY = Code(
    "transmurality", OWN_SCHEME, "Enhancement along a radial chord, mean of the segment"
)
SITES = tuple(
    getattr(codes.cid3717, name)
    for name in (
        "LeftVentricleBasalAnteriorSegment",
        "LeftVentricleBasalAnteroseptalSegment",
        "LeftVentricleBasalInferoseptalSegment",
        "LeftVentricleBasalInferiorSegment",
        "LeftVentricleBasalInferolateralSegment",
        "LeftVentricleBasalAnterolateralSegment",
        "LeftVentricleMidAnteriorSegment",
        "LeftVentricleMidAnteroseptalSegment",
        "LeftVentricleMidInferoseptalSegment",
        "LeftVentricleMidInferiorSegment",
        "LeftVentricleMidInferolateralSegment",
        "LeftVentricleMidAnterolateralSegment",
        "LeftVentricleApicalAnteriorSegment",
        "LeftVentricleApicalSeptalSegment",
        "LeftVentricleApicalInferiorSegment",
        "LeftVentricleApicalLateralSegment",
        "ApexOfLeftVentricle",
    )
)
"""Segments 1 to 17 in the order of the AHA (doi 10.1161/hc0402.102975)."""


def segment_groups(
    segments: Sequence[Segment], headers: Sequence[Dataset]
) -> list[MeasurementsAndQualitativeEvaluations]:
    """One group for each segment in which scar could be measured; headers: the images."""
    return [
        MeasurementsAndQualitativeEvaluations(
            tracking_identifier=tracking(f"Segment {one.segment}, {one.name}"),
            finding_type=snomed(SCAR),
            finding_sites=[FindingSite(SITES[one.segment - 1])],
            measurements=measurements(
                (VOLUME, one.scar_volume_ml, MILLILITRE),
                (SCAR_SHARE, one.scar_percent, PERCENT),
                (TRANSMURALITY, one.transmurality_mean_percent, PERCENT),
            ),
            source_images=[
                SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID)
                for header in headers
            ],
        )
        for one in segments
        if one.scar_percent is not None
    ]
