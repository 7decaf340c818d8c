"""The first page of the report, which is to be signed, and those that it is continued on.

In the order of SCMR's standard report (doi:10.1186/s12968-021-00827-z): patient and study,
indication, doubts, findings, volumes and masses, the 17 segments, comment, sign-off. Not from the
guideline: the layout. Where there is more to say than the page holds, the table of the
segments and every text that is cut stand whole on the pages that follow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from acsnet.quantify.sampling import is_sampling_doubt
from acsnet.report.bullseye import draw_bullseye, hatched_words, segment_values
from acsnet.report.findings import (
    REFERENCE_NOTE,
    SQUARED,
    Headline,
    headline,
    segment_rows,
    size_rows,
    statements,
)
from acsnet.report.layout.fonts import printable_name
from acsnet.report.layout.page import (
    A4,
    FACT_WIDTH,
    HEADING,
    LINE,
    MARGIN,
    RULE,
    SMALL,
    TITLE,
    WIDTH,
    Section,
    bullets,
    draw_lines,
    ended,
    facts,
    flow,
    heading,
    new_page,
    paragraph,
    rule,
    table,
    text,
    wrapped,
)
from acsnet.report.patient import NOT_IN_FILE, Subject
from acsnet.report.reading import Reading
from acsnet.report.wording import (
    doubt_sentences,
    has_scar_number,
    has_segments,
    interval_words,
    number,
)
from acsnet.result import Measured

BULLSEYE = 2.15
SIGN_OFF = 0.75  # height of the fields at the foot of the first page
FOOT = MARGIN + SIGN_OFF + 0.05  # lower edge of all else on the first page
MOST_STATUS = 2  # lines
CONTINUED = "... continued on page 2"
COMMENT = "Comment of the reader"


@dataclass(frozen=True, kw_only=True)
class Room:
    """The most lines of each text of the first page, and whether the segments' table is on it."""

    fact: int
    doubts: int
    findings: int
    comment: int
    segments: bool


ROOMS = (
    Room(fact=8, doubts=5, findings=10, comment=5, segments=True),
    Room(fact=8, doubts=5, findings=10, comment=5, segments=False),
    Room(fact=2, doubts=3, findings=8, comment=5, segments=False),
    Room(fact=2, doubts=3, findings=8, comment=2, segments=False),
    Room(fact=1, doubts=2, findings=3, comment=2, segments=False),
)
"""The first that the page has room for is taken; it has room for the last, whatever is said."""


def first_pages(
    result: Measured,
    features: Mapping[str, Any],
    subject: Subject,
    reading: Reading,
    method: str,
) -> list[Figure]:
    """The page to sign, and those that it is continued on."""
    for room in ROOMS:
        page, bottom, cut = _first_page(result, features, subject, reading, method, room)
        if bottom >= FOOT:
            break
    moved = not room.segments and has_segments(features)
    if not (cut or moved):
        return [page]
    second, top = new_page(), A4[1] - MARGIN
    if moved:
        top = _segments(second, top, features) - 0.12
    return [page, second, *flow(second, top, cut, foot=MARGIN + 0.1)]


def _first_page(
    result: Measured,
    features: Mapping[str, Any],
    subject: Subject,
    reading: Reading,
    method: str,
    room: Room,
) -> tuple[Figure, float, list[Section]]:
    """The page, the lower edge of what is above the sign-off, and the texts that are cut, whole."""
    page, top = new_page(), A4[1] - MARGIN
    text(page, MARGIN, top, "Late gadolinium enhancement, left ventricle", points=TITLE, bold=True)
    top -= 0.28
    status = wrapped(f"Status: {reading.status}", points=HEADING, bold=True)
    cut = _whole("Status", reading.status, lines=len(status), most=MOST_STATUS)
    for line in ended(status, most=MOST_STATUS, rest=CONTINUED, points=HEADING, bold=True):
        text(page, MARGIN, top, line, points=HEADING, bold=True)
        top -= 0.2
    about = _about(result, features, subject, reading)
    top = facts(page, top - 0.08, about, most=room.fact, rest=CONTINUED)
    for name, value in about:
        cut += _whole(name, value, lines=len(wrapped(value, FACT_WIDTH)), most=room.fact)
    doubts = doubt_sentences(features)
    top = _doubts(page, top - 0.08, doubts, most=room.doubts) - 0.1
    if result.labels.any():
        top = heading(page, top, "Findings")
        top = _headline(page, top, features, headline(features, method))
        findings = statements(features)
        cut += _whole("Findings", "\n".join(findings), lines=_count(findings), most=room.findings)
        top = paragraph(page, top, findings, most=room.findings, rest=CONTINUED)
        top = _sizes(page, top - 0.1, features, subject) - 0.12
        if room.segments or not has_segments(features):
            top = _segments(page, top, features)
        else:
            text(page, MARGIN, top, "The table of the segments is on page 2.")
            top -= LINE
    else:
        text(page, MARGIN, top, "No left ventricle was found in this scan.", bold=True)
        top -= LINE
    comment = reading.comment.strip()
    if comment:
        top = heading(page, top - 0.12, COMMENT)
        most = max(int((top - FOOT) / LINE), room.comment)
        cut += _whole(COMMENT, comment, lines=_count([comment]), most=most)
        top = paragraph(page, top, [comment], most=most, rest=CONTINUED)
    _sign_off(page, reading)
    return page, top, cut


