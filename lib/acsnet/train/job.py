"""One network's training: samples, checkpoints, what is fitted to it, weights and the record."""

from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from rich.console import Console

from acsnet.anatomy.latent_prior import NAME as PRIOR
from acsnet.anatomy.latent_prior import save_prior
from acsnet.errors import InputError, WeightsError
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_weights import NETWORKS, load_network, save_network
from acsnet.nets.weights import read_manifest, read_verified
from acsnet.train.activation_ranges import ranges_after_training
from acsnet.train.cleanup import fit_cleanup
from acsnet.train.data.datasets import ADAPTERS, terms_of
from acsnet.train.data.fingerprint import Digests, digest_of_data
from acsnet.train.distributed import Processes
from acsnet.train.latent_prior import bring_autoencoder, fit_prior, has_prior
from acsnet.train.loop import Recipe, Start, settings_of, train
from acsnet.train.mlflow_runs import tracked
from acsnet.train.run_record import CHECKPOINT, RECIPE, RUN, begin, now, read_json, update, versions
from acsnet.train.samples.prepare import load
from acsnet.train.samples.slices import Samples
from acsnet.train.samples.walls import WallSamples, wall_samples

WEIGHTS = "weights"
BUILT = "samples"
"""Folders of a run: what `load_network` reads, and what `acsnet.train.samples.prepare` writes."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """What all networks of a run have in common.

    init: weights folder of the networks that training goes on from; None for random weights;
    teacher: SHA-256 of the networks that drew the unlabelled scans of the run, if there are any.
    """

    data: Path
    output: Path
    seed: int
    digests: Digests
    processes: Processes
    console: Console
    init: Path | None = None
    teacher: str | None = None

    @property
    def weights(self) -> Path:
        """The folder that `load_network` reads."""
        return self.output / WEIGHTS

    @property
    def tags(self) -> dict[str, str]:
        """What MLflow is told beside the recipe."""
        known = {f"version.{name}": value for name, value in versions().items()}
        return {"seed": str(self.seed), "data_fingerprint": digest_of_data(self.digests), **known}

    @property
    def data_sets(self) -> set[str]:
        """The names of those that have labels."""
        return ADAPTERS.keys() & {case.partition("/")[0] for case in self.digests}

    @property
    def slice_terms(self) -> str:
        """What the networks that see slices were trained on, and its terms."""
        terms = (
            f"{terms_of(self.data_sets)} training lists, synthetic phantoms (CC0): research, "
            "non-commercial"
        )
        if self.teacher is None:
            return terms
        return f"{terms}; scans without labels, drawn by the networks {self.teacher}"

    @property
    def wall_terms(self) -> str:
        """What autoencoder and prior were trained on, and its terms."""
        terms = terms_of(name for name in self.data_sets if ADAPTERS[name].whole_walls)
        return f"Expert walls of the {terms} training lists: research, non-commercial"

    @cached_property
    def walls(self) -> WallSamples:
        """What autoencoder and prior are made of."""
        return wall_samples(self.data, console=self.console)

    def samples(self, name: str) -> Samples:
        """What network `name` is trained on."""
        if name == "autoencoder":
            return self.walls
        return load(self.output / BUILT / f"{name}.npz")


def start_of(name: str, recipe: Recipe, init: Path | None) -> Start | None:
    """Network `name` of the folder `init`, to go on from; None without a folder.

    Raises WeightsError as `load_network` does, InputError where it is not the network of `recipe`.
    """
    if init is None:
        return None
    network = load_network(name, NETWORKS[name], folder=init)
    if network.config != recipe.net:
        msg = f"{init}: {name} is built as {network.config}, the recipe trains {recipe.net}"
        raise InputError(msg)
    sha256 = read_manifest(init)[name]["sha256"]
    return Start(network=network, sha256=sha256, keep_norms=False)


def is_finished(name: str, output: Path) -> bool:
    """Whether a network came to its end and its weights are where they were written."""
    return (output / name / CHECKPOINT).exists() and has_result(name, output)


def has_result(name: str, output: Path) -> bool:
    """Whether the weights folder of a run holds, verified, what its record says."""
    record = output / name / RUN
    try:
        entry, _ = read_verified(name, folder=output / WEIGHTS)
    except WeightsError:
        return False
    return record.exists() and bool(read_json(record).get("sha256") == entry["sha256"])


def train_network(name: str, recipe: Recipe, job: Job) -> None:
    """Train one network to its end and write its weights, unless that is done."""
    folder = job.output / name
    if job.processes.from_first(lambda: is_finished(name, job.output)):
        job.console.print(f"{name}: finished before, left as it is")
        return
    samples = job.samples(name)
    learn = partial(
        train,
        recipe,
        samples,
        folder,
        seed=job.seed,
        processes=job.processes,
        console=job.console,
        start=start_of(name, recipe, job.init),
    )
    if not job.processes.first:
        learn()
        return
    run = begin(
        folder,
        seed=job.seed,
        digests=job.digests,
        device=job.processes.device,
        processes=job.processes.size,
    )
    with tracked(
        job.output,
        name,
        run_id=run.get("mlflow_run"),
        params=settings_of(recipe, seed=job.seed),
        tags=job.tags,
    ) as tracking:
        update(folder, mlflow_run=tracking.id)
        network = learn(on_epoch=tracking.log)
        about: dict[str, Any] = {
            "trained_on": job.wall_terms if isinstance(samples, WallSamples) else job.slice_terms,
            "data_fingerprint": digest_of_data(job.digests),
            "recipe": read_json(folder / RECIPE),
        }
        if name == "myo" and isinstance(network, ResUNet):
            about["cleanup"] = fit_cleanup(network, samples, console=job.console)
        path = save_network(network, name, folder=job.weights, about=about)
        if isinstance(network, ResUNet):
            ranges_after_training(name, samples, folder=job.weights, console=job.console)
        sha256 = read_manifest(job.weights)[name]["sha256"]
        tracking.register(path, name=name, sha256=sha256)
    update(folder, finished=now(), sha256=sha256)


def keep_prior(job: Job, *, anew: bool) -> None:
    """Fit the latent prior of the autoencoder in the weights folder.

    Unless `anew`, only where it has none yet. Without an autoencoder there, the shipped one is put
    there first.
    """
    bring_autoencoder(job.weights, console=job.console)
    if not anew and has_prior(job.weights):
        job.console.print("latent prior: finished before, left as it is")
        return
    params = {"autoencoder_sha256": read_manifest(job.weights)["autoencoder"]["sha256"]}
    with tracked(job.output, PRIOR, run_id=None, params=params, tags=job.tags) as tracking:
        prior = fit_prior(
            job.walls,
            folder=job.weights,
            seed=job.seed,
            device=job.processes.device,
            console=job.console,
        )
        about = {"trained_on": job.wall_terms, "data_fingerprint": digest_of_data(job.digests)}
        path = save_prior(prior, folder=job.weights, about=about)
        sha256 = read_manifest(job.weights)[PRIOR]["sha256"]
        tracking.register(path, name=PRIOR, sha256=sha256)
