"""What the values of each label map mean: one table for training, evaluation and measuring.

Not from the paper: what of their anatomy tells that the values of a label map follow another row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from acsnet.errors import InputError
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.masks import box_of

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

OTHER_CONVENTION = "it follows another convention"
"""How a warning ends where something tells that the values of a label map may mean others."""

MIN_POOL_IN_WALL = 0.9
"""Share of the cavity's border along which blood pool meets wall. Own rule, from train lists.

In the 57 label maps of EMIDEC and the 140 of ACDC it is 1, the median over slices. With the values
of ACDC, M&Ms, EMIDEC or our own read as those of another it is 0.86 at most, but for values that
mean the same in both, or not known, where the cavity is left without a label.
"""

POOL_OFF_WALL = (
    "blood pool and wall meet along {percent} % of the cavity's border: if other values stand "
    f"for cavity and wall in this label map, {OTHER_CONVENTION}"
)

MAX_SCAR_OUTSIDE = 0.54
"""Share of the outline of scar outside the ventricle, less the share in the cavity. Own rule.

Scar in a wall has another side: the median over slices is 0.13 at most in EMIDEC's train list, and
about 0.5 for a thin rim. The right ventricle of ACDC has 0.55 or more where it is read as scar.
"""

MIN_SCAR_SHARE = 0.1
"""Of the wall: the outline of fewer voxels tells nothing. The right ventricle has more, but in one
of the 140 label maps of ACDC's train list."""

SCAR_OUTSIDE = (
    "scar lies beside the wall and not in it, by most of its outline: if its value stands for the "
    f"right ventricle in this label map, {OTHER_CONVENTION}"
)

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


def convention_doubts(labels: NDArray[np.uint8]) -> tuple[str, ...]:
    """Warnings where cavity, wall and scar of a label map lie as in no heart.

    labels: (slice, row, column) our labels of what its values stand for in a convention. Slices
    without wall or cavity say nothing, nor do those without blood pool if others have it, nor those
    whose cavity holds no label. Open walls count only where none is closed.
    """
    rows, columns = box_of(labels > 0, margin=1)
    labels = labels[:, rows, columns]
    wall, pool = np.isin(labels, MYOCARDIUM), labels == Label.LV_BLOOD_POOL
    shell = wall if pool.any() else labels == Label.LV_MYOCARDIUM  # whose cavity may be scar
    filled = np.array([binary_fill_holes(plane) for plane in shell], bool).reshape(wall.shape)
    cavity = (pool | filled) & ~shell
    hollow = (cavity & (labels == 0)).any((1, 2), keepdims=True)
    inside = pool if pool.any() else cavity & ~hollow
    both = inside.any((1, 2)) & wall.any((1, 2))
    closed = both & (filled & ~shell).any((1, 2))
    in_wall = _median_share(
        _contact(pool, wall), _contact(cavity, ~cavity), slices=closed if closed.any() else both
    )
    if in_wall is not None and in_wall < MIN_POOL_IN_WALL:
        return (POOL_OFF_WALL.format(percent=int(100 * in_wall)),)
    scar = np.isin(labels, ENHANCEMENT)
    if np.count_nonzero(scar) < MIN_SCAR_SHARE * np.count_nonzero(wall):
        return ()
    outside = _contact(scar, ~(wall | cavity)) - _contact(scar, cavity)
    beside = _median_share(
        outside, _contact(scar, ~scar), slices=(scar.any((1, 2)) & cavity.any((1, 2)))
    )
    return (SCAR_OUTSIDE,) if beside is not None and beside > MAX_SCAR_OUTSIDE else ()


def _contact(mask: NDArray[np.bool_], other: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(slice,) edges of pixels that two (slice, row, column) masks share."""
    count = np.zeros(len(mask), np.int64)
    for a, b in ((mask, other), (other, mask)):
        count += (a[:, 1:] & b[:, :-1]).sum((1, 2)) + (a[:, :, 1:] & b[:, :, :-1]).sum((1, 2))
    return count


def _median_share(
    part: NDArray[np.int64], whole: NDArray[np.int64], *, slices: NDArray[np.bool_]
) -> float | None:
    """The median of part over whole of the slices that count; None where there is none."""
    counted = slices & (whole > 0)
    return float(np.median(part[counted] / whole[counted])) if counted.any() else None
