"""What a person should be told about a label map that was just drawn (ours)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation
from scipy.ndimage import label as components

from acsnet.anatomy.checks import Limits, check
from acsnet.errors import InputError
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label

NEIGHBOURS = np.ones((3, 3), bool)
"""Pixels that share an edge or a corner touch."""


def drawn_warnings(
    labels: NDArray[np.uint8],
    spacing_mm: tuple[float, float],
    *,
    limits: Limits,
    reversed_slices: bool,
) -> tuple[str, ...]:
    """Plain words for a (slice, row, column) label map; values as `acsnet.labels.Label`.

    spacing_mm: distance of rows, of columns; limits: of a possible wall; reversed_slices: whether
    the file runs the other way round. Slices are numbered as in the file, from 1. Raises InputError
    for a map in which nothing is drawn: nobody means to save that.
    """
    drawn = np.isin(labels, LEFT_VENTRICLE).any(axis=(1, 2))
    if not drawn.any():
        msg = "the label map is empty: nothing is drawn in it"
        raise InputError(msg)

    def numbers(indices: Sequence[int]) -> str:
        in_file = [len(labels) - k if reversed_slices else k + 1 for k in indices]
        return ", ".join(str(number) for number in sorted(in_file))

    astray = np.stack([scar_outside_wall(slice_) for slice_ in labels])
    walls = np.isin(labels, MYOCARDIUM) & ~astray
    ends = np.flatnonzero(drawn)
    gaps = [k for k in range(ends[0], ends[-1]) if not drawn[k]]
    outside = np.flatnonzero(astray.any(axis=(1, 2))).tolist()
    no_wall = [k for k in ends.tolist() if not walls[k].any()]
    impossible = {
        k: verdict.failures
        for k in np.flatnonzero(walls.any(axis=(1, 2))).tolist()
        if not (verdict := check(walls[k], spacing_mm, limits)).valid
    }
    notes = []
    if outside:
        notes.append(f"scar lies outside the wall in slice {numbers(outside)}")
    if gaps:
        notes.append(f"nothing is drawn in slice {numbers(gaps)}, between apex and base")
    if no_wall:
        notes.append(f"there is a blood pool without a wall in slice {numbers(no_wall)}")
    if impossible:
        failed = ", ".join(dict.fromkeys(name for names in impossible.values() for name in names))
        notes.append(
            f"the wall in slice {numbers(list(impossible))} is not a possible one ({failed}): "
            "`acsnet_correct` gives the nearest that is"
        )
    return tuple(notes)


def scar_outside_wall(labels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """(row, column) label map -> its enhancement that is no part of a wall.

    A patch of enhancement belongs to the wall where it touches myocardium that is not enhanced; in
    a slice without any, where the whole wall is enhanced, where it touches the blood pool.
    """
    patches, count = components(np.isin(labels, ENHANCEMENT), NEIGHBOURS)
    healthy = labels == Label.LV_MYOCARDIUM
    wall = healthy if healthy.any() else labels == Label.LV_BLOOD_POOL
    touching = np.unique(patches[binary_dilation(wall, NEIGHBOURS)])
    outside = np.setdiff1d(np.arange(1, count + 1), touching)
    return np.isin(patches, outside)
