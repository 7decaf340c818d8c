"""`acsnet train`: which networks, by which recipes, in which order."""

import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from rich.console import Console

from acsnet.anatomy.latent_prior import NAME as PRIOR
from acsnet.errors import InputError
from acsnet.files.alone import alone_in
from acsnet.storage import write_json
from acsnet.train.data.fingerprint import digest_cases
from acsnet.train.data.lists import check_no_copies, training_lists
from acsnet.train.data.unlabelled import Unlabelled
from acsnet.train.distributed import joined, launched
from acsnet.train.job import BUILT, Job, is_finished, keep_prior, start_of, train_network
from acsnet.train.loop import Recipe, settings_of
from acsnet.train.recipes import RECIPES
from acsnet.train.run_record import CHECKPOINT, RECIPE, check_data, check_settings
from acsnet.train.samples.prepare import USUAL_MIX, SampleMix, build
from acsnet.train.samples.slices import SOURCES

STEPS = {
    "roi": ("roi",),
    "myo": ("myo",),
    "autoencoder": ("autoencoder", PRIOR),
    PRIOR: (PRIOR,),
    "all": ("roi", "myo", "autoencoder", PRIOR),
}
"""What can be asked for, and what is trained or fitted then, in order."""

GOING_ON = 1 / 3
"""Of the learning rate is left for a network that has been trained before."""

ON_CINE = ("roi", "myo")
"""The networks whose samples are built, of LGE-like cine among others."""

LOCK = ".train.lock"
"""File of a run folder that one training at a time holds."""


def run_training(
    what: str,
    *,
    data: Path,
    output: Path,
    seed: int,
    device: str,
    epochs: int | None = None,
    cine_weight: float | None = None,
    init: Path | None = None,
    unlabelled: Unlabelled | None = None,
    recipes: Mapping[str, Recipe] = RECIPES,
    mix: SampleMix = USUAL_MIX,
    console: Console,
) -> Path:
    """Train what `STEPS` says and write it with its manifest into `output`/weights.

    data: laid out as `acsnet.train` says; epochs, cine_weight: other than in the recipes; init: a
    weights folder whose networks training goes on from, at `GOING_ON` of the rate; unlabelled:
    scans for `roi` and `myo` that other networks draw first. Interrupt it at will: the same command
    goes on from the last finished epoch, and leaves what is finished as it is; only the prior asked
    for by name is fitted anew. Under `torchrun` each process calls it. Raises InputError, naming
    the file, patient or setting, for data that lack a file, hold one that is no label map or have a
    patient in two lists or a copy of an image of a test list, for a device that is not there, and
    where another training writes to `output` or it holds a run of other data or settings.
    """
    recipes = recipes_of(what, recipes, epochs=epochs, cine_weight=cine_weight, init=init)
    if unlabelled is not None and not set(recipes) & set(ON_CINE):
        msg = f"{what} has no such setting: unlabelled scans are of roi and myo"
        raise InputError(msg)
    digests = digest_cases(data, training_lists(data))
    check_no_copies({case: files["image"] for case, files in digests.items()}, data=data)
    if unlabelled is not None:
        digests |= unlabelled.digests()
    settings = {name: settings_of(recipe, seed=seed) for name, recipe in recipes.items()}
    for name, recipe in recipes.items():
        if (start := start_of(name, recipe, init)) is not None:
            settings[name]["start"] = start.sha256
    processes = launched(device)
    if processes.first:
        output.mkdir(parents=True, exist_ok=True)
    with alone_in(output, lock=LOCK) if processes.first else nullcontext():
        for name in recipes:
            check_settings(output / name, settings[name])
            check_data(output / name, digests, of_labels=name not in ON_CINE)
        if what == PRIOR:  # is of the codes of an autoencoder that may have been trained before
            check_data(output / "autoencoder", digests, of_labels=True)
        if processes.first:
            prepare(
                settings,
                data=data,
                output=output,
                seed=seed,
                mix=mix,
                unlabelled=unlabelled,
                console=console,
            )
        with joined(processes) as processes:
            job = Job(
                data=data,
                output=output,
                seed=seed,
                digests=digests,
                processes=processes,
                console=console if processes.first else Console(quiet=True),
                init=init,
                teacher=unlabelled.teacher if unlabelled else None,
            )
            for name, recipe in recipes.items():
                train_network(name, recipe, job)
            if PRIOR in STEPS[what]:
                processes.from_first(lambda: keep_prior(job, anew=what == PRIOR))
    job.console.print(f"weights and their manifest are in {job.weights}")
    return job.weights


def recipes_of(
    what: str,
    recipes: Mapping[str, Recipe],
    *,
    epochs: int | None,
    cine_weight: float | None,
    init: Path | None,
) -> dict[str, Recipe]:
    """The recipes of what is asked for, with the settings given; others as `run_training` has them.

    Raises InputError for a setting that `what` has not.
    """
    chosen = {name: recipes[name] for name in STEPS[what] if name in recipes}
    if ((epochs is not None or init is not None) and not chosen) or (
        cine_weight is not None and not set(chosen) & set(ON_CINE)
    ):
        msg = (
            f"{what} has no such setting: epochs and the networks to start from are of networks, "
            "the weight of cine of roi and myo"
        )
        raise InputError(msg)
    adapted_recipes = {
        name: adapted(recipe, epochs=epochs, cine_weight=cine_weight)
        for name, recipe in chosen.items()
    }
    if init is None:
        return adapted_recipes
    return {
        name: replace(recipe, learning_rate=GOING_ON * recipe.learning_rate)
        for name, recipe in adapted_recipes.items()
    }


def prepare(
    settings: Mapping[str, dict[str, Any]],
    *,
    data: Path,
    output: Path,
    seed: int,
    mix: SampleMix,
    unlabelled: Unlabelled | None,
    console: Console,
) -> None:
    """Make the samples in the run folder where a network is still to be trained on them.

    settings: of each network, written down before a scan is read. Raises OSError now, and not hours
    later, where the folder cannot be written to.
    """
    with TemporaryFile(dir=output):
        pass
    for name, known in settings.items():
        if not (output / name / CHECKPOINT).exists():
            (output / name).mkdir(exist_ok=True)
            write_json(output / name / RECIPE, known)
    if not all(is_finished(name, output) for name in settings if name in ON_CINE):
        build(
            data,
            output / BUILT,
            seed=seed,
            mix=mix,
            unlabelled=unlabelled,
            console=console,
        )


def adapted(recipe: Recipe, *, epochs: int | None, cine_weight: float | None) -> Recipe:
    """The recipe with another number of epochs or weight of cine in the loss, where one is given.

    At a weight of 0 no cine is drawn either. Raises InputError for a weight below 0 or none at all.
    """
    if epochs is not None:
        recipe = replace(recipe, epochs=epochs)
    if cine_weight is None or recipe.name not in ON_CINE:
        return recipe
    if not 0.0 <= cine_weight < math.inf:
        msg = f"the weight of cine must be a number from 0 up, got {cine_weight}"
        raise InputError(msg)
    at = SOURCES.index("cine")
    weight, share = list(recipe.weight), list(recipe.share)
    weight[at] = cine_weight
    share[at] = share[at] if cine_weight else 0.0
    return replace(recipe, weight=tuple(weight), share=tuple(share))
