"""What each choice of the MYO recipe is worth, by cross-validation inside the EMIDEC train list.

Every arm changes one thing of the shipped recipe. Patients of the train list are split into folds;
in each fold the networks train on the others (and on all cine of the train lists and phantoms) and
are measured on the fold. What all folds may see, cine and phantoms, can be learnt once for all of
them (--shared-epochs): then a fold needs fewer epochs. Cine made LGE-like may have the histogram of
any LGE scan. No patient of a test list is read. The region of interest is the expert's, in training
and in measuring, and stage 3 and the clean-up are left out: the figures compare arms, they are not
those of the pipeline. Interrupt at will: the same command goes on.

RUN/ablation.json holds every patient's measures, RUN/ablation.md the table. Research use only, not
a medical device.
"""

import argparse
import hashlib
import json
import sys
import time
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import cast

from rich.console import Console
from rich.table import Table

from acsnet.errors import AcsnetError, InputError
from acsnet.nets.resunet import ResUNet
from acsnet.stages.myocardium import MYO_SIDE
from acsnet.storage import write_text
from acsnet.train.data.lists import cases_of, training_names
from acsnet.train.loop import Recipe, Start, train
from acsnet.train.recipes import MYOCARDIUM, myocardium_batch
from acsnet.train.run_record import CHECKPOINT
from acsnet.train.samples.prepare import USUAL_MIX, SampleMix, build, load
from acsnet.train.samples.slices import Samples
from training.ablation_arms import (
    ARMS,
    BASE,
    OTHER_TIMES,
    folds,
    measured_both_ways,
    unchanged_mix,
    without,
    without_patients,
)
from training.paired import MEASURES, cells, changes

HEADINGS = ("arm", "measure", "patients", "mean", "difference", "95 % interval", "verdict")
SEED = 0

Scores = dict[str, dict[str, dict[str, float | None]]]
"""Arm -> patient -> measures."""


def run(
    data: Path,
    output: Path,
    *,
    arms: list[str],
    count: int,
    base: Recipe,
    shared_epochs: int = 0,
    mix: SampleMix = USUAL_MIX,
) -> None:
    """Train and measure what is not yet in `output`; count: of folds; base: the recipe to change.

    mix: of the samples, which arms may change, too; those are made once they are needed.
    shared_epochs: on cine and phantoms alone, from which every fold of an arm starts. The report is
    written anew after every arm, so that what there is can be read meanwhile. Raises InputError as
    `build` does, and where `output` holds an experiment of other settings.
    """
    console = Console(width=100)
    listed = training_names(data, "emidec")
    parts = folds(listed, count)
    keep_settings(output, base, parts, shared_epochs)
    jobs = [(k, arm) for k in range(1, count + 1) for arm in arms]
    missing = [job for job in jobs if not scores_path(output, *job).exists()]
    console.print(f"{len(jobs) - len(missing)} of {len(jobs)} results are there")
    kept: tuple[Path, Samples] | None = None
    start, done = time.monotonic(), 0
    for k, names in enumerate(parts, start=1):
        wanted = [arm for fold, arm in missing if fold == k]
        if not wanted:
            continue
        held_out = dict(zip(names, cases_of(data, "emidec", names), strict=True))
        for arm in wanted:
            folder = samples_folder(output, arm)
            if kept is None or kept[0] != folder:
                kept = None  # one at a time: each takes over a gigabyte
                paths = build(data, folder, seed=SEED, mix=ARMS[arm].mix(mix), console=console)
                kept = folder, load(paths["myo"])
            samples = kept[1]
            # EMIDEC comes first among the samples' patients (`acsnet.train.data.lists`).
            others = without_patients(samples, [listed.index(name) for name in names])
            common = shared(arm, base, shared_epochs, samples, output / "shared", console)
            network = trained(arm, base, others, output / f"fold-{k}", console, common)
            views = ARMS[arm].views
            scores = {
                name: measured_both_ways(network, case, views=views)
                for name, case in held_out.items()
            }
            write(scores_path(output, k, arm), json.dumps(scores, indent=2))
            done += 1
            left = (time.monotonic() - start) / done * (len(missing) - done)
            console.print(
                f"fold {k} of {count}, {arm}: measured on {len(names)} patients; "
                f"{len(missing) - done} to go, about {left / 60:.0f} minutes"
            )
            scores_so_far = collected(output, arms, count)
            about = {"base": base, "count": count, "shared_epochs": shared_epochs}
            write_report(scores_so_far, output, **about)


