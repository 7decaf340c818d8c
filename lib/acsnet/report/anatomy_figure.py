"""Figure of the anatomical correction (stage 3), one column a slice, apex first.

Each column shows the image, the network's wall and the final wall, under the failed checks with
value and limit and the action taken. Not from the paper: the layout and the words.
"""

import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from acsnet import NOTICE
from acsnet.anatomy.checks import NOT_A_RING, Limits, check
from acsnet.anatomy.measures import Form, Measures
from acsnet.labels import MYOCARDIUM, Label
from acsnet.masks import crop_around
from acsnet.report.display_orientation import grey_window, view_of
from acsnet.report.files import ANATOMY_FIGURE
from acsnet.report.layout.fonts import families, printable_name
from acsnet.result import Result
from acsnet.stages.correction import Action
from acsnet.storage import case_folder, writing

DOTS_PER_INCH = 100
SLICES_PER_ROW = 8  # as wide as a common screen (1920 pixels)
MARGIN_MM = 12.0  # shown around all labels
# The first three after Okabe and Ito, safe for colour-blind readers.
DRAWN, FINAL, POOL, FAILED = "#E69F00", "#56B4E9", "#009E73", "#C00000"
POOL_OPACITY = 0.4
ROWS = ("image", "network's wall", "corrected wall")

# The layout, in inches; text in points.
CELL, GAP, LEFT, RIGHT = 2.2, 0.1, 0.4, 0.1
HEAD, FOOT, BELOW_GROUP = 1.05, 0.35, 0.2
MIN_WIDTH = 7.0
TEXT_POINTS, LINE = 8, 0.145
TITLE_CHARACTERS_PER_INCH = 7
WRAP = 33  # characters that fit over a cell


@dataclass(frozen=True)
class Line:
    """One line of text over a slice; bad: it names a failed check."""

    text: str
    bad: bool = False


