"""The bullseye of the 17 segments (AHA, doi 10.1161/hc0402.102975), one number in each.

The base is outside, the anterior wall on top, the septum on the left. Shades darken with the
number, so that they are told apart in black and white, too.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Wedge

RINGS = ((1, 6, 0.75), (7, 6, 0.5), (13, 4, 0.25))
"""First segment, how many, and inner radius of the basal, middle and apical ring."""

CAP = 17
WIDTH = 0.25
SHADES = colormaps["Reds"]
DARK_FROM = 80.0
"""Per cent from which white stands out more than black."""

PLOTS = (("Scar, % of the segment", "scar_percent"), ("Transmurality, mean %", "transmurality"))
POINTS, TITLE_POINTS = 7.0, 9.0
INCHES, DOTS_PER_INCH = 3.0, 110


def segment_values(features: Mapping[str, Any], measure: str) -> dict[int, float | None]:
    """Segment -> value from the content of `features.json`; a cap that the stack lacks is None.

    measure: a second name of `PLOTS`.
    """
    key = {"transmurality": "transmurality_mean_percent"}.get(measure, measure)
    return {one["segment"]: one[key] for one in features["segments"]}


def draw_bullseye(axes: Axes, values: Mapping[int, float | None], title: str) -> None:
    """Draw numbers of 0 to 100 by segment; what is None is hatched."""
    for first, count, inner in RINGS:
        for number in range(count):
            middle = 90.0 + number * 360.0 / count
            radius, angle = inner + WIDTH / 2, np.deg2rad(middle)
            half = 180.0 / count
            wedge = Wedge((0, 0), inner + WIDTH, middle - half, middle + half, width=WIDTH)
            at = radius * np.cos(angle), radius * np.sin(angle)
            _draw_segment(axes, wedge, at, values.get(first + number))
    _draw_segment(axes, Wedge((0, 0), WIDTH, 0, 360), (0.0, 0.0), values.get(CAP))
    for text, x, y, turn in (
        ("anterior", 0, 1.08, 0),
        ("inferior", 0, -1.08, 0),
        ("septal", -1.08, 0, 90),
        ("lateral", 1.08, 0, -90),
    ):
        axes.text(x, y, text, ha="center", va="center", rotation=turn, fontsize=POINTS)
    axes.set_title(title, fontsize=TITLE_POINTS, pad=3)
    axes.set(xlim=(-1.18, 1.18), ylim=(-1.18, 1.18), aspect="equal")
    axes.axis("off")


def bullseye_png(features: Mapping[str, Any]) -> bytes:
    """Both bullseyes side by side as PNG, for the case page."""
    figure = Figure(figsize=(2 * INCHES, INCHES), dpi=DOTS_PER_INCH, layout="constrained")
    for axes, (title, measure) in zip(figure.subplots(1, 2), PLOTS, strict=True):
        draw_bullseye(axes, segment_values(features, measure), title)
    stream = BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()


def _draw_segment(axes: Axes, wedge: Wedge, at: tuple[float, float], value: float | None) -> None:
    wedge.set(edgecolor="black", linewidth=0.8)
    if value is None:
        wedge.set(facecolor="white", hatch="////")
    else:
        wedge.set_facecolor(SHADES(0.85 * min(value, 100.0) / 100.0))
        axes.text(
            *at,
            f"{value:.0f}",
            ha="center",
            va="center",
            fontsize=POINTS + 1,
            color="white" if value > DARK_FROM else "black",
        )
    axes.add_patch(wedge)
