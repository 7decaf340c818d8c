"""The pages after the first: slices with outlines and bullseyes, then every measure."""

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from acsnet.quantify.features import split_words
from acsnet.report.bullseye import PLOTS, draw_bullseye, hatched_words, segment_values
from acsnet.report.contours import draw_legend, draw_slices, shown_slices
from acsnet.report.layout.page import (
    A4,
    LINE,
    MARGIN,
    SMALL,
    WIDTH,
    bullets,
    draw_lines,
    heading,
    new_page,
    paragraph,
    table,
    text,
)
from acsnet.report.wording import (
    doubt_sentences,
    has_segments,
    measure_lines,
    method_lines,
    number,
    signal_decimals,
    territory_lines,
)
from acsnet.result import Measured

BULLSEYE = 2.75
REMOTE_BY = {"automatic": "automatic", "given": "placed by a person"}


def slices_page(result: Measured, features: Mapping[str, Any]) -> Figure:
    """All slices with the ventricle and the bullseyes."""
    page = new_page()
    foot = MARGIN + 0.3
    bullseyes_top = foot + BULLSEYE + 0.55
    shown = shown_slices(result)
    left_out = int(result.labels.any(axis=(1, 2)).sum()) - len(shown)
    words = "Slices from apex to base, numbered as in the file"
    words += f"; {left_out} slices of the ventricle are not shown" if left_out > 0 else ""
    top = heading(page, A4[1] - MARGIN, words)
    box = MARGIN, bullseyes_top + 0.4, WIDTH, top - bullseyes_top - 0.4
    below = draw_slices(page, result, box)
    draw_legend(page, below - 0.02)
    _bullseyes(page, features, bullseyes_top, foot)
    return page


def _bullseyes(page: Figure, features: Mapping[str, Any], top: float, foot: float) -> None:
    if features["rv_insertion"]["source"] is None:
        words = "Segments: the insertion of the right ventricle was not found, so there are none"
        heading(page, top, words)
        return
    heading(page, top, "Segments of the American Heart Association, base outside")
    text(page, MARGIN, foot - 0.05, hatched_words(features), points=SMALL)
    for column, (title, key) in enumerate(PLOTS):
        left = MARGIN + WIDTH * (2 * column + 1) / 4 - BULLSEYE / 2
        box = left / A4[0], foot / A4[1], BULLSEYE / A4[0], (BULLSEYE - 0.05) / A4[1]
        draw_bullseye(page.add_axes(box), segment_values(features, key), title)


def details_pages(features: Mapping[str, Any]) -> list[Figure]:
    """Every measure with its interval, territories, methods, all doubts.

    One page, and further ones as long as there are doubts.
    """
    page = new_page()
    pages = [page]
    levels = (interval["level"] for interval in (features.get("intervals") or {}).values())
    level = next(levels, None)
    interval = "" if level is None else f"{100 * level:.0f} % interval"
    top = heading(page, A4[1] - MARGIN, "All measures, as segmented")
    places: tuple[float, ...] = (0.0, 3.4, 3.7, 5.2 if interval else 3.5)
    rows = measure_lines(features)
    top = table(page, top, places, ("", "", interval, ""), rows, numbers=(1,))
    if has_segments(features):
        words = "Scar by the coronary artery that usually supplies the segments"
        top = heading(page, top - 0.12, words)
        head = ("", "segments", "scar, ml", "% of its wall")
        top = table(
            page, top, (0.0, 0.8, 4.2, 5.4), head, territory_lines(features), numbers=(2, 3)
        )
    if features["methods"]:
        top = heading(page, top - 0.12, "Scar by each method, on the same wall")
        methods = ("", "threshold", "scar, ml", "burden, %", "core, ml", "grey zone, ml")
        places = (0.0, 2.9, 3.8, 4.8, 5.7, 6.85)
        top = table(page, top, places, methods, method_lines(features), numbers=range(1, 6))
        top = paragraph(page, top - 0.04, _notes(features), most=5, rest="...")
    waiting = doubt_sentences(features) or ["none"]
    top = heading(page, top - 0.12, "Doubts")
    while True:
        lines, shown = bullets(waiting, most=max(int((top - MARGIN) / LINE), 2))
        top = draw_lines(page, top, lines)
        waiting = waiting[shown:]
        if not waiting:
            break
        page = new_page()
        pages.append(page)
        top = heading(page, A4[1] - MARGIN, "Doubts, continued")
    return pages


def _notes(features: Mapping[str, Any]) -> list[str]:
    """What the table of methods needs to be read."""
    notes = [
        "Scar includes microvascular obstruction. The grey zone of FWHM lies outside its scar."
    ]
    remote = features["remote"]
    if remote["mean"] is not None:
        decimals = signal_decimals((remote["mean"], remote["sd"]))
        robust = number(remote["median"], decimals), number(remote["spread"], decimals)
        region = (
            f"Remote region ({REMOTE_BY[remote['source']]}): {remote['voxels']} voxels, signal "
            f"{number(remote['mean'], decimals)} \N{PLUS-MINUS SIGN} "
            f"{number(remote['sd'], decimals)}, robust {robust[0]} \N{PLUS-MINUS SIGN} "
            f"{robust[1]}. A dash: not defined here."
        )
        notes.insert(0, region)
    if words := split_words(features):
        notes.append(words)
    return notes
