"""The AHA segments: which one each voxel of the wall lies in, and what is measured there.

Cerqueira et al. 2002, doi:10.1161/hc0402.102975, names, numbers and coronary territories. The long
axis is cut into equal thirds from the first slice with blood pool to the last of the ventricle;
slices of wall below the blood pool are segment 17, the apical cap, which many short-axis stacks
lack: then 16 segments are left. Basal and middle segments span 60 degrees from the anterior
insertion of the right ventricle on, apical ones 90 degrees round the same middle of the septum.
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
from acsnet.quantify.transmurality import Chords, transmurality_class
from acsnet.quantify.volumes import burden_percent, volume_ml

AHA = "AHA 2002, doi:10.1161/hc0402.102975"
NAMES: tuple[str, ...] = (
    "basal anterior",
    "basal anteroseptal",
    "basal inferoseptal",
    "basal inferior",
    "basal inferolateral",
    "basal anterolateral",
    "mid anterior",
    "mid anteroseptal",
    "mid inferoseptal",
    "mid inferior",
    "mid inferolateral",
    "mid anterolateral",
    "apical anterior",
    "apical septal",
    "apical inferior",
    "apical lateral",
    "apex",
)
TERRITORIES: Mapping[str, tuple[int, ...]] = {
    "LAD": (1, 2, 7, 8, 13, 14, 17),
    "RCA": (3, 4, 9, 10, 15),
    "LCX": (5, 6, 11, 12, 16),
}
CAP = 17
ROUND = (2, 3, 4, 5, 6, 1)
"""Basal segments in their order from the anterior insertion, through the septum."""

APICAL_ROUND = (14, 15, 16, 13)
APICAL_START_DEG = 15.0
"""Where the apical septum begins: 90 degrees with the same middle as the two septal segments."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """One segment; None is what cannot be told, all of it where there is no insertion."""

    segment: Annotated[int, described("", "1 to 17", AHA)]
    name: Annotated[str, described("", "level and wall", AHA)]
    territory: Annotated[str, described("", "coronary artery: LAD, RCA or LCX", AHA)]
    myocardium_volume_ml: Annotated[
        float | None, described("ml", "wall of the segment, scar included")
    ] = None
    scar_volume_ml: Annotated[float | None, described("ml", "enhancement in it")] = None
    scar_percent: Annotated[float | None, described("%", "enhancement, share of its wall")] = None
    core_scar_percent: Annotated[float | None, described("%", "core scar, share of its wall")] = (
        None
    )
    transmurality_mean_percent: Annotated[
        float | None, described("%", "scar along a radial chord, mean of all its chords")
    ] = None
    transmurality_max_percent: Annotated[
        float | None, described("%", "the same, largest of its chords")
    ] = None
    transmurality_class: Annotated[
        str | None, described("", "of the mean: 0, 1-25, 26-50, 51-75 or 76-100 %")
    ] = None


@dataclass(frozen=True, kw_only=True)
class Territory:
    """The segments of one coronary artery together; hearts differ in what supplies them."""

    territory: Annotated[str, described("", "LAD, RCA or LCX", AHA)]
    segments: Annotated[tuple[int, ...], described("", "its segments", AHA)]
    myocardium_volume_ml: Annotated[float | None, described("ml", "sum of its segments")]
    scar_volume_ml: Annotated[float | None, described("ml", "sum of its segments")]
    scar_percent: Annotated[float | None, described("%", "scar, share of its wall")]


def segment_at(level: int, degrees: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Segment of a level (0 apical, 1 middle, 2 basal) at angles from the anterior insertion.

    degrees: any shape, counted from there through septum, inferior and lateral wall.
    """
    if level == 0:
        part = ((degrees - APICAL_START_DEG) % 360.0 // 90.0).astype(int)
        return np.array(APICAL_ROUND, np.uint8)[part]
    part = (degrees % 360.0 // 60.0).astype(int)
    return np.array(ROUND, np.uint8)[part] + np.uint8(6 if level == 1 else 0)


def levels(labels: NDArray[np.uint8]) -> NDArray[np.intp]:
    """(slice,) 0 apical, 1 middle, 2 basal, -1 for the cap and where there is no ventricle.

    labels: (slice, row, column), apex first.
    """
    out = np.full(len(labels), -1, np.intp)
    pool = np.flatnonzero((labels == Label.LV_BLOOD_POOL).any(axis=(1, 2)))
    found = np.flatnonzero(np.isin(labels, LEFT_VENTRICLE).any(axis=(1, 2)))
    if len(pool):
        count = int(found[-1] - pool[0] + 1)
        out[pool[0] : found[-1] + 1] = (np.arange(count) * 2 + 1) * 3 // (2 * count)
    return out


def segment_map(
    labels: NDArray[np.uint8], insertion: Insertion, spacing_mm: tuple[float, float]
) -> NDArray[np.uint8]:
    """(slice, row, column) 1 to 17 in the wall, 0 elsewhere; labels apex first.

    Angles are those seen from the middle of the blood pool of each slice, or of the ventricle
    where a slice has none.
    """
    wall = np.isin(labels, MYOCARDIUM)
    level = levels(labels)
    out = np.zeros(labels.shape, np.uint8)
    if not (level >= 0).any():
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
    chords: Chords,
    insertion: Insertion | None,
    *,
    spacing_mm: tuple[float, float],
    voxel_ml: float,
    scar_known: bool = True,
    core_known: bool = True,
) -> tuple[Segment, ...]:
    """All 17 segments, apex first labels (slice, row, column); numbers None without insertion."""
    owners = [_territory_of(number) for number in range(1, len(NAMES) + 1)]
    if insertion is None:
        return tuple(
            Segment(segment=n, name=name, territory=owner)
            for n, (name, owner) in enumerate(zip(NAMES, owners, strict=True), start=1)
        )
    where = segment_map(labels, insertion, spacing_mm)
    scar, core = np.isin(labels, ENHANCEMENT), labels == Label.CORE_SCAR
    degrees, level = from_insertion(CHORD_ANGLES, insertion), levels(labels)
    chord_segment = np.zeros(chords.transmurality_percent.shape, np.uint8)
    for k in np.flatnonzero(level >= 0):
        chord_segment[k] = segment_at(int(level[k]), degrees)
    result = []
    for number, (name, owner) in enumerate(zip(NAMES, owners, strict=True), start=1):
        inside = where == number
        wall_ml = volume_ml(inside, voxel_ml)
        shares = chords.transmurality_percent[chord_segment == number]
        shares = shares[np.isfinite(shares)]
        known = scar_known and wall_ml > 0
        scar_ml = volume_ml(inside & scar, voxel_ml) if known else None
        core_ml = volume_ml(inside & core, voxel_ml) if known and core_known else None
        mean = float(shares.mean()) if known and len(shares) else None
        result.append(
            Segment(
                segment=number,
                name=name,
                territory=owner,
                myocardium_volume_ml=wall_ml if wall_ml > 0 else None,
                scar_volume_ml=scar_ml,
                scar_percent=None if scar_ml is None else burden_percent(scar_ml, wall_ml),
                core_scar_percent=None if core_ml is None else burden_percent(core_ml, wall_ml),
                transmurality_mean_percent=mean,
                transmurality_max_percent=None if mean is None else float(shares.max()),
                transmurality_class=None if mean is None else transmurality_class(mean),
            )
        )
    return tuple(result)


def territory_sums(segments: Sequence[Segment]) -> tuple[Territory, ...]:
    """The three coronary territories; numbers None where all their segments' are."""
    result = []
    for name, numbers in TERRITORIES.items():
        mine = [segment for segment in segments if segment.segment in numbers]
        wall_ml = _total([segment.myocardium_volume_ml for segment in mine])
        scar_ml = _total([segment.scar_volume_ml for segment in mine])
        share = None if scar_ml is None or wall_ml is None else burden_percent(scar_ml, wall_ml)
        result.append(
            Territory(
                territory=name,
                segments=numbers,
                myocardium_volume_ml=wall_ml,
                scar_volume_ml=scar_ml,
                scar_percent=share,
            )
        )
    return tuple(result)


def _total(parts: Sequence[float | None]) -> float | None:
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def _territory_of(number: int) -> str:
    return next(name for name, numbers in TERRITORIES.items() if number in numbers)
