"""Numbers of a structured report: their codes and units, and how one is written."""

from highdicom.sr import AlgorithmIdentification, Measurement, TrackingIdentifier
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
    """What a group is called, and a UID of its own."""
    return TrackingIdentifier(uid=generate_uid(prefix=None), identifier=name)


def measurements(*values: Value) -> list[Measurement]:
    """The values that are known; a difference that rounds to -0 becomes 0."""
    algorithm = AlgorithmIdentification(name=MAKER, version=__version__)
    return [
        Measurement(name=name, value=round(value, 4) or 0.0, unit=unit, algorithm_id=algorithm)
        for name, value, unit in values
        if value is not None
    ]
