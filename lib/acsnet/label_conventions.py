"""What the values of each label map mean: one table for training, evaluation and measuring."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label

OWN = "acsnet"
"""The convention of our own label maps."""

LV, MYO, ENH, CORE = "lv", "myocardium", "enhancement", "core_scar"
REGIONS: Mapping[str, tuple[Label, ...]] = {
    LV: LEFT_VENTRICLE,
    MYO: MYOCARDIUM,
    ENH: ENHANCEMENT,
    CORE: (Label.CORE_SCAR,),
}
"""Region -> our labels that make it up."""

ROUNDING = 0.01
"""From a value to the label that it stands for."""

MAX_VALUE = 2.0**31
"""Of a label."""

MAX_NAMED = 5
"""So many unknown values are named in an error."""


@dataclass(frozen=True, kw_only=True)
class Convention:
    """What an expert drew, and under which values.

    labels: every value that may occur -> our label of the tissue; regions: those that the expert
    told apart; right_ventricle: its value, which is background to us.
    """

    labels: Mapping[int, Label]
    regions: tuple[str, ...] = (LV, MYO, ENH)
    right_ventricle: int | None = None

    @property
    def has_scar(self) -> bool:
        """Whether enhancement was drawn."""
        return ENH in self.regions


_MSCMRSEG = {
    0: Label.BACKGROUND,
    200: Label.LV_MYOCARDIUM,
    500: Label.LV_BLOOD_POOL,
    600: Label.BACKGROUND,
}

CONVENTIONS: Mapping[str, Convention] = {
    # Lalande et al., Data 2020;5:89 (doi 10.3390/data5040089): cavity, healthy wall, infarct,
    # no-reflow.
    "emidec": Convention(
        labels={
            0: Label.BACKGROUND,
            1: Label.LV_BLOOD_POOL,
            2: Label.LV_MYOCARDIUM,
            3: Label.CORE_SCAR,
            4: Label.MICROVASCULAR_OBSTRUCTION,
        }
    ),
    # Bernard et al., IEEE TMI 2018;37:2514 (doi 10.1109/TMI.2018.2837502): right ventricle, wall,
    # cavity; cine, no enhancement.
    "acdc": Convention(
        labels={
            0: Label.BACKGROUND,
            1: Label.BACKGROUND,
            2: Label.LV_MYOCARDIUM,
            3: Label.LV_BLOOD_POOL,
        },
        regions=(LV, MYO),
        right_ventricle=1,
    ),
    # Campello et al., IEEE TMI 2021;40:3543 (doi 10.1109/TMI.2021.3090082): cavity, wall, right
    # ventricle; cine, no enhancement.
    "mnms": Convention(
        labels={
            0: Label.BACKGROUND,
            1: Label.LV_BLOOD_POOL,
            2: Label.LV_MYOCARDIUM,
            3: Label.BACKGROUND,
        },
        regions=(LV, MYO),
        right_ventricle=3,
    ),
    # doi 10.1016/j.media.2022.102528: wall, cavity, right ventricle; no enhancement is drawn.
    "mscmrseg": Convention(labels=_MSCMRSEG, regions=(LV, MYO), right_ventricle=600),
    # doi 10.1016/j.media.2023.102808: as MS-CMRSeg, with oedema (seen on T2, not on LGE: wall) and
    # scar.
    "myops": Convention(
        labels={**_MSCMRSEG, 1220: Label.LV_MYOCARDIUM, 2221: Label.CORE_SCAR}, right_ventricle=600
    ),
    OWN: Convention(labels={int(label): label for label in Label}, regions=tuple(REGIONS)),
}


def whole_numbers(values: NDArray[Any], *, name: str) -> NDArray[np.int64]:
    """Values of any shape as whole numbers; NaN, as outside of a mask, is 0.

    Values near whole numbers are whole: conversions scale and resample them.
    Raises InputError where one is further than `ROUNDING` from any.
    """
    if values.dtype.kind in "iub":
        return values.astype(np.int64)
    known = np.nan_to_num(np.asarray(values, dtype=np.float64), nan=0.0)
    off = np.abs(known - np.rint(np.clip(known, -MAX_VALUE, MAX_VALUE))) > ROUNDING
    if off.any():
        msg = (
            f"{name} holds values that are not whole numbers ({known[off][0]:g}), so it is no "
            "label map"
        )
        raise InputError(msg)
    return np.rint(known).astype(np.int64)


def to_labels(
    values: NDArray[np.integer[Any]], convention: str, *, source: object
) -> NDArray[np.uint8]:
    """Values of a convention -> values of `acsnet.labels.Label`, same shape.

    Args:
        values: whole numbers, any shape.
        convention: a name in `CONVENTIONS`.
        source: the file that messages name.

    Raises:
        InputError: a value that the convention does not know.
    """
    table = CONVENTIONS[convention].labels
    present = np.unique(values).tolist()
    if unknown := [value for value in present if value not in table]:
        msg = (
            f"{source} holds the values {', '.join(map(str, unknown[:MAX_NAMED]))}, which are not "
            f"labels of '{convention}' ({', '.join(map(str, table))})"
        )
        raise InputError(msg)
    labels = np.zeros(values.shape, np.uint8)
    for value in present:
        labels[values == value] = table[value]
    return labels


def region_masks(
    values: NDArray[np.integer[Any]], convention: str, *, source: object
) -> dict[str, NDArray[np.bool_]]:
    """Masks of the regions that a convention has, each of the shape of `values`.

    Raises InputError as `to_labels`, whose arguments it takes.
    """
    labels = to_labels(values, convention, source=source)
    return {name: np.isin(labels, REGIONS[name]) for name in CONVENTIONS[convention].regions}
