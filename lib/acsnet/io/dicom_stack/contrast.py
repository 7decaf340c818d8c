"""What a series shows: short-axis LGE, or cine, maps, other contrasts, planning, long axes.

By what the scanner calls it, the type of its images, its phases and the way its slices lie. Names
are the site's own. Ours.
"""

import re
from dataclasses import dataclass

from pydicom.dataset import Dataset

from acsnet.io.dicom_files.dicom_file import DAMAGED, number_of, text_of
from acsnet.io.dicom_stack.image_kinds import component_of, kind_by_tags, kind_of
from acsnet.scan import (
    MIN_APEXWARD_COSINE,
    UNFIT,
    Contrast,
    InputGrid,
    View,
    long_axis_cosine,
)

NAME_TAGS = ("SeriesDescription", "ProtocolName", "SequenceName")

LGE = re.compile(
    r"""
    (?<![a-z]) (?: [dbw]b | [23]d | s )? (lge | mde | psmde | psir) (?: sax? )? (?![a-z])
    | (?<![a-z]) de (?: [_-] | \s* (?: mri? | cmr | sax? | psir | 2d | 3d | ir | overview | high )
        (?![a-z]) | $ )
    | late [\s_-]* (gad | gd | enh | aankl)
    | delayed | delay [\s_-]* enh | hyper [\s_-]* enh
    | viab
    | realce [\s_-]* tard | rehaussement [\s_-]* tard
    | (?<! fase [\s_-] ) (?<! phase [\s_-] ) (?<![a-z]) tard [ií]
    | sp (?: ae? | a? [^a-z\d\s]{1,2} ) t [\s_-]* (?: aufn | anreich | enh | kontrast
        | (?: ir | ka | sax? ) (?![a-z]) )
    | 遅延 \s* 造影 | 延 [迟遲] \s* [强強增]
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""English names with the abbreviations of the vendors, and those of other languages.

The German umlaut may be one character or two, or have become others.
"""

NO_LGE = re.compile(
    r"""
    scout | survey | locali[sz]er | look.?locker | (?<![a-z]) ll [\s_-]* ti (?![a-z])
    | (?<! nach [\s_-] ) (?<! vor [\s_-] ) (?<! after [\s_-] ) (?<! before [\s_-] )
        (?<![a-z]) (t1|t2|r1|r2|ecv|b0|b1|field) (?:\*|star)? [\s_-]* (map|kart|pixel)
    | (?<![a-z]) (?: mapp?[aes]{0,2} | mapping | mapeo | mapeamento | cartogra(?:ph|f)\w* )
        [\s_-]* (?: de [\s_-]* )? (t1|t2|r1|r2|ecv) (?![a-z\d])
    | (?<![a-z]) t1 [\s_-]* (?: \* | star (?![a-z]) (?! [\s_-]* vibe ) )
    | smart [\s_-]* (?:t)? 1 [\s_-]* map | (?: myo | scar ) [\s_-]* maps? (?![a-z])
    | extra [\s_-]* [cz]el\w* [\s_-]* vol | vol\w* [\s_-]* extra [\s_-]* [cz]el
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Scans of the same protocol from which no scar is measured, whatever else they are called."""

OTHER_CONTRAST = re.compile(
    r"""
    molli | shmolli | sasha (?![a-z]) | (?<![a-z]) ecv (?![a-z])
    | (?<![a-z]) t2 (?: \* | star | w | [\s_-]* (?: stir | prep | tse | haste | weighted ) )?
        (?![a-z\d])
    | (?<![a-z]) (stir | haste | tagging | spamm) (?![a-z])
    | (?<! nach [\s_-] ) (?<! post [\s_-] ) (?<! after [\s_-] )
        (?<![a-z]) perf (?: usion )? (?![a-z])
    | first [\s_-]* pass | time [\s_-]* course
    | phase [\s_-]* contrast | (?<![a-z]) (q? [\s_-]* flow | venc | mra | angio) (?![a-z])
    | (?<![a-z]) (tse | fse | tirm | dixon | dwi | c? dti | adc | diffusion | cspamm) (?![a-z])
    | nati[vf]\w? [\s_-]* t1 | t1 [\s_-]* nati[vf] | t1 [\s_-]* rho
    | t1 [\s_-]* w (?: eighted )? (?![a-z])
    | fat [\s_-]* water | water [\s_-]* fat | (out [\s_-]* of | opposed) [\s_-]* phase
    | black [\s_-]* blood | proton [\s_-]* dens
    | (?<![a-z]) ege (?![a-z]) | early [\s_-]* (gad | gd | enh)
    | (?<![a-z]) (shim | calibration) | (?<![a-z]) (coil | ref) [\s_-]* (sens | scan)
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""What else is scanned of a heart: no LGE unless the name says LGE, too."""

ABBREVIATION = re.compile(
    r"(?<![a-z]) (?: (?<! nach [\s_-] ) (?<! post [\s_-] ) (?<! after [\s_-] ) (?: stress | rest )"
    r" | dyn (?: amic )? | pc | pd | loc | tag (?: ged )? | harp | dense | strain) (?![a-z])",
    re.IGNORECASE | re.VERBOSE,
)
"""As `OTHER_CONTRAST`, for series of a scanner alone: files are called after patients, too."""

MAP_WORD = re.compile(r"(?<![a-z]) map (?: s | ping )? (?![a-z])", re.IGNORECASE | re.VERBOSE)
"""In names that say no more of maps than this: what they show is told as a doubt."""

MAP_UNITS = {"MS", "%"}
"""Of T1, T2 and ECV maps, by RescaleType or UCUM. The signal of LGE has no unit."""

PHASE_TYPES = {"P", "PHASE", "PHASE MAP", "I", "IMAGINARY"}
MAP_TYPES = {"T1 MAP", "T2 MAP", "T2_STAR MAP", "T2STAR MAP", "ECV", "ECV MAP"}
OTHER_TYPES = {
    "T2",
    "T2_STAR",
    "STIR",
    "DIFFUSION",
    "PERFUSION",
    "PHASE_CONTRAST",
    "VELOCITY",
    "TAGGING",
    "TOF",
    "PROTON_DENSITY",
}
"""Values of ImageType (PS3.3 C.8.13.3.1.1, and as vendors write them)."""

CINE = re.compile(r"(?<![a-z])cine", re.IGNORECASE)
CINE_SEQUENCE = re.compile(
    r"(?<![a-z]) (retro | fiesta | tru (?:e)? fi (?:sp)? | s? b -? tfe | b? ssfp | kino) (?![a-z])"
    r"| (?<![a-z]) fun[ck] (?:tion)? (?![a-z])",
    re.IGNORECASE | re.VERBOSE,
)
"""What function is scanned with, and LGE at times: then its name says so, or an inversion."""

TRIGGER_TAGS = ("TriggerTime", "NominalCardiacTriggerDelayTime", "CardiacCyclePosition")

MAX_IMAGES_OF_LGE = 6
"""At a position, as of both reconstructions of three repeats: more are a cine, or dynamic. Ours."""

INVERSION = re.compile(r"(?<![a-z])ir(?![a-z])|inversion", re.IGNORECASE)
LONG_AXIS = re.compile(
    r"(?<![a-z\d]) p? [234] [\s_-]* (?: (?:ch|cv|kb) (?![a-z]) | cham | kammer )"
    r"| (?<![a-z]) (lax|hla|vla|lvot|rvot) (?![a-z]) | long [\s_-]* axis",
    re.IGNORECASE | re.VERBOSE,
)
BODY_PLANE = re.compile(
    r"(?<![a-z]) (axial | trans (?:v\w*)? | tra | coronal | cor | sagittal | sag) (?![a-z])",
    re.IGNORECASE | re.VERBOSE,
)
SHORT_AXIS = re.compile(r"(?<![a-z]) (sax?|short) (?![a-z])", re.IGNORECASE | re.VERBOSE)


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
    if contrast == "lge" and MAP_WORD.search(called):
        remarks.append(f"its name is {called!r}, which speaks of a map: make sure that it is LGE")
    if (plane := body_plane_remark(header, grid)) is not None:
        remarks.append(plane)
        view: View = "long axis" if plane.startswith(UNFIT) else "short axis"
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
    types = _types(header)
    if (never := never_lge_name(header)) is not None:
        return f"its name is {never!r}"
    if "LOCALIZER" in types:
        return "ImageType LOCALIZER"
    if units := _units(header) & MAP_UNITS:
        return f"its values are in {min(units).lower()}"
    if named := types & MAP_TYPES:
        return f"ImageType {min(named)}"
    # the real part of a phase-sensitive scan is what it is for
    return phase_reason(header) if kind_of(header) is None else None


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
    if named := _types(header) & OTHER_TYPES:
        return f"ImageType {min(named)}"
    names = [text_of(header, tag) for tag in NAME_TAGS]
    words = (OTHER_CONTRAST, ABBREVIATION) if "Modality" in header else (OTHER_CONTRAST,)
    called = next((name for name in names for word in words if word.search(name)), None)
    return None if called is None else f"its name is {called!r}"


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
    names = [text_of(header, tag) for tag in NAME_TAGS]
    if number_of(text_of(header, "InversionTime")):
        return None
    phases = number_of(text_of(header, "CardiacNumberOfImages")) or 1
    times = any(text_of(header, tag) for tag in TRIGGER_TAGS)
    called = next((name for name in names if CINE.search(name)), None)
    if called is None and not is_called_lge(header) and not any(map(INVERSION.search, names)):
        called = next((name for name in names if CINE_SEQUENCE.search(name)), None)
    if phases > 1:
        return f"CardiacNumberOfImages {phases:g}, no InversionTime"
    if images_each > 2 and times:
        return f"{images_each} cardiac phases, no InversionTime"
    if images_each > MAX_IMAGES_OF_LGE:
        return f"{images_each} images at each position, no InversionTime"
    return None if called is None else f"its name is {called!r}"


def is_called_lge(header: Dataset) -> bool:
    """Whether the name of a series says LGE."""
    return bool(lge_names(header))


def lge_names(header: Dataset, lge: re.Pattern[str] = LGE) -> dict[str, str]:
    """The names of a series that say LGE by the pattern `lge`, by tag.

    A protocol is called after all that an examination holds: where the description tells of
    another scan, only that counts.
    """
    description = text_of(header, "SeriesDescription")
    other = any(words.search(description) for words in (OTHER_CONTRAST, ABBREVIATION, CINE))
    cine = CINE_SEQUENCE.search(description) and not INVERSION.search(description)
    tags = (tag for tag in NAME_TAGS if not (other or cine) or tag != "ProtocolName")
    return {tag: name for tag in tags if lge.search(name := text_of(header, tag))}


def body_plane_remark(header: Dataset, grid: InputGrid) -> str | None:
    """What to tell of slices along the planes of the body, which no short axis is; or None.

    A conversion that lost the orientation leaves such planes, too: without a name that agrees it is
    no more than a doubt, and for a volume file, where it is common, none.
    """
    names = [text_of(header, tag) for tag in NAME_TAGS]
    if long_axis_cosine(grid) is not None or any(map(SHORT_AXIS.search, names)):
        return None
    if any(map(LONG_AXIS.search, names)):
        return None
    called = next((name for name in names if BODY_PLANE.search(name)), None)
    if called is not None:
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
    names = [text_of(header, tag) for tag in NAME_TAGS]
    if not any(map(SHORT_AXIS.search, names)):
        called = next((name for name in names if LONG_AXIS.search(name)), None)
        if called is not None:
            return f"its name is {called!r}"
    cosine = long_axis_cosine(grid)
    if cosine is not None and abs(cosine) < MIN_APEXWARD_COSINE:
        return "its slices lie across the usual axis of the heart"
    return None
