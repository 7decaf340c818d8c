"""What scans without labels add, by cross-validation inside the EMIDEC train list.

In every fold of an ablation (RUN, `benchmarks/ablation.py --arms base`) training goes on twice from
the fold's network for the same number of images: as before, and with the scans of UNLABELLED beside
the labelled ones, drawn first by the networks of that fold (`acsnet train --unlabelled`). Both are
measured on the patients of the fold, whom neither they nor their teacher ever saw. The region of
interest is the expert's; without stage 3 and clean-up. Interrupt at will: the same command goes on.

RUN/self-training.json holds every patient's measures. Research use only, not a medical device.
"""

import argparse
import hashlib
import json
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
from rich.console import Console
from rich.table import Table

from ablation import measured
from acsnet.cli.train import drawn_first
from acsnet.errors import AcsnetError, InputError
from acsnet.nets.resunet import ResUNet
from acsnet.stages.myocardium import MYO_SIDE
from acsnet.storage import write_json
from acsnet.train.data.case import TrainingCase
from acsnet.train.data.lists import emidec_cases, training_names
from acsnet.train.data.prepare import VARIANTS, join_samples, load, samples_of
from acsnet.train.data.samples import Samples
from acsnet.train.loop import Recipe, Start, settings_of, train
from acsnet.train.recipes import MYOCARDIUM, myocardium_batch
from acsnet.train.run_record import CHECKPOINT
from training.ablation import BASE, without_patients
from training.fold_networks import fold_networks, fold_weights
from training.paired import cells, changes

WITH, WITHOUT = "with unlabelled scans", "without"
SEED = 1
DRAWN = 4
"""Variants of a scan without labels; of a labelled one there are `VARIANTS`."""


def run(
    data: Path, output: Path, unlabelled: Path, *, recipe: Recipe, side: int
) -> dict[str, dict[str, dict]]:
    """Arm -> patient -> measures; what is there already is read; side: of training windows.

    Raises InputError where that is of other settings.
    """
    recipe = replace(recipe, make_batch=partial(myocardium_batch, side=side))
    console = Console(width=100)
    listed = training_names(data, "emidec")
    samples = load(output / "samples" / "myo.npz")
    scans = digest_of(unlabelled)
    scores: dict[str, dict[str, dict]] = {WITHOUT: {}, WITH: {}}
    folds = zip(fold_networks(output), fold_weights(output), strict=True)
    for number, ((network, names), (weights, _)) in enumerate(folds, start=1):
        folder = output / f"fold-{number}"
        digest = hashlib.sha256((folder / BASE / CHECKPOINT).read_bytes()).hexdigest()
        start = Start(network=network, sha256=digest, keep_norms=False)
        held_out = dict(zip(names, emidec_cases(data, names), strict=True))
        settings = settings_of(recipe, seed=SEED) | {
            "start": digest,
            "drawn": DRAWN,
            "side": side,
        }
        for arm in scores:
            path = folder / f"self-training-{arm.split()[0]}.json"
            arm_settings = settings | ({"unlabelled": scans} if arm == WITH else {})
            if not path.exists():
                known = without_patients(samples, [listed.index(name) for name in names])
                if arm == WITH:
                    drawn = drawn_first(unlabelled, data=data, init=weights).cases(console)
                    known = joined(known, drawn_samples(drawn))
                net = train(
                    replace(recipe, name=arm),
                    known,
                    path.with_suffix(""),
                    seed=SEED,
                    console=console,
                    start=start,
                )
                trained = cast(ResUNet, net)
                patients = {name: measured(trained, case, BASE) for name, case in held_out.items()}
                write_json(path, {"settings": arm_settings, "patients": patients})
                console.print(f"fold {number}, {arm}: measured on {len(names)} patients")
            scores[arm] |= kept(path, arm_settings)
    return scores


def kept(path: Path, settings: dict[str, Any]) -> dict[str, dict]:
    """Patient -> measures, as they were written. InputError where they are of other settings."""
    content = json.loads(path.read_text())
    if content["settings"] != json.loads(json.dumps(settings)):
        msg = f"{path} holds measures of other settings: use another RUN, or remove it"
        raise InputError(msg)
    measures: dict[str, dict] = content["patients"]
    return measures


def digest_of(folder: Path) -> str:
    """SHA-256 of the names and contents of all files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def drawn_samples(cases: list[TrainingCase]) -> Samples:
    """Samples of scans that a network drew."""
    variants = {**VARIANTS, "lge": DRAWN}
    work = partial(samples_of, references=[], share=0.0, variants=variants)
    return join_samples(cases, [work((case, SEED + k)) for k, case in enumerate(cases)], 2)


def joined(first: Samples, second: Samples) -> Samples:
    """Both; patients and neighbours of the second are counted on."""
    patients, slices = first.patient.max() + 1, len(first.images)
    return Samples(
        images=np.concatenate([first.images, second.images]),
        tissue=np.concatenate([first.tissue, second.tissue]),
        source=np.concatenate([first.source, second.source]),
        patient=np.concatenate([first.patient, second.patient + patients]),
        neighbours=np.concatenate([first.neighbours, second.neighbours + slices]),
    )


def main() -> None:
    """Run the experiment and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="of benchmarks/ablation.py")
    parser.add_argument("--unlabelled", type=Path, required=True, help="folder of scans")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--images", type=int, default=2000, help="an epoch")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=MYOCARDIUM.learning_rate / 3)
    parser.add_argument("--side", type=int, default=MYO_SIDE, help="pixels of training windows")
    args = parser.parse_args()
    recipe = replace(
        MYOCARDIUM,
        epochs=args.epochs,
        images_an_epoch=args.images,
        batch=args.batch,
        learning_rate=args.rate,
    )
    try:
        scores = run(args.data, args.run, args.unlabelled, recipe=recipe, side=args.side)
    except AcsnetError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted: the same command goes on from the last finished epoch")
    write_json(args.run / "self-training.json", scores)
    table = Table("arm", "measure", "patients", "mean", "difference", "95 % interval", "verdict")
    for arm, patients in scores.items():
        for change in changes(scores[WITHOUT], patients):
            table.add_row(arm, *cells(change, base=arm == WITHOUT))
    console = Console(width=140)
    console.print(table)
    console.print("Research use only, not a medical device.")


if __name__ == "__main__":
    main()
