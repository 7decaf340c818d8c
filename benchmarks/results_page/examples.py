"""Best, median and worst patient of a region, as images with both outlines.

These show patients: like the data sets, they are not for passing on with this project.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from acsnet import NOTICE
from acsnet.evaluate.cases import CaseScores
from acsnet.io import read_scan
from acsnet.io.label_map import read_labels_on
from acsnet.label_conventions import ENH, LV, MYO, region_masks
from acsnet.masks import crop_around
from results_page.figures import DOTS_PER_INCH, NAMES

BEST, MEDIAN, WORST = "best", "median", "worst"
WALL_COLOUR, ENHANCEMENT_COLOUR = "#56B4E9", "#E69F00"
"""Sky blue and orange of Okabe and Ito: both stand out on grey."""

MARGIN_MM = 15.0
GREY_PERCENTILES = (1.0, 99.5)


@dataclass(frozen=True, kw_only=True)
class ExampleFiles:
    """One patient's image, expert label map and predicted label map, all on one grid."""

    image: Path
    expert: Path
    predicted: Path


@dataclass(frozen=True, kw_only=True)
class Example:
    """One slice of one patient; pixels and masks are (row, column), masks by region."""

    title: str
    pixels: NDArray[np.float32]
    expert: Mapping[str, NDArray[np.bool_]]
    predicted: Mapping[str, NDArray[np.bool_]]
    in_plane_mm: tuple[float, float]


def example_name(region: str) -> str:
    """The file of a region's examples."""
    return f"examples_{region}.png"


def ranked(cases: Sequence[CaseScores], region: str) -> dict[str, CaseScores]:
    """Best, median and worst volume Dice of the patients in whom the expert drew the region.

    Of an even number the median is the worse of the two in the middle; with fewer than three
    patients those there are, from the best on.
    """
    drawn = [case for case in cases if case.regions[region].expert_ml > 0]
    order = sorted(drawn, key=lambda case: case.regions[region].volume_dice, reverse=True)
    if len(order) < 3:
        return dict(zip((BEST, WORST), order, strict=False))
    return {BEST: order[0], MEDIAN: order[len(order) // 2], WORST: order[-1]}


def example_figures(
    cases: Sequence[CaseScores], files: Mapping[str, ExampleFiles], truth: str
) -> dict[str, Figure]:
    """File name -> figure, for the wall and, where the truth has it, the enhancement.

    files: of every case, by name.
    """
    figures = {}
    for region in (MYO, ENH):
        if not all(region in case.regions for case in cases):
            continue
        chosen = ranked(cases, region)
        if chosen:
            examples = [
                read_example(case, files[case.name], truth, region=region, rank=rank)
                for rank, case in chosen.items()
            ]
            figures[example_name(region)] = example_figure(examples, region)
    return figures


def read_example(
    case: CaseScores, files: ExampleFiles, truth: str, *, region: str, rank: str
) -> Example:
    """The slice in the middle of the expert's wall, or that with most of another region.

    Raises InputError as the readers do.
    """
    scan = read_scan(files.image)
    predicted, expert = (
        region_masks(
            scan.grid.from_input(read_labels_on(path, scan=scan, image=files.image)),
            convention,
            source=str(path),
        )
        for path, convention in ((files.predicted, "acsnet"), (files.expert, truth))
    )
    area = np.count_nonzero(expert[region], axis=(1, 2))
    drawn = np.flatnonzero(area)
    index = int(drawn[len(drawn) // 2] if region == MYO else area.argmax())
    number = scan.grid.slice_number(index)
    dice = case.regions[region].volume_dice
    return Example(
        title=f"{rank}: {case.name}\nDice {dice:.2f}, slice {number} of {len(area)}",
        pixels=scan.pixels[index],
        expert={name: mask[index] for name, mask in expert.items()},
        predicted={name: mask[index] for name, mask in predicted.items()},
        in_plane_mm=scan.spacing_mm[1:],
    )


def example_figure(examples: Sequence[Example], region: str) -> Figure:
    """A row an example: the image, the expert's outlines, the predicted outlines."""
    height = 3.1 * len(examples) + 0.7
    figure = Figure(figsize=(9.6, height), dpi=DOTS_PER_INCH, layout="constrained")
    grid = figure.subplots(len(examples), 3, squeeze=False)
    for row, example in zip(grid, examples, strict=True):
        crop = crop_around(
            example.expert[LV] | example.predicted[LV], example.in_plane_mm, margin_mm=MARGIN_MM
        )
        for axes, masks in zip(row, ({}, example.expert, example.predicted), strict=True):
            _draw(axes, example, crop, masks)
        row[0].set_ylabel(example.title, fontsize=11, parse_math=False)
    for axes, name in zip(grid[0], ("image", "expert", "predicted"), strict=True):
        axes.set_title(name, fontsize=11)
    figure.suptitle(f"{NAMES[region]}, by volume Dice. {NOTICE}", fontsize=11)
    figure.legend(
        handles=[
            Line2D([], [], color=WALL_COLOUR, linewidth=2, label="myocardium"),
            Line2D([], [], color=ENHANCEMENT_COLOUR, linewidth=2, label="enhancement"),
        ],
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    return figure


def _draw(
    axes: Axes,
    example: Example,
    crop: tuple[slice, slice],
    masks: Mapping[str, NDArray[np.bool_]],
) -> None:
    pixels = example.pixels[crop]
    black, white = np.percentile(pixels, GREY_PERCENTILES)
    row_mm, column_mm = example.in_plane_mm
    axes.imshow(pixels, cmap="gray", vmin=black, vmax=white, aspect=row_mm / column_mm)
    axes.autoscale(False)
    axes.set(xticks=[], yticks=[])
    for region, colour in ((MYO, WALL_COLOUR), (ENH, ENHANCEMENT_COLOUR)):
        mask = masks.get(region)
        if mask is not None and mask[crop].any():
            # Padded, so that an outline at the edge of the image is closed there.
            padded = np.pad(mask[crop], 1)
            rows, columns = (np.arange(-1, length - 1) for length in padded.shape)
            axes.contour(columns, rows, padded, levels=[0.5], colors=colour, linewidths=1.6)
