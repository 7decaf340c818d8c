"""The foot of every page: research use only, its number, and what made it."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from acsnet import NOTICE
from acsnet.report.layout.page import A4, MARGIN, SMALL, ended, text, wrapped

TOP = MARGIN - 0.06
BELOW, LINE = 0.14, 0.11  # from the notice to what made the page, and from line to line of it
NAME = 3.5  # width of the name of the case
DIGITS = 12  # of a digest


def made_by(*software: Mapping[str, Any]) -> str:
    """Version and weights, in words; software: of the `features.json` of one scan, or of both."""
    words = list(dict.fromkeys(map(_words, software)))
    return words[0] if len(words) == 1 else f"Before: {words[0]}. After: {words[1]}"


def draw_footers(pages: Sequence[Figure], *, made: str, name: str = "") -> None:
    """Draw the foot of each page; made: what made it; name: of the case."""
    lines = ended(wrapped(made, points=SMALL), most=2, rest="...", points=SMALL)
    case = ended(wrapped(name, NAME), most=1, rest="...", width=NAME)
    for number, page in enumerate(pages, start=1):
        text(page, MARGIN, TOP, NOTICE, bold=True)
        place = ", ".join((*case, f"page {number} of {len(pages)}"))
        text(page, A4[0] - MARGIN, TOP, place, right=True)
        for row, line in enumerate(lines):
            text(page, MARGIN, TOP - BELOW - LINE * row, line, points=SMALL)


def _words(software: Mapping[str, Any]) -> str:
    digests = sorted(software["weights_sha256"].items())
    weights = ", ".join(f"{name} {sha[:DIGITS]}" for name, sha in digests)
    return f"ACSNet {software['acsnet']}" + (f", weights (SHA-256): {weights}" if weights else "")
