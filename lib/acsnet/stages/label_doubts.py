"""Warnings where a label map seems to follow another convention, or nobody looked for scar.

Not from the paper: rules by the signal of each tissue, by how much scar there is, and by where
cavity, wall and scar lie.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes

from acsnet.label_conventions import OWN
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.masks import box_of
from acsnet.quantify.features import Features
from acsnet.quantify.scar import grey_alone
from acsnet.scan import ShortAxisScan

NO_SCAR_DRAWN = "no scar is drawn: 0 holds only if somebody looked for it"
"""Warning of a label map that somebody drew, in which nothing enhances."""

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

GREY_ALONE = (
    "grey zone is drawn and no core scar: if value 3 stands for infarct in this label map, as in "
    f"EMIDEC's, {OTHER_CONVENTION}"
)

OBSTRUCTION_ALONE = (
    "microvascular obstruction is drawn and no scar around it: if value 5 stands for scar in this "
    f"label map, {OTHER_CONVENTION}"
)

OBSTRUCTION_BRIGHT = (
    "microvascular obstruction (value 5) has a median signal of {other:.4g}, above the {core:.4g} "
    f"of core scar (value 4): if value 5 stands for scar in this label map, {OTHER_CONVENTION}"
)

DARKER_THAN_CORE = {
    OWN: (
        Label.GREY_ZONE,
        "core scar (value 4) has a median signal of {core:.4g}, below the {other:.4g} of grey zone "
        "(value 3): if value 4 stands for no-reflow in this label map, as in EMIDEC's, "
        f"{OTHER_CONVENTION}",
    ),
    "emidec": (
        Label.MICROVASCULAR_OBSTRUCTION,
        "no-reflow (value 4) has a median signal of {other:.4g}, above the {core:.4g} of infarct "
        "(value 3): if value 4 stands for core scar in this label map, as in ACSNet's own, "
        f"{OTHER_CONVENTION}",
    ),
}
"""Convention -> the enhancement that is darker in it than core scar, and what to say if it is not.

Grey zone is so by its definition, no-reflow in each of the 27 of 71 label maps of EMIDEC that have
it. The conventions give value 4 to the brighter part and to the darker one.
"""

MOST_ENHANCED_PERCENT = 95.0
"""Share of the wall that scar does not exceed in a label map that is read rightly. Own rule."""

ALL_ENHANCED = (
    "scar is {percent:.0f} % of the wall: if the values of wall and scar are others in this label "
    f"map, {OTHER_CONVENTION}"
)


def convention_doubts(
    scan: ShortAxisScan, drawn: NDArray[np.uint8], *, truth: str, features: Features
) -> tuple[str, ...]:
    """Warnings where signal or anatomy tells that a label map follows another convention.

    drawn: (slice, row, column) our labels of what its values stand for in the convention `truth`,
    grey zone as drawn; features: as measured.
    """
    as_drawn = features.scar_method is None and features.core_scar_volume_ml is not None
    darker = DARKER_THAN_CORE.get(truth)
    return (
        *((GREY_ALONE,) if as_drawn and grey_alone(drawn) else ()),
        *(_brighter_than_core(scan, drawn, *darker) if darker else ()),
        *arrangement_doubts(drawn),
    )


def file_doubts(
    scan: ShortAxisScan, values: NDArray[np.integer[Any]], *, truth: str, features: Features
) -> tuple[str, ...]:
    """Further warnings of a label map in a file, by obstruction and by how much scar there is.

    A reader in the server gets none: those labels follow our convention, and the reader has looked
    for scar. values: (slice, row, column) of the convention `truth`; features: as measured.
    """
    obstruction = _obstruction_doubt(scan, values) if truth == OWN else ()
    return (*obstruction, *_share_doubt(features))


def arrangement_doubts(labels: NDArray[np.uint8]) -> tuple[str, ...]:
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


def _obstruction_doubt(scan: ShortAxisScan, labels: NDArray[np.integer[Any]]) -> tuple[str, ...]:
    """A warning where obstruction, which is the dark core of other scar, is not that.

    labels: (slice, row, column) our labels as drawn.
    """
    present = set(np.unique(labels[np.isin(labels, ENHANCEMENT)]).tolist())
    if scan.shows_scar and present == {Label.MICROVASCULAR_OBSTRUCTION}:
        return (OBSTRUCTION_ALONE,)
    return _brighter_than_core(scan, labels, Label.MICROVASCULAR_OBSTRUCTION, OBSTRUCTION_BRIGHT)


def _brighter_than_core(
    scan: ShortAxisScan, drawn: NDArray[np.integer[Any]], label: Label, words: str
) -> tuple[str, ...]:
    """A warning where what should be darker than core scar is brighter; words: with both signals.

    drawn: (slice, row, column) our labels of what the values stand for in the convention.
    """
    if not scan.shows_scar:
        return ()
    core, other = (
        scan.pixels[(drawn == value) & scan.measured] for value in (Label.CORE_SCAR, label)
    )
    if not (core.size and other.size and np.median(core) < np.median(other)):
        return ()
    return (words.format(core=np.median(core), other=np.median(other)),)


def _share_doubt(features: Features) -> tuple[str, ...]:
    """A warning where a wall has no scar, or is nearly all scar."""
    percent = features.scar_burden_percent
    if features.myocardium_volume_ml and features.enhancement_volume_ml == 0:
        return (NO_SCAR_DRAWN,)
    if percent is None or percent <= MOST_ENHANCED_PERCENT:
        return ()
    return (ALL_ENHANCED.format(percent=percent),)


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
