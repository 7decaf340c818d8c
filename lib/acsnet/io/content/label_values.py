"""Whether the values of a volume that is called like a label map are those of one. Ours."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from acsnet.errors import AcsnetError
from acsnet.io.containers import read_volume

MAX_VALUES = 128
"""Different ones of a label map, to hundredths: of all organs, or of a soft mask."""


def may_be_label_map(path: Path) -> bool:
    """Whether a volume has as few different values; also where it cannot be read."""
    try:
        return _has_few_values(path, path.stat().st_mtime_ns)
    except (AcsnetError, OSError):
        return True


@lru_cache(maxsize=1000)
def _has_few_values(path: Path, _changed_ns: int) -> bool:
    """Read anew when the file changed. Raises as `read_volume`, and OSError."""
    return len(np.unique(np.rint(100 * read_volume(path).pixels))) <= MAX_VALUES
