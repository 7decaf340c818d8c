"""A label map that a person drew -> its nearest possible walls, as a suggestion, slice by slice.

The brush that snaps: nothing of what was drawn is changed; whoever drew it is shown what would. Not
from the paper.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.anatomy.measures import Form
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.stages.correction import Corrector, SliceCorrection
from acsnet.stages.myocardium import blood_pool


@dataclass(frozen=True, kw_only=True)
class SuggestedSlice:
    """What would change in a slice.

    index: in the stack; failed: checks that the wall as drawn fails; near: whether there is a
    possible wall near, else nothing is suggested; dice: of the two walls; added_mm2, removed_mm2:
    wall that would come and go; scar_removed_mm2: scar that would lie outside the wall.
    """

    index: int
    failed: tuple[str, ...]
    near: bool
    dice: float = 1.0
    added_mm2: float = 0.0
    removed_mm2: float = 0.0
    scar_removed_mm2: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """labels: (slice, row, column), as drawn where a wall is possible; slices: those where not."""

    labels: NDArray[np.uint8]
    slices: tuple[SuggestedSlice, ...]


def suggest_walls(
    labels: NDArray[np.uint8], spacing_mm: tuple[float, float], *, corrector: Corrector
) -> Suggestion:
    """The nearest possible walls of a label map.

    Args:
        labels: (slice, row, column) as drawn.
        spacing_mm: distance of rows, of columns.
        corrector: of the pipeline.
    """
    walls = np.isin(labels, MYOCARDIUM)
    out, slices = labels.copy(), []
    for k, slice_ in enumerate(corrector(walls, spacing_mm)):
        if not slice_.failed:
            continue
        if not slice_.wall.any():
            slices.append(SuggestedSlice(index=k, failed=slice_.failed, near=False))
            continue
        out[k] = _plane(labels[k], slice_)
        pixel_mm2 = spacing_mm[0] * spacing_mm[1]
        scar = np.isin(labels[k], ENHANCEMENT)
        slices.append(
            SuggestedSlice(
                index=k,
                failed=slice_.failed,
                near=True,
                dice=slice_.dice,
                added_mm2=float((slice_.wall & ~walls[k]).sum()) * pixel_mm2,
                removed_mm2=float((walls[k] & ~slice_.wall).sum()) * pixel_mm2,
                scar_removed_mm2=float((scar & ~slice_.wall).sum()) * pixel_mm2,
            )
        )
    return Suggestion(labels=out, slices=tuple(slices))


def _plane(drawn: NDArray[np.uint8], slice_: SliceCorrection) -> NDArray[np.uint8]:
    """(row, column) labels of a slice with another wall: scar stays as drawn inside it."""
    wall = slice_.wall
    is_open = np.array([slice_.verdict.form is Form.OPEN])
    pool = blood_pool(wall[None], (drawn > 0)[None], is_open)[0]
    plane = np.zeros_like(drawn)
    plane[pool] = Label.LV_BLOOD_POOL
    plane[wall] = Label.LV_MYOCARDIUM
    scar = wall & np.isin(drawn, ENHANCEMENT)
    plane[scar] = drawn[scar]
    return plane