def _count(texts: Sequence[str]) -> int:
    return sum(len(wrapped(words)) for words in texts)


def _whole(title: str, words: str, *, lines: int, most: int) -> list[Section]:
    """A text that the first page cuts, having so many lines there, as a section of its own."""
    return [Section(title, wrapped(words))] if lines > most else []


def _doubts(page: Figure, top: float, texts: Sequence[str], *, most: int) -> float:
    if not texts:
        text(page, MARGIN, top, "Doubts", bold=True)
        text(page, MARGIN + 1.0, top, "none: image, wall and labels were checked")
        return top - LINE
    top = heading(page, top - 0.04, "Doubts" if len(texts) > 1 else "One doubt")
    most += is_sampling_doubt(texts[-1])  # most scans have it: it takes no other's place
    lines, shown = bullets(texts, most=most)
    if shown < len(texts):
        lines, shown = bullets(texts, most=most - 1)
        lines.append(f"... and {len(texts) - shown} more at the end of the report")
    return draw_lines(page, top, lines)


def _headline(page: Figure, top: float, features: Mapping[str, Any], scar: Headline) -> float:
    if scar.note:
        by = f" ({scar.method})" if has_scar_number(features) else ""
        words = f"Scar{by}: {scar.note}"
        return paragraph(page, top, [words], most=2, rest="...") - 0.04
    share = "" if scar.burden_percent is None else f"{number(scar.burden_percent, 1)} %"
    text(page, MARGIN, top, f"Scar {share} of the LV myocardium", points=TITLE, bold=True)
    masses = f"{number(scar.mass_g, 1)} g, {number(scar.volume_ml, 1)} ml"
    drawn = headline(features, "drawn")
    interval = (features.get("intervals") or {}).get("scar_burden_percent")
    if interval and scar.method == drawn.method:
        masses += f"; {100 * interval['level']:.0f} % interval {interval_words(interval, 1)} %"
    text(page, MARGIN, top - 0.26, f"{masses}. Method: {scar.method}.")
    top -= 0.26 + 1.4 * LINE
    if scar.method == drawn.method or drawn.burden_percent is None:
        return top
    words = (
        "All that follows is of the scar as segmented, "
        f"{number(drawn.burden_percent, 1)} % of the LV myocardium:"
    )
    return paragraph(page, top, [words], most=1, rest="")


