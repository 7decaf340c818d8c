"""Whether the values of a volume that is called like a label map are those of one. Ours."""

from functools import lru_cache
from pathlib import Path

import numpy as np

from acsnet.errors import AcsnetError
from acsnet.io.containers import read_volume

MAX_VALUES = 128
"""Different ones of a label map, to hundredths: of all organs, or of a soft mask."""

MIN_ZEROS = 0.75
"""Fraction of voxels that are 0 in a soft mask of more values; of a scan noise fills them."""


def may_be_label_map(path: Path) -> bool:
    """Whether a volume has as few values, or as many zeros; also where it cannot be read."""
    try:
        return _is_like_a_label_map(path, path.stat().st_mtime_ns)
    except (AcsnetError, OSError):
        return True


@lru_cache(maxsize=1000)
def _is_like_a_label_map(path: Path, _changed_ns: int) -> bool:
    """Read anew when the file changed. Raises as `read_volume`, and OSError."""
    pixels = read_volume(path).pixels
    if np.count_nonzero(pixels) <= (1 - MIN_ZEROS) * pixels.size:
        return True
    return len(np.unique(np.rint(100 * pixels))) <= MAX_VALUES