def collected(output: Path, arms: list[str], count: int) -> Scores:
    """All measures that are in `output`."""
    scores: Scores = {}
    for arm in arms:
        paths = [scores_path(output, k, arm) for k in range(1, count + 1)]
        for path in paths:
            if path.exists():
                scores.setdefault(arm, {}).update(json.loads(path.read_text()))
    return scores


def samples_folder(output: Path, arm: str) -> Path:
    """Where the samples of an arm are: its own where it changes which are made."""
    return output / ("samples" if ARMS[arm].mix is unchanged_mix else f"samples-{arm}")


def scores_path(output: Path, fold: int, arm: str) -> Path:
    """Where the measures of one arm on one fold are; the file is there once they are complete."""
    return output / f"fold-{fold}" / f"{arm}.json"


def trained(
    arm: str,
    base: Recipe,
    samples: Samples,
    folder: Path,
    console: Console,
    start: Start | None = None,
) -> ResUNet:
    """The network of one arm; trained, or gone on with, in `folder`/<arm>."""
    chosen = ARMS[arm]
    name = BASE if chosen.trained_as_base else arm
    recipe = replace(chosen.recipe(base), name=name)
    part = chosen.samples(samples)
    network = train(recipe, part, folder / name, seed=SEED, console=console, start=start)
    return cast(ResUNet, network)


def shared(
    arm: str, base: Recipe, epochs: int, samples: Samples, folder: Path, console: Console
) -> Start | None:
    """The network of one arm that has seen cine and phantoms only; None for no epochs."""
    if not epochs:
        return None
    unseen = replace(without(base, "lge"), epochs=epochs)
    network = trained(arm, unseen, samples, folder, console)
    name = BASE if ARMS[arm].trained_as_base else arm
    digest = hashlib.sha256((folder / name / CHECKPOINT).read_bytes()).hexdigest()
    return Start(network=network, sha256=digest, keep_norms=False)


def keep_settings(output: Path, base: Recipe, parts: list[list[str]], shared_epochs: int) -> None:
    """Write `settings.json`, or see that the results in `output` are of the same settings."""
    recipe = {key: value for key, value in asdict(base).items() if key != "make_batch"}
    recipe["loss"] |= {"kind": type(base.loss).__name__}
    recipe["side"] = getattr(base.make_batch, "keywords", {}).get("side", MYO_SIDE)
    settings = {"seed": SEED, "folds": parts, "shared_epochs": shared_epochs, "recipe": recipe}
    text = json.dumps(settings, indent=2) + "\n"
    path = output / "settings.json"
    if path.exists() and path.read_text() != text:
        msg = f"{output} holds an ablation of other folds or another recipe: use another folder"
        raise InputError(msg)
    write(path, text)


