"""Anterior insertion of the right ventricle: the angle from which AHA segments are counted.

Not from the paper. The search needs only the image and the wall. In the upper 60 % of the slices,
the signal 4 to 18 mm outside the wall is compared in every direction with the signal of the LV
blood pool. The middle of the quarter circle that is most like blood is the mid-septum, and the
anterior insertion lies 50 degrees from it. On the end-diastolic cine stacks of the ACDC train list
it is found in 69 of 70. Its distance from the end of the expert's right ventricle is 10 degrees
(median), at most 22 degrees in nine of ten stacks, and at most 31 degrees in all. On the LGE of the
EMIDEC train list nobody drew the right ventricle. In 53 of 57 scans the confidence is high
enough (`benchmarks/rv_insertion.py`).

The patient axes tell which end of the septum is anterior. If the header lacks them, the inferior
side is the brighter one 10 to 30 mm outside the wall, because liver, stomach and diaphragm lie
there and lung on the other sides. This is right in 120 of these 122 stacks, undecided in one and
wrong in one.

A person gives the insertion as ROW,COLUMN, in pixels of the file, counted from 0. In DICOM these
are rows and columns of the images. In NIfTI, NRRD and MetaImage, the two axes of the file that are
not the slice axis are, in the order of the file, column and row: voxel (i, j, k) of a usual stack
has column i and row j, however a viewer turns the image. A given insertion that lies more than 45
degrees from where the image shows the septum is used, with a warning. If the whole wall is scar,
there is no normal wall to compare blood with, and the insertion must be given: a warning says so.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from acsnet.quantify.polar import CHORD_ANGLES, CHORDS, STEP_MM, centre_of, reach_mm, sample_rays

UPPER_SHARE = 0.6  # share of the slices, from the base, in which the right ventricle is sought
RV_DEPTH_MM, SIDE_DEPTH_MM = (4, 18), (10, 30)
# Tolerated difference from the signal of blood, as a share of the step from wall to blood.
LIKENESS = 0.5
WINDOW = CHORDS // 4 + 1  # chords averaged: a quarter of the circle
INSERTION_DEG = 50.0  # from the mid-septum to the anterior insertion
# Below this the side is wrong more often than not on the EMIDEC train list.
MIN_CONFIDENCE = 0.06
SIDE_DEG, SIDE_HALF_DEG = 105, 35
MIN_SIDE = 0.05  # least difference between the sides, same unit as LIKENESS
# A person and the rule differ by less: the rule is off by 32 degrees at most (above).
MAX_APART_DEG = 45.0
RV_TOUCH_MM = 6  # a drawn right ventricle this near to the wall lies at the septum

Source = Literal["automatic", "given", "drawn"]
Side = Literal["header", "image"]


@dataclass(frozen=True, kw_only=True)
class Insertion:
    """The anterior insertion of the right ventricle.

    Attributes:
        angle: radians, as in `acsnet.quantify.polar`.
        turn: +1 or -1, the direction of the angle from there through the septum.
        source: automatic, given by a person, or drawn: from a right ventricle in the label map.
        side: whether header or image decided which side is anterior.
        confidence: 0 to 1, how much more the septum's side looks like blood than the opposite
            side; None if given or drawn.
    """

    angle: float
    turn: int
    source: Source
    side: Side
    confidence: float | None = None


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """Signal outside the wall, (slice, chord, mm), scaled from 0 (wall) to 1 (blood).

    slices: their indices in the stack; signal: NaN beyond the edge of the image; normal_wall:
    False where no slice of the stack has blood and wall without scar.
    """

    slices: NDArray[np.intp]
    signal: NDArray[np.float64]
    normal_wall: bool = True


def sample_surroundings(
    intensity: NDArray[np.floating[Any]],
    blood_pool: NDArray[np.bool_],
    wall: NDArray[np.bool_],
    remote: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
) -> Surroundings:
    """Signal around the ventricle; arrays: (slice, row, column), remote: the wall without scar."""
    slices, signals = [], []
    compared = np.flatnonzero(blood_pool.any(axis=(1, 2)) & remote.any(axis=(1, 2)))
    for k in compared:
        ventricle = blood_pool[k] | wall[k]
        blood = np.median(intensity[k][blood_pool[k]])
        dark = np.median(intensity[k][remote[k]])
        if blood <= dark:
            continue
        centre = centre_of(ventricle)
        steps = np.arange(0.0, reach_mm(ventricle, centre, spacing_mm), STEP_MM)
        inside = sample_rays(ventricle, centre, steps, spacing_mm) > 0.5
        last = steps[len(steps) - 1 - inside[:, ::-1].argmax(axis=1)] * inside.any(axis=1)
        depth = last[:, None] + np.arange(max(SIDE_DEPTH_MM))
        around = sample_rays(intensity[k], centre, depth, spacing_mm, outside=np.nan)
        slices.append(k)
        signals.append((around - dark) / (blood - dark))
    shape = (0, CHORDS, max(SIDE_DEPTH_MM))
    return Surroundings(
        slices=np.array(slices, dtype=np.intp),
        signal=np.stack(signals) if signals else np.zeros(shape),
        normal_wall=compared.size > 0,
    )


def septum_angle(around: Surroundings) -> tuple[float, float] | None:
    """Angle of the mid-septum and its confidence; None without slices to look at."""
    upper = around.signal[int(len(around.slices) * (1 - UPPER_SHARE)) :, :, slice(*RV_DEPTH_MM)]
    if not len(upper):
        return None
    unlike = np.nan_to_num(upper - 1.0, nan=np.inf) / LIKENESS
    score = uniform_filter1d(np.exp(-0.5 * unlike**2).mean(axis=(0, 2)), WINDOW, mode="wrap")
    best = int(score.argmax())
    elsewhere = np.cos(CHORD_ANGLES - CHORD_ANGLES[best]) < 0
    return float(CHORD_ANGLES[best]), float(score[best] - score[elsewhere].max())


def inferior_turn(around: Surroundings, septum: float) -> int | None:
    """Direction (+1, -1) of the angle from anterior through septum to inferior; None if unclear."""
    outside = np.clip(around.signal[:, :, slice(*SIDE_DEPTH_MM)], -1.0, 1.0)
    if not len(outside):
        return None

    def brightness(angle: float) -> float:
        near = np.cos(CHORD_ANGLES - angle) > np.cos(np.deg2rad(SIDE_HALF_DEG))
        signal = outside[:, near]
        return float(np.nanmean(signal)) if np.isfinite(signal).any() else np.nan

    side = np.deg2rad(SIDE_DEG)
    difference = brightness(septum + side) - brightness(septum - side)
    if not abs(difference) >= MIN_SIDE:  # NaN is unclear, too
        return None
    return 1 if difference > 0 else -1


def turn_of_header(steps_mm: NDArray[np.float64]) -> int:
    """Direction of the angle from anterior through septum to inferior, by the patient axes.

    steps_mm: (3, 3) as `InputGrid.steps_mm`, slices from apex to base. Viewed from the apex, with
    columns to the right and rows down, the septum is left of an anterior wall on top.
    """
    seen_from_apex = float(np.cross(steps_mm[2], steps_mm[1]) @ steps_mm[0]) > 0
    return -1 if seen_from_apex else 1


def drawn_septum(
    right_ventricle: NDArray[np.bool_],
    ventricle: NDArray[np.bool_],
    spacing_mm: tuple[float, float],
) -> tuple[float, float] | None:
    """First and last angle at which a drawn right ventricle touches the wall, mean of the slices.

    Arrays are (slice, row, column). Slices at the ends of the stack do not count: the right
    ventricle is small or open there. None where it touches the wall in no slice.
    """
    slices = np.flatnonzero(ventricle.any(axis=(1, 2)))
    middle = slices[int(0.3 * len(slices)) : int(np.ceil(0.9 * len(slices)))]
    ends = []
    for k in middle:
        if not right_ventricle[k].any():
            continue
        centre = centre_of(ventricle[k])
        steps = np.arange(0.0, reach_mm(ventricle[k], centre, spacing_mm) + RV_TOUCH_MM, STEP_MM)
        wall = sample_rays(ventricle[k], centre, steps, spacing_mm) > 0.5
        blood = sample_rays(right_ventricle[k], centre, steps, spacing_mm) > 0.5
        last = len(steps) - 1 - wall[:, ::-1].argmax(axis=1)
        gap_mm = (blood.argmax(axis=1) - last) * STEP_MM
        touching = CHORD_ANGLES[blood.any(axis=1) & (gap_mm < RV_TOUCH_MM)]
        if not len(touching):
            continue
        toward = np.angle(np.exp(1j * touching).mean())
        away = np.angle(np.exp(1j * (touching - toward)))
        half = np.pi / CHORDS
        ends.append((toward + away.min() - half, toward + away.max() + half))
    if not ends:
        return None
    first, last_angle = np.angle(np.exp(1j * np.array(ends)).mean(axis=0))
    return float(first), float(last_angle)


def find_insertion(
    around: Surroundings,
    *,
    header_turn: int | None,
    given: float | None = None,
    drawn: tuple[float, float] | None = None,
) -> tuple[Insertion | None, tuple[str, ...]]:
    """The anterior insertion, with warnings; None where it cannot be determined.

    Args:
        around: signal around the ventricle.
        header_turn: by `turn_of_header`; None if the header lacks the patient axes.
        given: the angle that a person gave.
        drawn: by `drawn_septum`, of a right ventricle that a person drew.
    """
    detected, confidence = septum_angle(around) or (0.0, -1.0)
    if drawn is not None:
        septum = float(np.angle(np.exp(1j * drawn[0]) + np.exp(1j * drawn[1])))
    elif confidence >= MIN_CONFIDENCE:
        septum = detected
    elif given is not None and header_turn is not None:
        septum = given
    else:
        note = (
            "the right ventricle was not found in the image"
            if around.normal_wall
            else "the right ventricle was not looked for, because no slice has both blood and wall "
            "without scar to compare it with"
        )
        note += (
            ": for AHA segments its anterior insertion must be given"
            if given is None
            else ", and the header does not tell on which side of the insertion it is"
        )
        return None, (note,)
    notes: tuple[str, ...] = ()
    side: Side = "image" if header_turn is None else "header"
    if header_turn is not None:
        turn = header_turn
    elif given is not None:
        turn = 1 if np.sin(septum - given) > 0 else -1
        if inferior_turn(around, septum) == -turn:
            note = (
                "the brighter side of the ventricle, the inferior one as a rule, is that of the RV "
                "insertion that was given: is it the anterior one?"
            )
            notes = (note,)
    else:
        brighter = inferior_turn(around, septum)
        if brighter is None:
            note = (
                "neither header nor image tell anterior from inferior: for AHA segments the "
                "anterior insertion of the right ventricle must be given"
            )
            return None, (note,)
        note = (
            "the header does not tell anterior from inferior: AHA segments take the brighter side "
            "of the ventricle for the inferior one"
        )
        turn, notes = brighter, (note,)
    if given is not None:
        if septum != given:
            notes = (*notes, *_doubts_of_given(given, septum - turn * np.deg2rad(INSERTION_DEG)))
        return Insertion(angle=given, turn=turn, source="given", side=side), notes
    if drawn is not None:
        angle = drawn[0] if turn > 0 else drawn[1]
        return Insertion(angle=angle, turn=turn, source="drawn", side=side), notes
    angle = septum - turn * float(np.deg2rad(INSERTION_DEG))
    return Insertion(
        angle=angle, turn=turn, source="automatic", side=side, confidence=confidence
    ), notes


def _doubts_of_given(given: float, expected: float) -> tuple[str, ...]:
    """A warning where a given insertion is far from that of the septum; both in radians."""
    apart = float(np.rad2deg(np.abs(np.angle(np.exp(1j * (given - expected))))))
    if apart <= MAX_APART_DEG:
        return ()
    note = (
        f"the RV insertion that was given lies {apart:.0f} degrees from where the septum in the "
        "image puts it: are row and column in their order, and is it the anterior one?"
    )
    return (note,)
