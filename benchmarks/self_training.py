"""What scans without labels add, by cross-validation inside the EMIDEC train list.

In every fold of an ablation (RUN, `benchmarks/ablation.py --arms base`) training goes on twice from
the fold's network for the same number of images: as before, and with the scans of UNLABELLED beside
the labelled ones, drawn first by the networks of that fold (`acsnet train --unlabelled`). Both are
measured on the patients of the fold, whom neither they nor their teacher ever saw. The region of
interest is the expert's; without stage 3 and clean-up. Interrupt at will: the same command goes on.

RUN/self-training.json holds every patient's measures. Research use only, not a medical device.
"""

import hashlib
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np

from acsnet.nets.resunet import ResUNet
from acsnet.pseudo_labels import pseudo_labelled
from acsnet.train.data.case import TrainingCase
from acsnet.train.data.unlabelled import Unlabelled
from acsnet.train.loop import Recipe, settings_of, train
from acsnet.train.recipes import myocardium_batch
from acsnet.train.samples.prepare import VARIANTS, SampleMix, join_samples, load, samples_of
from acsnet.train.samples.slices import Samples
from training.ablation_arms import without_patients
from training.fold_arms import (
    CONSOLE,
    Fold,
    Scores,
    arms_parser,
    folds_of,
    measured_once,
    recipe_of,
    report,
)

WITH, WITHOUT = "with unlabelled scans", "without"
SEED = 1
DRAWN = 4
"""Variants of a scan without labels; of a labelled one there are `VARIANTS`."""


def run(data: Path, output: Path, unlabelled: Path, *, recipe: Recipe, side: int) -> Scores:
    """Arm -> patient -> measures; what is there already is read; side: of training windows.

    Raises InputError where that is of other settings.
    """
    recipe = replace(recipe, make_batch=partial(myocardium_batch, side=side))
    samples = load(output / "samples" / "myo.npz")
    scans = digest_of(unlabelled)
    scores: Scores = {WITHOUT: {}, WITH: {}}
    for fold in folds_of(output, data):
        known = without_patients(samples, fold.patients)
        for arm in scores:
            path = fold.folder / f"self-training-{arm.split()[0]}.json"
            settings = settings_of(recipe, seed=SEED) | {
                "start": fold.start.sha256,
                "drawn": DRAWN,
                "side": side,
            }
            drawn = None
            if arm == WITH:
                settings["unlabelled"] = scans
                drawn = pseudo_labelled(unlabelled, data=data, weights=fold.weights)
            trained = partial(
                go_on,
                replace(recipe, name=arm),
                fold,
                known,
                folder=path.with_suffix(""),
                drawn=drawn,
            )
            scores[arm] |= measured_once(path, settings, trained, fold)
    return scores


def go_on(
    recipe: Recipe, fold: Fold, known: Samples, *, folder: Path, drawn: Unlabelled | None
) -> ResUNet:
    """The network of the fold after more training, with scans that it draws itself or without."""
    if drawn is not None:
        known = joined(known, drawn_samples(drawn.cases(CONSOLE)))
    net = train(recipe, known, folder, seed=SEED, console=CONSOLE, start=fold.start)
    return cast(ResUNet, net)


def digest_of(folder: Path) -> str:
    """SHA-256 of the names and contents of all files below a folder."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def drawn_samples(cases: list[TrainingCase]) -> Samples:
    """Samples of scans that a network drew."""
    mix = SampleMix(variants={**VARIANTS, "lge": DRAWN})
    work = partial(samples_of, references=[], share=0.0, mix=mix)
    return join_samples(cases, [work((case, SEED + k)) for k, case in enumerate(cases)], "myo")


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
    parser = arms_parser(__doc__)
    parser.add_argument("--unlabelled", type=Path, required=True, help="folder of scans")
    args = parser.parse_args()
    settings = {"recipe": recipe_of(args), "side": args.side}
    arms = partial(run, args.data, args.run, args.unlabelled, **settings)
    report(arms, args.run / "self-training.json", base=WITHOUT)


if __name__ == "__main__":
    main()
