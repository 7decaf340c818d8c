"""Clicks on a label map -> the label map after them: walls, blood pool, scar.

The one call for every client. Not from the paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.interaction.clicks import ON_SCAR, Click, Kind, check_clicks, holds
from acsnet.interaction.moved_walls import move_walls
from acsnet.interaction.scar_growth import grow_scar
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.masks import parts_meeting
from acsnet.quantify.blood_pool import without_stray_pool
from acsnet.quantify.scar import classify_enhancement
from acsnet.stages.correction import Corrector


@dataclass(frozen=True, kw_only=True)
class ClickedLabels:
    """A label map after clicks.

    labels: (slice, row, column); clicks: those that count, of each pixel the newest; held: of each,
    whether the labels have what it says; changed: slices that are not as in the draft.
    """

    labels: NDArray[np.uint8]
    clicks: tuple[Click, ...]
    held: tuple[bool, ...]
    changed: tuple[int, ...]


def click_labels(
    pixels: NDArray[np.float32],
    labels: NDArray[np.uint8],
    clicks: Sequence[Click],
    spacing_mm: tuple[float, float, float],
    *,
    corrector: Corrector,
    measured: NDArray[np.bool_] | None = None,
) -> ClickedLabels:
    """Fulfil clicks on a draft. Slices that no click moves stay as they are, voxel for voxel.

    Args:
        pixels: (slice, row, column) signal.
        labels: (slice, row, column) draft, values of `acsnet.labels.Label`, apex first.
        clicks: oldest first, on all slices.
        spacing_mm: distance of slices, of rows, of columns.
        corrector: of the pipeline.
        measured: (slice, row, column) mask of what has signal; None for everything.

    Raises:
        InputError: as `check_clicks`.
    """
    counting = check_clicks(clicks, labels.shape)
    if measured is None:
        measured = np.ones(labels.shape, bool)
    drawn, scar = np.isin(labels, MYOCARDIUM), np.isin(labels, ENHANCEMENT)
    pool = without_stray_pool(labels) == Label.LV_BLOOD_POOL  # walls are moved around its centre
    walls = move_walls(drawn, pool, counting, spacing_mm, corrector=corrector)
    scar_clicks = [click for click in counting if click.kind in ON_SCAR]
    right = [click for click in scar_clicks if _is_drawn_core(click, labels)]
    grown = grow_scar(
        pixels,
        walls.wall,
        _into_new_wall(pixels, drawn, scar, walls.wall, measured),
        [click for click in scar_clicks if click not in right],
        spacing_mm,
        measured=measured,
    )
    enhancement = grown.enhancement
    for click in right:
        enhancement[click.at] = walls.wall[click.at]  # against clicks beside it
    is_changed = (
        (walls.wall != drawn) | (walls.pool != pool) | (enhancement != scar) | grown.obstruction
    ).any(axis=(1, 2))
    out = labels.copy()
    for k in np.flatnonzero(is_changed):
        plane = np.zeros(labels.shape[1:], np.uint8)
        plane[(labels[k] == Label.LV_BLOOD_POOL) & ~pool[k]] = Label.LV_BLOOD_POOL
        plane[walls.pool[k]] = Label.LV_BLOOD_POOL
        plane[walls.wall[k]] = Label.LV_MYOCARDIUM
        out[k] = np.where(enhancement[k] & scar[k], labels[k], plane)
    _split_new(out, pixels, walls.wall, enhancement, measured)
    out[grown.obstruction & enhancement] = Label.MICROVASCULAR_OBSTRUCTION
    return ClickedLabels(
        labels=out,
        clicks=counting,
        held=tuple(holds(click, out) for click in counting),
        changed=tuple(np.flatnonzero((out != labels).any(axis=(1, 2))).tolist()),
    )


def _is_drawn_core(click: Click, labels: NDArray[np.uint8]) -> bool:
    """Whether a click says that there is a dark core where the draft has one: none grows."""
    is_core = labels[click.at] == Label.MICROVASCULAR_OBSTRUCTION
    return click.kind is Kind.OBSTRUCTION and bool(is_core)


def _into_new_wall(
    pixels: NDArray[np.float32],
    before: NDArray[np.bool_],
    scar: NDArray[np.bool_],
    wall: NDArray[np.bool_],
    measured: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """The scar that still lies in the wall, and what of the new wall continues it as brightly."""
    threshold = classify_enhancement(pixels, before, scar, measured=measured).threshold.value
    kept = scar & wall
    if threshold is None:
        return kept
    bright = wall & ~before & measured & (pixels >= threshold)
    for k in np.flatnonzero(bright.any(axis=(1, 2))):
        kept[k] = parts_meeting(kept[k] | bright[k], kept[k])
    return kept


def _split_new(
    labels: NDArray[np.uint8],
    pixels: NDArray[np.float32],
    wall: NDArray[np.bool_],
    enhancement: NDArray[np.bool_],
    measured: NDArray[np.bool_],
) -> None:
    """Make scar that is new core scar or grey zone, in place; what was labelled stays so."""
    new = enhancement & (labels == Label.LV_MYOCARDIUM)
    if new.any():
        core = classify_enhancement(pixels, wall, enhancement, measured=measured).core
        labels[new] = np.where(core[new], Label.CORE_SCAR, Label.GREY_ZONE)
