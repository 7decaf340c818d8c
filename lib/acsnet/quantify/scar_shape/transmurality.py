"""Transmurality of scar along radial chords, and the area of endocardium lined by scar.

In each slice with blood pool, rays every 3 degrees from the centre of the pool, the same as that of
the AHA segments, cross the wall. The part of a ray inside the wall is a chord. The share of the
chord that is scar, with edges half way between pixels, is the transmurality there. Transmurality
and its classes follow Kim et al. 2000, doi:10.1056/NEJM200011163432003. The classes are of whole
percents: a transmurality is rounded, half up, before it is classed, so 75.4 % is 51-75, and 75.5 %
is 76-100. That also decides what is transmural and what is likely viable, and every report prints
the rounded number. Not from the paper: rays instead of normals of the wall, because they can be
checked by hand. The mean transmurality is always that of a segment, over all of its chords.
`scar_transmurality_percent` is the mean over chords that contain scar, weighted by the length of
scar along them. Areas are lengths in the slices times the slice distance. A chord shorter than 2 mm
counts, as in a wall that an infarct has thinned, but not beside the mouth of an open wall, whose
end it grazes.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.quantify.field_metadata import described
from acsnet.quantify.polar import CHORD_ANGLES, CHORDS, STEP_MM, centre_of, reach_mm, sample_rays

MIN_CHORD_MM = 2.0  # a shorter chord beside the mouth of an open wall grazes its end
EDGE = 0.5  # of a sampled mask: half way between pixels
CORNER = 0.45  # instead, where pixels touch by corners only: half is reached between two steps
LINING_MM = 2.0  # scar that begins this near to the blood pool lines it; LGE pixels are 0.7-2.4 mm
SMOOTHED = 5  # chords (15 degrees) over which the endocardium is smoothed for its length
# Class of whole percents, and the percent from which it rounds, half up, to the next class.
CLASSES = {"0": 0.5, "1-25": 25.5, "26-50": 50.5, "51-75": 75.5, "76-100": np.inf}


@dataclass(frozen=True, kw_only=True)
class Chords:
    """(slice, chord) arrays, NaN where a chord meets no wall or grazes the end of an open one.

    transmurality_percent: scar along the chord; wall_mm: length of wall along it; endocardium_mm:
    distance of the endocardium from the pool's centre; inner_gap_mm, outer_gap_mm: from the
    endocardium to the first scar and from the last to the epicardium, NaN without scar.
    """

    transmurality_percent: NDArray[np.float64]
    wall_mm: NDArray[np.float64]
    endocardium_mm: NDArray[np.float64]
    inner_gap_mm: NDArray[np.float64]
    outer_gap_mm: NDArray[np.float64]

    @property
    def lined(self) -> NDArray[np.bool_]:
        """Whether scar begins at the endocardium."""
        return self.inner_gap_mm < LINING_MM


@dataclass(frozen=True, kw_only=True)
class Transmurality:
    """Transmurality and endocardial area of the ventricle; None where scar is unknown."""

    scar_transmurality_percent: Annotated[
        float | None,
        described(
            "%",
            "mean transmurality of the radial chords that contain scar, weighted by their "
            "scar; null if there are none",
        ),
    ]
    transmurality_max_percent: Annotated[
        float | None, described("%", "largest transmurality of all chords; may be a pixel too deep")
    ]
    transmurality_class_percent: Annotated[
        dict[str, float] | None, described("%", "share of all chords in each transmurality class")
    ]
    endocardial_area_cm2: Annotated[
        float | None, described("cm2", "area of the endocardium: its length times slice distance")
    ]
    scar_endocardial_area_cm2: Annotated[
        float | None, described("cm2", "part of that area lined by scar that begins within 2 mm")
    ]
    scar_endocardial_percent: Annotated[
        float | None, described("%", "share of the endocardial area lined by scar")
    ]


def radial_chords(labels: NDArray[np.uint8], spacing_mm: tuple[float, float]) -> Chords:
    """The chords of a (slice, row, column) label map; spacing_mm: distance of rows, of columns."""
    shape = (len(labels), CHORDS)
    share, thickness, endocardium, inner, outer = (np.full(shape, np.nan) for _ in range(5))
    wall, scar = np.isin(labels, MYOCARDIUM), np.isin(labels, ENHANCEMENT)
    pools = labels == Label.LV_BLOOD_POOL
    for k in np.flatnonzero(pools.any(axis=(1, 2)) & wall.any(axis=(1, 2))):
        centre = centre_of(pools[k])
        steps = np.arange(0.0, reach_mm(wall[k], centre, spacing_mm), STEP_MM)
        sampled = sample_rays(wall[k], centre, steps, spacing_mm)
        edge = np.where((sampled > EDGE).any(axis=1, keepdims=True), EDGE, CORNER)
        met = sampled > edge
        enhanced = met & (sample_rays(scar[k], centre, steps, spacing_mm) > edge)
        length = met.sum(axis=1) * STEP_MM
        mouth = length == 0.0
        beside_mouth = np.roll(mouth, 1) | np.roll(mouth, -1)
        crossed = ~mouth & ~(beside_mouth & (length < MIN_CHORD_MM))
        share[k, crossed] = 100.0 * enhanced.sum(axis=1)[crossed] * STEP_MM / length[crossed]
        thickness[k, crossed] = length[crossed]
        first, last = _ends_mm(met)
        endocardium[k, crossed] = first[crossed]
        scarred = crossed & enhanced.any(axis=1)
        begin, end = _ends_mm(enhanced)
        inner[k, scarred], outer[k, scarred] = (begin - first)[scarred], (last - end)[scarred]
    return Chords(
        transmurality_percent=share,
        wall_mm=thickness,
        endocardium_mm=endocardium,
        inner_gap_mm=inner,
        outer_gap_mm=outer,
    )


def _ends_mm(mask: NDArray[np.bool_]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance of the first and of the last sample that is set, of each (chord, step) ray."""
    return (
        mask.argmax(axis=1) * STEP_MM,
        (mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)) * STEP_MM,
    )


