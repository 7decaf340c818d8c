"""Bullseye plot of the 17 AHA segments (doi:10.1161/hc0402.102975), one number in each.

Base outside, anterior wall on top, septum on the left. Darker is more, in black and white too.
"""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Wedge

from acsnet.report.wording import number

# First segment, count and inner radius of the basal, mid and apical ring.
RINGS = ((1, 6, 0.75), (7, 6, 0.5), (13, 4, 0.25))
CAP = 17
WIDTH = 0.25
SHADES = colormaps["Reds"]
DARK_FROM = 80.0  # percent from which white text reads better than black
PLOTS = (
    ("Scar, % of the segment", "scar_percent"),
    ("Transmurality, mean %", "transmurality_mean_percent"),
)
POINTS, TITLE_POINTS = 7.0, 9.0
INCHES, DOTS_PER_INCH = 3.0, 110


def segment_values(features: Mapping[str, Any], key: str) -> dict[int, float | None]:
    """Segment number -> value of a key of the segments in `features.json`."""
    return {segment["segment"]: segment[key] for segment in features["segments"]}


def hatched_words(features: Mapping[str, Any]) -> str:
    """What hatching means in both plots, for their legend; empty where there is none."""
    segments = features["segments"]
    present = [part for part in segments if part["myocardium_volume_ml"] is not None]
    if all(part["scar_percent"] is None for part in present):
        return "Hatched: scar was not assessed."
    reasons = []
    if len(present) < len(segments):
        reasons.append("the stack has no such segment")
    unknown = [part for part in present if part["transmurality_mean_percent"] is None]
    if unknown:
        numbers = ", ".join(str(part["segment"]) for part in unknown)
        reasons.append(f"transmurality not known, no radial chord crosses the wall of {numbers}")
    return f"Hatched: {'; '.join(reasons)}." if reasons else ""


def draw_bullseye(axes: Axes, values: Mapping[int, float | None], title: str) -> None:
    """Draw values of 0 to 100 by segment; None is hatched."""
    for first, count, inner in RINGS:
        for place in range(count):
            middle = 90.0 + place * 360.0 / count
            radius, angle = inner + WIDTH / 2, np.deg2rad(middle)
            half = 180.0 / count
            wedge = Wedge((0, 0), inner + WIDTH, middle - half, middle + half, width=WIDTH)
            at = radius * np.cos(angle), radius * np.sin(angle)
            _draw_segment(axes, wedge, at, values.get(first + place))
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
    """Both bullseyes side by side with their legend as PNG, for the case page."""
    figure = Figure(figsize=(2 * INCHES, INCHES), dpi=DOTS_PER_INCH, layout="constrained")
    for axes, (title, key) in zip(figure.subplots(1, 2), PLOTS, strict=True):
        draw_bullseye(axes, segment_values(features, key), title)
    figure.supxlabel(hatched_words(features), fontsize=POINTS)
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
            number(value, 0),
            ha="center",
            va="center",
            fontsize=POINTS + 1,
            color="white" if value > DARK_FROM else "black",
        )
    axes.add_patch(wedge)
