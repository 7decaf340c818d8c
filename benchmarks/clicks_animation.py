"""Draw docs/images/clicks.png: what three clicks do to a damaged draft, as an animated PNG.

On the first phantom, so that the picture is free of anybody's data.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import shift

from acsnet.interaction.clicked_labels import click_labels
from acsnet.interaction.clicks import Click, Kind
from acsnet.labels import MYOCARDIUM, Label
from acsnet.masks import dice, slice_dice
from acsnet.phantom import make_phantom
from acsnet.pipeline import Pipeline
from sample_patients import SAMPLE_PATIENTS
from shared.simulated_reader import middle_of_largest

SHIFT_MM = (3.2, -3.2)
"""By which the draft lies beside the heart."""

CLICKS = 3
SECONDS = 1.4
SIDE_MM = 50.0
COLOURS = {Kind.WALL: "#ffd400", Kind.OUTSIDE: "#00e5ff", Kind.CAVITY: "#ff5252"}


def frame(
    pixels: NDArray[np.float32],
    walls: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    clicks: list[Click],
    box: tuple[slice, slice],
    title: str,
) -> Image.Image:
    """One picture: the slice, the truth dotted, the wall, the clicks so far."""
    figure = Figure(figsize=(4.2, 4.5), dpi=100, facecolor="white")
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.88))
    axes.imshow(pixels[box], cmap="gray")
    for wall, colour, style in zip(walls, ("#58a6ff", "#5ad469"), (":", "-"), strict=True):
        axes.contour(wall[box], [0.5], colors=colour, linestyles=style, linewidths=2.0)
    for click in clicks:
        at = click.column - box[1].start, click.row - box[0].start
        axes.plot(*at, "+", color=COLOURS[click.kind], markersize=14, markeredgewidth=3)
    axes.set_axis_off()
    figure.suptitle(title, fontsize=11)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("docs/images/clicks.png"))
    args = parser.parse_args()
    phantom = make_phantom(SAMPLE_PATIENTS[0])
    spacing_mm, pixels = phantom.scan.spacing_mm, phantom.scan.pixels
    truth = np.isin(phantom.labels, MYOCARDIUM)
    off = [mm / step for mm, step in zip(SHIFT_MM, spacing_mm[1:], strict=True)]
    draft = shift(phantom.labels, (0, *off), order=0, prefilter=False)
    k = len(draft) // 2
    corrector = Pipeline.load().corrector
    middle = np.argwhere(truth[k]).mean(axis=0)
    half = [round(SIDE_MM / step) for step in spacing_mm[1:]]
    rows, columns = (
        slice(max(round(at) - size, 0), round(at) + size)
        for at, size in zip(middle, half, strict=True)
    )
    clicks: list[Click] = []
    frames, labels = [], draft
    for number in range(CLICKS + 1):
        walls = np.isin(labels, MYOCARDIUM)
        same = dice(walls[k], truth[k])
        beside = slice_dice(walls, truth)[[k - 1, k + 1]].mean()
        title = f"{number} clicks: Dice {same:.2f}, neighbours {beside:.2f}"
        frames.append(frame(pixels[k], (truth[k], walls[k]), clicks, (rows, columns), title))
        at = middle_of_largest(walls[k] != truth[k], spacing_mm[1:])
        if at is None or number == CLICKS:
            break
        kind = Kind.WALL if truth[k][at] else Kind.OUTSIDE
        kind = Kind.CAVITY if phantom.labels[k][at] == Label.LV_BLOOD_POOL else kind
        clicks.append(Click(slice=k, row=at[0], column=at[1], kind=kind))
        frames.append(frame(pixels[k], (truth[k], walls[k]), clicks, (rows, columns), title))
        labels = click_labels(pixels, draft, clicks, spacing_mm, corrector=corrector).labels
    args.output.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(
        args.output,
        save_all=True,
        append_images=frames[1:],
        duration=int(1000 * SECONDS),
        loop=0,
        optimize=True,
    )


if __name__ == "__main__":
    main()
