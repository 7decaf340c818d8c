"""From what the networks say of each pixel, or a person drew, to the masks before correction."""

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM
from acsnet.preprocess import to_scan
from acsnet.stages import myocardium
from acsnet.stages.myocardium import EnhancementCleanup
from acsnet.stages.scar_parts import without_small_parts
from acsnet.stages.stage_outputs import Located, NetworkMasks, with_enhancement


def masks_of_networks(
    located: Located,
    probability: NDArray[np.float32],
    *,
    cleanup: EnhancementCleanup,
    join_enhancement: bool,
) -> NetworkMasks:
    """Masks of stage 2 on the scan's grid; without enhancement on a scan that shows none.

    probability: (2, slice, H, W) of wall and enhancement, on the standard grid; join_enhancement:
    whether all enhancement is wall (`with_enhancement`).
    """
    standard = located.standard
    if not located.scan.shows_scar:
        probability = np.stack([probability[0], np.zeros_like(probability[1])])
    wall, enhancement = (to_scan(stack, standard) for stack in probability)
    enhanced = myocardium.clean_enhancement(
        probability[1] > myocardium.ENHANCEMENT_THRESHOLD, cleanup
    )
    enhanced = to_scan(enhanced.astype(np.float32), standard) > 0.5
    kept = without_small_parts(enhanced, located.scan.spacing_mm)
    drawn = wall > myocardium.WALL_THRESHOLD
    return NetworkMasks(
        ventricle=located.on_scan(),
        wall=with_enhancement(drawn, kept) if join_enhancement else drawn,
        enhancement=kept,
        small_parts=enhanced & ~kept,
        wall_probability=wall,
        enhancement_probability=enhancement,
    )


def masks_of_labels(labels: NDArray[np.uint8]) -> NetworkMasks:
    """Masks of (slice, row, column) labels that a person drew, as if networks were sure of them."""
    wall, enhancement = np.isin(labels, MYOCARDIUM), np.isin(labels, ENHANCEMENT)
    return NetworkMasks(
        ventricle=np.isin(labels, LEFT_VENTRICLE),
        wall=wall,
        enhancement=enhancement,
        small_parts=np.zeros_like(enhancement),
        wall_probability=wall.astype(np.float32),
        enhancement_probability=enhancement.astype(np.float32),
    )
