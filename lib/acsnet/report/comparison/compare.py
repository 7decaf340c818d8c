"""What changed between two scans of one patient, with intervals and remarks."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from acsnet import NOTICE
from acsnet.errors import InputError
from acsnet.labels import MYOCARDIUM
from acsnet.quantify.sampling import is_sampling_doubt
from acsnet.report.patient import Subject, doubts_of_identity
from acsnet.report.wording import ordered_doubts
from acsnet.result import Measured, Result
from acsnet.scan import ShortAxisScan
from acsnet.uncertainty.appearance import Appearance, apart, appearance
from acsnet.uncertainty.calibration import Calibration, read_calibration
from acsnet.uncertainty.change import (
    Change,
    ScanMeasures,
    SegmentChange,
    changes,
    segment_changes,
)
from acsnet.uncertainty.doubt import unclear_percent
from acsnet.uncertainty.half_signal import half_signal_volume_ml

SHOWN = {True: "change shown", False: "no change shown", None: "not determined"}
MOST_APART = 1.05
"""Ratio of voxel sizes above which measures of two scans are compared with a remark."""
MOST_UNLIKE = 1.2
"""Ratio of contrasts of the scar above which there is a remark."""
MOST_UNLIKE_WALL = 1.5
"""Ratio of levels of the healthy wall above which there is a remark."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What changed between two scans of one patient.

    level: of the intervals of `measures`; remarks: what a person should know first.
    """

    before: str
    after: str
    level: float
    measures: tuple[Change, ...]
    segments: tuple[SegmentChange, ...]
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        values = asdict(self)
        for row, change in zip(values["measures"], self.measures, strict=True):
            row["shown"] = change.shown
        return {**values, "notice": NOTICE}


def check_one_patient(of_before: Subject, of_after: Subject) -> None:
    """Raises InputError where DICOM says that two scans are of two patients.

    By PatientID, else by the date of birth: names are written in many ways.
    """
    ids = of_before.patient_id, of_after.patient_id
    tag, first, second = "PatientID", *ids
    if not all(ids):
        tag, first, second = "PatientBirthDate", of_before.birth_date, of_after.birth_date
    if first and second and first != second:
        msg = f"the scans must be of one patient, got {tag} {first} and {second}"
        raise InputError(msg)


def compare(
    before: Measured, after: Measured, *, of_before: Subject, of_after: Subject
) -> Comparison:
    """Compare two scans. Raises InputError as `check_one_patient` does.

    Intervals need results of the same networks, those that they were fitted for: labels of a
    person have none.
    """
    check_one_patient(of_before, of_after)
    earlier, later = before.features_dict(), after.features_dict()
    calibration = read_calibration()
    misfit = _misfit(before, after, calibration)
    measures = (
        _measures(before, earlier, fitted=not misfit),
        _measures(after, later, fitted=not misfit),
    )
    remarks = [f"there are no intervals: {misfit}"] if misfit else []
    remarks += _remarks(before, after, of_before, of_after)
    remarks += _signal_remarks(*(scan.appearance for scan in measures))
    doubts = [
        (name, words)
        for name, measured in (("before", before), ("after", after))
        for words in ordered_doubts(measured.warnings)
    ]
    doubts.sort(key=lambda doubt: is_sampling_doubt(doubt[1]))  # of both scans after all else
    remarks += [f"{name}: {words}" for name, words in doubts]
    return Comparison(
        before=before.scan.name,
        after=after.scan.name,
        level=calibration.change_level,
        measures=changes(*measures, rules=calibration.change_rules),
        segments=segment_changes(earlier, later),
        remarks=tuple(remarks),
    )


def _misfit(before: Measured, after: Measured, calibration: Calibration) -> str:
    """Why the networks of two results give no intervals, in words; empty where they do.

    Empty for labels of a person, too, which have none anyway.
    """
    if not (isinstance(before, Result) and isinstance(after, Result)):
        return ""
    if before.weights != after.weights:
        return "the scans were segmented by different networks"
    return calibration.misfit(before.weights)


def _measures(measured: Measured, features: Mapping[str, Any], *, fitted: bool) -> ScanMeasures:
    """fitted: whether there are intervals for the networks."""
    return ScanMeasures(
        features=features,
        unclear=_unclear(measured) if fitted else None,
        appearance=appearance(measured.scan.pixels, measured.labels),
        half_signal_ml=half_signal_volume_ml(
            measured.scan.pixels, measured.labels, spacing_mm=measured.scan.spacing_mm
        ),
    )


def _unclear(measured: Measured) -> float | None:
    """Percent of the wall that is unclear; None for labels of a person."""
    if not isinstance(measured, Result):
        return None
    wall = np.isin(measured.labels, MYOCARDIUM)
    return unclear_percent(measured.enhancement_probability, wall)


def _shared(before: ShortAxisScan, after: ShortAxisScan) -> str:
    """What tells that two scans share images; empty where they do not."""
    first, second = (
        {image for image in zip_longest(scan.instance_uids, scan.frame_numbers) if image[0]}
        for scan in (before, after)
    )
    if first & second:
        return "SOPInstanceUID"
    return "their pixels" if np.array_equal(before.pixels, after.pixels) else ""


def _remarks(before: Measured, after: Measured, of_before: Subject, of_after: Subject) -> list[str]:
    """What in patients, images and grids hinders the comparison."""
    remarks = []
    dates = of_before.study_date, of_after.study_date
    if all(dates) and dates[0] > dates[1]:
        remarks.append(f"the scan given as the first is the later one: {dates[0]}, then {dates[1]}")
    remarks += doubts_of_identity(of_before, of_after)
    if shared := _shared(before.scan, after.scan):
        remarks.append(f"both scans are the same images, by {shared}: was one scan given twice?")
    sizes = (before.scan.spacing_mm, after.scan.spacing_mm)
    if any(max(a / b, b / a) > MOST_APART for a, b in zip(*sizes, strict=True)):
        shown = " and ".join(" x ".join(f"{mm:.2f}" for mm in size) for size in sizes)
        remarks.append(f"the scans have voxels of {shown} mm: this may cause part of a change")
    return remarks


def _signal_remarks(first: Appearance, second: Appearance) -> list[str]:
    """What in the signal of scar and wall hinders the comparison."""
    remarks = []
    if apart(first.contrast, second.contrast) > math.log(MOST_UNLIKE):
        remarks.append(
            f"the scar is {first.contrast:.1f} and {second.contrast:.1f} times as bright as the "
            "blood, above the wall: this may cause part of a change"
        )
    if apart(first.wall_level, second.wall_level) > math.log(MOST_UNLIKE_WALL):
        known = (level for level in (first.wall_level, second.wall_level) if level is not None)
        levels = " and ".join(f"{100 * level:.0f} %" for level in known)
        remarks.append(
            f"the healthy wall has {levels} of the blood's signal: this may cause part of a change"
        )
    return remarks
