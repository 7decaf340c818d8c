"""Which reconstruction of an inversion-recovery scan an image is: magnitude or phase-sensitive."""

import re
from typing import Literal

from pydicom.dataset import Dataset

from acsnet.io.dicom_files import text_of

Kind = Literal["magnitude", "phase-sensitive"]

PHASE_SENSITIVE = {"PSIR", "PS", "R", "REAL", "R_IR", "CR", "CR_IR"}
"""Values of ImageType: R is real (Siemens), CR corrected real (Philips)."""

MAGNITUDE = {"M", "MAG", "MAGNITUDE", "M_IR", "M_FFE", "M_SE"}

_MAGNITUDE_NAME = re.compile(r"(?<![a-z])mag(?![a-z])|magnitude", re.IGNORECASE)
_PHASE_SENSITIVE_NAME = re.compile(r"psir|psmde|phase.?sens", re.IGNORECASE)


def kind_of(header: Dataset) -> Kind | None:
    """Which reconstruction an image is, by ImageType, else by the name of its series."""
    values = set(text_of(header, "ImageType").upper().split("\\")[2:])
    name = text_of(header, "SeriesDescription")
    if values & PHASE_SENSITIVE:
        return "phase-sensitive"
    if values & MAGNITUDE or _MAGNITUDE_NAME.search(name):
        return "magnitude"
    return "phase-sensitive" if _PHASE_SENSITIVE_NAME.search(name) else None
