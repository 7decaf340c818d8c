"""What a series shows: short-axis LGE, or cine, maps, other contrasts, planning, long axes.

By what the scanner calls it, the type of its images, its phases and the way its slices lie. Names
are the site's own. Ours.
"""

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from acsnet.io.dicom_files.dicom_file import DAMAGED, number_of, text_of
from acsnet.io.dicom_stack.image_kinds import component_of, kind_by_tags, kind_of
from acsnet.io.series_words import (
    ABBREVIATION,
    AMBIGUOUS,
    BODY_PLANE,
    CINE,
    CINE_SEQUENCE,
    EXAMINATION,
    INVERSION,
    LGE,
    LONG_AXIS,
    MAP_WORD,
    NO_LGE,
    OF_LGE_TOO,
    OTHER_CONTRAST,
    OWN_INVERSION,
    SHORT_AXIS,
    UNCONTRASTED,
)
from acsnet.scan import (
    MIN_APEXWARD_COSINE,
    UNFIT,
    Contrast,
    InputGrid,
    View,
    is_unfit,
    long_axis_cosine,
)

NAME_TAGS = ("SeriesDescription", "ProtocolName", "SequenceName")

MAP_UNITS = {"MS", "%"}
"""Of T1, T2 and ECV maps, by RescaleType or UCUM. The signal of LGE has no unit."""

PHASE_TYPES = {"P", "PHASE", "PHASE MAP", "I", "IMAGINARY"}
MAP_TYPES = {"T1 MAP", "T2 MAP", "T2_STAR MAP", "T2STAR MAP", "ECV", "ECV MAP"}
FAT_TYPES = {"FAT", "F", "FAT_FRACTION", "FF", "OP", "OPP_PHASE", "OUT_PHASE"}
WATER_TYPES = {"WATER", "W", "IP", "IN_PHASE"}
OTHER_TYPES = {
    "T2",
    "T2_STAR",
    "STIR",
    "DIFFUSION",
    "PERFUSION",
    "PHASE_CONTRAST",
    "FLOW_ENCODED",
    "VELOCITY",
    "TAGGING",
    "TOF",
    "PROTON_DENSITY",
}
"""Values of ImageType and AcquisitionContrast (PS3.3 C.8.13.3.1, and as vendors write them).

Of the images of a Dixon scan those of water, and in phase, are its LGE.
"""

ALSO_OF_LGE = {"T2", "T2_STAR", "PROTON_DENSITY", "TOF"}
"""Of these the values of AcquisitionContrast that say less than an inversion."""

TRIGGER_TAGS = ("TriggerTime", "NominalCardiacTriggerDelayTime")

