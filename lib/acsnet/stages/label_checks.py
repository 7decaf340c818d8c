"""Warnings about a label map that was just drawn. Not from the paper.

The checks look for what no heart has. Of the 197 expert stacks of the EMIDEC and ACDC train lists
three break a limit, each of a possible wall; none breaks one of the limits below.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from acsnet.anatomy.checks import check, read_limits
from acsnet.anatomy.measures import MEASURE_NAMES, Form, measure
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.masks import TOUCHING, parts_meeting
from acsnet.quantify.blood_pool import pool_outside_wall
from acsnet.quantify.features_document import Flag
from acsnet.scan import ShortAxisScan
from acsnet.stages.quality_flags import slice_numbers

FAULTS = {
    "objects": "in several parts",
    "holes": "with holes",
    "border_pixels": "cut by the edge of the image",
    "wall_area_mm2": "of too small or too large an area",
    "outer_radius_mm": "outside too small or too large",
    "outer_concavity_mm": "outer border dented",
    "outer_circularity": "outer border not round",
    "cavity_radius_mm": "cavity too small or too large",
    "cavity_concavity_mm": "cavity dented",
    "cavity_circularity": "cavity not round",
    "opening_deg": "open too far",
    "thickness_min_mm": "too thin or too thick at its thinnest",
    "thickness_max_mm": "too thin or too thick at its thickest",
    "thickness_variation": "too uneven in thickness",
    "cap_radius_mm": "of a wrong size for a wall without a cavity",
}
"""What a reader is told of a measure of a wall that is outside its limits."""

MESSAGES = {
    "scar_outside_wall": "scar lies outside the wall in slice {slices}",
    "pool_outside_wall": "blood pool lies outside the wall in slice {slices}",
    "undrawn_slices": "nothing is drawn in slice {slices}, between apex and base",
    "cavity_missing": (
        "there is no blood pool in slice {slices}, where the wall is a ring or the slices on both "
        "sides have one"
    ),
    "cavity_scarred": (
        "scar fills the cavity in slice {slices}, where the slices next to it have blood"
    ),
    "wall_filled": (
        "the wall in slice {slices} is a disc without a cavity, too large for the apex"
    ),
    "wall_all_scar": (
        "all of the wall is scar in slice {slices}, and far less of it in the slices next to it"
    ),
    "wall_missing": "there is a blood pool without a wall in slice {slices}",
    "wall_impossible": (
        "the wall in slice {slices} is anatomically impossible ({faults}): a click of the kind "
        "wall, or acsnet_correct in 3D Slicer, gives the nearest possible wall"
    ),
}
"""What a reader is told of each check that fails, in this order; faults: of `FAULTS`."""

MAX_SCAR_IN_CAVITY = 0.2
"""Share of the cavity that both neighbouring slices have; 0.09 at most in the expert stacks."""

MAX_CAP_SHARE = 0.5
"""Area of a wall without cavity over that of the largest slice; 0.40 at most: at the apex."""

ALL_SCAR, FAR_LESS_SCAR = 0.95, 0.5
"""Scar over wall of a slice, and of both its neighbours: experts drew 1.00 only beside 0.80."""


def label_flags(labels: NDArray[np.uint8], scan: ShortAxisScan) -> tuple[Flag, ...]:
    """Check what a person drew.

    Args:
        labels: (slice, row, column) values of `acsnet.labels.Label`.
        scan: on which it was drawn.

    Returns:
        A flag for each check that failed; its message numbers slices as in the file, from 1.
    """
    spacing_mm, limits = scan.spacing_mm[1:], read_limits()
    drawn = np.isin(labels, LEFT_VENTRICLE).any(axis=(1, 2))
    cavity = (labels == Label.LV_BLOOD_POOL).any(axis=(1, 2))
    stray_pool = np.stack([pool_outside_wall(slice_) for slice_ in labels])
    astray = np.stack([scar_outside_wall(slice_) for slice_ in labels])
    walls = np.isin(labels, MYOCARDIUM) & ~astray
    verdicts = {k: check(walls[k], spacing_mm, limits) for k in _slices(walls.any(axis=(1, 2)))}
    failures = {k: verdict.failures for k, verdict in verdicts.items() if not verdict.valid}
    faults = ", ".join(
        FAULTS[name] for name in MEASURE_NAMES if any(name in names for names in failures.values())
    )
    rings = np.isin(
        range(len(labels)), [k for k, verdict in verdicts.items() if verdict.form is Form.RING]
    )
    failed = {
        "scar_outside_wall": _slices(astray.any(axis=(1, 2))),
        "pool_outside_wall": _slices(stray_pool.any(axis=(1, 2))),
        "undrawn_slices": _slices(_between(drawn) & ~drawn),
        "cavity_missing": _slices((_between(cavity) & drawn | rings) & ~cavity),
        "cavity_scarred": scar_in_cavity(labels),
        "wall_filled": filled_walls(labels, spacing_mm),
        "wall_all_scar": all_scar(labels),
        "wall_missing": _slices(cavity & ~walls.any(axis=(1, 2))),
        "wall_impossible": list(failures),
    }
    return tuple(
        Flag(
            flag=name,
            message=message.format(slices=slice_numbers(scan.grid, failed[name]), faults=faults),
        )
        for name, message in MESSAGES.items()
        if failed[name]
    )


def scar_outside_wall(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(row, column) label map -> its enhancement that is no part of a wall.

    A patch of enhancement belongs to the wall where it touches myocardium that is not enhanced; in
    a slice without any, where the whole wall is enhanced, where it touches the blood pool.
    """
    scar, healthy = np.isin(labels, ENHANCEMENT), labels == Label.LV_MYOCARDIUM
    wall = healthy if healthy.any() else labels == Label.LV_BLOOD_POOL
    return scar & ~parts_meeting(scar, binary_dilation(wall, TOUCHING), corners=True)


