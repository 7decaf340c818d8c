"""Two scans of one patient: what changed, with intervals, and both side by side."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import zip_longest
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from acsnet import NOTICE
from acsnet.errors import InputError
from acsnet.labels import MYOCARDIUM
from acsnet.report.bullseye import draw_bullseye, segment_values
from acsnet.report.contours import draw_legend, draw_slices
from acsnet.report.layout.footer import draw_footers, made_by
from acsnet.report.layout.page import (
    A4,
    LINE,
    MARGIN,
    POINTS,
    TITLE,
    WIDTH,
    draw_lines,
    facts,
    heading,
    new_page,
    paragraph,
    table,
    text,
    wrapped,
)
from acsnet.report.patient import NOT_IN_FILE, Subject, doubts_of_identity, names_differ
from acsnet.report.wording import MEASURES, NONE, number, ordered_doubts
from acsnet.result import Measured, Result
from acsnet.scan import ShortAxisScan
from acsnet.uncertainty.appearance import Appearance, apart, appearance
from acsnet.uncertainty.calibration import Calibration, read_calibration
from acsnet.uncertainty.change import (
    AT_HALF_SIGNAL,
    Change,
    ScanMeasures,
    SegmentChange,
    changes,
    segment_changes,
)
from acsnet.uncertainty.doubt import unclear_percent
from acsnet.uncertainty.half_signal import half_signal_volume_ml

BULLSEYE = 1.75
SLICES = 2.55  # height of the slices of both scans
LEGEND = 0.2  # height of the legend below them
MOST_FACT = 3  # lines of a name: more than DICOM allows
NAMES = {key: (name, unit) for name, key, unit, _ in MEASURES}
SHOWN = {True: "change shown", False: "no change shown", None: "not determined"}
BY_SIGNAL = "Burden and scar: intervals around the change at half signal, where more may be scar."
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
    remarks = _remarks(before, after, of_before, of_after)
    return Comparison(
        before=before.scan.name,
        after=after.scan.name,
        level=calibration.change_level,
        measures=changes(
            _measures(before, earlier, fitted=not misfit),
            _measures(after, later, fitted=not misfit),
            rules=calibration.change_rules,
        ),
        segments=segment_changes(earlier, later),
        remarks=(f"there are no intervals: {misfit}", *remarks) if misfit else remarks,
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


def comparison_pdf(
    comparison: Comparison,
    before: Measured,
    after: Measured,
    *,
    of_before: Subject,
    of_after: Subject,
) -> bytes:
    """The pages as the bytes of a PDF file, the same for the same input."""
    stream = BytesIO()
    about = {"Title": f"LGE, {comparison.before} and {comparison.after}", "CreationDate": None}
    with (
        rc_context({"pdf.fonttype": 42, "hatch.linewidth": 0.5}),
        PdfPages(stream, metadata=about) as file,
    ):
        pages = comparison_pages(comparison, before, after, of_before=of_before, of_after=of_after)
        for page in pages:
            file.savefig(page)
    return stream.getvalue()


def comparison_pages(
    comparison: Comparison,
    before: Measured,
    after: Measured,
    *,
    of_before: Subject,
    of_after: Subject,
) -> tuple[Figure, ...]:
    """The pages of `comparison_pdf`: one, and a second where the segments do not fit."""
    page = new_page()
    top = A4[1] - MARGIN
    text(page, MARGIN, top, "Two scans of late gadolinium enhancement", points=TITLE, bold=True)
    name = of_after.patient_name or of_before.patient_name
    if names_differ(of_before, of_after):
        name = f"{of_before.patient_name} (before), {of_after.patient_name} (after)"
    patient = (
        ("Patient", name or NOT_IN_FILE),
        ("Patient ID", of_after.patient_id or of_before.patient_id),
    )
    known = [pair for pair in patient if pair[1]]
    top = facts(page, top - 0.36, known, most=MOST_FACT, rest="...")
    # One by one: of several, `facts` draws the short ones first.
    for name, named, subject in (
        ("Before", comparison.before, of_before),
        ("After", comparison.after, of_after),
    ):
        words = _scan_words(named, subject)
        top = facts(page, top, [(name, words)], most=MOST_FACT, rest="...")
    if comparison.remarks:
        top = heading(page, top - 0.08, "Doubts")
        bullets = [f"\N{BULLET} {words}" for words in comparison.remarks]
        rest = "... and {count} lines more in comparison.json"
        top = paragraph(page, top, bullets, most=4, rest=rest)
    top = _changes(page, top - 0.1, comparison)
    top = _both(page, top - 0.1, before, after)
    pages = [page]
    if rows := _segment_rows(comparison.segments):
        top -= 0.1
        if top - 0.28 - LINE * _split(rows) < MARGIN:
            pages.append(new_page())
            top = A4[1] - MARGIN
        _segments(pages[-1], top, rows)
    software = (measured.features_dict()["software"] for measured in (before, after))
    draw_footers(pages, made=made_by(*software))
    return tuple(pages)


def _changes(page: Figure, top: float, comparison: Comparison) -> float:
    top = heading(page, top, "Changes")
    head = ("", "before", "after", "change", f"{100 * comparison.level:.0f} % interval", "")
    rows = []
    for change in comparison.measures:
        name, unit = NAMES[change.measure]
        interval = ""
        if change.low is not None and change.high is not None:
            interval = f"{change.low:+.1f} to {change.high:+.1f}"
        moved = NONE if change.difference is None else f"{change.difference:+.1f}"
        values = (number(value, 1, NONE) for value in (change.before, change.after))
        rows.append((f"{name}, {unit}", *values, moved, interval, SHOWN[change.shown]))
    top = table(page, top, (0.0, 3.1, 3.8, 4.0, 4.7, 5.95), head, rows, numbers=(1, 2))
    by_signal = (change for change in comparison.measures if change.measure in AT_HALF_SIGNAL)
    if all(change.low is None or change.estimate == change.difference for change in by_signal):
        return top
    return draw_lines(page, top, wrapped(BY_SIGNAL))


def _both(page: Figure, top: float, before: Measured, after: Measured) -> float:
    """Slices and bullseyes of both scans, before on the left."""
    half = WIDTH / 2
    for column, (name, measured) in enumerate((("Before", before), ("After", after))):
        left = MARGIN + column * half
        start = heading(page, top, name, left=left, width=half - 0.15)
        if not measured.labels.any():
            text(page, left, start, "No left ventricle was found.", points=POINTS)
            continue
        box = left, start - SLICES, half - 0.15, SLICES
        draw_slices(page, measured, box)
        values = segment_values(measured.features_dict(), "scar_percent")
        if any(value is not None for value in values.values()):
            place = (
                (left + (half - BULLSEYE) / 2) / A4[0],
                (start - SLICES - LEGEND - BULLSEYE - 0.25) / A4[1],
                BULLSEYE / A4[0],
                BULLSEYE / A4[1],
            )
            draw_bullseye(page.add_axes(place), values, "Scar, % of the segment")
    draw_legend(page, top - 0.28 - SLICES)
    return top - 0.28 - SLICES - LEGEND - BULLSEYE - 0.25


def _segment_rows(segments: Sequence[SegmentChange]) -> list[tuple[str, ...]]:
    return [
        (
            f"{part.segment} {part.name}",
            f"{number(part.before, 0, NONE)} \N{RIGHTWARDS ARROW} {number(part.after, 0, NONE)}",
            f"{part.class_before or NONE} \N{RIGHTWARDS ARROW} {part.class_after or NONE}",
        )
        for part in segments
        if None not in (part.before, part.after)
    ]


def _split(rows: Sequence[tuple[str, ...]]) -> int:
    """How many rows the first of two columns has."""
    return -(-len(rows) // 2)


def _segments(page: Figure, top: float, rows: Sequence[tuple[str, ...]]) -> None:
    words = "Segments: scar, % of the wall, and class of mean transmurality; without intervals"
    top = heading(page, top, words)
    split = _split(rows)
    for column, part in enumerate((rows[:split], rows[split:])):
        table(page, top, (0.0, 1.55, 2.35), ("", "", ""), part, left=MARGIN + column * WIDTH / 2)


def _measures(measured: Measured, features: Mapping[str, Any], *, fitted: bool) -> ScanMeasures:
    """fitted: whether there are intervals for the networks."""
    return ScanMeasures(
        features=features,
        unclear=_unclear(measured) if fitted else None,
        appearance=_appearance(measured),
        half_signal_ml=half_signal_volume_ml(
            measured.scan.pixels, measured.labels, spacing_mm=measured.scan.spacing_mm
        ),
    )


def _appearance(measured: Measured) -> Appearance:
    return appearance(measured.scan.pixels, measured.labels)


def _unclear(measured: Measured) -> float | None:
    """Percent of the wall that is unclear; None for labels of a person."""
    if not isinstance(measured, Result):
        return None
    wall = np.isin(measured.labels, MYOCARDIUM)
    return unclear_percent(measured.enhancement_probability, wall)


def _scan_words(name: str, subject: Subject) -> str:
    date = subject.study_date or f"study date {NOT_IN_FILE}"
    return ", ".join(part for part in (name, date, subject.series) if part)


def _shared(before: ShortAxisScan, after: ShortAxisScan) -> str:
    """What tells that two scans share images; empty where they do not."""
    first, second = (
        {image for image in zip_longest(scan.instance_uids, scan.frame_numbers) if image[0]}
        for scan in (before, after)
    )
    if first & second:
        return "SOPInstanceUID"
    return "their pixels" if np.array_equal(before.pixels, after.pixels) else ""


def _remarks(
    before: Measured, after: Measured, of_before: Subject, of_after: Subject
) -> tuple[str, ...]:
    """What hinders the comparison, then the doubts about each scan."""
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
    first, second = _appearance(before), _appearance(after)
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
    for name, measured in (("before", before), ("after", after)):
        doubts = ordered_doubts(measured.warnings)
        remarks += [f"{name}: {words}" for words in doubts]
    return tuple(remarks)
