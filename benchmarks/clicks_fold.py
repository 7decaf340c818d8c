"""Train an autoencoder and its prior without some patients, to judge what clicks do on their walls.

The shipped one has learnt the walls of all train lists, so that a click on one of them would only
remind it. Training is `acsnet train`'s, with fewer epochs; the same command goes on from the last.
"""

import argparse
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from acsnet.anatomy.latent_prior import save_prior
from acsnet.errors import InputError
from acsnet.nets.torch_weights import save_network
from acsnet.train.data.lists import training_names
from acsnet.train.latent_prior import fit_prior, has_prior
from acsnet.train.loop import train
from acsnet.train.recipes import AUTOENCODER
from acsnet.train.samples.walls import wall_samples
from shared.left_out import LEFT_OUT

HELD_OUT = (
    *LEFT_OUT,
    "Case_N014",
    "Case_N040",
    "Case_N079",
    "Case_P001",
    "Case_P019",
    "Case_P031",
    "Case_P047",
    "Case_P060",
    "Case_P066",
    "Case_P081",
)
"""Patients of EMIDEC's train list. The shipped MYO network has not seen the first six either."""

EPOCHS = 30
SEED = 0


def main() -> None:
    """Write the weights folder of the fold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    args = parser.parse_args()
    if unknown := set(HELD_OUT) - set(training_names(args.data, "emidec")):
        msg = f"{min(unknown)} is not in the train list of EMIDEC"
        raise InputError(msg)
    console = Console()
    samples = wall_samples(args.data, hold_out=frozenset(HELD_OUT), console=console)
    recipe = replace(AUTOENCODER, epochs=args.epochs)
    folder = args.output / recipe.name
    network = train(recipe, samples, folder, seed=SEED, console=console)
    save_network(network, recipe.name, folder=args.output, about={"without": list(HELD_OUT)})
    if not has_prior(args.output):
        prior = fit_prior(samples, folder=args.output, seed=SEED, device="cpu", console=console)
        save_prior(prior, folder=args.output, about={})


if __name__ == "__main__":
    main()
