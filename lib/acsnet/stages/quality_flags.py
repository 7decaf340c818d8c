"""Flags of a segmentation that a person should look at before using its numbers.

Not from the paper: the limits are those that none, or next to none, of the 197 expert stacks of the
EMIDEC and ACDC train lists break, so that a flag means something (`benchmarks/quality_limits.py`).
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.quantify.features_document import Flag
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.stages.correction import Action, SliceCorrection, StackCorrection

MIN_LV_ML = 20.0
MAX_LV_ML = 700.0
"""Left ventricles outside this range are reported as doubtful."""

MIN_POOL_SHARE = 0.1
"""Blood pool over wall volume; the lowest of the 197 expert stacks of the train lists has 0.111."""

MIN_SLICES = 4
"""Slices of ventricle; the fewest of the 57 LGE stacks of the EMIDEC train list are 4."""

MIN_CONTRAST = 0.7
"""Median of the blood less that of the wall, over their spread; the lowest of the 197 has 0.722."""

MAX_WHITE_SHARE, WHITE_BAND = 0.15, 0.01
"""Of the ventricle, what is within so much of its slice's span of the slice's brightest pixel.

At most 0.072 in the 197 stacks, and none in LGE. In six of EMIDEC whose brightest 20 % of the
ventricle were clipped it is 0.2 to 0.27: blood and scar are one white there.
"""

MIN_TOP_CONTRAST = 0.65
"""Contrast of the highest slices over the median of all: atria have no wall.

None of the 197 stacks is below. Of what the networks draw on these and on 80 more (EMIDEC without
labels, Sunnybrook) five are, with the outflow tract or atrium in each highest slice.
"""

MAX_APEX_SHARE = 0.8
"""Area of the lowest slice over the largest, where the stack ends there.

In the EMIDEC train list it is 0.77 at most. Of the ACDC train list one stack is above (0.875); with
the three lowest slices of the ventricle taken off 82 % of the EMIDEC stacks are.
"""

MAX_BASE_GROWTH = 1.25
"""Area of the highest slice over the one below it, where the stack ends there.

