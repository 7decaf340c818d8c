"""An A4 page of text, tables and rules; places in inches from the lower left, text in points.

Each function that draws gives the lower edge of what it drew.
"""

import textwrap
from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from acsnet.report.wording import NO_SCAR, NONE, NOT_ASSESSED, UNKNOWN

A4 = (8.27, 11.69)
MARGIN = 0.6
WIDTH = A4[0] - 2 * MARGIN
LINE = 0.165
POINTS, SMALL, HEADING, TITLE = 8.0, 7.0, 10.0, 14.0
CHARACTERS = 112  # of the size POINTS, between the margins
RULE = "#808080"
ASCENT = 0.78 / 72  # inches from the top of a line to its baseline, a point of its size


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
    page.text(
        left / A4[0],
        (top - ASCENT * points) / A4[1],
        words,
        fontsize=points,
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


def facts(page: Figure, top: float, pairs: Sequence[tuple[str, str]]) -> float:
    """Draw names and values, short ones in two columns, long ones below in at most three lines."""
    half = CHARACTERS // 2 - 20
    short = [pair for pair in pairs if len(pair[1]) <= half]
    for place, (name, value) in enumerate(short):
        left = MARGIN + (place % 2) * WIDTH / 2
        text(page, left, top - LINE * (place // 2), name, colour=RULE)
        text(page, left + 1.0, top - LINE * (place // 2), value)
    top -= LINE * -(-len(short) // 2)
    for name, value in pairs:
        if len(value) > half:
            text(page, MARGIN, top, name, colour=RULE)
            for line in wrapped(value, CHARACTERS - 34)[:3]:
                text(page, MARGIN + 1.0, top, line)
                top -= LINE
    return top


def table(
    page: Figure,
    top: float,
    places: Sequence[float],
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: float = MARGIN,
) -> float:
    """Draw rows of text at places (inches from `left`), columns of numbers right-aligned."""
    right = [all(_is_number(row[k]) for row in rows) for k in range(len(places))]
    for row, colour in ((head, RULE), *((row, "black") for row in rows)):
        if not any(row):
            continue
        for place, words, aligned in zip(places, row, right, strict=True):
            text(page, left + place, top, words, colour=colour, right=aligned)
        top -= LINE
    return top


def paragraph(
    page: Figure,
    top: float,
    texts: Sequence[str],
    *,
    most: int,
    rest: str,
    characters: int = CHARACTERS,
    left: float = MARGIN,
) -> float:
    """Draw wrapped texts in at most so many lines; `rest`, with {count}, tells what is left out."""
    lines = [line for words in texts for line in wrapped(words, characters)]
    if len(lines) > most:
        lines = [*lines[: most - 1], rest.format(count=len(lines) - most + 1)]
    return draw_lines(page, top, lines, left=left)


def draw_lines(page: Figure, top: float, lines: Sequence[str], *, left: float = MARGIN) -> float:
    """Draw lines below each other."""
    for line in lines:
        text(page, left, top, line)
        top -= LINE
    return top


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
        lines += entry[:most]
    return lines, len(texts)


def wrapped(words: str, characters: int = CHARACTERS) -> list[str]:
    """Lines of a text, whose own lines stay lines; the second of each is indented."""
    return [
        line
        for own in words.splitlines()
        for line in textwrap.wrap(own.expandtabs(4), characters, subsequent_indent="  ") or [""]
    ]


def _is_number(words: str) -> bool:
    """Whether a cell is aligned as a number: a number, or a word or dash for none."""
    return (
        words in ("", NONE, NO_SCAR, NOT_ASSESSED, UNKNOWN) or words.replace(".", "", 1).isdigit()
    )