MAX_IMAGES_OF_LGE = 6
"""At a position, as of both reconstructions of three repeats: more are a cine, or dynamic. Ours."""


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a stack shows, and what to tell of one that is no short-axis LGE."""

    contrast: Contrast = "lge"
    view: View = "short axis"
    remarks: tuple[str, ...] = ()


def content_of(header: Dataset, grid: InputGrid, *, images_each: int) -> Content:
    """What a stack shows. header: of one of its images; images_each: at each slice position."""
    contrast: Contrast = "lge"
    remarks = []
    if (other := other_reason(header)) is not None:
        contrast = "other"
        remarks.append(
            f"{UNFIT} another sequence, not LGE ({other}): scar cannot be measured on it"
        )
    elif (cine := cine_reason(header, images_each=images_each)) is None:
        pass
    elif is_called_lge(header):
        remarks.append(f"named LGE, but looks like a cine ({cine}): make sure that it is LGE")
    else:
        contrast = "cine"
        remarks.append(f"{UNFIT} cine, not LGE ({cine}): scar cannot be measured on it")
    called = text_of(header, "SeriesDescription")
    if contrast == "lge" and (_is_lge_by_protocol_alone(header) or _is_ambiguous(header)):
        remarks.append(f"its name is {called!r}, as of another scan: make sure that it is LGE")
    if contrast == "lge" and MAP_WORD.search(called):
        remarks.append(f"its name is {called!r}, which speaks of a map: make sure that it is LGE")
    if contrast == "lge" and UNCONTRASTED.search(called):
        remarks.append(
            f"its name is {called!r}, as of a scan before contrast agent: make sure that it is LGE"
        )
    if (plane := body_plane_remark(header, grid)) is not None:
        remarks.append(plane)
        view: View = "long axis" if is_unfit(plane) else "short axis"
        return Content(contrast=contrast, view=view, remarks=tuple(remarks))
    if (long_axis := long_axis_reason(header, grid)) is None:
        return Content(contrast=contrast, remarks=tuple(remarks))
    remarks.append(
        f"{UNFIT} a long-axis stack, not short axis ({long_axis}): its measures are not those "
        "of the ventricle, and scar values are left out"
    )
    return Content(contrast=contrast, view="long axis", remarks=tuple(remarks))


def never_lge_name(header: Dataset, lge: re.Pattern[str] = LGE) -> str | None:
    """The name that tells of a scan from which no scar is measured, or None.

    A protocol is called after all that an examination holds: where the description says LGE, by
    the pattern `lge`, that counts more.
    """
    says_lge = lge.search(text_of(header, "SeriesDescription"))
    tags = (tag for tag in NAME_TAGS if not says_lge or tag != "ProtocolName")
    return next((name for tag in tags if NO_LGE.search(name := text_of(header, tag))), None)


def sure_reason(header: Dataset) -> str | None:
    """Why images are neither LGE nor cine whatever else their header tells, or None."""
    if (never := _never_reason(header)) is not None:
        return never
    # the real part of a phase-sensitive scan is what it is for
    return phase_reason(header) if kind_of(header) is None else None


def _never_reason(header: Dataset) -> str | None:
    """As `sure_reason`, but for phase images."""
    types = _types(header)
    if (never := never_lge_name(header)) is not None:
        return f"its name is {never!r}"
    if "LOCALIZER" in types:
        return "ImageType LOCALIZER"
    if units := _units(header) & MAP_UNITS:
        return f"its values are in {min(units).lower()}"
    named = types & (MAP_TYPES if types & WATER_TYPES else MAP_TYPES | FAT_TYPES)
    return f"ImageType {min(named)}" if named else None


def phase_reason(header: Dataset) -> str | None:
    """Why images show the phase or the imaginary part of the signal, by their tags alone."""
    if kind_by_tags(header) is not None:
        return None
    named = (_types(header) | {component_of(header)}) & PHASE_TYPES
    return f"ImageType {min(named)}" if named else None


def other_reason(header: Dataset) -> str | None:
    """Why images are neither LGE nor cine, or None."""
    if (sure := sure_reason(header)) is not None or is_called_lge(header):
        return sure
    return _contrast_reason(header)


def other_scan_reason(header: Dataset, *, images_each: int) -> str | None:
    """Why an image is of another scan than LGE, or None; a phase image may be of its scan.

    images_each: as `cine_reason` takes it.
    """
    if (never := _never_reason(header)) is not None or is_called_lge(header):
        return never
    return _contrast_reason(header) or cine_reason(header, images_each=images_each)


def _contrast_reason(header: Dataset) -> str | None:
    acquired = {text_of(header, "AcquisitionContrast").upper()}
    inverted = has_inversion_time(header) or name_with(header, INVERSION) is not None
    if inverted and name_with(header, OWN_INVERSION) is None:
        acquired -= ALSO_OF_LGE
    for tag, values in (("ImageType", _types(header)), ("AcquisitionContrast", acquired)):
        if named := values & OTHER_TYPES:
            return f"{tag} {min(named)}"
    words = (OTHER_CONTRAST, ABBREVIATION) if "Modality" in header else (OTHER_CONTRAST,)
    called = name_with(header, *words)
    return None if called is None else f"its name is {called!r}"


def _is_lge_by_protocol_alone(header: Dataset) -> bool:
    """Whether the description tells of another contrast, and nothing of an inversion."""
    called = text_of(header, "SeriesDescription")
    if list(lge_names(header)) != ["ProtocolName"] or has_inversion_time(header):
        return False
    other = OTHER_CONTRAST.search(called) or ABBREVIATION.search(called)
    return other is not None and not INVERSION.search(called)


def _is_ambiguous(header: Dataset) -> bool:
    """Whether a scanner's name for a series may be of another scan, and nothing tells of LGE."""
    if is_called_lge(header) or has_inversion_time(header) or name_with(header, INVERSION):
        return False
    return "Modality" in header and bool(AMBIGUOUS.search(text_of(header, "SeriesDescription")))


def _types(header: Dataset) -> set[str]:
    """Values of ImageType but for the first two, in capitals."""
    return set(text_of(header, "ImageType").upper().split("\\")[2:])


def _units(header: Dataset) -> set[str]:
    """Of the values of an image, in capitals, as far as its header tells."""
    units = {text_of(header, "RescaleType").upper()}
    try:
        for mapping in header.get("RealWorldValueMappingSequence") or ():
            codes = mapping.get("MeasurementUnitsCodeSequence") or ()
            units |= {text_of(code, "CodeValue").upper() for code in codes}
    except DAMAGED:
        return units
    return units


