"""The figures of an evaluation: Dice by third, volume errors, agreement of the scar burden.

The first two follow Figures 6 and 8 of Popescu et al. 2022 (DOI 10.1016/j.cvdhj.2021.11.007); the
difference plot is that of Bland and Altman, Lancet 1986;1:307. Colours after Okabe and Ito, told
apart by colour-blind people too.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from acsnet.evaluate.cases import CaseScores
from acsnet.evaluate.metrics import APEX, BASE, MIDDLE, Values
from acsnet.evaluate.summary import BurdenRow, Evaluation
from acsnet.label_conventions import CORE, ENH, LV, MYO

DOTS_PER_INCH = 100
BLUE, VERMILION, GREEN, ORANGE, GREY = "#0072B2", "#D55E00", "#009E73", "#E69F00", "#555555"
COLOURS = {LV: BLUE, MYO: GREEN, ENH: VERMILION, CORE: ORANGE}
NAMES = {LV: "LV ROI", MYO: "Myocardium", ENH: "Enhancement", CORE: "Core scar"}

BINS = tuple(k / 20 for k in range(21))
"""Of Dice; a mean or percentile is drawn where it is, not at its bin."""

PERCENTILES = (5.0, 95.0)
_PERCENTILE_LABEL = "5th and 95th percentile"

DICE, VOLUMES, BLAND_ALTMAN, CONCORDANCE = (
    "dice_by_third.png",
    "volume_errors.png",
    "burden_bland_altman.png",
    "burden_concordance.png",
)


def all_figures(evaluation: Evaluation) -> dict[str, Figure]:
    """File name -> figure; those of the scar burden only where there is one."""
    figures = {
        DICE: dice_by_third(evaluation.cases),
        VOLUMES: volume_errors(evaluation.cases),
    }
    if evaluation.burden is not None:
        figures[BLAND_ALTMAN] = bland_altman(evaluation.cases, evaluation.burden)
        figures[CONCORDANCE] = burden_concordance(evaluation.cases, evaluation.burden)
    return figures


def drawn_dice(cases: Sequence[CaseScores], region: str, third: str) -> Values:
    """Dice of every slice of one third in which the expert drew the region; a missed one is 0."""
    chosen = [
        scores.dice[scores.expert_drew & (np.array(case.thirds) == third)]
        for case in cases
        for scores in (case.regions[region],)
    ]
    return np.concatenate(chosen)


def volume_error_percent(cases: Sequence[CaseScores], region: str) -> tuple[Values, Values]:
    """Expert's volume in ml and |predicted - expert| / expert in %, of whom the expert drew it."""
    scores = [case.regions[region] for case in cases if case.regions[region].expert_ml > 0]
    expert = np.array([score.expert_ml for score in scores])
    predicted = np.array([score.predicted_ml for score in scores])
    return expert, 100.0 * np.abs(predicted - expert) / expert


def burdens(cases: Sequence[CaseScores]) -> tuple[Values, Values]:
    """Expert's and predicted scar burden in % of the patients who have both."""
    pairs = [pair for pair in (case.burden_percent for case in cases) if None not in pair]
    expert, predicted = np.array(pairs, dtype=np.float64).T
    return expert, predicted


def dice_by_third(cases: Sequence[CaseScores]) -> Figure:
    """Histograms of the Dice of slices: base, middle and apex from top to bottom; LV and wall."""
    figure = Figure(figsize=(9.0, 7.8), dpi=DOTS_PER_INCH, layout="constrained")
    grid = figure.subplots(3, 2, sharex=True, sharey="row")
    for row, third in zip(grid, (BASE, MIDDLE, APEX), strict=True):
        for axes, region in zip(row, (LV, MYO), strict=True):
            dice = drawn_dice(cases, region, third)
            axes.set_title(f"{NAMES[region]}, {third}: {_dice_text(dice)}", fontsize=11)
            _histogram(axes, dice, COLOURS[region])
        row[0].set_ylabel("slices")
    for axes in grid[-1]:
        axes.set_xlabel("Dice of a slice")
    figure.legend(
        handles=[
            Line2D([], [], color="black", linewidth=2, label="mean"),
            Line2D([], [], color="black", linewidth=1.6, linestyle=":", label=_PERCENTILE_LABEL),
        ],
        loc="outside lower center",
        ncols=2,
        frameon=False,
    )
    return figure


def _dice_text(dice: Values) -> str:
    return f"mean {dice.mean():.2f}, {len(dice)} slices" if len(dice) else "no slice"


