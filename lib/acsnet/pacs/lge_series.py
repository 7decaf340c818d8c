"""Recognise late gadolinium enhancement (LGE) series by their names.

Not from the paper. Names differ between sites: `ACSNET_PACS_LGE` replaces the pattern.
"""

import re

from pydicom.dataset import Dataset

from acsnet.io.dicom_files import text_of
from acsnet.io.dicom_stack.contrast import LGE, NAME_TAGS, NO_LGE


def lge_name(header: Dataset, pattern: re.Pattern[str] = LGE) -> str | None:
    """The tag and value that match, such as "SeriesDescription 'SA PSIR'"; None if none does."""
    names = {tag: text_of(header, tag) for tag in NAME_TAGS}
    if any(NO_LGE.search(name) for name in names.values()):
        return None
    return next((f"{tag} {name!r}" for tag, name in names.items() if pattern.search(name)), None)