def transmurality_class(percent: float) -> str:
    """The class of a transmurality: 0, 1-25, 26-50, 51-75 or 76-100."""
    return next(name for name, limit in CLASSES.items() if percent < limit)


def summarise(chords: Chords, *, slice_mm: float, scar_known: bool = True) -> Transmurality:
    """Transmurality and endocardial area of the whole ventricle; slice_mm: slice distance."""
    shares = chords.transmurality_percent[np.isfinite(chords.transmurality_percent)]
    whole, lined = (length * slice_mm / 100.0 for length in _lengths_mm(chords))
    known = scar_known and len(shares) > 0
    scarred = chords.transmurality_percent > 0
    scar_mm = (chords.transmurality_percent * chords.wall_mm)[scarred]
    names = [transmurality_class(share) for share in shares]
    return Transmurality(
        # Weighted by the scar itself: a chord along the side of a scar meets little of it.
        scar_transmurality_percent=(
            float(np.average(chords.transmurality_percent[scarred], weights=scar_mm))
            if known and scar_mm.size
            else None
        ),
        transmurality_max_percent=float(shares.max()) if known else None,
        transmurality_class_percent=(
            {name: 100.0 * names.count(name) / len(names) for name in CLASSES} if known else None
        ),
        endocardial_area_cm2=whole if len(shares) else None,
        scar_endocardial_area_cm2=lined if known else None,
        scar_endocardial_percent=100.0 * lined / whole if known and whole > 0 else None,
    )


def _lengths_mm(chords: Chords) -> tuple[float, float]:
    """Length of the endocardium and of its part lined by scar; a chord has half of each side."""
    crossed = np.isfinite(chords.endocardium_mm)
    # Smoothed: pixel steps would make the line longer than the endocardium is.
    total = uniform_filter1d(np.nan_to_num(chords.endocardium_mm), SMOOTHED, axis=1, mode="wrap")
    count = uniform_filter1d(crossed.astype(np.float64), SMOOTHED, axis=1, mode="wrap")
    reach = np.divide(total, count, out=np.zeros_like(total), where=crossed)
    across, along = reach * np.sin(CHORD_ANGLES), reach * np.cos(CHORD_ANGLES)
    sides = np.hypot(across - np.roll(across, -1, axis=1), along - np.roll(along, -1, axis=1))
    sides *= crossed & np.roll(crossed, -1, axis=1)  # not over the mouth of an open wall
    of_chord = (sides + np.roll(sides, 1, axis=1)) / 2
    return float(sides.sum()), float(of_chord[chords.lined].sum())
