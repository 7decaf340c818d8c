"""Plain words for a segmentation that a person should look at before using its numbers (ours)."""

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import MYOCARDIUM, Label
from acsnet.stages.correction import Action, SliceCorrection, StackCorrection

MIN_LV_ML = 20.0
MAX_LV_ML = 700.0
"""Left ventricles outside this range are reported as doubtful."""

MIN_POOL_SHARE = 0.1
"""Blood pool over wall volume; the lowest of the 200 expert stacks of the train lists has 0.111."""

HIGH_DISTANCE = 1.0
"""A move in the latent space that a person should look at, in gaps between two hearts."""

LOW_DICE = 0.8
"""A wall that has less than this in common with what the network drew was redrawn."""


def doubts(labels: NDArray[np.uint8], lv_volume_ml: float) -> tuple[str, ...]:
    """Plain words for a segmentation that a person should look at before using its numbers."""
    found = np.flatnonzero(labels.any(axis=(1, 2)))
    if not len(found):
        return ("no left ventricle was found in this scan",)
    notes = []
    if len(found) < 3:
        notes.append(f"the left ventricle was found in {len(found)} of {len(labels)} slices only")
    if found[-1] - found[0] + 1 > len(found):
        empty = found[-1] - found[0] + 1 - len(found)
        notes.append(f"no segmentation in {empty} of the slices between apex and base")
    if not MIN_LV_ML <= lv_volume_ml <= MAX_LV_ML:
        notes.append(f"left ventricular volume of {lv_volume_ml:.0f} ml is implausible")
    pool, wall = np.isin(labels, Label.LV_BLOOD_POOL).sum(), np.isin(labels, MYOCARDIUM).sum()
    if pool < MIN_POOL_SHARE * wall:
        notes.append(
            f"the blood pool has {pool / wall:.0%} of the wall's volume: too little for a heart"
        )
    return tuple(notes)


def is_far(slice_: SliceCorrection) -> bool:
    """Whether the wall of a slice is far from what the network drew."""
    return slice_.distance > HIGH_DISTANCE or slice_.dice < LOW_DICE


def anatomy_doubts(anatomy: StackCorrection, *, reversed_slices: bool) -> tuple[str, ...]:
    """What stage 3 changed so much, or left out, that it needs a look.

    Slices are numbered as in the file, from 1. reversed_slices: whether the file runs base first.
    """
    total = len(anatomy.slices)

    def numbers(indices: list[int]) -> str:
        in_file = [total - k if reversed_slices else k + 1 for k in indices]
        return ", ".join(str(k) for k in sorted(in_file))

    notes = []
    emptied = [k for k, s in enumerate(anatomy.slices) if s.action is Action.EMPTIED]
    far = [k for k, s in enumerate(anatomy.slices) if is_far(s) and k not in emptied]
    if emptied:
        notes.append(f"no possible wall was near what the network drew in slice {numbers(emptied)}")
    if far:
        notes.append(f"the wall was changed much to make it possible in slice {numbers(far)}")
    if anatomy.odd:
        notes.append(
            f"the ventricle's area is unlike its neighbours' in slice {numbers(list(anatomy.odd))}"
        )
    for reason in dict.fromkeys(drop.reason for drop in anatomy.dropped):
        indices = [drop.index for drop in anatomy.dropped if drop.reason == reason]
        notes.append(f"slice {numbers(indices)} left out: {reason}")
    return tuple(notes)
