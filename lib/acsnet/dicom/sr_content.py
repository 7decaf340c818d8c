"""Measurements of a structured report: codes, units, groups."""

from collections.abc import Sequence

from highdicom.sr import (
    AlgorithmIdentification,
    FindingSite,
    Measurement,
    MeasurementsAndQualitativeEvaluations,
    SourceImageForMeasurementGroup,
    TrackingIdentifier,
)
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from acsnet import __version__
from acsnet.dicom.provenance import MAKER

VOLUME = Code("118565006", "SCT", "Volume")
MASS = Code("118538004", "SCT", "Mass")
OWN_SCHEME = "99ACSNET"
MILLILITRE = Code("mL", "UCUM", "milliliter")
GRAM = Code("g", "UCUM", "gram")
PERCENT = Code("%", "UCUM", "percent")

Value = tuple[Code, float | None, Code]


def tracking(name: str) -> TrackingIdentifier:
    """The name of a group, with a new UID."""
    return TrackingIdentifier(uid=generate_uid(prefix=None), identifier=name)


def measurements(*values: Value) -> list[Measurement]:
    """The values that are not None; -0 becomes 0."""
    algorithm = AlgorithmIdentification(name=MAKER, version=__version__)
    return [
        Measurement(name=name, value=round(value, 4) or 0.0, unit=unit, algorithm_id=algorithm)
        for name, value, unit in values
        if value is not None
    ]


def region_group(
    name: str, finding: Code, site: Code | None, headers: Sequence[Dataset], *values: Value
) -> MeasurementsAndQualitativeEvaluations:
    """The measurements of a region, linked to the images it was measured on."""
    return MeasurementsAndQualitativeEvaluations(
        tracking_identifier=tracking(name),
        finding_type=finding,
        finding_sites=None if site is None else [FindingSite(site)],
        measurements=measurements(*values),
        source_images=[
            SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID)
            for header in headers
        ],
    )