At most 1.24 in the 197 stacks: near the valves the ventricle no longer widens. So only a stack that
ends well below them is flagged: 37 % of the EMIDEC stacks with the four highest slices taken off.
"""

HIGH_DISTANCE = 1.0
"""A move in the latent space that a person should look at, in gaps between two hearts."""

LOW_DICE = 0.8
"""A wall that has less than this in common with what the network drew was redrawn."""

MAX_SMALL_PARTS_SHARE = 0.02
"""Of the wall, enhancement left out in small parts: together they might be a scar."""


def messages(flags: Iterable[Flag]) -> tuple[str, ...]:
    """The sentences of flags, as warnings hold them."""
    return tuple(flag.message for flag in flags)


def slice_numbers(grid: InputGrid, indices: Iterable[int]) -> str:
    """Slices of a stack in words, numbered as in the file, from 1."""
    return ", ".join(str(number) for number in sorted(map(grid.slice_number, indices)))


def doubts(
    labels: NDArray[np.uint8], scan: ShortAxisScan, lv_volume_ml: float | None
) -> tuple[Flag, ...]:
    """Flags of a label map, (slice, row, column), on its scan; both apex first."""
    slices = np.flatnonzero(labels.any(axis=(1, 2)))
    if not len(slices) or lv_volume_ml is None:
        return (Flag(flag="no_ventricle", message="no left ventricle was found in this scan"),)
    notes = []
    if len(slices) < MIN_SLICES:
        words = f"the left ventricle was found in {len(slices)} slices only, of {len(labels)}"
        notes.append(Flag(flag="few_slices", message=words))
    if empty := slices[-1] - slices[0] + 1 - len(slices):
        words = f"no segmentation in {empty} of the slices between apex and base"
        notes.append(Flag(flag="missing_slices", message=words))
    if not MIN_LV_ML <= lv_volume_ml <= MAX_LV_ML:
        words = f"the left ventricle, cavity and wall, has {lv_volume_ml:.0f} ml: implausible"
        notes.append(Flag(flag="implausible_volume", message=words))
    if (share := pool_share(labels)) < MIN_POOL_SHARE:
        words = (
            f"the blood pool has {100 * share:.0f} % of the wall's volume: too little for a heart"
        )
        notes.append(Flag(flag="implausible_blood_pool", message=words))
    if unmeasured := np.count_nonzero(labels[~scan.measured]):
        words = (
            f"{unmeasured} of {np.count_nonzero(labels)} voxels of the left ventricle have no "
            "signal in the file (NaN or padding)"
        )
        notes.append(Flag(flag="no_signal", message=words))
    lit = np.where(scan.measured, labels, np.uint8(Label.BACKGROUND))
    if above := slices_above_base(lit, scan.pixels):
        words = (
            f"slice {slice_numbers(scan.grid, above)} may lie above the base: blood and wall "
            "differ less there than in the others"
        )
        notes.append(Flag(flag="above_base", message=words))
    if (share := white_share(lit, np.where(scan.measured, scan.pixels, np.nan))) > MAX_WHITE_SHARE:
        words = (
            f"{100 * share:.0f} % of the left ventricle is as bright as its slice gets: blood and "
            "scar seem clipped to one white and are hard to tell apart"
        )
        notes.append(Flag(flag="clipped_signal", message=words))
    return (*notes, *_cut_off(labels), *_contrast(lit, scan.pixels))


def _cut_off(labels: NDArray[np.uint8]) -> list[Flag]:
    """Whether the stack ends before the ventricle does."""
    notes = []
    if (share := apex_share(labels)) > MAX_APEX_SHARE:
        words = (
            f"the apex may be missing: the lowest slice has {100 * share:.0f} % of the largest "
            "one's area"
        )
        notes.append(Flag(flag="apex_missing", message=words))
    if (growth := base_growth(labels)) > MAX_BASE_GROWTH:
        words = (
            "the base may be missing: the ventricle still widens by "
            f"{100 * (growth - 1):.0f} % in the highest slice"
        )
        notes.append(Flag(flag="base_missing", message=words))
    return notes


def _contrast(labels: NDArray[np.uint8], pixels: NDArray[np.floating[Any]]) -> list[Flag]:
    """Whether blood and wall without enhancement can be told apart."""
    if contrast(labels, pixels) >= MIN_CONTRAST:
        return []
    words = "poor contrast between blood pool and wall: their border is hard to see"
    return [Flag(flag="low_contrast", message=words)]


def pool_share(labels: NDArray[np.uint8]) -> float:
    """Volume of the blood pool over that of the wall; infinite without a wall.

    labels: (slice, row, column) values of `acsnet.labels.Label`, here and below apex first.
    """
    pool, wall = (int(np.isin(labels, part).sum()) for part in (Label.LV_BLOOD_POOL, MYOCARDIUM))
    return pool / wall if wall else np.inf


def apex_share(labels: NDArray[np.uint8]) -> float:
    """Area of the first slice of (slice, row, column) labels over the largest; 0 in one slice."""
    area = _areas(labels)
    return float(area[0] / area.max()) if len(area) > 1 else 0.0


def base_growth(labels: NDArray[np.uint8]) -> float:
    """Area of the last slice of (slice, row, column) labels over the one before; 0 without one."""
    area = _areas(labels)
    return float(area[-1] / area[-2]) if len(area) > 1 and area[-2] else 0.0


def contrast(labels: NDArray[np.uint8], pixels: NDArray[np.floating[Any]]) -> float:
    """Median of the blood less that of the wall without enhancement, over their spread.

    labels, pixels: (slice, row, column). It is infinite where there is only one of them, or no
    spread and the blood no darker.
    """
    blood, wall = pixels[labels == Label.LV_BLOOD_POOL], pixels[labels == Label.LV_MYOCARDIUM]
    if not (len(blood) and len(wall)):
        return np.inf
    spread = float(np.sqrt((blood.var(dtype=float) + wall.var(dtype=float)) / 2.0))
    difference = float(np.median(blood) - np.median(wall))
    return difference / spread if spread else float(np.copysign(np.inf, difference))


def slices_above_base(
    labels: NDArray[np.uint8], pixels: NDArray[np.floating[Any]]
) -> tuple[int, ...]:
    """The highest slices of the ventricle with less contrast than `MIN_TOP_CONTRAST` of the usual.

    labels, pixels: (slice, row, column), apex first. There are none without a usual contrast, and
    in fewer slices than `MIN_SLICES`.
    """
    drawn = np.flatnonzero(labels.any(axis=(1, 2)))
    if len(drawn) < MIN_SLICES:
        return ()
    values = np.array([contrast(labels[[k]], pixels[[k]]) for k in drawn])
    usual = np.median(values[np.isfinite(values)]) if np.isfinite(values).any() else 0.0
    if usual <= 0.0:
        return ()
    clear = np.flatnonzero(values >= MIN_TOP_CONTRAST * usual)
    return tuple(map(int, drawn[clear[-1] + 1 :]))


def white_share(labels: NDArray[np.uint8], pixels: NDArray[np.floating[Any]]) -> float:
    """Share of the ventricle that is as bright as its slice gets; 0 without a ventricle.

    labels, pixels: (slice, row, column), the pixels NaN where nothing was measured. Slices are
    looked at one by one: each may have been clipped at an end of its own.
    """
    ventricle, white = labels > 0, 0
    for k in np.flatnonzero(ventricle.any(axis=(1, 2))):
        brightest = np.nanmax(pixels[k])
        limit = brightest - WHITE_BAND * (brightest - np.nanmin(pixels[k]))
        white += np.count_nonzero(pixels[k][ventricle[k]] >= limit)
    return white / max(np.count_nonzero(ventricle), 1)


def _areas(labels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(slice,) pixels of the left ventricle."""
    return np.count_nonzero(np.isin(labels, LEFT_VENTRICLE), axis=(1, 2))