def anatomy_figure(result: Result, limits: Limits) -> Figure:
    """The figure of one scan; limits: those that its walls were checked against."""
    count = len(result.labels)
    texts = [slice_lines(result, k, limits) for k in range(count)]
    rows = -(-count // SLICES_PER_ROW)
    columns = -(-count // rows)
    groups = [range(k, min(k + columns, count)) for k in range(0, count, columns)]
    text_heights = [LINE * max(len(texts[k]) for k in group) for group in groups]
    images_height = len(ROWS) * (CELL + GAP)
    grid_width = columns * (CELL + GAP) - GAP
    width = max(LEFT + grid_width + RIGHT, MIN_WIDTH)
    height = HEAD + sum(text_heights) + len(groups) * (images_height + BELOW_GROUP) + FOOT
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    _draw_frame(figure, result)
    crop = shown_crop(result)
    first_left = LEFT + (width - LEFT - RIGHT - grid_width) / 2
    top = height - HEAD
    for group, text_height in zip(groups, text_heights, strict=True):
        for column, k in enumerate(group):
            left = first_left + column * (CELL + GAP)
            for number, line in enumerate(texts[k]):
                figure.text(
                    left / width,
                    (top - number * LINE) / height,
                    line.text,
                    va="top",
                    fontsize=TEXT_POINTS,
                    fontweight="normal" if number else "bold",
                    color=FAILED if line.bad else "black",
                    parse_math=False,
                )
            bottoms = [top - text_height - (row + 1) * (CELL + GAP) for row in range(len(ROWS))]
            cells = [
                figure.add_axes((left / width, bottom / height, CELL / width, CELL / height))
                for bottom in bottoms
            ]
            _draw_slice(cells, result, k, crop, bad=any(line.bad for line in texts[k]))
            if column == 0:
                for bottom, name in zip(bottoms, ROWS, strict=True):
                    figure.text(
                        (left - 0.08) / width,
                        (bottom + CELL / 2) / height,
                        name,
                        rotation=90,
                        ha="right",
                        va="center",
                        fontsize=TEXT_POINTS + 1,
                    )
        top -= text_height + images_height + BELOW_GROUP
    return figure


def write_anatomy_figure(result: Result, limits: Limits, output: Path) -> Path:
    """Write OUTPUT/<case>/anatomy.png and return its path."""
    folder = case_folder(output, result.scan.name)
    folder.mkdir(parents=True, exist_ok=True)
    with writing(folder / ANATOMY_FIGURE) as temporary:
        anatomy_figure(result, limits).savefig(temporary, format="png", dpi=DOTS_PER_INCH)
    return folder / ANATOMY_FIGURE


def slice_lines(result: Result, index: int, limits: Limits) -> tuple[Line, ...]:
    """The text over a slice: its number in the file, form, failed checks and action."""
    slice_ = result.anatomy.slices[index]
    number = result.scan.grid.slice_number(index)
    drawn = check(result.drawn_wall[index], result.scan.spacing_mm[1:], limits)
    before, after = drawn.form, slice_.verdict.form
    form = after.value if before is after else f"{before.value} \N{RIGHTWARDS ARROW} {after.value}"
    reasons = [drop.reason for drop in result.anatomy.dropped if drop.index == index]
    bad = [_failure(name, drawn.measures, limits) for name in slice_.failed]
    bad += [f"dropped: {reason}" for reason in reasons]
    plain = []
    if slice_.action is not Action.NOTHING and not (slice_.action is Action.KEPT and reasons):
        plain.append(slice_.action.value)
    if slice_.action in (Action.SMOOTHED, Action.MOVED):
        plain.append(f"latent distance {slice_.distance:.2f}")
    if slice_.action not in (Action.NOTHING, Action.KEPT):
        plain.append(f"Dice before/after {slice_.dice:.2f}")
    if index in result.anatomy.odd:
        plain.append("area unlike its neighbours'")
    header = f"slice {number}: " + ("no wall" if before is after is Form.EMPTY else form)
    return (
        Line(header, bad=bool(bad)),
        *(Line(part, bad=True) for text in bad for part in _wrapped(text)),
        *(Line(part) for text in plain for part in _wrapped(text)),
    )


def shown_crop(result: Result) -> tuple[slice, slice]:
    """Rows and columns around all that is drawn, corrected or not, with a margin."""
    shown = result.drawn_wall | (result.labels > 0)
    return crop_around(shown, result.scan.spacing_mm[1:], margin_mm=MARGIN_MM)


def _failure(name: str, measures: Measures, limits: Limits) -> str:
    """A failed check in words: its name, the network's value and the limit."""
    if name == NOT_A_RING:
        return f"{name}: only a ring may be here"
    value, limit = getattr(measures, name), limits[name]
    sign, bound = ("<", limit.low) if value < limit.low else (">", limit.high)
    return f"{name} {round(value, 3):.10g} {sign} {round(bound, 3):.10g}"


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, WRAP, subsequent_indent="  ")


def _draw_frame(figure: Figure, result: Result) -> None:
    """Title, summary and legend above; the notice below."""
    width, height = figure.get_size_inches()
    anatomy = result.anatomy
    failed = sum(bool(slice_.failed) for slice_ in anatomy.slices)
    summary = (
        f"Apex (first) to base. Slices: {len(anatomy.slices)}; network's wall failed a check "
        f"in {failed}, {len(anatomy.dropped)} dropped"
    )
    if not result.drawn_wall.any():
        summary = "The network drew no wall in this scan"
    name, room = printable_name(result.scan.name), int(width * TITLE_CHARACTERS_PER_INCH)
    title = name if len(name) <= room else f"{name[: room - 3]}..."
    centre: dict[str, Any] = {"x": 0.5, "ha": "center", "va": "top", "parse_math": False}
    figure.text(
        y=1 - 0.1 / height,
        s=title,
        fontsize=12,
        fontweight="bold",
        fontfamily=families(title, bold=True),
        **centre,
    )
    figure.text(y=1 - 0.35 / height, s=summary, fontsize=TEXT_POINTS + 1, **centre)
    figure.text(y=0.25 / height, s=NOTICE, fontsize=TEXT_POINTS + 1, **centre)
    figure.legend(
        handles=[
            Line2D([], [], color=DRAWN, label="network's wall"),
            Line2D([], [], color=FINAL, label="corrected wall"),
            Patch(facecolor=POOL, alpha=POOL_OPACITY, label="blood pool"),
            Patch(
                facecolor="none", edgecolor=FAILED, linewidth=2, label="failed a check, or dropped"
            ),
        ],
        loc="upper center",
        bbox_to_anchor=(0.5, 1 - 0.55 / height),
        ncols=4,
        fontsize=TEXT_POINTS + 1,
        frameon=False,
    )


def _draw_slice(
    cells: list[Axes], result: Result, index: int, crop: tuple[slice, slice], *, bad: bool
) -> None:
    view = view_of(result.scan)
    pixels = view.of(result.scan.pixels[index][crop])
    labels = view.of(result.labels[index][crop])
    black, white = grey_window(pixels)
    row_mm, column_mm = view.spacing_of(result.scan.spacing_mm[1:])
    for axes in cells:
        axes.imshow(
            pixels,
            cmap="gray",
            vmin=black,
            vmax=white,
            aspect=row_mm / column_mm,
            interpolation="nearest",
        )
        axes.set_xticks([])
        axes.set_yticks([])
        for side in axes.spines.values():
            side.set(color="black", linewidth=0.5)
    if bad:
        for side in cells[1].spines.values():
            side.set(color=FAILED, linewidth=3)
    _outline(cells[1], view.of(result.drawn_wall[index][crop]), DRAWN)
    pool = np.zeros((*labels.shape, 4))
    pool[labels == Label.LV_BLOOD_POOL] = to_rgba(POOL, POOL_OPACITY)
    cells[2].imshow(pool, aspect=row_mm / column_mm, interpolation="nearest")
    _outline(cells[2], np.isin(labels, MYOCARDIUM), FINAL)


def padded_grid(mask: NDArray[np.bool_]) -> tuple[NDArray[Any], ...]:
    """Columns, rows and values of a padded (row, column) mask: its contours close at the edge."""
    rows, columns = (np.arange(-1, length + 1) for length in mask.shape)
    return columns, rows, np.pad(mask, 1)


def _outline(axes: Axes, mask: NDArray[np.bool_], colour: str) -> None:
    if mask.any():
        axes.autoscale(False)
        axes.contour(*padded_grid(mask), levels=[0.5], colors=colour, linewidths=1.3)
