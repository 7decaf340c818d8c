"""All measures of one label map and its image, in one call."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.masks import disc
from acsnet.quantify.aha_segments import (
    CAP,
    Segment,
    Territory,
    measure_segments,
    segment_map,
    territory_sums,
)
from acsnet.quantify.blood_pool import without_stray_pool
from acsnet.quantify.body_size import BodyNumbers, body_numbers, body_of
from acsnet.quantify.features import Features, compute_features
from acsnet.quantify.polar import CHORD_ANGLES, centre_of, reach_mm, sample_rays
from acsnet.quantify.remote_myocardium import DISC_MM, RemoteRegion, given_region, remote_region
from acsnet.quantify.rv_insertion import (
    Insertion,
    drawn_septum,
    find_insertion,
    sample_surroundings,
    turn_of_header,
)
from acsnet.quantify.sampling import sampling_doubt
from acsnet.quantify.scar import ScarThreshold, core_signal, gap_doubt, threshold_of_drawn
from acsnet.quantify.scar_methods import MethodRow, Wall, compare_methods, region_doubt
from acsnet.quantify.scar_shape.pattern import ScarPattern, scar_pattern
from acsnet.quantify.scar_shape.texture import Texture, measure_texture
from acsnet.quantify.scar_shape.transmurality import Transmurality, radial_chords, summarise
from acsnet.quantify.speckle import speckle_doubt
from acsnet.scan import ShortAxisScan, apex_first_by_position


@dataclass(frozen=True, kw_only=True)
class Given:
    """Optional facts about a scan that a person supplies.

    Attributes:
        height_cm: of the patient; needs weight_kg too.
        weight_kg: of the patient; needs height_cm too.
        rv_insertion: row and column of the anterior RV insertion, pixels of the input from 0.
        rv_insertion_by_slice: the same, by slices numbered in the file from 1; instead of it.
        remote: mask of the remote region on the input's grid.
        remote_by_slice: row and column of the middle of a disc of it, by slices numbered in the
            file from 1; instead of `remote`.
    """

    height_cm: float | None = None
    weight_kg: float | None = None
    rv_insertion: tuple[float, float] | None = None
    rv_insertion_by_slice: Mapping[int, tuple[float, float]] | None = None
    remote: NDArray[np.bool_] | None = None
    remote_by_slice: Mapping[int, tuple[float, float]] | None = None

    def remote_on(self, scan: ShortAxisScan) -> NDArray[np.bool_] | None:
        """The remote region as (slice, row, column). Raises InputError if it is off the image."""
        if self.remote_by_slice is not None:
            return _discs(scan, self.remote_by_slice)
        if self.remote is None:
            return None
        if self.remote.shape != scan.grid.shape:
            msg = (
                f"the remote region must have the image's shape {scan.grid.shape}, "
                f"got {self.remote.shape}"
            )
            raise InputError(msg)
        return scan.grid.from_input(self.remote)


def _discs(scan: ShortAxisScan, middles: Mapping[int, tuple[float, float]]) -> NDArray[np.bool_]:
    """(slice, row, column) mask of discs in the slices that have one."""
    slices, rows, columns = scan.pixels.shape
    mask = np.zeros((slices, rows, columns), bool)
    for k in range(slices):
        if (middle := middles.get(scan.grid.slice_number(k))) is not None:
            mask[k] = disc((rows, columns), middle, DISC_MM, scan.spacing_mm[1:])
    if missing := sorted(number for number in middles if not 1 <= number <= slices):
        msg = f"the remote region was placed in slice {missing[0]} of a stack of {slices}"
        raise InputError(msg)
    return mask


NOTHING = Given()


@dataclass(frozen=True, kw_only=True)
class Quantification:
    """All measures of one label map; arrays are (slice, row, column), apex first.

    insertion_point: slice, row and column of the RV insertion, None where its ray misses the
    ventricle. segment_map: 1 to 17 in the wall, all 0 without an insertion.
    """

    features: Features
    body: BodyNumbers
    methods: tuple[MethodRow, ...]
    remote: RemoteRegion
    insertion: Insertion | None
    insertion_point: tuple[int, float, float] | None
    segment_map: NDArray[np.uint8]
    segments: tuple[Segment, ...]
    territories: tuple[Territory, ...]
    transmurality: Transmurality
    pattern: ScarPattern
    texture: Texture
    warnings: tuple[str, ...]

    @property
    def segment_model(self) -> int | None:
        """17 where the stack has an apical cap, else 16; None without segments."""
        if not self.segment_map.any():
            return None
        return CAP if (self.segment_map == CAP).any() else CAP - 1


def quantify(
    scan: ShortAxisScan,
    labels: NDArray[np.uint8],
    *,
    threshold: ScarThreshold | None = None,
    scar_known: bool = True,
    right_ventricle: NDArray[np.bool_] | None = None,
    given: Given = NOTHING,
) -> Quantification:
    """Measure the labels of a scan.

    Args:
        scan: the image, apex first.
        labels: (slice, row, column), apex first.
        threshold: what split grey zone and core scar; None for labels drawn by hand
            (`threshold_of_drawn`).
        scar_known: False where nobody looked for scar, as on cine always: scar numbers are then
            None, not 0. So are they without a wall.
        right_ventricle: (slice, row, column) mask if one was drawn.
        given: facts that a person supplies.

    Raises:
        InputError: for an implausible body size, or an insertion or remote region off the image.
        AcsnetError: for a remote region that holds too little wall.
    """
    plane_mm = scan.spacing_mm[1:]
    scar_known = scar_known and scan.shows_scar and bool(np.isin(labels, MYOCARDIUM).any())
    placed = given.remote_on(scan)
    if threshold is None and scar_known:
        threshold = threshold_of_drawn(scan.pixels, labels, remote=placed, measured=scan.measured)
    features = compute_features(labels, scan.voxel_ml, threshold=threshold, scar_known=scar_known)
    core_known = features.core_scar_volume_ml is not None
    body, body_notes = body_of(scan, height_cm=given.height_cm, weight_kg=given.weight_kg)
    regions = _remote_regions(scan, labels, placed)
    methods, method_notes = (
        _scar_by_methods(scan, labels, regions, core_known=core_known) if scar_known else ((), ())
    )
    signal_notes = _signal_doubts(scan, labels, threshold, placed) if scar_known else ()
    ventricle = without_stray_pool(labels)
    insertion, insertion_notes = _insertion(scan, ventricle, right_ventricle, given)
    chords = radial_chords(ventricle, plane_mm)
    segment_numbers = segment_map(ventricle, insertion, plane_mm)
    segments = measure_segments(
        ventricle,
        segment_numbers,
        chords,
        insertion,
        voxel_ml=scan.voxel_ml,
        scar_known=scar_known,
        core_known=core_known,
    )
    return Quantification(
        features=features,
        body=body_numbers(features, body),
        methods=methods,
        remote=regions[0],
        insertion=insertion,
        insertion_point=None if insertion is None else _point(ventricle, insertion, plane_mm),
        segment_map=segment_numbers,
        segments=segments,
        territories=territory_sums(segments),
        transmurality=summarise(chords, slice_mm=scan.spacing_mm[0], scar_known=scar_known),
        pattern=scar_pattern(chords, scar_known=scar_known),
        texture=measure_texture(
            labels,
            scan.pixels,
            spacing_mm=scan.spacing_mm,
            voxel_ml=scan.voxel_ml,
            scar_known=scar_known,
            core_known=core_known,
            measured=scan.measured,
        ),
        warnings=(*features.warnings, *body_notes, *insertion_notes, *method_notes, *signal_notes),
    )


def _remote_regions(
    scan: ShortAxisScan, labels: NDArray[np.uint8], placed: NDArray[np.bool_] | None
) -> tuple[RemoteRegion, ...]:
    """The remote region in use; if a person placed that, the automatic one after it."""
    wall, scar = np.isin(labels, MYOCARDIUM), np.isin(labels, ENHANCEMENT)
    lit = wall & scan.measured
    # By the whole wall, also for a region that was placed: scar in that must not hide itself.
    core_from = core_signal(scan.pixels, lit, scar & scan.measured)
    automatic = remote_region(
        scan.pixels,
        wall,
        scar,
        scan.spacing_mm[1:],
        voxel_ml=scan.voxel_ml,
        core_from=core_from,
        measured=scan.measured,
    )
    if placed is None:
        return (automatic,)
    used = given_region(scan.pixels, lit, placed, voxel_ml=scan.voxel_ml, core_from=core_from)
    return used, automatic


def _scar_by_methods(
    scan: ShortAxisScan,
    labels: NDArray[np.uint8],
    regions: tuple[RemoteRegion, ...],
    *,
    core_known: bool,
) -> tuple[tuple[MethodRow, ...], tuple[str, ...]]:
    """Scar by each method, with warnings on the remote region; regions: by `_remote_regions`."""
    wall = Wall(
        intensity=scan.pixels,
        myocardium=np.isin(labels, MYOCARDIUM),
        enhancement=np.isin(labels, ENHANCEMENT),
        obstruction=labels == Label.MICROVASCULAR_OBSTRUCTION,
        measured=scan.measured,
        voxel_ml=scan.voxel_ml,
    )
    core = labels == Label.CORE_SCAR if core_known else None
    rows = [compare_methods(wall, core=core, remote=region) for region in regions]
    return rows[0], (*regions[0].doubts, *region_doubt(rows[0], rows[-1]))


def _signal_doubts(
    scan: ShortAxisScan,
    labels: NDArray[np.uint8],
    threshold: ScarThreshold | None,
    placed: NDArray[np.bool_] | None,
) -> tuple[str, ...]:
    """Warnings on single bright points, gaps in the scar, and zones that depend on the pixels."""
    wall, scar = np.isin(labels, MYOCARDIUM), np.isin(labels, ENHANCEMENT)
    numbers = [scan.grid.slice_number(k) for k in range(len(labels))]
    doubts = (*speckle_doubt(scan.pixels, wall & scan.measured), *gap_doubt(scar, wall, numbers))
    if threshold is None or threshold.value is None:
        return doubts
    return doubts + sampling_doubt(
        scan.pixels,
        labels,
        voxel_ml=scan.voxel_ml,
        method=threshold.method,
        remote=placed,
        measured=scan.measured,
    )


def _insertion(
    scan: ShortAxisScan,
    labels: NDArray[np.uint8],
    right_ventricle: NDArray[np.bool_] | None,
    given: Given,
) -> tuple[Insertion | None, tuple[str, ...]]:
    """The RV insertion, with warnings; None, without any, where no slice has wall and pool."""
    plane_mm = scan.spacing_mm[1:]
    wall, pool = np.isin(labels, MYOCARDIUM), labels == Label.LV_BLOOD_POOL
    if not (pool.any(axis=(1, 2)) & wall.any(axis=(1, 2))).any():
        return None, ()
    has_axes = apex_first_by_position(scan).apex_first is not None
    rv, ventricle = right_ventricle, wall | pool
    drawn = None if rv is None else drawn_septum(rv, ventricle, plane_mm)
    return find_insertion(
        sample_surroundings(scan.pixels, pool, wall, labels == Label.LV_MYOCARDIUM, plane_mm),
        header_turn=turn_of_header(scan.grid.steps_mm) if has_axes else None,
        given=_given_angle(scan, pool, given),
        drawn=drawn,
    )


def _given_angle(scan: ShortAxisScan, pool: NDArray[np.bool_], given: Given) -> float | None:
    """The angle of a given insertion around the blood pool, the mean one of several slices."""
    centres = {
        scan.grid.slice_number(int(k)): centre_of(pool[k])
        for k in np.flatnonzero(pool.any(axis=(1, 2)))
    }
    if given.rv_insertion is not None:
        middle = np.mean(list(centres.values()), axis=0)
        return _angle_of(scan, given.rv_insertion, middle)
    if not given.rv_insertion_by_slice:
        return None
    if missing := sorted(set(given.rv_insertion_by_slice) - set(centres)):
        msg = (
            f"the RV insertion was placed in slice {missing[0]}, which has no blood pool: slices "
            f"{min(centres)} to {max(centres)} may have it"
        )
        raise InputError(msg)
    angles = [
        _angle_of(scan, point, centres[number])
        for number, point in given.rv_insertion_by_slice.items()
    ]
    return float(np.angle(np.exp(1j * np.array(angles)).mean()))


def _angle_of(
    scan: ShortAxisScan, point: tuple[float, float], middle: NDArray[np.float64]
) -> float:
    """The angle of a point around another, both row and column."""
    rows, columns = scan.pixels.shape[1:]
    row, column = point
    if not (0 <= row < rows and 0 <= column < columns):
        msg = (
            f"the RV insertion must lie in the image, rows 0 to {rows - 1} and columns 0 to "
            f"{columns - 1}, got {row:g},{column:g}"
        )
        raise InputError(msg)
    down, right = (np.array(point) - middle) * scan.spacing_mm[1:]
    if down == right == 0:
        msg = f"the RV insertion {row:g},{column:g} is in the middle of the ventricle"
        raise InputError(msg)
    return float(np.arctan2(down, right))


def _point(
    labels: NDArray[np.uint8], insertion: Insertion, spacing_mm: tuple[float, float]
) -> tuple[int, float, float] | None:
    """Slice, row and column where the insertion's ray meets the epicardium of the middle slice.

    None where the ray misses the ventricle, as from a blood pool that was drawn away from the wall.
    """
    pools = np.flatnonzero((labels == Label.LV_BLOOD_POOL).any(axis=(1, 2)))
    k = int(pools[len(pools) // 2])
    centre = centre_of(labels[k] == Label.LV_BLOOD_POOL)
    ventricle = np.isin(labels[k], LEFT_VENTRICLE)
    steps = np.arange(0.0, reach_mm(ventricle, centre, spacing_mm), 0.1)
    chord = int(np.cos(CHORD_ANGLES - insertion.angle).argmax())
    inside = sample_rays(ventricle, centre, steps, spacing_mm)[chord] > 0.5
    if not inside.any():
        return None
    reach = float(steps[inside][-1])
    row = centre[0] + reach * np.sin(insertion.angle) / spacing_mm[0]
    column = centre[1] + reach * np.cos(insertion.angle) / spacing_mm[1]
    return k, float(row), float(column)