def is_far(slice_: SliceCorrection) -> bool:
    """Whether the wall of a slice is far from what the network drew."""
    return slice_.distance > HIGH_DISTANCE or slice_.dice < LOW_DICE


def anatomy_doubts(anatomy: StackCorrection, grid: InputGrid) -> tuple[Flag, ...]:
    """Flags of what stage 3 changed much, or left out; grid: of the scan."""
    notes = []
    emptied = [k for k, s in enumerate(anatomy.slices) if s.action is Action.EMPTIED]
    far = [k for k, s in enumerate(anatomy.slices) if is_far(s) and k not in emptied]
    if emptied:
        words = (
            f"no possible wall was near that of the network in slice {slice_numbers(grid, emptied)}"
        )
        notes.append(Flag(flag="no_possible_wall", message=words))
    if far:
        words = f"the wall was changed much to make it possible in slice {slice_numbers(grid, far)}"
        notes.append(Flag(flag="large_correction", message=words))
    if anatomy.odd:
        odd = slice_numbers(grid, anatomy.odd)
        words = f"the ventricle's area is unlike its neighbours' in slice {odd}"
        notes.append(Flag(flag="odd_area", message=words))
    for reason in dict.fromkeys(drop.reason for drop in anatomy.dropped):
        indices = [drop.index for drop in anatomy.dropped if drop.reason == reason]
        words = f"slice {slice_numbers(grid, indices)} left out: {reason}"
        notes.append(Flag(flag="slices_left_out", message=words))
    return tuple(notes)


def location_doubts(other_objects: int) -> tuple[Flag, ...]:
    """A flag where stage 1 saw more than one object that may be the ventricle.

    other_objects: how many beside the one that was taken.
    """
    if not other_objects:
        return ()
    words = (
        f"{1 + other_objects} objects look like a ventricle: the likeliest one was taken, see that "
        "it is the heart"
    )
    return (Flag(flag="other_object", message=words),)


def small_part_doubts(
    small: NDArray[np.bool_], wall: NDArray[np.bool_], *, enhanced: bool
) -> tuple[Flag, ...]:
    """A flag where much enhancement was left out in small parts, or all that there was.

    small, wall: (slice, row, column); enhanced: whether other enhancement stayed.
    """
    share = float(small.sum()) / max(int(wall.sum()), 1)
    if share == 0.0 or (enhanced and share <= MAX_SMALL_PARTS_SHARE):
        return ()
    words = (
        f"enhancement of {100 * share:.1f} % of the wall was left out, in parts too small for a "
        "scar"
    )
    return (Flag(flag="small_parts", message=words),)
