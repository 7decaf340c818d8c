"""All that is measured on one label map and its image, in one call."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from acsnet.errors import InputError
from acsnet.labels import ENHANCEMENT, LEFT_VENTRICLE, MYOCARDIUM, Label
from acsnet.quantify.body import BodyNumbers, body_numbers, body_of
from acsnet.quantify.chords import Transmurality, radial_chords, summarise
from acsnet.quantify.features import Features, compute_features
from acsnet.quantify.methods import MethodRow, compare_methods
from acsnet.quantify.polar import CHORD_ANGLES, centre_of, reach_mm, sample_rays
from acsnet.quantify.remote import RemoteRegion, remote_region
from acsnet.quantify.scar import ScarThreshold
from acsnet.quantify.segments import (
    CAP,
    Segment,
    Territory,
    measure_segments,
    segment_map,
    territory_sums,
)
from acsnet.quantify.septum import (
    Insertion,
    drawn_septum,
    find_insertion,
    look_around,
    turn_of_header,
)
from acsnet.quantify.texture import Texture, texture
from acsnet.scan import ShortAxisScan, apex_first_by_position


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a person tells of a scan beside its pixels.

    rv_insertion: row and column of the anterior insertion of the right ventricle, pixels of the
    input's grid from 0; remote: mask of the remote region on the input's grid.
    """

    height_cm: float | None = None
    weight_kg: float | None = None
    rv_insertion: tuple[float, float] | None = None
    remote: NDArray[np.bool_] | None = None

    def remote_on(self, scan: ShortAxisScan) -> NDArray[np.bool_] | None:
        """The remote region as (slice, row, column). Raises InputError for another shape."""
        if self.remote is None:
            return None
        if self.remote.shape != scan.grid.shape:
            msg = (
                f"the remote region must have the image's shape {scan.grid.shape}, "
                f"got {self.remote.shape}"
            )
            raise InputError(msg)
        return scan.grid.from_input(self.remote)


NOTHING = Given()


