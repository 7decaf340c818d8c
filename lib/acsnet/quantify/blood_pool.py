"""Blood pool that is no part of the ventricle: a stray dab of a brush.

Not from the paper. It would move the centre of the pool, from which segments and chords are
counted. In the 197 expert stacks of the EMIDEC and ACDC train lists there is none.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_fill_holes
from scipy.ndimage import label as components

from acsnet.labels import MYOCARDIUM, Label
from acsnet.masks import TOUCHING, parts_meeting


def pool_outside_wall(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(row, column) label map -> its blood pool that is no part of the ventricle.

    A part of the pool belongs to the ventricle where the wall, or wall and pool together, enclose
    it. Beside an open wall, as at the base, it also does where it touches the wall: a wall is open
    if the pool that touches it from outside is larger than what it encloses. In a slice without
    wall all of the pool belongs to it.
    """
    pool, wall = labels == Label.LV_BLOOD_POOL, np.isin(labels, MYOCARDIUM)
    if not (pool.any() and wall.any()):
        return np.zeros_like(pool)
    cavity = binary_fill_holes(wall) & ~wall
    own = parts_meeting(pool, cavity, corners=True)
    beside = parts_meeting(pool, binary_dilation(wall, TOUCHING), corners=True) & ~own
    if np.count_nonzero(beside) > np.count_nonzero(cavity):
        own |= beside
    outside: NDArray[np.bool_] = pool & ~parts_meeting(
        pool, binary_fill_holes(wall | own), corners=True
    )
    return outside


def without_stray_pool(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(slice, row, column) label map -> the same, its pool outside the wall as background.

    A slice keeps its pool where all of it lies outside, or where it is in one part.
    """
    own = labels
    for k in np.flatnonzero((labels == Label.LV_BLOOD_POOL).any(axis=(1, 2))):
        pool = labels[k] == Label.LV_BLOOD_POOL
        if components(pool, TOUCHING)[1] == 1:
            continue
        outside = pool_outside_wall(labels[k])
        if outside.any() and not outside[pool].all():
            own = own.copy() if own is labels else own
            own[k][outside] = Label.BACKGROUND
    return own
