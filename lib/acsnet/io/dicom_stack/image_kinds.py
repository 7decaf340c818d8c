"""Which reconstruction of an inversion-recovery scan an image is: magnitude or phase-sensitive."""

import re
from typing import Literal

from pydicom.dataset import Dataset

from acsnet.io.dicom_files.dicom_file import DAMAGED, text_of

Kind = Literal["magnitude", "phase-sensitive"]

PHASE_SENSITIVE = {"PSIR", "PS", "R", "REAL", "R_IR", "CR", "CR_IR"}
"""Values of ImageType: R is real (Siemens), CR corrected real (Philips)."""

MAGNITUDE = {"M", "MAG", "MAGNITUDE", "M_IR", "M_FFE", "M_SE"}

_SLOTS = range(0x10, 0x20)
"""Where private blocks lie."""

_MAGNITUDE_NAME = re.compile(r"(?<![a-z])mag(?![a-z])|magnitude", re.IGNORECASE)
_PHASE_SENSITIVE_NAME = re.compile(r"psir|psmde|phase.?sens", re.IGNORECASE)


GE_BLOCK = 0x0043, "GEMS_PARM_01"
GE_COMPONENT = 0x2F
GE_COMPONENTS = {0: "MAGNITUDE", 1: "PHASE", 2: "REAL", 3: "IMAGINARY"}
"""The private tag (0043,xx2F) in which classic images of GE have their component, and its values.
"""


def kind_of(header: Dataset) -> Kind | None:
    """Which reconstruction an image is, by its tags, else by the name of its series."""
    if (kind := kind_by_tags(header)) is not None or component_of(header) == "IMAGINARY":
        return kind
    return kind_by_name(text_of(header, "SeriesDescription"))


def kind_by_name(name: str) -> Kind | None:
    """Which reconstruction the name of a series tells of."""
    if _MAGNITUDE_NAME.search(name):
        return "magnitude"
    return "phase-sensitive" if _PHASE_SENSITIVE_NAME.search(name) else None


def kind_by_tags(header: Dataset) -> Kind | None:
    """Which reconstruction an image is, by ImageType and the component of the complex signal."""
    values = set(text_of(header, "ImageType").upper().split("\\")[2:])
    component = component_of(header)
    if values & PHASE_SENSITIVE or component == "REAL":
        return "phase-sensitive"
    if component in ("PHASE", "IMAGINARY"):
        return None
    return "magnitude" if values & MAGNITUDE or component == "MAGNITUDE" else None


def component_of(header: Dataset) -> str:
    """Which component of the complex signal an image shows, as ComplexImageComponent has it.

    Enhanced MR (PS3.3 C.8.13.3.1.2) has the tag, classic images of GE a private one in its place.
    Empty where neither tells.
    """
    if component := text_of(header, "ComplexImageComponent").upper():
        return component
    if not any((GE_BLOCK[0], slot << 8 | GE_COMPONENT) in header for slot in _SLOTS):
        return ""
    try:
        value = header.private_block(*GE_BLOCK)[GE_COMPONENT].value
        number = int.from_bytes(value[:2], "little") if isinstance(value, bytes) else int(value)
    except DAMAGED:
        return ""
    return GE_COMPONENTS.get(number, "")
