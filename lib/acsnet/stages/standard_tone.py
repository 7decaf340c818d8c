"""One tone curve for scans that are compared: wall and the brightest at fixed levels.

Not from the paper. Two visits differ in inversion time, dose and display, and so in how bright
wall, blood and scar are beside each other, and the networks draw more scar where it stands out
more. Seen in one curve two scans of one heart differ by less after another display, but by more in
noise or after a brighter scar. So the probability of enhancement is the mean of both views. In
repeats of four hearts the burden changes by 0.6 points (root mean square; 1.5 as it is, 1.3 in one
curve), and after a brighter scar by 1.2. With blood at a fixed level, too, it was 1.3 and 2.1: a
brighter scar is then not held at its level. The curve comes from what was drawn on the scan as it
is, and is that of the signal without noise. The wall is better drawn on the scan as it is, and is
kept; enhancement outside it is left out, unlike in a scan alone (`acsnet.stages.stage_outputs`):
what differs least between two scans counts more here than what is nearest to an expert, and with it
the burden differs more between most repeats of one heart (`benchmarks/scar_in_wall.py`).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from acsnet.preprocess import StandardScan, equalise

TOP_PERCENTILE = 99.5
"""Of the ventricle."""

LEVELS = (0.0, 0.2, 0.9, 1.0)
"""Of black, of the median of the wall, of the top, of white: as in a usual LGE scan."""


def in_standard_tone(
    standard: StandardScan, ventricle: NDArray[np.bool_], *, wall: NDArray[np.bool_]
) -> StandardScan:
    """A scan along a rising curve; as it is where black, wall and top do not rise.

    Args:
        standard: the scan, as the networks see it.
        ventricle: (slice, H, W) mask of the whole left ventricle.
        wall: of the wall without enhancement.
    """
    from scipy.interpolate import PchipInterpolator  # takes long to import

    if not wall.any():
        return standard
    plain = standard.plain
    knots = np.array(
        [
            0.0,
            np.median(plain[wall]),
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
    return replace(standard, plain=toned, equalised=equalise(toned, standard.signal))
