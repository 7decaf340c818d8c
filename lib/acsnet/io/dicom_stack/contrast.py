"""What a series shows, by what the scanner calls it and by its cardiac phases: LGE or cine.

Names are the site's own. Ours.
"""

import re

from pydicom.dataset import Dataset

from acsnet.io.dicom_files import text_of
from acsnet.scan import UNFIT

NAME_TAGS = ("SeriesDescription", "ProtocolName", "SequenceName")

LGE = re.compile(
    r"""
    (?<![a-z]) (lge | mde | psmde | psir) (?![a-z])
    | (?<![a-z]) de (?: [_-] | \s* (?: mri? | cmr | sax? | psir | 2d | 3d | ir | overview | high )
        (?![a-z]) | $ )
    | late [\s_-]* (gad | gd | enh)
    | delayed | delay [\s_-]* enh | hyper [\s_-]* enh
    | viab
    | realce [\s_-]* tard | rehaussement [\s_-]* tard
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""English names with the abbreviations of the vendors, Spanish, Portuguese and French ones."""

NO_LGE = re.compile(
    r"scout | locali[sz]er | look.?locker | (?<![a-z]) (t1|t2|ecv) [\s_-]* map",
    re.IGNORECASE | re.VERBOSE,
)
"""Scans of the same protocol from which no scar is measured."""

CINE = re.compile(r"cine", re.IGNORECASE)
LONG_AXIS = re.compile(
    r"(?<![a-z\d]) [234] [\s_-]* (?: ch (?![a-z]) | cham) | (?<![a-z]) (lax|hla|vla) (?![a-z])"
    r"| long [\s_-]* axis",
    re.IGNORECASE | re.VERBOSE,
)
SHORT_AXIS = re.compile(r"(?<![a-z]) (sax?|short) (?![a-z])", re.IGNORECASE | re.VERBOSE)


def cine_reason(header: Dataset, *, images_each: int) -> str | None:
    """Why a stack looks like cine and not LGE, or None.

    LGE is one inversion-recovery image a position; cine has many phases and no inversion. Bright
    spots in the wall of a cine are no scar, but a network measures them all the same. header: of
    an image; images_each: how many the series holds at a position.
    """
    names = [text_of(header, tag) for tag in NAME_TAGS]
    try:
        if float(text_of(header, "InversionTime") or 0) != 0.0:
            return None
        phases = int(text_of(header, "CardiacNumberOfImages") or 1)
    except ValueError:
        return None
    times = any(text_of(header, tag) for tag in ("TriggerTime", "NominalCardiacTriggerDelayTime"))
    called = next((name for name in names if CINE.search(name)), None)
    if phases > 1:
        why = f"CardiacNumberOfImages {phases}, no InversionTime"
    elif images_each > 2 and times:
        why = f"{images_each} cardiac phases, no InversionTime"
    elif called is not None:
        why = f"it is called {called!r}"
    else:
        return None
    return f"{UNFIT} cine, not LGE ({why}): scar cannot be measured on it"


def is_called_lge(header: Dataset) -> bool:
    """Whether the name of a series says LGE."""
    return any(LGE.search(text_of(header, tag)) for tag in NAME_TAGS)


def long_axis_name(header: Dataset) -> str | None:
    """The name by which a series is a long-axis one, or None."""
    names = [text_of(header, tag) for tag in NAME_TAGS]
    if any(map(SHORT_AXIS.search, names)):
        return None
    return next((name for name in names if LONG_AXIS.search(name)), None)
