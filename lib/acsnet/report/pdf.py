"""PDF report of one scan, two A4 pages.

First page: patient, key numbers, slices with outlines, bullseyes. Second: all measures with their
intervals, thresholding methods, doubts, software. The measures are those that SCMR asks for
(doi:10.1186/s12968-020-00610-6). Not from the paper: the layout.
"""

import textwrap
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from acsnet.report.bullseye import PLOTS, draw_bullseye, segment_values
from acsnet.report.contours import draw_slices, legend_handles, shown_slices
from acsnet.report.patient import Subject
from acsnet.report.wording import (
    NO_SCAR,
    NONE,
    UNKNOWN,
    doubts,
    measure_lines,
    method_lines,
    number,
    signal_decimals,
    territory_lines,
)
from acsnet.result import NOTICE, Measured
from acsnet.scan import UNFIT

AUTOMATIC = "automatic, not reviewed"
# The layout, in inches; text in points.
A4 = (8.27, 11.69)
MARGIN = 0.6
WIDTH = A4[0] - 2 * MARGIN
LINE = 0.165
POINTS, SMALL, HEADING = 8.0, 7.0, 10.0
CHARACTERS = 112  # of the size POINTS, between the margins
RULE = "#808080"
BULLSEYE = 2.75
MADE_BY = 1.0  # height of what follows the doubts


def report_pdf(
    result: Measured,
    subject: Subject,
    *,
    labels_by: str = AUTOMATIC,
    features: Mapping[str, Any] | None = None,
) -> bytes:
    """The report as the bytes of a PDF file, the same for the same input.

    labels_by: who drew or reviewed the labels, in words; features: the content of `features.json`
    on record, by default that of `result`.
    """
    stream = BytesIO()
    # No creation date: the same scan gives the same file.
    about = {"Title": f"LGE scar report, {result.scan.name}", "CreationDate": None}
    with (
        rc_context({"pdf.fonttype": 42, "hatch.linewidth": 0.5}),
        PdfPages(stream, metadata=about) as file,
    ):
        for page in report_pages(result, subject, labels_by=labels_by, features=features):
            file.savefig(page)
    return stream.getvalue()


def report_pages(
    result: Measured,
    subject: Subject,
    *,
    labels_by: str = AUTOMATIC,
    features: Mapping[str, Any] | None = None,
) -> tuple[Figure, ...]:
    """The pages of `report_pdf`."""
    features = features or result.features_dict()
    pages = _first_page(result, features, subject, labels_by), _second_page(result, features)
    name, foot = result.scan.name, MARGIN - 0.1
    name = name if len(name) <= 60 else f"{name[:57]}..."
    for page_number, page in enumerate(pages, start=1):
        _text(page, MARGIN, foot, NOTICE, bold=True)
        footer = f"{name}, page {page_number} of {len(pages)}"
        _text(page, A4[0] - MARGIN, foot, footer, right=True)
    return pages


def _first_page(
    result: Measured, features: Mapping[str, Any], subject: Subject, labels_by: str
) -> Figure:
    page = Figure(figsize=A4, facecolor="white")
    top = A4[1] - MARGIN
    _text(page, MARGIN, top, "Scar on late gadolinium enhancement MRI", points=14, bold=True)
    top = _facts(page, top - 0.36, _about(result, features, subject, labels_by))
    top = _key_numbers(page, top - 0.08, features)
    if not result.labels.any():
        _text(page, MARGIN, top - 0.2, "No left ventricle was found in this scan.", bold=True)
        return page
    foot = MARGIN + 0.3
    bullseyes_top = foot + BULLSEYE + 0.55
    shown = shown_slices(result.labels)
    left_out = int(result.labels.any(axis=(1, 2)).sum()) - len(shown)
    heading = "Slices from apex to base, numbered as in the file"
    heading += f"; {left_out} slices of the ventricle are not shown" if left_out > 0 else ""
    _heading(page, top - 0.1, heading)
    box = MARGIN, bullseyes_top + 0.4, WIDTH, top - 0.42 - bullseyes_top - 0.4
    below = draw_slices(page, result, box)
    page.legend(
        handles=legend_handles(),
        loc="upper center",
        bbox_to_anchor=(0.5, (below - 0.02) / A4[1]),
        ncols=7,
        fontsize=SMALL,
        frameon=False,
        handlelength=2.2,
        columnspacing=0.8,
        handletextpad=0.5,
    )
    _bullseyes(page, features, bullseyes_top, foot)
    return page


