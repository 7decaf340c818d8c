"""A simulated reader: what clicks do to drafts, against a brush and against brush and stage 3.

Where the reader clicks is in `shared/simulated_reader.py`. By default on the EMIDEC test list,
whose patients neither the networks nor the autoencoder has seen; with `--fold`, on patients of the
train list, by an autoencoder trained without them (`benchmarks/clicks_fold.py`).
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.ndimage import label as components

from acsnet.anatomy.checks import check, read_limits
from acsnet.anatomy.latent_prior import load_prior
from acsnet.evaluate.metrics import slice_hausdorff_mm
from acsnet.interaction.clicked_labels import click_labels
from acsnet.interaction.clicks import Click, Kind
from acsnet.labels import ENHANCEMENT, MYOCARDIUM, Label
from acsnet.masks import dice, disc
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.torch_weights import load_network
from acsnet.nets.weights import SHIPPED
from acsnet.pipeline import Pipeline
from acsnet.stages.correction import Corrector
from acsnet.stages.latent_search import LatentWalk
from acsnet.train.data.case import POOL, SCAR, WALL
from acsnet.train.data.lists import cases_of
from clicks_fold import HELD_OUT
from shared.left_out import LEFT_OUT
from shared.simulated_reader import Drawn, Mask, draft_of, scar_click, wall_click
from shared.wall_damage import DAMAGES

POOR = 0.87
"""Wall Dice below which a slice is clicked on."""

GOALS = (0.85, 0.90)
CLICKS = 5
SCAR_CLICKS = 3
"""On scar, after those on walls: what a patient needs for walls in the median, again."""

MAX_CLICKS = 30
BRUSH_MM = 4.0
"""Radius of the disc that a brush paints."""

DAMAGE = ("rough", "erosion", "dilation", "cut", "blobs")


@dataclass
class Tally:
    """What was seen over all answers: seconds, of the clock and of one processor core; of all
    clicks whether they hold; of all walls that changed whether they are possible.
    """

    seconds: list[float] = field(default_factory=list)
    core_s: list[float] = field(default_factory=list)
    held: list[bool] = field(default_factory=list)
    possible: list[bool] = field(default_factory=list)


def drafts(data: Path, names: list[str]) -> Iterator[Drawn]:
    """The patients with drafts of the shipped networks."""
    pipeline = Pipeline.load()
    for case in cases_of(data, "emidec", names):
        yield draft_of(pipeline(case.scan), case)


def damaged(drawn: Drawn, corrector: Corrector, rng: np.random.Generator) -> Drawn:
    """The patient with the expert's labels as draft, each wall damaged and made possible again."""
    wall = drawn.tissue >= WALL
    broken = np.stack(
        [DAMAGES[DAMAGE[rng.integers(len(DAMAGE))]](w, rng) if w.any() else w for w in wall]
    )
    walls = np.stack([s.wall for s in corrector(broken, drawn.spacing_mm[1:])])
    labels = np.zeros_like(drawn.labels)
    for k, new in enumerate(walls):
        parts, count = components(~new)
        inside = parts > 1 if count > 1 else (drawn.tissue[k] == POOL) & ~new
        labels[k][inside] = Label.LV_BLOOD_POOL
    labels[walls] = Label.LV_MYOCARDIUM
    labels[walls & (drawn.tissue == SCAR)] = Label.CORE_SCAR
    return replace(drawn, labels=labels)


def brushed(wall: Mask, click: Click, spacing_mm: tuple[float, float]) -> Mask:
    """A (row, column) wall after a disc of wall, or of none, was painted where a click is."""
    out = wall.copy()
    out[disc(out.shape, (click.row, click.column), BRUSH_MM, spacing_mm)] = click.kind is Kind.WALL
    return out


Correction = Callable[[Drawn, int, list[Click]], Mask]