def _sizes(page: Figure, top: float, features: Mapping[str, Any], subject: Subject) -> float:
    """Volumes and masses on the left, the bullseye of transmurality on the right."""
    left_width = WIDTH - BULLSEYE - 0.35
    rows = size_rows(features, sex=subject.sex)
    below = heading(page, top, "Volumes and masses", width=left_width)
    indexed = features["body_surface_area_m2"] is not None
    places = (0.0, 1.65, 2.4, 3.5) if indexed else (0.0, 1.65, 2.4, 3.3)
    intervals = any(row.interval for row in rows)
    head = ("", "", "90 % interval" if intervals else "", f"per m{SQUARED}" if indexed else "")
    cells = [(row.name, row.value, row.interval, row.per_m2) for row in rows]
    below = table(page, below, places, head, cells)
    notes = []
    reference = next((row.reference for row in rows if row.reference), "")
    if reference:
        notes.append(f"LV myocardial mass index of healthy {reference} g/m{SQUARED}.")
        notes.append(REFERENCE_NOTE)
    elif not indexed:
        notes.append("No indices: height and weight are not known.")
    notes.append("The cavity is that of this scan, not end-diastolic: no reference.")
    for words in notes:
        below = paragraph(page, below, [words], most=3, rest="", width=left_width)
    foot = top - BULLSEYE
    if has_segments(features):
        box = (
            (A4[0] - MARGIN - BULLSEYE) / A4[0],
            foot / A4[1],
            BULLSEYE / A4[0],
            BULLSEYE / A4[1],
        )
        values = segment_values(features, "transmurality_mean_percent")
        draw_bullseye(page.add_axes(box), values, "Transmurality, mean %")
        for line in wrapped(hatched_words(features), BULLSEYE, points=SMALL):
            text(page, A4[0] - MARGIN - BULLSEYE, foot, line, points=SMALL)
            foot -= LINE
    return min(below, foot)


def _segments(page: Figure, top: float, features: Mapping[str, Any]) -> float:
    if not has_scar_number(features):
        return top
    if not has_segments(features):
        words = "Segments: none, the insertion of the right ventricle is not known"
        return heading(page, top, words)
    top = heading(
        page,
        top,
        "Segments (AHA): scar, % of the wall; transmurality, mean % and class; pattern of its scar",
    )
    rows = segment_rows(features)
    places = (0.0, 1.6, 1.98, 2.08, 2.58)
    numbers = (1, 2)
    head = ("", "scar", "tr.", "class", "pattern")
    below = top
    for column, part in enumerate((rows[:9], rows[9:])):
        left = MARGIN + column * (WIDTH / 2 + 0.05)
        edge = table(page, top, places, head, part, numbers=numbers, left=left)
        below = min(below, edge)
    return below


def _sign_off(page: Figure, reading: Reading) -> None:
    """Fields at the foot of the page; what is known is filled in, the signature never."""
    bottom = MARGIN + 0.12
    fields = (
        ("Reader", reading.reader),
        ("Date", f"{reading.read:%Y-%m-%d %H:%M %Z}" if reading.read and reading.reviewed else ""),
        ("Signature", ""),
    )
    width = WIDTH / len(fields)
    for column, (name, value) in enumerate(fields):
        left = MARGIN + column * width
        text(page, left, bottom + 0.6, name, points=SMALL, colour=RULE)
        lines = ended(wrapped(value, width - 0.2), most=2, rest="...", width=width - 0.2)
        for above, line in enumerate(reversed(lines)):
            text(page, left, bottom + 0.28 + above * LINE, line)
        rule(page, bottom + 0.1, left=left, width=width - 0.2)


def _about(
    result: Measured, features: Mapping[str, Any], subject: Subject, reading: Reading
) -> list[tuple[str, str]]:
    spacing = features["spacing_mm"]
    rows, columns = result.scan.pixels.shape[1:]
    apart, row_mm, column_mm = (number(spacing[key], 2) for key in ("slice", "row", "column"))
    stack = (
        f"{features['slices']} slices {apart} mm apart, {rows} x {columns} pixels "
        f"of {row_mm} x {column_mm} mm"
    )
    body = ""
    if features["body_surface_area_m2"] is not None:
        body = (
            f"{features['height_cm']:g} cm, {features['weight_kg']:g} kg, "
            f"{number(features['body_surface_area_m2'], 2)} m{SQUARED}"
        )
    pairs: Sequence[tuple[str, str]] = (
        ("Patient", subject.patient_name or NOT_IN_FILE),
        ("Patient ID", subject.patient_id),
        ("Born", subject.birth_date),
        ("Sex", {"M": "male", "F": "female", "O": "other"}.get(subject.sex, "")),
        ("Body", body),
        ("Study date", subject.study_date or NOT_IN_FILE),
        ("Referred by", subject.referring_physician),
        ("Contrast", subject.contrast),
        ("Scanner", subject.scanner),
        ("Series", subject.series),
        ("Case", printable_name(result.scan.name)),
        ("Labels by", reading.drawn_by),
        ("Stack", stack),
        ("Indication", " ".join(reading.indication.split()) or "not given"),
    )
    return [(name, value) for name, value in pairs if value]
