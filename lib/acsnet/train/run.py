"""One training run: samples, network, clean-up sizes, weights."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from acsnet.nets.weights import save_network
from acsnet.train.build import build, load
from acsnet.train.cleanup import fit_cleanup
from acsnet.train.loop import train
from acsnet.train.recipes import RECIPES

DATA_TERMS = (
    "EMIDEC (CC BY-NC-SA 4.0) and ACDC (CC BY-NC-SA 4.0) training lists, synthetic phantoms (CC0): "
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
    recipe = RECIPES[name]
    samples = load(build(data, output / "samples", seed=seed, console=console)[name])
    network = train(recipe, samples, output / name, seed=seed, device=device, console=console)
    about: dict[str, Any] = {
        "trained_on": DATA_TERMS,
        "recipe": json.loads((output / name / "recipe.json").read_text()),
    }
    if name == "myo":
        about["cleanup"] = fit_cleanup(network, samples, console=console)
    folder = output / "weights"
    save_network(network, name, folder=folder, about=about)
    return folder