def scar_in_cavity(labels: NDArray[np.uint8]) -> list[int]:
    """(slice, row, column) label map -> slices with scar where both neighbours have blood.

    Scar counts from `MAX_SCAR_IN_CAVITY` of the pixels that are blood pool in both neighbours.
    """
    pool, scar = labels == Label.LV_BLOOD_POOL, np.isin(labels, ENHANCEMENT)
    cavity = pool[:-2] & pool[2:]
    filled = (cavity & scar[1:-1]).sum(axis=(1, 2))
    return [k + 1 for k in _slices(filled > MAX_SCAR_IN_CAVITY * cavity.sum(axis=(1, 2)))]


def filled_walls(labels: NDArray[np.uint8], spacing_mm: tuple[float, float]) -> list[int]:
    """(slice, row, column) label map -> slices whose wall is a disc, too large for a cap.

    Near the apex a slice may pass below the cavity; its wall is smaller than `MAX_CAP_SHARE` of
    the left ventricle in the largest slice.
    """
    wall = np.isin(labels, MYOCARDIUM)
    area = np.isin(labels, LEFT_VENTRICLE).sum(axis=(1, 2))
    bare = ~(labels == Label.LV_BLOOD_POOL).any(axis=(1, 2))
    large = _slices(bare & (area > MAX_CAP_SHARE * area.max()))
    return [k for k in large if measure(wall[k], spacing_mm)[0] is Form.CAP]


def all_scar(labels: NDArray[np.uint8]) -> list[int]:
    """(slice, row, column) label map -> slices whose wall is all scar, unlike their neighbours'.

    That is at least `ALL_SCAR` of the wall, and less than `FAR_LESS_SCAR` in each slice next to it
    that has a wall.
    """
    wall = np.isin(labels, MYOCARDIUM).sum(axis=(1, 2))
    scar = np.isin(labels, ENHANCEMENT).sum(axis=(1, 2))
    share = np.divide(scar, wall, out=np.full(len(labels), np.nan), where=wall > 0)
    beside = np.full((2, len(labels)), np.nan)
    beside[0, 1:], beside[1, :-1] = share[:-1], share[1:]
    known = ~np.isnan(beside).all(axis=0)
    most = np.nanmax(np.where(known, beside, 0.0), axis=0)
    return _slices(known & (share >= ALL_SCAR) & (most < FAR_LESS_SCAR))


def _slices(which: NDArray[np.bool_]) -> list[int]:
    return [int(k) for k in np.flatnonzero(which)]


def _between(which: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Slices from the first to the last of those that are true."""
    after = np.logical_or.accumulate(which)
    before = np.logical_or.accumulate(which[::-1])[::-1]
    between: NDArray[np.bool_] = after & before
    return between
