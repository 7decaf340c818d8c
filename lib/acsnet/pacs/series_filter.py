"""Which MR series are late gadolinium enhancement (LGE), by what the scanner calls them.

Names are the site's own, so the pattern can be replaced (`ACSNET_PACS_LGE`). Ours.
"""

import re

from pydicom.dataset import Dataset

from acsnet.io.contrast import LGE, NAME_TAGS, NO_LGE
from acsnet.io.dicom_files import text_of


def lge_name(header: Dataset, pattern: re.Pattern[str] = LGE) -> str | None:
    """The tag that says LGE and its value, such as "SeriesDescription 'SA PSIR'"; or None."""
    names = {tag: text_of(header, tag) for tag in NAME_TAGS}
    if any(NO_LGE.search(name) for name in names.values()):
        return None
    return next((f"{tag} {name!r}" for tag, name in names.items() if pattern.search(name)), None)
