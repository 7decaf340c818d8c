"""One tone curve for scans that are compared: wall, blood and the brightest at fixed levels.

Not from the paper. Two visits differ in inversion time, dose and display, and so in how bright
wall, blood and scar are beside each other, and the networks draw more scar where it stands out
more. Seen in one curve two scans of one heart differ by less, and more of a change is that of the
heart (`benchmarks/uncertainty.py`). The curve comes from what was drawn on the scan as it is, and
is that of the signal without noise. The wall is better drawn on the scan as it is, and is kept.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from acsnet.preprocess import StandardScan, equalise

TOP_PERCENTILE = 99.5
"""Of the ventricle."""

LEVELS = (0.0, 0.2, 0.65, 0.9, 1.0)
"""Of black, of the medians of wall and blood, of the top, of white: as in a usual LGE scan."""


def in_standard_tone(
    standard: StandardScan,
    ventricle: NDArray[np.bool_],
    *,
    wall: NDArray[np.bool_],
    pool: NDArray[np.bool_],
) -> StandardScan:
    """A scan along a rising curve; as it is where black, wall, blood and top do not rise.

    Args:
        standard: the scan, as the networks see it.
        ventricle: (slice, H, W) mask of the whole left ventricle.
        wall: of the wall without enhancement.
        pool: of the blood pool.
    """
    from scipy.interpolate import PchipInterpolator  # takes long to import

    if not wall.any() or not pool.any():
        return standard
    plain = standard.plain
    knots = np.array(
        [
            0.0,
            np.median(plain[wall]),
            np.median(plain[pool]),
            np.percentile(plain[ventricle], TOP_PERCENTILE),
            1.0,
        ]
    )
    levels = np.array(LEVELS)
    if knots[-2] == 1.0:  # the brightest is white
        knots, levels = knots[:-1], levels[:-1]
    if not (np.diff(knots) > 0.0).all():
        return standard
    toned: NDArray[np.float32] = PchipInterpolator(knots, levels)(plain).astype(np.float32)
    return replace(standard, plain=toned, equalised=equalise(toned))
