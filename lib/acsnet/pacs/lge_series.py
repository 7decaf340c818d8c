"""Recognise late gadolinium enhancement (LGE) series by their names.

Not from the paper. Names differ between sites: `ACSNET_PACS_LGE` replaces the pattern.
"""

import re

from pydicom.dataset import Dataset

from acsnet.io.dicom_files import text_of

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
"""English, Spanish, Portuguese and French names, and the vendors' abbreviations."""

NO_LGE = re.compile(
    r"scout | locali[sz]er | look.?locker | (?<![a-z]) (t1|t2|ecv) [\s_-]* map",
    re.IGNORECASE | re.VERBOSE,
)
"""Other scans of the same protocol."""


def lge_name(header: Dataset, pattern: re.Pattern[str] = LGE) -> str | None:
    """The tag and value that match, such as "SeriesDescription 'SA PSIR'"; None if none does."""
    names = {tag: text_of(header, tag) for tag in NAME_TAGS}
    if any(NO_LGE.search(name) for name in names.values()):
        return None
    return next((f"{tag} {name!r}" for tag, name in names.items() if pattern.search(name)), None)