@dataclass(frozen=True, kw_only=True)
class Quantification:
    """All measures of one label map; arrays are (slice, row, column), apex first.

    scar_known: whether anyone looked for scar. segment_map: 1 to 17 in the wall, zeros where there
    is no insertion.
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
    texture: Texture
    scar_known: bool
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
    """Measure (slice, row, column) labels of a scan, both apex first.

    threshold: what split grey zone and core scar, None for labels drawn by hand; scar_known: False
    where nobody looked for scar, so that none is not zero, as on cine always; right_ventricle:
    where one was drawn. Raises InputError for what is given and cannot be true, AcsnetError for a
    remote region that holds no wall.
    """
    scar_known = scar_known and scan.shows_scar
    wall, scar = np.isin(labels, MYOCARDIUM), np.isin(labels, ENHANCEMENT)
    pool, plane_mm = labels == Label.LV_BLOOD_POOL, scan.spacing_mm[1:]
    features = compute_features(labels, scan.voxel_ml, threshold=threshold, scar_known=scar_known)
    core_known = features.core_scar_volume_ml is not None
    body, body_notes = body_of(scan, height_cm=given.height_cm, weight_kg=given.weight_kg)
    remote = remote_region(scan.pixels, wall, scar, plane_mm, given=given.remote_on(scan))
    methods: tuple[MethodRow, ...] = ()
    if scar_known and wall.any():
        methods = compare_methods(
            scan.pixels,
            wall,
            scar,
            obstruction=labels == Label.MICROVASCULAR_OBSTRUCTION,
            core=labels == Label.CORE_SCAR if core_known else None,
            remote=remote,
            voxel_ml=scan.voxel_ml,
        )
    insertion: Insertion | None = None
    insertion_notes: tuple[str, ...] = ()
    if (pool.any(axis=(1, 2)) & wall.any(axis=(1, 2))).any():
        insertion, insertion_notes = _insertion(scan, labels, right_ventricle, given)
    chords = radial_chords(labels, plane_mm)
    segments = measure_segments(
        labels,
        chords,
        insertion,
        spacing_mm=plane_mm,
        voxel_ml=scan.voxel_ml,
        scar_known=scar_known,
        core_known=core_known,
    )
    return Quantification(
        features=features,
        body=body_numbers(features, body),
        methods=methods,
        remote=remote,
        insertion=insertion,
        insertion_point=None if insertion is None else _point(labels, insertion, plane_mm),
        segment_map=(
            np.zeros_like(labels) if insertion is None else segment_map(labels, insertion, plane_mm)
        ),
        segments=segments,
        territories=territory_sums(segments),
        transmurality=summarise(chords, scar_known=scar_known),
        texture=texture(
            labels,
            scan.pixels,
            spacing_mm=plane_mm,
            voxel_ml=scan.voxel_ml,
            scar_known=scar_known,
            core_known=core_known,
        ),
        scar_known=scar_known,
        warnings=(*features.warnings, *body_notes, *insertion_notes),
    )


def _insertion(
    scan: ShortAxisScan,
    labels: NDArray[np.uint8],
    right_ventricle: NDArray[np.bool_] | None,
    given: Given,
) -> tuple[Insertion | None, tuple[str, ...]]:
    plane_mm = scan.spacing_mm[1:]
    wall, pool = np.isin(labels, MYOCARDIUM), labels == Label.LV_BLOOD_POOL
    around = look_around(scan.pixels, pool, wall, labels == Label.LV_MYOCARDIUM, plane_mm)
    known = apex_first_by_position(scan).apex_first is not None
    drawn = None
    if right_ventricle is not None:
        drawn = drawn_septum(right_ventricle, wall | pool, plane_mm)
    return find_insertion(
        around,
        header_turn=turn_of_header(scan.grid.steps_mm) if known else None,
        given=_given_angle(scan, pool, given.rv_insertion),
        drawn=drawn,
    )


def _given_angle(
    scan: ShortAxisScan, pool: NDArray[np.bool_], point: tuple[float, float] | None
) -> float | None:
    """The angle of a given point, from the middle of the blood pool of all slices."""
    if point is None:
        return None
    rows, columns = pool.shape[1:]
    row, column = point
    if not (0 <= row < rows and 0 <= column < columns):
        msg = (
            f"the RV insertion must lie in the image, rows 0 to {rows - 1} and columns 0 to "
            f"{columns - 1}, got {row:g},{column:g}"
        )
        raise InputError(msg)
    middle = np.mean([centre_of(plane) for plane in pool if plane.any()], axis=0)
    down, right = (np.array(point) - middle) * scan.spacing_mm[1:]
    if down == right == 0:
        msg = f"the RV insertion {row:g},{column:g} is the middle of the ventricle"
        raise InputError(msg)
    return float(np.arctan2(down, right))


def _point(
    labels: NDArray[np.uint8], insertion: Insertion, spacing_mm: tuple[float, float]
) -> tuple[int, float, float]:
    """Slice, row and column where the insertion meets the epicardium of the middle slice."""
    pools = np.flatnonzero((labels == Label.LV_BLOOD_POOL).any(axis=(1, 2)))
    k = int(pools[len(pools) // 2])
    centre = centre_of(labels[k] == Label.LV_BLOOD_POOL)
    ventricle = np.isin(labels[k], LEFT_VENTRICLE)
    steps = np.arange(0.0, reach_mm(ventricle, centre, spacing_mm), 0.1)
    chord = int(np.cos(CHORD_ANGLES - insertion.angle).argmax())
    inside = sample_rays(ventricle, centre, steps, spacing_mm)[chord] > 0.5
    reach = float(steps[inside][-1])
    row = centre[0] + reach * np.sin(insertion.angle) / spacing_mm[0]
    column = centre[1] + reach * np.cos(insertion.angle) / spacing_mm[1]
    return k, float(row), float(column)
