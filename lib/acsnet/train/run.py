"""One training run: samples, network, what is fitted to the network, weights."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress

from acsnet.anatomy.checks import read_limits
from acsnet.anatomy.frame import FRAME_SIDE
from acsnet.anatomy.prior import SAMPLES, Prior, build_prior, save_prior
from acsnet.nets.autoencoder import Autoencoder, codes_of, scores_of
from acsnet.nets.resunet import ResUNet
from acsnet.nets.weights import load_network, save_network
from acsnet.train.build import build, load
from acsnet.train.cleanup import fit_cleanup
from acsnet.train.loop import train
from acsnet.train.recipes import RECIPES
from acsnet.train.walls import WallSamples, wall_samples

DATA_TERMS = (
    "EMIDEC (CC BY-NC-SA 4.0) and ACDC (CC BY-NC-SA 4.0) training lists, synthetic phantoms (CC0): "
    "research, non-commercial"
)
WALL_TERMS = (
    "Expert walls of the EMIDEC (CC BY-NC-SA 4.0) and ACDC (CC BY-NC-SA 4.0) training lists: "
    "research, non-commercial"
)


def run_training(
    name: str, *, data: Path, output: Path, seed: int, device: str, console: Console
) -> Path:
    """Train the network `name` and write it with its manifest into `output`/weights.

    data: laid out as `acsnet.train` says. Raises InputError, naming the file, for a data folder
    that lacks one or holds one that is no label map. Interrupt it at will: the same command goes on
    from the last finished epoch.
    """
    recipe, folder = RECIPES[name], output / "weights"
    samples = (
        wall_samples(data, console=console)
        if name == "autoencoder"
        else load(build(data, output / "samples", seed=seed, console=console)[name])
    )
    network = train(recipe, samples, output / name, seed=seed, device=device, console=console)
    about: dict[str, Any] = {
        "trained_on": WALL_TERMS if isinstance(samples, WallSamples) else DATA_TERMS,
        "recipe": json.loads((output / name / "recipe.json").read_text()),
    }
    if name == "myo" and isinstance(network, ResUNet):
        about["cleanup"] = fit_cleanup(network, samples, console=console)
    save_network(network, name, folder=folder, about=about)
    if isinstance(samples, WallSamples):
        prior = fit_prior(samples, folder=folder, seed=seed, device=device, console=console)
        save_prior(prior, folder=folder, about={"trained_on": WALL_TERMS})
    return folder


def fit_prior(
    samples: WallSamples, *, folder: Path, seed: int, device: str, console: Console
) -> Prior:
    """The latent prior of the autoencoder in `folder`, as it was written: in half precision.

    samples: of `acsnet.train.walls`. The limits are the shipped ones.
    """
    network = load_network("autoencoder", Autoencoder, folder=folder, device=device)
    edge = (samples.images.shape[-1] - FRAME_SIDE) // 2
    middle = slice(edge, edge + FRAME_SIDE)
    frames = samples.images[:, 0, middle, middle].astype(np.float32) / 255.0
    with Progress(console=console) as bar:
        task = bar.add_task("latent prior", total=SAMPLES)
        prior = build_prior(
            np.concatenate([codes_of(network, part) for part in np.array_split(frames, 32)]),
            samples.scale_mm,
            decode=lambda codes: scores_of(network, codes),
            limits=read_limits(),
            seed=seed,
            progress=lambda accepted: bar.update(task, completed=accepted),
        )
    console.print(
        f"latent prior: {prior.experts} of {len(frames)} expert walls and {SAMPLES} samples, "
        f"{prior.acceptance:.1%} of those drawn"
    )
    return prior