def _bullseyes(page: Figure, features: Mapping[str, Any], top: float, foot: float) -> None:
    if features["rv_insertion"]["source"] is None:
        heading = "Segments: the insertion of the right ventricle was not found, so there are none"
        _heading(page, top, heading)
        return
    _heading(page, top, "Segments of the American Heart Association, base outside")
    if any(value is None for value in segment_values(features, "scar_percent").values()):
        legend = "Hatched: the stack has no such segment."
        _text(page, MARGIN, foot - 0.05, legend, points=SMALL)
    for column, (title, key) in enumerate(PLOTS):
        left = MARGIN + WIDTH * (2 * column + 1) / 4 - BULLSEYE / 2
        box = left / A4[0], foot / A4[1], BULLSEYE / A4[0], (BULLSEYE - 0.05) / A4[1]
        draw_bullseye(page.add_axes(box), segment_values(features, key), title)


def _second_page(result: Measured, features: Mapping[str, Any]) -> Figure:
    page = Figure(figsize=A4, facecolor="white")
    top = A4[1] - MARGIN
    levels = (interval["level"] for interval in (features.get("intervals") or {}).values())
    level = next(levels, None)
    interval = "" if level is None else f"{100 * level:.0f} % interval"
    _heading(page, top, "Measures")
    places: tuple[float, ...] = (0.0, 3.4, 3.7, 5.2 if interval else 3.5)
    top = _table(page, top - 0.3, places, ("", "", interval, ""), measure_lines(features))
    if features["segment_model"] is not None:
        _heading(page, top - 0.12, "Scar by the coronary artery that usually supplies the segments")
        head = ("", "segments", "scar, ml", "% of its wall")
        places = (0.0, 0.8, 4.2, 5.4)
        top = _table(page, top - 0.42, places, head, territory_lines(features))
    if features["methods"]:
        _heading(page, top - 0.12, "Scar by other methods, on the same wall")
        methods = ("", "threshold", "scar, ml", "burden, %", "core, ml", "grey zone, ml")
        places = (0.0, 2.9, 3.8, 4.8, 5.7, 6.85)
        top = _table(page, top - 0.42, places, methods, method_lines(features))
    remote = features["remote"]
    if remote["mean"] is not None:
        decimals = signal_decimals((remote["mean"], remote["sd"]))
        region = (
            f"Remote region ({remote['source']}): {remote['voxels']} voxels, signal "
            f"{number(remote['mean'], decimals)} \N{PLUS-MINUS SIGN} "
            f"{number(remote['sd'], decimals)}. A dash: not defined here."
        )
        mvo = (
            "Scar includes microvascular obstruction. The grey zone of FWHM lies outside its scar."
        )
        top = _paragraph(page, top - 0.04, [region, mvo])
    _heading(page, top - 0.12, "Doubts")
    bullets = [f"\N{BULLET} {text}" for text in doubts(features) or ["none"]]
    top = _paragraph(page, top - 0.42, bullets, bottom=MARGIN + MADE_BY)
    _heading(page, top - 0.12, "Made by")
    software = features["software"]
    digests = sorted(software["weights_sha256"].items())
    weights = ", ".join(f"{name} {sha[:12]}" for name, sha in digests)
    made = [f"ACSNet {software['acsnet']}"]
    made += [f"Weights (SHA-256): {weights}"] if weights else []
    _paragraph(page, top - 0.42, made)
    return page


def _about(
    result: Measured, features: Mapping[str, Any], subject: Subject, labels_by: str
) -> list[tuple[str, str]]:
    spacing = features["spacing_mm"]
    rows, columns = result.scan.pixels.shape[1:]
    stack = (
        f"{features['slices']} slices {spacing['slice']:.2f} mm apart, {rows} x {columns} pixels "
        f"of {spacing['row']:.2f} x {spacing['column']:.2f} mm"
    )
    body = ""
    if features["body_surface_area_m2"] is not None:
        body = f"{features['height_cm']:.0f} cm, {features['weight_kg']:.0f} kg"
    facts = (
        ("Patient", subject.patient_name),
        ("Patient ID", subject.patient_id),
        ("Born", subject.birth_date),
        ("Sex", subject.sex),
        ("Body", body),
        ("Study date", subject.study_date),
        ("Series", subject.series),
        ("Scanner", subject.scanner),
        ("Case", result.scan.name),
        ("Stack", stack),
        ("Labels", labels_by),
    )
    return [(name, value) for name, value in facts if value]