def by_clicks(corrector: Corrector, tally: Tally) -> Correction:
    """Walls by clicks, with what is counted of them."""

    def correct(drawn: Drawn, k: int, clicks: list[Click]) -> Mask:
        labels = clicked(drawn, clicks, corrector, tally)
        return np.isin(labels[k], MYOCARDIUM)

    return correct


def clicked(
    drawn: Drawn, clicks: list[Click], corrector: Corrector, tally: Tally
) -> NDArray[np.uint8]:
    """The labels of a patient after clicks."""
    began, began_core = time.perf_counter(), time.thread_time()
    after = click_labels(drawn.pixels, drawn.labels, clicks, drawn.spacing_mm, corrector=corrector)
    tally.seconds.append(time.perf_counter() - began)
    tally.core_s.append(time.thread_time() - began_core)
    tally.held += after.held
    walls = np.isin(after.labels, MYOCARDIUM)
    spacing_mm, limits = drawn.spacing_mm[1:], corrector.limits
    tally.possible += [check(walls[k], spacing_mm, limits).valid for k in after.changed]
    return after.labels


def by_brush(corrector: Corrector | None) -> Correction:
    """Walls by a brush, made possible by stage 3 where there is a corrector."""

    def correct(drawn: Drawn, k: int, clicks: list[Click]) -> Mask:
        wall = np.isin(drawn.labels[k], MYOCARDIUM)
        for click in clicks:
            wall = brushed(wall, click, drawn.spacing_mm[1:])
        if corrector is None:
            return wall
        return corrector(wall[None], drawn.spacing_mm[1:])[0].wall

    return correct


def slice_curves(patients: list[Drawn], correct: Correction) -> NDArray[np.float64]:
    """(slice, CLICKS + 1, 2) Dice and Hausdorff distance of poor slices after 0, 1, ... clicks."""
    rows = []
    for drawn in patients:
        walls = np.isin(drawn.labels, MYOCARDIUM)
        expert = drawn.tissue >= WALL
        for k in np.flatnonzero(walls.any(axis=(1, 2)) & expert.any(axis=(1, 2))):
            if dice(walls[k], expert[k]) >= POOR:
                continue
            wall, clicks, row = walls[k], [], []
            for _ in range(CLICKS + 1):
                distance = slice_hausdorff_mm(wall[None], expert[k][None], drawn.spacing_mm[1:])
                row.append((dice(wall, expert[k]), float(distance[0])))
                if (click := wall_click(int(k), wall, drawn)) is not None:
                    clicks.append(click)
                    wall = correct(drawn, int(k), clicks)
            rows.append(row)
    return np.array(rows)


def burden(labels: NDArray[np.uint8]) -> float:
    """Enhancement as a share of the wall, %."""
    return 100.0 * np.isin(labels, ENHANCEMENT).sum() / max(np.isin(labels, MYOCARDIUM).sum(), 1)


def patient_course(
    drawn: Drawn, corrector: Corrector, tally: Tally, *, goal: float
) -> tuple[int, bool, list[float]]:
    """Clicks until every slice has the goal, whether it was reached, and errors of the burden.

    Errors in points: of the draft, after these clicks, and after each of `SCAR_CLICKS` more on
    scar. The reader clicks on the wall of the worst slice; one without a wall on either side counts
    as done.
    """
    expert = drawn.tissue >= WALL
    truth = 100.0 * (drawn.tissue == SCAR).sum() / max(expert.sum(), 1)
    labels = drawn.labels
    clicks: list[Click] = []
    given_up: set[int] = set()
    while len(clicks) < MAX_CLICKS:
        walls = np.isin(labels, MYOCARDIUM)
        scores = {
            k: dice(walls[k], expert[k])
            for k in range(len(walls))
            if expert[k].any() and np.isin(drawn.labels[k], MYOCARDIUM).any() and k not in given_up
        }
        worst = min(scores, key=lambda k: scores[k], default=None)
        if worst is None or scores[worst] >= goal:
            break
        click = wall_click(worst, walls[worst], drawn)
        if click is None or sum(c.slice == worst for c in clicks) >= 2 * CLICKS:
            given_up.add(worst)
            continue
        clicks.append(click)
        labels = clicked(drawn, clicks, corrector, tally)
    with_scar, course = list(clicks), [drawn.labels, labels]
    for _ in range(SCAR_CLICKS):
        if (click := scar_click(course[-1], drawn)) is not None:
            with_scar.append(click)
            labels = clicked(drawn, with_scar, corrector, tally)
        course.append(labels)
    reached = not given_up and len(clicks) < MAX_CLICKS
    return len(clicks), reached, [abs(burden(after) - truth) for after in course]


