"""An A4 page of text, tables and rules; places in inches from the lower left, text in points.

Each function that draws gives the lower edge of what it drew.
"""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from acsnet.report.layout.fonts import families, fitting, printable

A4 = (8.27, 11.69)
MARGIN = 0.6
WIDTH = A4[0] - 2 * MARGIN
LINE = 0.165
POINTS, SMALL, HEADING, TITLE = 8.0, 7.0, 10.0, 14.0
RULE = "#808080"
ASCENT = 0.78 / 72  # inches from the top of a line to its baseline, a point of its size
NAME_WIDTH = 1.0  # of a fact
FACT_WIDTH = WIDTH - NAME_WIDTH
INDENT = "  "
WORD = re.compile(r"\s*\S+")


class Section(NamedTuple):
    """A title and the lines below it."""

    title: str
    lines: Sequence[str]


def new_page() -> Figure:
    """An empty page."""
    return Figure(figsize=A4, facecolor="white")


def text(
    page: Figure,
    left: float,
    top: float,
    words: str,
    *,
    points: float = POINTS,
    bold: bool = False,
    colour: str = "black",
    right: bool = False,
) -> None:
    """Draw words with their upper left, or right, corner at a place."""
    words = printable(words)
    page.text(
        left / A4[0],
        (top - ASCENT * points) / A4[1],
        words,
        fontsize=points,
        fontfamily=families(words, bold=bold),
        fontweight="bold" if bold else "normal",
        color=colour,
        ha="right" if right else "left",
        va="baseline",
        parse_math=False,
    )


def heading(
    page: Figure, top: float, words: str, *, left: float = MARGIN, width: float = WIDTH
) -> float:
    """Draw a heading with a rule below it."""
    text(page, left, top, words, points=HEADING, bold=True)
    rule(page, top - 0.2, left=left, width=width)
    return top - 0.28


def rule(page: Figure, at: float, *, left: float = MARGIN, width: float = WIDTH) -> None:
    """Draw a horizontal line."""
    ends, y = (left / A4[0], (left + width) / A4[0]), at / A4[1]
    page.add_artist(Line2D(ends, (y, y), color=RULE, linewidth=0.6))


def facts(
    page: Figure, top: float, pairs: Sequence[tuple[str, str]], *, most: int, rest: str
) -> float:
    """Draw names and values, short ones in two columns, long ones below in at most so many lines.

    rest: what ends a value that is cut.
    """
    lines = {name: wrapped(value, FACT_WIDTH) for name, value in pairs}
    half = WIDTH / 2 - NAME_WIDTH - 0.1
    short = [name for name, value in pairs if len(wrapped(value, half)) == 1]
    for place, name in enumerate(short):
        left = MARGIN + (place % 2) * WIDTH / 2
        text(page, left, top - LINE * (place // 2), name, colour=RULE)
        text(page, left + NAME_WIDTH, top - LINE * (place // 2), lines[name][0])
    top -= LINE * -(-len(short) // 2)
    for name in lines:
        if name not in short:
            text(page, MARGIN, top, name, colour=RULE)
            shown = ended(lines[name], most=most, rest=rest, width=FACT_WIDTH)
            top = draw_lines(page, top, shown, left=MARGIN + NAME_WIDTH)
    return top


def table(
    page: Figure,
    top: float,
    places: Sequence[float],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    numbers: Collection[int] = (),
    left: float = MARGIN,
) -> float:
    """Draw rows of text at places, inches from `left`; numbers: the columns that end there."""
    for row, colour in ((head, RULE), *((row, "black") for row in rows)):
        if not any(row):
            continue
        for column, (place, words) in enumerate(zip(places, row, strict=True)):
            text(page, left + place, top, words, colour=colour, right=column in numbers)
        top -= LINE
    return top


def paragraph(
    page: Figure, top: float, texts: Sequence[str], *, most: int, rest: str, width: float = WIDTH
) -> float:
    """Draw wrapped texts in at most so many lines; `rest`, with {count}, tells what is left out."""
    lines = [line for words in texts for line in wrapped(words, width)]
    if len(lines) > most:
        lines = [*lines[: most - 1], rest.format(count=len(lines) - most + 1)]
    return draw_lines(page, top, lines)


def draw_lines(page: Figure, top: float, lines: Sequence[str], *, left: float = MARGIN) -> float:
    """Draw lines below each other."""
    for line in lines:
        text(page, left, top, line)
        top -= LINE
    return top


def flow(page: Figure, top: float, sections: Sequence[Section], *, foot: float) -> list[Figure]:
    """Draw sections down to `foot`; the further pages that their lines need."""
    further: list[Figure] = []
    for section in sections:
        title, lines = section.title, list(section.lines)
        while lines:
            room = int((top - 0.4 - foot) / LINE)
            if room < min(len(lines), 2):
                page, top = new_page(), A4[1] - MARGIN
                further.append(page)
                continue
            top = draw_lines(page, heading(page, top, title), lines[:room]) - 0.12
            lines, title = lines[room:], f"{section.title}, continued"
    return further


def bullets(texts: Sequence[str], *, most: int) -> tuple[list[str], int]:
    """The lines of the first entries of a list that fit, none of them cut but a first too long one.

    Returns:
        At most so many lines, and how many entries they are.
    """
    lines: list[str] = []
    for count, words in enumerate(texts):
        entry = wrapped(f"\N{BULLET} {words}")
        if lines and len(lines) + len(entry) > most:
            return lines, count
        lines += ended(entry, most=most, rest="...")
    return lines, len(texts)


def ended(
    lines: Sequence[str],
    *,
    most: int,
    rest: str,
    width: float = WIDTH,
    points: float = POINTS,
    bold: bool = False,
) -> list[str]:
    """At most so many lines, the last one cut so that `rest` can end it where some are left out."""
    if len(lines) <= most:
        return list(lines)
    last = lines[most - 1]
    while last and not _fits(f"{last} {rest}", width, points, bold):
        last = last[:-1]
    return [*lines[: most - 1], f"{last} {rest}"]


def wrapped(
    words: str, width: float = WIDTH, *, points: float = POINTS, bold: bool = False
) -> list[str]:
    """Lines no wider than a width, inches; a text's own lines stay lines, and go on indented."""
    lines = []
    for own in printable(words.expandtabs(4)).splitlines():
        lines.append("")
        for word in WORD.findall(own):
            if lines[-1] and _fits(lines[-1] + word, width, points, bold):
                lines[-1] += word
                continue
            if lines[-1]:
                lines.append(INDENT + word.lstrip())
            else:
                lines[-1] = word
            while not _fits(lines[-1], width, points, bold):  # a word longer than a line
                cut = max(fitting(lines[-1], width, points=points, bold=bold), len(INDENT) + 1)
                lines[-1:] = [lines[-1][:cut], INDENT + lines[-1][cut:]]
    return lines


def _fits(words: str, width: float, points: float, bold: bool) -> bool:
    return fitting(words, width, points=points, bold=bold) == len(words)