def write(path: Path, text: str) -> None:
    """Put a whole file in place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)


def rows_of(scores: Scores) -> list[tuple[str, ...]]:
    """One row an arm and measure, in the order of `HEADINGS`."""
    return [
        (arm, *cells(change, base=arm == BASE))
        for arm, patients in scores.items()
        for change in changes(scores[BASE], patients)
    ]


def notes(scores: Scores, *, base: Recipe, count: int, shared_epochs: int) -> str:
    """What the arms are, how they were measured, and what the figures do not say."""
    return "\n".join(
        (
            *(f"- {arm}: {ARMS[arm].about}" for arm in scores),
            "",
            f"{len(scores[BASE])} patients of the EMIDEC train list, each measured with a network "
            f"that was trained without them: {count} folds, {base.epochs} epochs of "
            f"{base.images_an_epoch} images after {shared_epochs} on cine and phantoms alone, "
            f"{base.net.base_filters} filters, one seed. The region "
            "of interest is the expert's; without stage 3 and clean-up. Other inversion times: "
            "mean over the scans with the healthy wall brought to "
            f"{' and '.join(f'{100 * share:.0f} %' for share in OTHER_TIMES)} of the blood's "
            "signal, as `acsnet evaluate --stress` does. The difference is that to "
            "base, paired by patient, with a 95 % bootstrap interval over patients; for biases and "
            "false scar it is the difference in the distance from 0. The interval does not include "
            "the variation between seeds, and is not corrected for the number of rows.",
            "",
            "Research use only, not a medical device.",
        )
    )


def print_report(scores: Scores, *, base: Recipe, count: int, shared_epochs: int) -> None:
    """Print the table and the notes."""
    table, before = Table(*HEADINGS, title="Ablation of the MYO recipe"), BASE
    for arm, *row in rows_of(scores):
        if arm != before:
            table.add_section()
        table.add_row(arm, *row)
        before = arm
    console = Console(width=140)
    console.print(table)
    text = notes(scores, base=base, count=count, shared_epochs=shared_epochs)
    console.print(text, highlight=False, markup=False)


def write_report(
    scores: Scores, output: Path, *, base: Recipe, count: int, shared_epochs: int
) -> None:
    """Write the table to `ablation.md`, and every number to `ablation.json`."""
    rows = (HEADINGS, ("---",) * len(HEADINGS), *rows_of(scores))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    text = notes(scores, base=base, count=count, shared_epochs=shared_epochs)
    write(output / "ablation.md", "\n".join((*lines, "", text)) + "\n")
    content = {
        "measures": {key: asdict(measure) for key, measure in MEASURES.items()},
        "changes": {
            arm: [
                asdict(change) | {"verdict": change.verdict}
                for change in changes(scores[BASE], patients)
            ]
            for arm, patients in scores.items()
        },
        "patients": scores,
    }
    write(output / "ablation.json", json.dumps(content, indent=2) + "\n")


def arm_names(text: str) -> list[str]:
    """Arms of a comma-separated list, the base first, for all others are compared with it."""
    names = text.split(",")
    unknown = [name for name in names if name not in ARMS]
    if unknown:
        msg = f"no arm {', '.join(unknown)}; there are {', '.join(ARMS)}"
        raise argparse.ArgumentTypeError(msg)
    return [name for name in ARMS if name in {BASE, *names}]


def main() -> None:
    """Run the experiment and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, metavar="RUN")
    parser.add_argument(
        "--arms", type=arm_names, default=list(ARMS), help=f"of {', '.join(ARMS)}; default all"
    )
    parser.add_argument("--folds", type=int, choices=range(2, 11), default=2)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--shared-epochs", type=int, default=0, help="on cine and phantoms first")
    parser.add_argument("--filters", type=int, default=12)
    parser.add_argument("--images", type=int, default=MYOCARDIUM.images_an_epoch, help="an epoch")
    parser.add_argument("--batch", type=int, default=MYOCARDIUM.batch)
    parser.add_argument("--rate", type=float, default=MYOCARDIUM.learning_rate)
    parser.add_argument("--side", type=int, default=MYO_SIDE, help="pixels of training windows")
    args = parser.parse_args()
    base = replace(
        MYOCARDIUM,
        epochs=args.epochs,
        net=replace(MYOCARDIUM.net, base_filters=args.filters),
        images_an_epoch=args.images,
        batch=args.batch,
        learning_rate=args.rate,
        make_batch=partial(myocardium_batch, side=args.side),
    )
    about = {"base": base, "count": args.folds, "shared_epochs": args.shared_epochs}
    try:
        run(args.data, args.output, arms=args.arms, **about)
    except AcsnetError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted: the same command goes on from the last finished epoch")
    scores = collected(args.output, args.arms, args.folds)
    print_report(scores, **about)
    write_report(scores, args.output, **about)


if __name__ == "__main__":
    main()
