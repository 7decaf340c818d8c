"""What clicks on scar do to drafts of train patients, as they are and made worse.

The networks have seen all but six of these patients, so that their drafts are too good: beside
them, scar is taken from other thresholds of the network's probability, and drafts from other
signals. Rules on scar are chosen here, never on the test list.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from acsnet.evaluate.robustness import intensity
from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.labels import MYOCARDIUM, Label
from acsnet.pipeline import Pipeline
from acsnet.stages.correction import Corrector
from acsnet.train.data.case import POOL, SCAR, WALL, TrainingCase
from acsnet.train.data.lists import cases_of
from clicks import GOALS, SCAR_CLICKS, Tally, patient_course
from shared.left_out import LEFT_OUT
from shared.simulated_reader import Drawn, draft_of

SIGNALS: dict[str, Callable[[LabelledScan], LabelledScan]] = {
    "as it is": lambda case: case,
    "wall at 50 % of blood": partial(intensity.inversion_time, wall_of_pool=0.5),
    "noise 10 %": partial(intensity.rician_noise, share=0.1),
}
THRESHOLDS = (0.3, 0.7)
"""Of the enhancement, beside the pipeline's; on the signal as it is."""

LABELS = {POOL: Label.LV_BLOOD_POOL, WALL: Label.LV_MYOCARDIUM, SCAR: Label.GREY_ZONE}


def drafts(case: TrainingCase, pipeline: Pipeline) -> Iterator[tuple[str, Drawn]]:
    """Drafts of a patient, each with the name of what was changed."""
    labels = np.zeros_like(case.tissue)
    for tissue, label in LABELS.items():
        labels[case.tissue == tissue] = label
    for name, change in SIGNALS.items():
        result = pipeline(change(LabelledScan(scan=case.scan, labels=labels)).scan)
        drawn = draft_of(result, case)
        yield name, drawn
        if name != "as it is":
            continue
        wall = np.isin(drawn.labels, MYOCARDIUM)
        for threshold in THRESHOLDS:
            other = drawn.labels.copy()
            other[wall] = Label.LV_MYOCARDIUM
            other[wall & (result.enhancement_probability > threshold)] = Label.CORE_SCAR
            yield f"scar above {threshold:g}", replace(drawn, labels=other)


def main() -> None:
    """Print the errors of the burden (points) before and after clicks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--unseen", action="store_true", help="only patients no network has seen")
    args = parser.parse_args()
    torch.set_num_threads(1)
    splits = json.loads((args.data / "splits.json").read_text())
    names = list(LEFT_OUT) if args.unseen else splits["emidec"]["train"]
    pipeline = Pipeline.load()
    courses: dict[str, list[tuple[float, ...]]] = {}
    tally = Tally()
    for case in track(list(cases_of(args.data, "emidec", names))):
        if args.unseen or (case.tissue == SCAR).any():
            for name, drawn in drafts(case, pipeline):
                course = _errors(drawn, pipeline.corrector, tally)
                courses.setdefault(name, []).append(course)
    table = Table(
        "draft", "patients", "draft, points", "walls, points", f"{SCAR_CLICKS} on scar, points"
    )
    for name, rows in courses.items():
        table.add_row(name, str(len(rows)), *(f"{v:.2f}" for v in np.mean(rows, axis=0)))
    every = [row for rows in courses.values() for row in rows]
    table.add_row("mean", str(len(every)), *(f"{v:.2f}" for v in np.mean(every, axis=0)))
    console = Console(width=110)
    console.print(table)
    median_s, late_s = np.percentile(tally.core_s, (50, 95))
    console.print(
        f"{len(tally.core_s)} answers: {median_s:.3f} s of a core (median), {late_s:.3f} s (95 %); "
        f"{np.mean(tally.held):.2%} of clicks held; {np.mean(tally.possible):.2%} walls possible"
    )


def _errors(drawn: Drawn, corrector: Corrector, tally: Tally) -> tuple[float, ...]:
    """Errors of the burden (points) of the draft, after clicks on walls, and on scar."""
    _, _, (draft, walls, *with_scar) = patient_course(drawn, corrector, tally, goal=GOALS[0])
    return draft, walls, with_scar[-1]


if __name__ == "__main__":
    main()