def _histogram(axes: Axes, dice: Values, colour: str) -> None:
    _plain(axes)
    axes.set_xlim(0.0, 1.0)
    if not len(dice):
        return
    axes.hist(dice, bins=BINS, color=colour, alpha=0.55, edgecolor="white")
    axes.axvline(float(dice.mean()), color="black", linewidth=2)
    for value in np.percentile(dice, PERCENTILES):
        axes.axvline(value, color="black", linewidth=1.6, linestyle=":")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))


def volume_errors(cases: Sequence[CaseScores]) -> Figure:
    """A dot a patient: normalised absolute error over the expert's volume; the line is the mean."""
    regions = [region for region in (LV, MYO, ENH) if region in cases[0].regions]
    figure = Figure(figsize=(3.4 * len(regions), 4.0), dpi=DOTS_PER_INCH, layout="constrained")
    for axes, region in zip(np.ravel(figure.subplots(1, len(regions))), regions, strict=True):
        _plain(axes)
        expert, error = volume_error_percent(cases, region)
        mean = f"mean {error.mean():.1f} %, n = {len(error)}" if len(error) else "no patient"
        axes.set_title(f"{NAMES[region]}: {mean}", fontsize=11)
        axes.set_xlabel("expert's volume, ml")
        axes.scatter(expert, error, s=45, color=COLOURS[region], alpha=0.8, edgecolor="white")
        if len(error):
            axes.axhline(float(error.mean()), color="black", linewidth=2, zorder=1)
            axes.set_ylim(-0.04 * error.max(), 1.08 * error.max() or 1.0)
        axes.margins(x=0.12)
    figure.axes[0].set_ylabel("|predicted - expert| / expert, %")
    return figure


def bland_altman(cases: Sequence[CaseScores], burden: BurdenRow) -> Figure:
    """Difference of the scar burdens over their mean, with bias and 95 % limits of agreement."""
    expert, predicted = burdens(cases)
    figure, axes = _square()
    _patients(figure, axes, (expert + predicted) / 2, predicted - expert, expert > 0)
    axes.axhline(0.0, color=GREY, linewidth=1)
    axes.axhline(burden.bias_points, color="black", linewidth=2)
    _label_line(axes, burden.bias_points, f"bias\n{burden.bias_points:+.1f}")
    for limit, name in zip(burden.limits_points or (), ("-1.96 sd", "+1.96 sd"), strict=False):
        axes.axhline(limit, color="black", linewidth=1.6, linestyle=":")
        _label_line(axes, limit, f"{name}\n{limit:+.1f}")
    axes.margins(x=0.08, y=0.15)
    axes.set_xlabel("mean of expert's and predicted burden, %")
    axes.set_ylabel("predicted - expert, points")
    axes.set_title(f"Scar burden: differences, n = {len(expert)}", fontsize=11)
    return figure


def burden_concordance(cases: Sequence[CaseScores], burden: BurdenRow) -> Figure:
    """Predicted over expert's scar burden, the line of identity and Lin's coefficient."""
    expert, predicted = burdens(cases)
    figure, axes = _square()
    top = 1.08 * max(float(expert.max()), float(predicted.max()), 1.0)
    axes.plot([0.0, top], [0.0, top], color=GREY, linewidth=1.2)
    _patients(figure, axes, expert, predicted, expert > 0)
    axes.set(xlim=(-0.03 * top, top), ylim=(-0.03 * top, top), aspect="equal")
    axes.set_xlabel("expert's burden, %")
    axes.set_ylabel("predicted burden, %")
    lin = "not defined" if burden.concordance is None else f"{burden.concordance:.3f}"
    axes.set_title(f"Scar burden and identity: Lin's concordance {lin}", fontsize=11)
    return figure


def _square() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5.2, 5.2), dpi=DOTS_PER_INCH, layout="constrained")
    axes = figure.subplots()
    _plain(axes)
    return figure, axes


def _patients(
    figure: Figure, axes: Axes, x: Values, y: Values, has_scar: NDArray[np.bool_]
) -> None:
    """Two shapes besides two colours, so that grey print tells them apart too."""
    for chosen, marker, colour, name in (
        (has_scar, "o", VERMILION, "expert drew enhancement"),
        (~has_scar, "s", BLUE, "expert drew none"),
    ):
        if chosen.any():
            axes.scatter(
                x[chosen],
                y[chosen],
                s=45,
                c=colour,
                marker=marker,
                alpha=0.8,
                edgecolor="white",
                label=name,
            )
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=10)


def _label_line(axes: Axes, y: float, text: str) -> None:
    """Beside the line, outside the axes, where no dot is."""
    axes.annotate(
        text,
        (1.0, y),
        xycoords=("axes fraction", "data"),
        xytext=(5, 0),
        textcoords="offset points",
        va="center",
    )


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    axes.set_axisbelow(True)
