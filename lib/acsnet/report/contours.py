"""Slices of a scan with the outlines of its labels, distinguishable without colour."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from acsnet.labels import LABELS, LEFT_VENTRICLE, Label
from acsnet.masks import crop_around
from acsnet.report.anatomy_figure import MARGIN_MM, padded_grid
from acsnet.report.display_orientation import grey_window, view_of
from acsnet.report.layout.page import SMALL
from acsnet.result import Measured

MAX_SLICES = 24  # more are too small to read on half a page
POINTS = 6.5
MARK = "RV insertion"


@dataclass(frozen=True)
class Stroke:
    """Style of an outline; dashes and hatch as in matplotlib."""

    name: str
    colour: str
    dashes: Any
    width: float
    hatch: str = ""


COLOURS = {info.label: f"#{bytes(info.colour).hex()}" for info in LABELS}
ENDOCARDIUM = Stroke("endocardium", "#FF7AD9", "solid", 0.8)
EPICARDIUM = Stroke("epicardium", "#FFFFFF", "solid", 0.8)
CORE = Stroke("core scar", COLOURS[Label.CORE_SCAR], "solid", 1.2)
GREY_ZONE = Stroke("grey zone", COLOURS[Label.GREY_ZONE], (0, (3, 1.5)), 1.0)
OBSTRUCTION = Stroke(
    "microvascular obstruction",
    COLOURS[Label.MICROVASCULAR_OBSTRUCTION],
    "solid",
    0.5,
    "xxxxxx",
)
REMOTE = Stroke("remote region", "#7FDDBB", (0, (1, 1.5)), 0.7)
STROKES = (ENDOCARDIUM, EPICARDIUM, CORE, GREY_ZONE, OBSTRUCTION, REMOTE)
"""Scar has the colours that its labels have in every viewer, and no other stroke has a label's.
Strokes and hatching differ too, for black and white and for colour-blind readers."""


def outlines(result: Measured, index: int) -> list[tuple[Stroke, NDArray[np.bool_]]]:
    """The (row, column) masks of a slice with their strokes, in drawing order."""
    labels = result.labels[index]
    return [
        (REMOTE, result.quantification.remote.mask[index]),
        (ENDOCARDIUM, labels == Label.LV_BLOOD_POOL),
        (EPICARDIUM, np.isin(labels, LEFT_VENTRICLE)),
        (GREY_ZONE, labels == Label.GREY_ZONE),
        (CORE, labels == Label.CORE_SCAR),
        (OBSTRUCTION, labels == Label.MICROVASCULAR_OBSTRUCTION),
    ]


def shown_slices(result: Measured) -> list[int]:
    """The slices to draw: those with any label, else all, thinned out evenly to `MAX_SLICES`.

    A slice with the RV insertion or a remote region that a person gave takes the place of the
    nearest of them.
    """
    slices = np.flatnonzero(result.labels.any(axis=(1, 2)))
    if not len(slices):
        slices = np.arange(len(result.labels))
    if len(slices) <= MAX_SLICES:
        return slices.tolist()
    chosen = slices[np.linspace(0, len(slices) - 1, MAX_SLICES).round().astype(int)].tolist()
    marked = _marked_slices(result)
    for k in marked:
        others = [place for place in chosen if place not in marked]
        if k not in chosen and others:
            chosen[chosen.index(min(others, key=lambda place: abs(place - k)))] = k
    return sorted(chosen)


def _marked_slices(result: Measured) -> list[int]:
    """The slices with the RV insertion and with a remote region that a person gave."""
    point, remote = result.quantification.insertion_point, result.quantification.remote
    marked = [] if point is None else [point[0]]
    if remote.source == "given":
        marked += np.flatnonzero(remote.mask.any(axis=(1, 2))).tolist()
    return marked


def draw_slices(figure: Figure, result: Measured, box: tuple[float, float, float, float]) -> float:
    """Draw the slices, apex first, in a box (left, bottom, width, height), inches, of a figure.

    Returns the lower edge of what was drawn.
    """
    chosen = shown_slices(result)
    left, bottom, width, height = box
    count, gap = len(chosen), 0.04
    # The number of columns that makes the tiles largest.
    columns = max(range(1, count + 1), key=lambda n: min(width / n, height / -(-count // n)))
    side = min(width / columns, height / -(-count // columns))
    page_width, page_height = figure.get_size_inches()
    crop = crop_around(result.labels > 0, result.scan.spacing_mm[1:], margin_mm=MARGIN_MM)
    start = left + (width - side * columns) / 2
    for place, k in enumerate(chosen):
        x = (start + side * (place % columns) + gap / 2) / page_width
        y = (bottom + height - side * (place // columns + 1) + gap / 2) / page_height
        tile = (x, y, (side - gap) / page_width, (side - gap) / page_height)
        draw_slice(figure.add_axes(tile), result, k, crop)
    return bottom + height - side * -(-count // columns)


def draw_slice(axes: Axes, result: Measured, index: int, crop: tuple[slice, slice]) -> None:
    """Draw one slice with its outlines, numbered as in the file.

    A triangle marks the anterior insertion of the right ventricle in the slice that has it.
    """
    view = view_of(result.scan)
    pixels = view.of(result.scan.pixels[index][crop])
    black, white = grey_window(pixels)
    row_mm, column_mm = view.spacing_of(result.scan.spacing_mm[1:])
    axes.imshow(
        pixels, cmap="gray", vmin=black, vmax=white, aspect=row_mm / column_mm, rasterized=True
    )
    axes.set_axis_off()
    axes.autoscale(False)
    for stroke, mask in outlines(result, index):
        _draw_outline(axes, view.of(mask[crop]), stroke)
    _mark_insertion(axes, result, index, crop)
    axes.text(
        0.03,
        0.97,
        str(result.scan.grid.slice_number(index)),
        transform=axes.transAxes,
        va="top",
        fontsize=POINTS,
        color="white",
        path_effects=[withStroke(linewidth=1.5, foreground="black")],
    )


def _mark_insertion(axes: Axes, result: Measured, index: int, crop: tuple[slice, slice]) -> None:
    point = result.quantification.insertion_point
    if point is None or point[0] != index:
        return
    # As a mask of one pixel, the point is turned like the pixels.
    mask = np.zeros(result.labels.shape[1:], dtype=bool)
    row, column = (
        min(max(round(at), 0), length - 1) for at, length in zip(point[1:], mask.shape, strict=True)
    )
    mask[row, column] = True
    shown = np.argwhere(view_of(result.scan).of(mask[crop]))
    axes.plot(shown[:, 1], shown[:, 0], "v", color="white", markeredgecolor="black", markersize=5)


def draw_legend(figure: Figure, top: float) -> None:
    """Draw the legend of the strokes and the insertion mark below a height, inches, of a page."""
    figure.legend(
        handles=_legend_handles(),
        loc="upper center",
        bbox_to_anchor=(0.5, top / figure.get_figheight()),
        ncols=len(STROKES) + 1,
        fontsize=SMALL,
        frameon=False,
        handlelength=1.8,
        columnspacing=0.6,
        handletextpad=0.5,
    )


def _legend_handles() -> list[Line2D | Patch]:
    lines = [
        Line2D(
            [],
            [],
            color=stroke.colour,
            linestyle=stroke.dashes,
            linewidth=stroke.width + 0.4,
            label=stroke.name,
            path_effects=[withStroke(linewidth=stroke.width + 1.4, foreground="black")],
        )
        for stroke in STROKES
        if not stroke.hatch
    ]
    areas = [
        Patch(facecolor="none", edgecolor=stroke.colour, hatch=stroke.hatch, label=stroke.name)
        for stroke in STROKES
        if stroke.hatch
    ]
    mark = Line2D([], [], color="white", marker="v", markeredgecolor="black", linestyle="")
    mark.set_label(MARK)
    return [*lines, *areas, mark]


def _draw_outline(axes: Axes, mask: NDArray[np.bool_], stroke: Stroke) -> None:
    if not mask.any():
        return
    grid = padded_grid(mask)
    if stroke.hatch:
        area = axes.contourf(*grid, levels=[0.5, 1.5], colors="none", hatches=[stroke.hatch])
        area.set(edgecolor=stroke.colour, linewidth=0)
    lines = axes.contour(
        *grid,
        levels=[0.5],
        colors=stroke.colour,
        linestyles=[stroke.dashes],
        linewidths=stroke.width,
    )
    lines.set_path_effects([withStroke(linewidth=stroke.width + 0.7, foreground="black")])
