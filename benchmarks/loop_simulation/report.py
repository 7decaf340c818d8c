"""What a simulation says: Dice against labels used, as numbers, a table, a plot and a sentence."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from acsnet import NOTICE
from acsnet.active_learning.acquisition import COMBINED
from acsnet.storage import write_json, write_text, writing
from loop_simulation.simulation import ARMS, RANDOM, START, Plan, Round
from results_page.figures import BLUE, DOTS_PER_INCH, VERMILION

JSON, PNG, TABLE = "simulation.json", "simulation.png", "simulation.md"
COLOURS = {COMBINED: BLUE, RANDOM: VERMILION}
TITLE = "# Simulation of labelling"
NAMES = {COMBINED: "chosen by acsnet", RANDOM: "chosen at random"}


@dataclass(frozen=True, kw_only=True)
class Curves:
    """labels: (count,) labels used; dice: way -> (seed, count) mean wall Dice of those held out."""

    labels: tuple[int, ...]
    dice: dict[str, NDArray[np.float64]]

    @property
    def gain(self) -> NDArray[np.float64]:
        """(seed,) Dice of chosen less random scans, mean over the counts after the start."""
        after = self.dice[COMBINED][:, 1:] - self.dice[RANDOM][:, 1:]
        gain: NDArray[np.float64] = after.mean(axis=1)
        return gain


def curves(rounds: Sequence[Round]) -> Curves:
    """The curves of both ways; the start belongs to either."""
    counts = sorted({len(one.labelled) for one in rounds})
    seeds = sorted({one.seed for one in rounds})
    mean = {
        (one.seed, arm, len(one.labelled)): float(np.mean(list(one.dice.values())))
        for one in rounds
        for arm in (ARMS if one.arm == START else (one.arm,))
    }
    dice = {arm: np.array([[mean[s, arm, n] for n in counts] for s in seeds]) for arm in ARMS}
    return Curves(labels=tuple(counts), dice=dice)


def labels_needed(labels: Sequence[int], dice: NDArray[np.float64], target: float) -> float | None:
    """Labels at which a curve first reaches a Dice, linear between counts; None if it never does.

    labels, dice: (count,).
    """
    for k, value in enumerate(dice):
        if value < target:
            continue
        if k == 0:
            return float(labels[0])
        share = (target - dice[k - 1]) / (value - dice[k - 1])
        return float(labels[k - 1] + share * (labels[k] - labels[k - 1]))
    return None


def statement(found: Curves) -> str:
    """In words: whether fewer labels are needed for the Dice that random scans reach in the end."""
    chosen, random = (found.dice[arm].mean(axis=0) for arm in (COMBINED, RANDOM))
    total, target = found.labels[-1], float(random[-1])
    needed = labels_needed(found.labels, chosen, target)
    reached = f"With random scans, {total} labels reach a wall Dice of {target:.3f}; "
    if needed is None:
        reached += f"with chosen scans, they do not: {total} give {chosen[-1]:.3f}"
    else:
        reached += f"with chosen scans, {needed:.1f} labels do"
    gains = ", ".join(f"{gain:+.3f}" for gain in found.gain)
    return f"{reached}. Gain in Dice averaged over all rounds, seed by seed: {gains}."


def table(found: Curves) -> str:
    """The page: a line for each number of labels, with mean and range over the seeds."""
    seeds = len(found.gain)
    lines = [
        f"| labels | {' | '.join(NAMES[arm] for arm in ARMS)} | difference |",
        "|---:|---:|---:|---:|",
    ]
    for k, count in enumerate(found.labels):
        cells = [
            f"{column.mean():.3f} ({column.min():.3f} to {column.max():.3f})"
            for column in (found.dice[arm][:, k] for arm in ARMS)
        ]
        difference = (found.dice[COMBINED] - found.dice[RANDOM])[:, k].mean()
        lines.append(f"| {count} | {' | '.join(cells)} | {difference:+.3f} |")
    head = (
        f"Wall Dice on patients held out: mean and range over {seeds} seeds. Written by "
        "`python benchmarks/simulate.py --data DATA --output RUN`."
    )
    return "\n".join([TITLE, "", NOTICE, "", head, "", *lines, "", statement(found)]) + "\n"


def figure(found: Curves) -> Figure:
    """Dice against labels used: the line is the mean, the band the range over the seeds."""
    drawn = Figure(figsize=(6.4, 4.4), dpi=DOTS_PER_INCH, layout="constrained")
    axes = drawn.subplots()
    for arm, marker in zip(ARMS, "os", strict=True):
        dice = found.dice[arm]
        axes.fill_between(
            found.labels, dice.min(axis=0), dice.max(axis=0), color=COLOURS[arm], alpha=0.15
        )
        axes.plot(
            found.labels, dice.mean(axis=0), color=COLOURS[arm], marker=marker, label=NAMES[arm]
        )
    axes.set_xlabel("labelled scans")
    axes.set_ylabel("wall Dice on patients held out")
    axes.set_title(f"Mean and range over {len(found.gain)} seeds", fontsize=11)
    axes.set_xticks(found.labels)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    axes.legend(loc="lower right", frameon=False)
    drawn.supxlabel(NOTICE, fontsize=8)
    return drawn


def write_report(rounds: Sequence[Round], output: Path, *, plan: Plan) -> Curves:
    """Write `simulation.json`, `.md` and `.png` into `output`, each whole; returns the curves."""
    found = curves(rounds)
    content: dict[str, Any] = {
        "plan": asdict(plan),
        "statement": statement(found),
        "labels": list(found.labels),
        "dice": {arm: dice.tolist() for arm, dice in found.dice.items()},
        "gain": found.gain.tolist(),
        "rounds": [asdict(one) for one in rounds],
        "notice": NOTICE,
    }
    write_json(output / JSON, content)
    write_text(output / TABLE, table(found))
    with writing(output / PNG) as temporary:
        figure(found).savefig(temporary, format="png")
    return found
