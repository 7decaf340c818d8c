"""How a cine slice becomes LGE-like, step by step: one figure a scan. Not from the paper."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from acsnet import NOTICE
from acsnet.masks import Crop, crop_around, span_about
from acsnet.scan import ShortAxisScan
from acsnet.train.augment.lge_like import Steps
from acsnet.train.data.case import WALL, TrainingCase

TITLES = (
    "cine and its wall",
    "1  shapes cut\nout of the wall",
    "2  eroded and blurred",
    "3  added to\nthe dark wall",
    "4  speckle noise",
    "5  histogram matched:\nLGE-like",
    "the same, and the\npseudo-scar's label",
    "true LGE whose\nhistogram it has",
)
ROWS = 3
MARGIN_MM = 25.0
"""What is shown around the left ventricle."""

GREY_PERCENTILES = (1.0, 99.5)
"""Black and white of the cells of one kind, within what they show."""

WALL_COLOUR, SCAR_COLOUR = "#56B4E9", "#E69F00"
"""After Okabe and Ito, told apart by colour-blind people too."""

CELL, HEAD, FOOT, LEFT = 2.0, 0.95, 0.35, 0.35
"""Inches."""

DOTS_PER_INCH = 100

Grey = tuple[float, float]


def lge_like_figure(case: TrainingCase, steps: Steps, reference: ShortAxisScan) -> Figure:
    """A row a slice, a column a step, and the true LGE scan beside them.

    case: the cine scan; steps: of its slices; reference: whose middle slices are shown.
    """
    shown = shown_slices(case, steps)
    scan = case.scan
    crop = crop_around(case.tissue > 0, scan.spacing_mm[1:], margin_mm=MARGIN_MM)
    side_mm = (crop[0].stop - crop[0].start) * scan.spacing_mm[1]
    middle = central(reference, side_mm)
    cine_grey = _window(scan.pixels[:, crop[0], crop[1]])
    made_grey = _window(steps.matched[:, crop[0], crop[1]])
    true_grey = _window(reference.pixels[:, middle[0], middle[1]])
    width = LEFT + len(TITLES) * CELL
    height = HEAD + len(shown) * CELL + FOOT
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, facecolor="white")
    rows = figure.subplots(
        len(shown),
        len(TITLES),
        squeeze=False,
        gridspec_kw={
            "left": LEFT / width,
            "right": 1 - 0.05 / width,
            "top": 1 - HEAD / height,
            "bottom": FOOT / height,
            "wspace": 0.03,
            "hspace": 0.03,
        },
    )
    for cells, k in zip(rows, shown, strict=True):
        images = (*(scan.pixels,) * 3, steps.added, steps.speckled, *(steps.matched,) * 2)
        greys = (*(cine_grey,) * 5, *(made_grey,) * 2)
        for axes, image, grey in zip(cells[:7], images, greys, strict=True):
            _draw(axes, image[k], crop, grey, scan.spacing_mm)
        for column, mask, colour in (
            (0, case.tissue[k] == WALL, WALL_COLOUR),
            (1, case.tissue[k] == WALL, WALL_COLOUR),
            (6, steps.scar[k], SCAR_COLOUR),
        ):
            _outline(cells[column], mask[crop], colour)
        for column, weight in ((1, steps.cut[k]), (2, steps.weight[k])):
            tint = _tint(weight[crop])
            cells[column].imshow(tint, aspect=scan.spacing_mm[1] / scan.spacing_mm[2])
        cells[0].set_ylabel(f"slice {scan.grid.slice_number(k)}", fontsize=9)
    # The middle of the stack: which end is the apex is often not known, and the heart is there.
    first = max(0, (len(reference.pixels) - len(shown)) // 2)
    for axes, image in zip(rows[:, 7], reference.pixels[first:], strict=False):
        _draw(axes, image, middle, true_grey, reference.spacing_mm)
    for axes, title in zip(rows[0], TITLES, strict=True):
        axes.set_title(title, fontsize=9)
    title = f"{scan.name}: cine made LGE-like, with a synthetic scar"
    centre: dict[str, Any] = {"x": 0.5, "ha": "center", "parse_math": False}
    figure.text(y=1 - 0.1 / height, s=title, va="top", fontsize=12, fontweight="bold", **centre)
    figure.text(y=0.1 / height, s=f"No true LGE. {NOTICE}", fontsize=9, **centre)
    return figure


def shown_slices(case: TrainingCase, steps: Steps) -> list[int]:
    """Up to three slices, in order: those with the largest scars, else with the largest walls."""
    scar = steps.scar.sum(axis=(1, 2))
    wall = (case.tissue == WALL).sum(axis=(1, 2))
    ranked = sorted(range(len(scar)), key=lambda k: (int(scar[k]), int(wall[k])), reverse=True)
    return sorted(k for k in ranked[:ROWS] if wall[k])


def central(scan: ShortAxisScan, side_mm: float) -> Crop:
    """Rows and columns of the middle of the image: where the heart usually is."""
    row, column = (
        span_about(length / 2, side_mm / mm, length)
        for length, mm in zip(scan.pixels.shape[1:], scan.spacing_mm[1:], strict=True)
    )
    return row, column


def _draw(
    axes: Axes,
    image: NDArray[np.float32],
    crop: Crop,
    grey: Grey,
    spacing_mm: tuple[float, float, float],
) -> None:
    low, high = grey
    aspect = spacing_mm[1] / spacing_mm[2]
    axes.imshow(image[crop], cmap="gray", vmin=low, vmax=high, aspect=aspect)
    axes.set_xticks([])
    axes.set_yticks([])


def _window(pixels: NDArray[np.float32]) -> Grey:
    low, high = np.percentile(pixels, GREY_PERCENTILES)
    return float(low), float(high)


def _tint(weight: NDArray[np.generic]) -> NDArray[np.float64]:
    """(row, column) weight in [0, 1] -> (row, column, RGBA)."""
    tinted = np.empty((*weight.shape, 4))
    tinted[..., :3], tinted[..., 3] = to_rgb(SCAR_COLOUR), weight
    return tinted


def _outline(axes: Axes, mask: NDArray[np.bool_], colour: str) -> None:
    if mask.any():
        axes.autoscale(False)
        # Padded, so that a mask at the edge of the crop is closed there.
        rows, columns = (np.arange(-1, length + 1) for length in mask.shape)
        axes.contour(columns, rows, np.pad(mask, 1), levels=[0.5], colors=colour, linewidths=1.2)
