"""One tone curve for scans that are compared: wall, blood and the brightest at fixed levels.

Not from the paper. Two visits differ in inversion time, dose and display, and so in how bright
wall, blood and scar are beside each other, and the networks draw more scar where it stands out
more. Seen in one curve two scans of one heart differ by less, and more of a change is that of the
heart (`benchmarks/uncertainty.py`). The curve comes from what was drawn on the scan as it is. The
wall is better drawn there, and is kept.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

BLACK_PERCENTILE = 0.5
"""Of all pixels."""

TOP_PERCENTILE = 99.5
"""Of the ventricle."""

LEVELS = (0.0, 0.3, 1.0, 1.4)
"""Of black, of the medians of wall and blood, and of the top: as in a usual LGE scan."""


def in_standard_tone(
    pixels: NDArray[np.floating[Any]],
    ventricle: NDArray[np.bool_],
    *,
    wall: NDArray[np.bool_],
    pool: NDArray[np.bool_],
) -> NDArray[np.float32] | None:
    """Pixels along a rising curve; None where black, wall, blood and top do not rise.

    Args:
        pixels: (slice, row, column) signal.
        ventricle: (slice, row, column) mask of the whole left ventricle.
        wall: of the wall without enhancement.
        pool: of the blood pool.
    """
    from scipy.interpolate import PchipInterpolator  # takes long to import

    if not wall.any() or not pool.any():
        return None
    knots = np.array(
        [
            np.percentile(pixels, BLACK_PERCENTILE),
            np.median(pixels[wall]),
            np.median(pixels[pool]),
            np.percentile(pixels[ventricle], TOP_PERCENTILE),
        ],
        np.float64,
    )
    if not (np.diff(knots) > 0.0).all():
        return None
    curve = PchipInterpolator(knots, LEVELS)
    # Above the top the curve goes on as a line: scar may be brighter than all but little of it.
    slope = (LEVELS[-1] - LEVELS[-2]) / (knots[-1] - knots[-2])
    above = np.maximum(pixels - knots[-1], 0.0)
    toned: NDArray[np.float32] = (
        curve(np.clip(pixels, knots[0], knots[-1])) + slope * above
    ).astype(np.float32)
    return toned
