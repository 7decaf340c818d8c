"""PDF report of one scan: a first page to sign, then slices and details.

First page, in the order of SCMR's standard report (doi:10.1186/s12968-021-00827-z): patient and
study, indication, doubts, findings, volumes and masses, the 17 segments, comment, sign-off. Not
from the guideline: the layout.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure

from acsnet.report.bullseye import draw_bullseye, segment_values
from acsnet.report.details import details_pages, slices_page
from acsnet.report.findings import (
    REFERENCE_NOTE,
    SQUARED,
    Headline,
    headline,
    not_assessed,
    segment_rows,
    size_rows,
    statements,
)
from acsnet.report.page import (
    A4,
    HEADING,
    LINE,
    MARGIN,
    RULE,
    SMALL,
    TITLE,
    WIDTH,
    bullets,
    draw_lines,
    facts,
    heading,
    new_page,
    paragraph,
    rule,
    table,
    text,
    wrapped,
)
from acsnet.report.patient import Subject
from acsnet.report.reading import UNREAD, Reading
from acsnet.report.wording import doubts
from acsnet.result import NOTICE, Measured
from acsnet.scan import UNFIT

BULLSEYE = 2.15
SIGN_OFF = 0.75  # height of the fields at the foot of the first page
STATUS_CHARACTERS, FIELD_CHARACTERS = 50, 26
MOST_DOUBTS, MOST_FINDINGS, MOST_COMMENT = 5, 8, 5  # lines on the first page


def report_pdf(
    result: Measured,
    subject: Subject,
    *,
    reading: Reading = UNREAD,
    method: str = "drawn",
    features: Mapping[str, Any] | None = None,
) -> bytes:
    """The report as the bytes of a PDF file, the same for the same input.

    Args:
        result: the scan, its labels and measures.
        subject: patient, study and scanner.
        reading: who read it, and what they said.
        method: the scar method that the report leads with, as in `acsnet.quantify.scar_methods`.
        features: the content of `features.json` on record, by default that of `result`.
    """
    stream = BytesIO()
    # No creation date: the same scan gives the same file.
    about = {"Title": f"LGE scar report, {result.scan.name}", "CreationDate": None}
    with (
        rc_context({"pdf.fonttype": 42, "hatch.linewidth": 0.5}),
        PdfPages(stream, metadata=about) as file,
    ):
        pages = report_pages(result, subject, reading=reading, method=method, features=features)
        for page in pages:
            file.savefig(page)
    return stream.getvalue()


def report_pages(
    result: Measured,
    subject: Subject,
    *,
    reading: Reading = UNREAD,
    method: str = "drawn",
    features: Mapping[str, Any] | None = None,
) -> tuple[Figure, ...]:
    """The pages of `report_pdf`."""
    features = features or result.features_dict()
    pages = [_first_page(result, features, subject, reading, method)]
    if result.labels.any():
        pages.append(slices_page(result, features))
    pages += details_pages(features)
    name, foot = result.scan.name, MARGIN - 0.1
    name = name if len(name) <= 60 else f"{name[:57]}..."
    for page_number, page in enumerate(pages, start=1):
        text(page, MARGIN, foot, NOTICE, bold=True)
        footer = f"{name}, page {page_number} of {len(pages)}"
        text(page, A4[0] - MARGIN, foot, footer, right=True)
    return tuple(pages)


def _first_page(
    result: Measured,
    features: Mapping[str, Any],
    subject: Subject,
    reading: Reading,
    method: str,
) -> Figure:
    page = new_page()
    top = A4[1] - MARGIN
    text(page, MARGIN, top, "Late gadolinium enhancement, left ventricle", points=TITLE, bold=True)
    top -= 0.28
    for line in wrapped(f"Status: {reading.status}", STATUS_CHARACTERS):
        text(page, MARGIN, top, line, points=HEADING, bold=True)
        top -= 0.2
    top = facts(page, top - 0.08, _about(result, features, subject, reading))
    top = _doubts(page, top - 0.08, features)
    if not result.labels.any():
        text(page, MARGIN, top - 0.1, "No left ventricle was found in this scan.", bold=True)
        _sign_off(page, reading)
        return page
    top = heading(page, top - 0.1, "Findings")
    top = _headline(page, top, features, headline(features, method))
    top = paragraph(
        page,
        top,
        statements(features),
        most=MOST_FINDINGS,
        rest="... and {count} lines more: see the segments below",
    )
    top = _sizes(page, top - 0.1, features, subject)
    top = _segments(page, top - 0.12, features)
    _comment(page, top - 0.12, reading)
    _sign_off(page, reading)
    return page


def _doubts(page: Figure, top: float, features: Mapping[str, Any]) -> float:
    """Draw the doubts, first of all that the scan is not one to tell scar from."""
    texts = sorted(doubts(features), key=lambda words: not words.startswith(UNFIT))
    if not texts:
        text(page, MARGIN, top, "Doubts", bold=True)
        text(page, MARGIN + 1.0, top, "none: image, wall and labels were checked")
        return top - LINE
    top = heading(page, top - 0.04, "Doubts" if len(texts) > 1 else "One doubt")
    lines, shown = bullets(texts, most=MOST_DOUBTS)
    if shown < len(texts):
        lines, shown = bullets(texts, most=MOST_DOUBTS - 1)
        lines.append(f"... and {len(texts) - shown} more at the end of the report")
    return draw_lines(page, top, lines)


def _headline(page: Figure, top: float, features: Mapping[str, Any], scar: Headline) -> float:
    if scar.note:
        words = (
            f"Scar: {scar.note}" if not_assessed(features) else f"Scar ({scar.method}): {scar.note}"
        )
        return paragraph(page, top, [words], most=2, rest="...") - 0.04
    number = "" if scar.burden_percent is None else f"{scar.burden_percent:.1f} %"
    text(page, MARGIN, top, f"Scar {number} of the LV myocardium", points=TITLE, bold=True)
    masses = f"{scar.mass_g:.1f} g, {scar.volume_ml:.1f} ml"
    drawn = headline(features, "drawn")
    interval = (features.get("intervals") or {}).get("scar_burden_percent")
    if interval and scar.method == drawn.method:
        low, high, level = interval["low"], interval["high"], 100 * interval["level"]
        masses += f"; {level:.0f} % interval {low:.1f} to {high:.1f} %"
    text(page, MARGIN, top - 0.26, f"{masses}. Method: {scar.method}.")
    top -= 0.26 + 1.4 * LINE
    if scar.method == drawn.method or drawn.burden_percent is None:
        return top
    words = (
        f"All that follows is of the scar as segmented, {drawn.burden_percent:.1f} % of the LV "
        "myocardium:"
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
        below = paragraph(page, below, [words], most=2, rest="", characters=72)
    if any(value is not None for value in segment_values(features, "scar_percent").values()):
        box = (
            (A4[0] - MARGIN - BULLSEYE) / A4[0],
            (top - BULLSEYE) / A4[1],
            BULLSEYE / A4[0],
            BULLSEYE / A4[1],
        )
        values = segment_values(features, "transmurality_mean_percent")
        draw_bullseye(page.add_axes(box), values, "Transmurality, mean %")
    return min(below, top - BULLSEYE)


def _segments(page: Figure, top: float, features: Mapping[str, Any]) -> float:
    if not_assessed(features):
        return top
    if features["rv_insertion"]["source"] is None:
        words = "Segments: none, the insertion of the right ventricle is not known"
        return heading(page, top, words)
    top = heading(
        page, top, "Segments (AHA): scar, % of the wall; transmurality, mean % and class; pattern"
    )
    rows = segment_rows(features)
    places = (0.0, 1.6, 1.98, 2.08, 2.58)
    head = ("", "scar", "tr.", "class", "pattern")
    below = top
    for column, part in enumerate((rows[:9], rows[9:])):
        edge = table(page, top, places, head, part, left=MARGIN + column * (WIDTH / 2 + 0.05))
        below = min(below, edge)
    return below


def _comment(page: Figure, top: float, reading: Reading) -> None:
    room = int((top - MARGIN - SIGN_OFF - 0.6) / LINE)
    if reading.comment.strip() and room > 0:
        top = heading(page, top, "Comment of the reader")
        most = min(max(room, 1), MOST_COMMENT)
        paragraph(page, top, [reading.comment], most=most, rest="... {count} lines more")


def _sign_off(page: Figure, reading: Reading) -> None:
    """Fields at the foot of the page; what is known is filled in, the signature never."""
    bottom = MARGIN + 0.12
    fields = (
        ("Reader", reading.reader),
        ("Date", f"{reading.read:%Y-%m-%d %H:%M}" if reading.read and reading.reviewed else ""),
        ("Signature", ""),
    )
    width = WIDTH / len(fields)
    for column, (name, value) in enumerate(fields):
        left = MARGIN + column * width
        text(page, left, bottom + 0.6, name, points=SMALL, colour=RULE)
        for above, line in enumerate(reversed(wrapped(value, FIELD_CHARACTERS)[:2])):
            text(page, left, bottom + 0.28 + above * LINE, line)
        rule(page, bottom + 0.1, left=left, width=width - 0.2)


def _about(
    result: Measured, features: Mapping[str, Any], subject: Subject, reading: Reading
) -> list[tuple[str, str]]:
    spacing = features["spacing_mm"]
    rows, columns = result.scan.pixels.shape[1:]
    stack = (
        f"{features['slices']} slices {spacing['slice']:.2f} mm apart, {rows} x {columns} pixels "
        f"of {spacing['row']:.2f} x {spacing['column']:.2f} mm"
    )
    body = ""
    if features["body_surface_area_m2"] is not None:
        body = (
            f"{features['height_cm']:g} cm, {features['weight_kg']:g} kg, "
            f"{features['body_surface_area_m2']:.2f} m{SQUARED}"
        )
    pairs: Sequence[tuple[str, str]] = (
        ("Patient", subject.patient_name),
        ("Patient ID", subject.patient_id),
        ("Born", subject.birth_date),
        ("Sex", {"M": "male", "F": "female", "O": "other"}.get(subject.sex, "")),
        ("Body", body),
        ("Study date", subject.study_date),
        ("Referred by", subject.referring_physician),
        ("Contrast", subject.contrast),
        ("Scanner", subject.scanner),
        ("Series", subject.series),
        ("Case", result.scan.name),
        ("Labels by", reading.drawn_by),
        ("Stack", stack),
        ("Indication", " ".join(reading.indication.split()) or "not given"),
    )
    return [(name, value) for name, value in pairs if value]