def cine_reason(header: Dataset, *, images_each: int) -> str | None:
    """Why a stack looks like cine, or None.

    LGE is one inversion-recovery image a position; cine has many phases and no inversion. Bright
    spots in the wall of a cine are no scar, but a network measures them all the same. header: of
    an image; images_each: how many the series holds at a position.
    """
    if has_inversion_time(header):
        return None
    inverted = name_with(header, INVERSION) is not None
    phases = number_of(text_of(header, "CardiacNumberOfImages")) or 1
    times = any(text_of(header, tag) for tag in TRIGGER_TAGS)
    called = name_with(header, CINE)
    if called is None and not inverted and not is_called_lge(header):
        called = name_with(header, CINE_SEQUENCE)
    if phases > 1:
        return f"CardiacNumberOfImages {phases:g}, no InversionTime"
    if images_each > 2 and times:
        return f"{images_each} cardiac phases, no InversionTime"
    if images_each > MAX_IMAGES_OF_LGE and not inverted:
        return f"{images_each} images at each position, no InversionTime"
    return None if called is None else f"its name is {called!r}"


def name_with(header: Dataset, *words: re.Pattern[str]) -> str | None:
    """The first name of a series in which one of the words is, or None."""
    names = [text_of(header, tag) for tag in NAME_TAGS]
    return next((name for name in names for word in words if word.search(name)), None)


def is_called_lge(header: Dataset) -> bool:
    """Whether the name of a series says LGE."""
    return bool(lge_names(header))


def lge_names(header: Dataset, lge: re.Pattern[str] = LGE) -> dict[str, str]:
    """The names of a series that say LGE by the pattern `lge`, by tag.

    A protocol is called after all that an examination holds: where the description tells of
    another scan, it does not count. A site's own pattern counts everywhere.
    """
    left_out = "ProtocolName" if lge is LGE and _is_another_of_the_protocol(header) else None
    tags = (tag for tag in NAME_TAGS if tag != left_out)
    return {tag: name for tag in tags if lge.search(name := text_of(header, tag))}


def _is_another_of_the_protocol(header: Dataset) -> bool:
    """Whether the description tells of another scan than the protocol that it was taken by."""
    description = OF_LGE_TOO.sub("", text_of(header, "SeriesDescription"))
    words = (OTHER_CONTRAST, ABBREVIATION, CINE, CINE_SEQUENCE)
    if INVERSION.search(description) or not any(word.search(description) for word in words):
        return False
    if has_inversion_time(header) and not OWN_INVERSION.search(description):
        return False
    protocol = text_of(header, "ProtocolName")
    return any(word.search(protocol) for word in (EXAMINATION, OTHER_CONTRAST, ABBREVIATION, CINE))


def has_inversion_time(header: Dataset) -> bool:
    """Whether a header gives one or several, as a number or not; 0 is none."""
    return re.search("[1-9]", text_of(header, "InversionTime")) is not None


def body_plane_remark(header: Dataset, grid: InputGrid) -> str | None:
    """What to tell of slices along the planes of the body, which no short axis is; or None.

    A conversion that lost the orientation leaves such planes, too: without a name that agrees it is
    no more than a doubt, and for a volume file, where it is common, none.
    """
    cosine = long_axis_cosine(grid)
    if cosine is not None or name_with(header, SHORT_AXIS, LONG_AXIS) is not None:
        return None
    if (called := name_with(header, BODY_PLANE)) is not None:
        return (
            f"{UNFIT} a stack along the planes of the body, not short axis (its name is "
            f"{called!r}): its measures are not those of the ventricle, and scar values are left "
            "out"
        )
    if "ImageOrientationPatient" not in header:
        return None
    return (
        "slices lie along the planes of the body, which no short axis does: unless the header has "
        "lost its orientation, this is no short-axis stack"
    )


def long_axis_reason(header: Dataset, grid: InputGrid) -> str | None:
    """Why planes lie along the axis of the heart, by name or by the way they lie; or None."""
    called = name_with(header, LONG_AXIS)
    if called is not None and name_with(header, SHORT_AXIS) is None:
        return f"its name is {called!r}"
    cosine = long_axis_cosine(grid)
    if cosine is not None and abs(cosine) < MIN_APEXWARD_COSINE:
        return "its slices lie across the usual axis of the heart"
    return None
