"""Ways to go on from the networks of folds, each measured on patients whom no network of it saw."""

import argparse
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from acsnet.errors import AcsnetError, InputError
from acsnet.nets.resunet import ResUNet
from acsnet.stages.myocardium import MYO_SIDE
from acsnet.storage import write_json
from acsnet.train.data.case import TrainingCase
from acsnet.train.data.lists import cases_of, training_names
from acsnet.train.loop import Recipe, Start
from acsnet.train.recipes import MYOCARDIUM
from acsnet.train.run_record import CHECKPOINT
from training.ablation_arms import BASE, measured
from training.fold_networks import fold_networks, fold_weights
from training.paired import cells, changes

Scores = dict[str, dict[str, dict[str, float | None]]]
"""Arm -> patient -> measures."""

CONSOLE = Console(width=140)


@dataclass(frozen=True, kw_only=True)
class Fold:
    """A fold of an ablation.

    folder: its part of the run; start: its network of the arm `base`; weights: the folder with that
    network among the shipped ones; left_out: its patients by name, whom that network never saw, and
    as the samples of the train list count them.
    """

    number: int
    folder: Path
    start: Start
    weights: Path
    left_out: dict[str, TrainingCase]
    patients: list[int]


def folds_of(run: Path, data: Path) -> Iterator[Fold]:
    """The folds of RUN (`benchmarks/ablation.py`)."""
    listed = training_names(data, "emidec")
    networks = zip(fold_networks(run), fold_weights(run), strict=True)
    for number, ((network, names), (weights, _)) in enumerate(networks, start=1):
        folder = run / f"fold-{number}"
        digest = hashlib.sha256((folder / BASE / CHECKPOINT).read_bytes()).hexdigest()
        yield Fold(
            number=number,
            folder=folder,
            start=Start(network=network, sha256=digest, keep_norms=False),
            weights=weights,
            left_out=dict(zip(names, cases_of(data, "emidec", names), strict=True)),
            patients=[listed.index(name) for name in names],
        )


def measured_once(
    path: Path,
    settings: dict[str, Any],
    trained: Callable[[], ResUNet],
    fold: Fold,
) -> dict[str, dict[str, float | None]]:
    """Patient -> measures of a fold, kept at `path`: nothing is trained where they are there.

    Raises InputError where what is there is of other settings.
    """
    if not path.exists():
        network = trained()
        patients = {name: measured(network, case) for name, case in fold.left_out.items()}
        write_json(path, {"settings": settings, "patients": patients})
        CONSOLE.print(f"{path.parent.name}, {path.stem}: measured on {len(patients)} patients")
    return kept(path, settings)


def kept(path: Path, settings: dict[str, Any]) -> dict[str, dict[str, float | None]]:
    """Patient -> measures, as they were written. InputError where they are of other settings."""
    content = json.loads(path.read_text())
    if content["settings"] != json.loads(json.dumps(settings)):
        msg = f"{path} holds measures of other settings: use another RUN, or remove it"
        raise InputError(msg)
    measures: dict[str, dict[str, float | None]] = content["patients"]
    return measures


def report(run: Callable[[], Scores], path: Path, *, base: str) -> None:
    """Run all arms, write every patient's measures to `path`, and print the table beside `base`.

    What keeps it from that ends the program with a sentence.
    """
    try:
        scores = run()
    except AcsnetError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted: the same command goes on from the last finished epoch")
    write_json(path, scores)
    table = Table("arm", "measure", "patients", "mean", "difference", "95 % interval", "verdict")
    for arm, patients in scores.items():
        for change in changes(scores[base], patients):
            table.add_row(arm, *cells(change, base=arm == base))
    CONSOLE.print(table)
    CONSOLE.print("Research use only, not a medical device.")


def arms_parser(about: str | None) -> argparse.ArgumentParser:
    """The options of all such experiments: the data, the folds, and how every arm goes on."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="of benchmarks/ablation.py")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--images", type=int, default=2000, help="an epoch")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=MYOCARDIUM.learning_rate / 3)
    parser.add_argument("--side", type=int, default=MYO_SIDE, help="pixels of training windows")
    return parser


def recipe_of(args: argparse.Namespace) -> Recipe:
    """The recipe of the MYO network with these options."""
    return replace(
        MYOCARDIUM,
        epochs=args.epochs,
        images_an_epoch=args.images,
        batch=args.batch,
        learning_rate=args.rate,
    )