def _facts(page: Figure, top: float, facts: Sequence[tuple[str, str]]) -> float:
    """Draw names and values, short ones in two columns. Returns the lower edge."""
    half = CHARACTERS // 2 - 24
    short = [fact for fact in facts if len(fact[1]) <= half]
    for place, (name, value) in enumerate(short):
        left = MARGIN + (place % 2) * WIDTH / 2
        _text(page, left, top - LINE * (place // 2), name, colour=RULE)
        _text(page, left + 0.9, top - LINE * (place // 2), value)
    top -= LINE * -(-len(short) // 2)
    for name, value in facts:
        if len(value) > half:
            _text(page, MARGIN, top, name, colour=RULE)
            for line in textwrap.wrap(value, CHARACTERS - 32, max_lines=2, placeholder=" ..."):
                _text(page, MARGIN + 0.9, top, line)
                top -= LINE
    return top


def _key_numbers(page: Figure, top: float, features: Mapping[str, Any]) -> float:
    """Draw the four key numbers, large, and the count of doubts. Returns the lower edge."""
    shown = (
        ("scar burden", "scar_burden_percent", "%"),
        ("scar mass", "enhancement_mass_g", "g"),
        ("grey zone", "grey_zone_volume_ml", "ml"),
        ("myocardial mass", "myocardium_mass_g", "g"),
    )
    intervals = features.get("intervals") or {}
    for column, (name, key, unit) in enumerate(shown):
        left = MARGIN + WIDTH * column / len(shown)
        value = features[key]
        text = UNKNOWN if value is None else f"{value:.1f} {unit}"
        _text(page, left, top, text, points=14, bold=True)
        if key in intervals:
            name += f" ({intervals[key]['low']:.1f} to {intervals[key]['high']:.1f})"
        _text(page, left, top - 0.25, name, points=SMALL)
    top -= 0.45
    remarks = doubts(features)
    if count := len(remarks):
        text = "One doubt: see page 2" if count == 1 else f"{count} doubts: see page 2"
        unfit = next((remark for remark in remarks if remark.startswith(UNFIT)), None)
        text = (
            text
            if unfit is None
            else f"{unfit.partition(' (')[0].replace('this', 'This', 1)}. {text}"
        )
        _text(page, MARGIN, top, text, bold=True)
        top -= LINE
    return top


def _table(
    page: Figure,
    top: float,
    places: Sequence[float],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
) -> float:
    """Draw rows of text at places (inches from the margin), numbers right-aligned."""
    right = [all(_is_number(row[k]) for row in rows) for k in range(len(places))]
    for row, colour in ((head, RULE), *((row, "black") for row in rows)):
        if not any(row):
            continue
        for place, text, aligned in zip(places, row, right, strict=True):
            _text(page, MARGIN + place, top, text, colour=colour, right=aligned)
        top -= LINE
    return top


def _is_number(text: str) -> bool:
    """Whether a cell is aligned as a number: a number, or a word or dash for none."""
    return text in ("", NONE, NO_SCAR, UNKNOWN) or text.replace(".", "", 1).isdigit()


def _paragraph(page: Figure, top: float, texts: Sequence[str], *, bottom: float = MARGIN) -> float:
    """Draw wrapped lines; those that do not fit above `bottom` are counted. Returns the edge."""
    room = int((top - bottom) / LINE)
    lines = [
        line for text in texts for line in textwrap.wrap(text, CHARACTERS, subsequent_indent="  ")
    ]
    if len(lines) > room:
        rest = f"... and {len(lines) - room + 1} lines more in features.json"
        lines = [*lines[: room - 1], rest]
    for line in lines:
        _text(page, MARGIN, top, line)
        top -= LINE
    return top


def _heading(page: Figure, top: float, text: str) -> None:
    _text(page, MARGIN, top, text, points=HEADING, bold=True)
    y = (top - 0.2) / A4[1]
    ends = (MARGIN / A4[0], 1 - MARGIN / A4[0])
    page.add_artist(Line2D(ends, (y, y), color=RULE, linewidth=0.6))


def _text(
    page: Figure,
    left: float,
    top: float,
    text: str,
    *,
    points: float = POINTS,
    bold: bool = False,
    colour: str = "black",
    right: bool = False,
) -> None:
    """Draw text with its upper left, or right, corner at a place in inches."""
    page.text(
        left / A4[0],
        top / A4[1],
        text,
        fontsize=points,
        fontweight="bold" if bold else "normal",
        color=colour,
        ha="right" if right else "left",
        va="top",
        parse_math=False,
    )
