"""`acsnet train`, small: the script that `torchrun` starts in test_distributed.py."""

import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from quick_prior import quick_prior

from acsnet.cli.main import app
from acsnet.train import latent_prior, run
from acsnet.train.recipes import RECIPES


def small(seen_folder):
    """An autoencoder with nothing random in its batches; they go on record, a line each."""

    def make_batch(images, tissue, generator):
        line = " ".join(f"{float(image.sum()):.0f}" for image in images)
        with (seen_folder / os.environ.get("RANK", "alone")).open("a") as file:
            file.write(line + "\n")
        frames = images[:, :, 32:-32, 32:-32] / 255.0
        return frames, frames

    recipe = RECIPES["autoencoder"]
    return replace(
        recipe,
        net=replace(recipe.net, base_filters=2),
        make_batch=make_batch,
        weight=(1.0, 0.5, 1.0),
        epochs=2,
        images_an_epoch=22,
        batch=8,
        learning_rate=1e-2,
    )


if __name__ == "__main__":
    recipes = {**RECIPES, "autoencoder": small(Path(os.environ["SEEN_FOLDER"]))}
    run.run_training = partial(run.run_training, recipes=recipes)
    latent_prior.build_prior = quick_prior
    sys.exit(app())
