"""The pages of a comparison: what changed, and both scans side by side."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from acsnet.report.bullseye import draw_bullseye, segment_values
from acsnet.report.comparison.compare import SHOWN, Comparison
from acsnet.report.contours import draw_legend, draw_slices
from acsnet.report.layout.fonts import printable_name
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
from acsnet.report.layout.pdf_file import pdf_bytes
from acsnet.report.patient import NOT_IN_FILE, Subject, names_differ
from acsnet.report.wording import MEASURES, NONE, number, signed
from acsnet.result import Measured
from acsnet.uncertainty.change import AT_HALF_SIGNAL, SegmentChange

BULLSEYE = 1.75
SLICES = 2.55  # height of the slices of both scans
LEGEND = 0.2  # height of the legend below them
MOST_FACT = 3  # lines of a name: more than DICOM allows
NAMES = {key: (name, unit) for name, key, unit, _ in MEASURES}
BY_SIGNAL = "Burden and scar: intervals around the change at half signal, where more may be scar."


def comparison_pdf(
    comparison: Comparison,
    before: Measured,
    after: Measured,
    *,
    of_before: Subject,
    of_after: Subject,
) -> bytes:
    """The pages as the bytes of a PDF file, the same for the same input."""
    return pdf_bytes(
        f"LGE, {comparison.before} and {comparison.after}",
        lambda: comparison_pages(comparison, before, after, of_before=of_before, of_after=of_after),
    )


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
        words = _scan_words(printable_name(named), subject)
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
            interval = f"{signed(change.low, 1)} to {signed(change.high, 1)}"
        moved = NONE if change.difference is None else signed(change.difference, 1)
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


def _scan_words(name: str, subject: Subject) -> str:
    date = subject.study_date or f"study date {NOT_IN_FILE}"
    return ", ".join(part for part in (name, date, subject.series) if part)
