"""AHA 17-segment model: the segment of each wall voxel, and the scar in each segment.

Names, numbers and coronary territories: Cerqueira et al. 2002, doi:10.1161/hc0402.102975. The long
axis, from the first slice with blood pool to the last slice of the ventricle, is cut into equal
thirds. Wall below the blood pool is segment 17, the apical cap; a stack without it has 16
segments. Basal and mid segments span 60 degrees each, counted from the anterior insertion of the
right ventricle. Apical segments span 90 degrees around the same mid-septum. Angles are those around
the centre of the blood pool of each slice; what lies outside the wall counts for it only where the
slice has no other pool (`acsnet.quantify.blood_pool`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.quantify.field_metadata import described
from acsnet.quantify.polar import CHORD_ANGLES, angles_at, centre_of
from acsnet.quantify.rv_insertion import Insertion
from acsnet.quantify.scar_shape.pattern import main_pattern, pattern_shares
from acsnet.quantify.scar_shape.transmurality import Chords, transmurality_class
from acsnet.quantify.volumes import burden_percent, volume_ml

KIM = "Kim et al. 2000, doi:10.1056/NEJM200011163432003"
AHA = "AHA 2002, doi:10.1161/hc0402.102975"
WALLS = ("anterior", "anteroseptal", "inferoseptal", "inferior", "inferolateral", "anterolateral")
NAMES: tuple[str, ...] = (
    *(f"{level} {wall}" for level in ("basal", "mid") for wall in WALLS),
    *(f"apical {wall}" for wall in ("anterior", "septal", "inferior", "lateral")),
    "apex",
)
TERRITORIES: Mapping[str, tuple[int, ...]] = {
    "LAD": (1, 2, 7, 8, 13, 14, 17),
    "RCA": (3, 4, 9, 10, 15),
    "LCX": (5, 6, 11, 12, 16),
}
CAP = 17
LIKELY_VIABLE = ("0", "1-25", "26-50")
"""Classes of transmurality in which contraction most often returns (Kim et al. 2000)."""
# Segments in their order from the anterior insertion through the septum. The apical septum has the
# same middle as the two septal segments above it.
BASAL_ORDER, APICAL_ORDER = (2, 3, 4, 5, 6, 1), (14, 15, 16, 13)
APICAL_START_DEG = 15.0


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One AHA segment; all numbers are null where the RV insertion is unknown."""

    segment: Annotated[int, described("", "number of the segment, 1 to 17", AHA)]
    name: Annotated[str, described("", "level and wall", AHA)]
    territory: Annotated[str, described("", "coronary artery: LAD, RCA or LCX", AHA)]
    myocardium_volume_ml: Annotated[
        float | None, described("ml", "wall of the segment, scar included")
    ] = None
    scar_volume_ml: Annotated[float | None, described("ml", "enhancement in the segment")] = None
    scar_percent: Annotated[float | None, described("%", "enhancement as a share of its wall")] = (
        None
    )
    core_scar_percent: Annotated[
        float | None, described("%", "core scar as a share of its wall")
    ] = None
    transmurality_mean_percent: Annotated[
        float | None, described("%", "mean transmurality of all its radial chords")
    ] = None
    transmurality_max_percent: Annotated[
        float | None, described("%", "largest transmurality of its chords")
    ] = None
    transmurality_class: Annotated[
        str | None, described("", "class of the mean: 0, 1-25, 26-50, 51-75 or 76-100 %")
    ] = None
    pattern: Annotated[
        str | None,
        described(
            "", "pattern of its scar, as `scar_pattern`; null where none lies on a radial chord"
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class Territory:
    """Sums over the segments that one coronary artery usually supplies."""

    territory: Annotated[str, described("", "LAD, RCA or LCX", AHA)]
    segments: Annotated[tuple[int, ...], described("", "numbers of its segments", AHA)]
    myocardium_volume_ml: Annotated[float | None, described("ml", "sum of its segments")]
    scar_volume_ml: Annotated[float | None, described("ml", "sum of its segments")]
    scar_percent: Annotated[float | None, described("%", "enhancement as a share of its wall")]


def segment_at(level: int, degrees: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Segment numbers at angles (any shape) from the anterior insertion through the septum.

    level: 0 apical, 1 mid, 2 basal.
    """
    if level == 0:
        part = ((degrees - APICAL_START_DEG) % 360.0 // 90.0).astype(int)
        return np.array(APICAL_ORDER, np.uint8)[part]
    part = (degrees % 360.0 // 60.0).astype(int)
    return np.array(BASAL_ORDER, np.uint8)[part] + np.uint8(6 if level == 1 else 0)


def slice_levels(labels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """(slice,) 0 apical, 1 mid, 2 basal, -1 for the cap and slices without left ventricle.

    labels: (slice, row, column), apex first.
    """
    out = np.full(len(labels), -1, np.intp)
    pool = np.flatnonzero((labels == Label.LV_BLOOD_POOL).any(axis=(1, 2)))
    ventricle = np.flatnonzero(np.isin(labels, LEFT_VENTRICLE).any(axis=(1, 2)))
    if len(pool):
        count = int(ventricle[-1] - pool[0] + 1)
        out[pool[0] : ventricle[-1] + 1] = (np.arange(count) * 2 + 1) * 3 // (2 * count)
    return out


def segment_map(
    labels: NDArray[np.uint8], insertion: Insertion | None, spacing_mm: tuple[float, float]
) -> NDArray[np.uint8]:
    """(slice, row, column) 1 to 17 in the wall, 0 elsewhere and without insertion; apex first.

    Angles are taken from the centre of each slice's blood pool, or of its wall if it has no pool.
    """
    wall = np.isin(labels, MYOCARDIUM)
    level = slice_levels(labels)
    out = np.zeros(labels.shape, np.uint8)
    if insertion is None or not (level >= 0).any():
        return out
    first = int(np.flatnonzero(level >= 0)[0])
    out[:first][wall[:first]] = CAP
    for k in np.flatnonzero((level >= 0) & wall.any(axis=(1, 2))):
        pool = labels[k] == Label.LV_BLOOD_POOL
        centre = centre_of(pool if pool.any() else wall[k])
        degrees = from_insertion(angles_at(wall[k].shape, centre, spacing_mm), insertion)
        out[k][wall[k]] = segment_at(int(level[k]), degrees[wall[k]])
    return out


def from_insertion(angle: NDArray[np.float64], insertion: Insertion) -> NDArray[np.float64]:
    """Degrees, 0 to 360, from the anterior insertion through the septum."""
    degrees: NDArray[np.float64] = np.rad2deg(insertion.turn * (angle - insertion.angle)) % 360.0
    return degrees


def measure_segments(
    labels: NDArray[np.uint8],
    segments: NDArray[np.uint8],
    chords: Chords,
    insertion: Insertion | None,
    *,
    voxel_ml: float,
    scar_known: bool = True,
    core_known: bool = True,
) -> tuple[Segment, ...]:
    """All 17 segments; labels and segments (`segment_map`): (slice, row, column), apex first."""
    scar, core = np.isin(labels, ENHANCEMENT), labels == Label.CORE_SCAR
    chord_segment = np.zeros(chords.transmurality_percent.shape, np.uint8)
    if insertion is not None:
        degrees, level = from_insertion(CHORD_ANGLES, insertion), slice_levels(labels)
        for k in np.flatnonzero(level >= 0):
            chord_segment[k] = segment_at(int(level[k]), degrees)
    result = []
    for number, name in enumerate(NAMES, start=1):
        inside = segments == number
        wall_ml = volume_ml(inside, voxel_ml)
        own_chords = chord_segment == number
        shares = chords.transmurality_percent[own_chords]
        shares = shares[np.isfinite(shares)]
        known = scar_known and wall_ml > 0
        scar_ml = volume_ml(inside & scar, voxel_ml) if known else None
        if scar_ml == 0:
            # All rays begin in one point: scar drawn there, in the cavity, lies on each of them.
            shares = np.zeros_like(shares)
        core_ml = volume_ml(inside & core, voxel_ml) if known and core_known else None
        mean = float(shares.mean()) if known and len(shares) else None
        result.append(
            Segment(
                segment=number,
                name=name,
                territory=next(artery for artery, own in TERRITORIES.items() if number in own),
                myocardium_volume_ml=wall_ml if wall_ml > 0 else None,
                scar_volume_ml=scar_ml,
                scar_percent=burden_percent(scar_ml, wall_ml),
                core_scar_percent=burden_percent(core_ml, wall_ml),
                transmurality_mean_percent=mean,
                transmurality_max_percent=None if mean is None else float(shares.max()),
                transmurality_class=None if mean is None else transmurality_class(mean),
                pattern=main_pattern(pattern_shares(chords, own_chords)) if scar_ml else None,
            )
        )
    return tuple(result)


def viable_count(segments: Sequence[Segment]) -> int | None:
    """Segments that are likely viable (mean transmurality at most 50 %); None if unknown."""
    classes = [part.transmurality_class for part in segments if part.transmurality_class]
    return sum(name in LIKELY_VIABLE for name in classes) if classes else None


def territory_sums(segments: Sequence[Segment]) -> tuple[Territory, ...]:
    """The three coronary territories; a number is None where all their segments' are."""
    result = []
    for name, numbers in TERRITORIES.items():
        supplied = [segment for segment in segments if segment.segment in numbers]
        wall_ml = _total([segment.myocardium_volume_ml for segment in supplied])
        scar_ml = _total([segment.scar_volume_ml for segment in supplied])
        result.append(
            Territory(
                territory=name,
                segments=numbers,
                myocardium_volume_ml=wall_ml,
                scar_volume_ml=scar_ml,
                scar_percent=burden_percent(scar_ml, wall_ml or 0.0),
            )
        )
    return tuple(result)


def _total(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None