def report(
    title: str,
    patients: list[Drawn],
    corrector: Corrector,
    console: Console,
    *,
    goals: tuple[float, ...] = GOALS,
) -> None:
    """Print the curves, and the courses to the goals, of some patients."""
    tally = Tally()
    ways = {
        "clicks": by_clicks(corrector, tally),
        "brush": by_brush(None),
        "brush, stage 3": by_brush(corrector),
    }
    curves = {name: slice_curves(patients, correct) for name, correct in ways.items()}
    table = Table("", *(str(n) for n in range(CLICKS + 1)), title=f"{title}: poor slices")
    for name, rows in curves.items():
        for at, what in enumerate(("Dice", "HD mm")):
            table.add_row(f"{name}, {what}", *(f"{v:.3f}" for v in np.nanmean(rows[..., at], 0)))
    console.print(table)
    console.print(f"{len(curves['clicks'])} slices of {len(patients)} patients")
    for goal in goals:
        courses = [patient_course(drawn, corrector, tally, goal=goal) for drawn in patients]
        counts, reached, errors = (np.array(part) for part in zip(*courses, strict=True))
        before, after, *with_scar = (f"{error:.2f}" for error in errors.mean(axis=0))
        console.print(
            f"until every slice has {goal:.2f}: {np.median(counts):g} clicks a patient "
            f"(mean {counts.mean():.1f}, most {counts.max()}), reached in {reached.sum()} of "
            f"{len(courses)}; burden off by {before} points before, {after} after, "
            f"{', '.join(with_scar)} with 1 to {SCAR_CLICKS} more on scar"
        )
    for what, seconds in (("the clock", tally.seconds), ("a core", tally.core_s)):
        median_s, late_s = np.percentile(seconds, (50, 95))
        console.print(
            f"{len(seconds)} answers, seconds of {what}: {median_s:.3f} (median), "
            f"{late_s:.3f} (95 %)"
        )
    console.print(
        f"{np.mean(tally.held):.2%} of {len(tally.held)} clicks held; "
        f"{np.mean(tally.possible):.2%} of {len(tally.possible)} changed walls possible"
    )


def main() -> None:
    """Print tables for drafts of the networks and for damaged drafts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--fold", type=Path, help="weights of benchmarks/clicks_fold.py")
    parser.add_argument("--only", choices=("networks", "damaged"), help="drafts to click on")
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder = args.fold or SHIPPED
    corrector = Corrector(
        walk=LatentWalk(
            autoencoder=load_network("autoencoder", Autoencoder, folder=folder),
            prior=load_prior(read_limits(), folder=folder),
        )
    )
    names = list(HELD_OUT)
    if args.fold is None:
        names = json.loads((args.data / "splits.json").read_text())["emidec"]["test"]
    console = Console(width=110)
    patients = list(drafts(args.data, names))
    if args.only != "damaged":
        report("drafts of the networks", patients, corrector, console)
        if args.fold is not None:
            report(
                "of these, unseen by the MYO network", patients[: len(LEFT_OUT)], corrector, console
            )
    if args.only != "networks":
        rng = np.random.default_rng(0)
        broken = [damaged(drawn, corrector, rng) for drawn in patients]
        report("damaged drafts", broken, corrector, console, goals=GOALS[:1])


if __name__ == "__main__":
    main()
