"""Whether a wider network teaches the MYO network more than longer training does, by folds.

In every fold of an ablation (RUN, `benchmarks/ablation.py --arms base`) training goes on three
times from the fold's network, for the same number of images: longer, as before; wider, with
--filters filters instead of its own (it starts as the same function, `training.teaching`); and
taught, as large as before, by the labels and by the wider one together. All three are measured on
the patients of the fold, whom none of them ever saw. The region of interest is the expert's;
without stage 3 and clean-up. Interrupt at will: the same command goes on.

RUN/capacity.json holds every patient's measures. Research use only, not a medical device.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import cast

from acsnet.nets.resunet import ResUNet
from acsnet.train.loop import Recipe, settings_of, train
from acsnet.train.losses import SeparateLoss
from acsnet.train.recipes import myocardium_batch
from acsnet.train.samples.prepare import load
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
from training.teaching import TaughtLoss, taught_batch, widened

LONGER, WIDER, TAUGHT = "longer", "wider", "taught"
SEED = 2


def run(data: Path, output: Path, *, recipe: Recipe, side: int, filters: int) -> Scores:
    """Arm -> patient -> measures; what is there already is read; side: of training windows.

    Raises InputError where that is of other settings.
    """
    recipe = replace(recipe, make_batch=partial(myocardium_batch, side=side))
    samples = load(output / "samples" / "myo.npz")
    scores: Scores = {LONGER: {}, WIDER: {}, TAUGHT: {}}
    for fold in folds_of(output, data):
        settings = settings_of(recipe, seed=SEED) | {
            "start": fold.start.sha256,
            "side": side,
            "filters": filters,
        }
        known = without_patients(samples, fold.patients)
        for arm in scores:
            trained = partial(go_on, arm, fold, known, recipe=recipe, filters=filters)
            scores[arm] |= measured_once(path_of(fold, arm), settings, trained, fold)
    return scores


def path_of(fold: Fold, arm: str) -> Path:
    """Where the measures of an arm are kept; the networks are beside them."""
    return fold.folder / f"capacity-{arm}.json"


def go_on(arm: str, fold: Fold, known: Samples, *, recipe: Recipe, filters: int) -> ResUNet:
    """The network of the fold after training of one arm on samples of other patients."""
    start = fold.start
    if arm == TAUGHT:
        teacher = go_on(WIDER, fold, known, recipe=recipe, filters=filters)
        labels = cast(SeparateLoss, recipe.loss)
        loss = TaughtLoss(fp=labels.fp, fn=labels.fn)
        recipe = replace(recipe, loss=loss, make_batch=taught_batch(recipe.make_batch, teacher))
    elif arm == WIDER:
        network = widened(cast(ResUNet, start.network), filters)
        recipe = replace(recipe, net=network.config)
        start = replace(start, network=network)
    recipe = replace(recipe, name=f"{arm}, fold {fold.number}")
    folder = path_of(fold, arm).with_suffix("")
    return cast(ResUNet, train(recipe, known, folder, seed=SEED, console=CONSOLE, start=start))


def main() -> None:
    """Run the experiment and print the table."""
    parser = arms_parser(__doc__)
    parser.add_argument(
        "--filters", type=int, default=36, help="of the wider network's first level"
    )
    args = parser.parse_args()
    settings = {"recipe": recipe_of(args), "side": args.side, "filters": args.filters}
    report(partial(run, args.data, args.run, **settings), args.run / "capacity.json", base=LONGER)


if __name__ == "__main__":
    main()
