"""Fine-tuning of the networks, with the loop and recipes of the first training.

A lower learning rate, smaller batches, few epochs, fixed batch-norm statistics, replay in each
epoch (`acsnet.fine_tuning.replay`), and in the end the mean of new and old weights, which keeps
most of what is learned and forgets little (Wortsman et al. 2022, doi:10.1109/CVPR52688.2022.00780).
Not from the paper: the numbers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn

from acsnet.anatomy.latent_prior import NAME as PRIOR
from acsnet.anatomy.latent_prior import save_prior
from acsnet.fine_tuning.kept_samples import kept_walls
from acsnet.fine_tuning.replay import with_replay
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_weights import NETWORKS, load_network, save_network
from acsnet.nets.weights import copy_weights, read_manifest
from acsnet.storage import write_json
from acsnet.train.activation_ranges import ranges_after_training
from acsnet.train.checkpoint import Epoch
from acsnet.train.distributed import Processes
from acsnet.train.job import BUILT, WEIGHTS, has_result
from acsnet.train.latent_prior import fit_prior
from acsnet.train.loop import Recipe, Start, settings_of, train
from acsnet.train.mlflow_runs import TrackedRun, tracked
from acsnet.train.recipes import RECIPES
from acsnet.train.run_record import RECIPE, RUN, now, read_json, update, versions
from acsnet.train.samples.prepare import load
from acsnet.train.samples.slices import Samples
from acsnet.train.samples.walls import WallSamples

# Shares of reviewed scans, cine and replay in an epoch.
SHARES = {"roi": (0.7, 0.0, 0.3), "myo": (0.7, 0.0, 0.3), "autoencoder": (0.5, 0.0, 0.5)}
BATCHES = {"roi": 16, "myo": 16, "autoencoder": 32}  # few scans need more steps, not larger ones
EPOCHS: Mapping[str, int] = {"roi": 8, "myo": 8, "autoencoder": 4}

TERMS = "; fine-tuned on reviewed labels of the site"
SEED = 0


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """How long and how fast the networks are fine-tuned.

    old_share: of the old weights in the result; phantoms: that are replayed.
    """

    learning_rate: float = 3e-4
    old_share: float = 0.5
    epochs: Mapping[str, int] = field(default_factory=lambda: EPOCHS)
    images_an_epoch: int = 480
    phantoms: int = 24
    average_decay: float = 0.995

    def recipe(self, name: str, network: ResUNet | Autoencoder, *, epochs: int | None) -> Recipe:
        """The recipe to fine-tune a trained network; epochs: None for the default."""
        return replace(
            RECIPES[name],
            net=network.config,
            share=SHARES[name],
            epochs=epochs or self.epochs[name],
            images_an_epoch=self.images_an_epoch,
            batch=BATCHES[name],
            learning_rate=self.learning_rate,
            average_decay=self.average_decay,
        )

    def total_epochs(self, names: Sequence[str], *, epochs: int | None) -> int:
        """Epochs over all networks; the prior counts as one."""
        return sum(1 if name == PRIOR else epochs or self.epochs[name] for name in names)


USUAL = Schedule()


@dataclass(frozen=True, kw_only=True)
class FineTuning:
    """One fine-tuning run. All processes make the same calls; only the first writes.

    base: weights folder to start from; folder: of the run, with its kept samples; registry: folder
    of the MLflow database; on_step: called after each batch.
    """

    base: Path
    folder: Path
    registry: Path
    schedule: Schedule
    processes: Processes
    console: Console
    on_step: Callable[[], None]

    @property
    def weights(self) -> Path:
        """The resulting weights folder."""
        return self.folder / WEIGHTS

    @cached_property
    def walls(self) -> WallSamples:
        """Training samples of autoencoder and prior."""
        return with_replay(kept_walls(self.folder))

    def samples(self, name: str) -> Samples:
        """Training samples of a network."""
        if name == "autoencoder":
            return self.walls
        return load(self.folder / BUILT / f"{name}.npz")

    def bring_base(self) -> None:
        """Copy the parts of the base that the run has not trained yet into its weights folder."""

        def bring() -> None:
            for name in read_manifest(self.base):
                if not has_result(name, self.folder):
                    copy_weights(name, source=self.base, folder=self.weights)

        self.processes.from_first(bring)

    def is_done(self, name: str) -> bool:
        """Whether this part is fully trained and in the weights folder."""
        return self.processes.from_first(lambda: has_result(name, self.folder))

    def train(
        self,
        name: str,
        *,
        epochs: int | None,
        on_epoch: Callable[[Sequence[Epoch]], None],
        on_share: Callable[[float], None],
    ) -> None:
        """Train a network, or resume its training, and write its weights.

        on_epoch, on_share: told by the first process of each epoch, and of its part that is done.
        """
        entry = read_manifest(self.base)[name]
        network = load_network(name, NETWORKS[name], folder=self.base)
        recipe = self.schedule.recipe(name, network, epochs=epochs)
        folder = self.folder / name

        def on_step(share: float) -> None:
            self.on_step()
            if self.processes.first:
                on_share(share)

        samples = self.samples(name)
        learn = partial(
            train,
            recipe,
            samples,
            folder,
            seed=SEED,
            processes=self.processes,
            console=self.console,
            on_step=on_step,
            start=Start(network=network, sha256=entry["sha256"]),
        )
        if not self.processes.first:
            learn()
            return
        with self._tracked(name, settings_of(recipe, seed=SEED)) as run:

            def log_history(history: Sequence[Epoch]) -> None:
                run.log(history)
                on_epoch(history)

            trained = moved_back(
                learn(on_epoch=log_history), network, share=self.schedule.old_share
            )
            about = {key: v for key, v in entry.items() if key not in ("file", "sha256", "config")}
            about |= {"recipe": read_json(folder / RECIPE), "base_sha256": entry["sha256"]}
            save_network(trained, name, folder=self.weights, about=with_terms(about))
            if isinstance(trained, ResUNet):
                ranges_after_training(name, samples, folder=self.weights, console=self.console)
        self._finish(name)

    def fit_prior(self) -> None:
        """Fit the latent prior of the autoencoder in the weights folder and write it there."""
        self.processes.from_first(self._fit_prior)

    def _fit_prior(self) -> None:
        params = {"autoencoder_sha256": read_manifest(self.weights)["autoencoder"]["sha256"]}
        with self._tracked(PRIOR, params):
            prior = fit_prior(
                self.walls,
                folder=self.weights,
                seed=SEED,
                device=self.processes.device,
                console=self.console,
            )
            about = {"trained_on": read_manifest(self.base)[PRIOR].get("trained_on", "")}
            save_prior(prior, folder=self.weights, about=with_terms(about))
        self._finish(PRIOR)

    @contextmanager
    def _tracked(self, name: str, params: Mapping[str, Any]) -> Iterator[TrackedRun]:
        """The MLflow run of one part, resumed if it exists."""
        path = self.folder / name / RUN
        known = read_json(path).get("mlflow_run") if path.exists() else None
        tags = {"run": self.folder.name, **{f"version.{k}": v for k, v in versions().items()}}
        with tracked(
            self.registry, f"fine-tune {name}", run_id=known, params=params, tags=tags
        ) as run:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_json(path, {"mlflow_run": run.id})
            yield run

    def _finish(self, name: str) -> None:
        sha256 = read_manifest(self.weights)[name]["sha256"]
        update(self.folder / name, finished=now(), sha256=sha256)


@torch.no_grad()
def moved_back(
    trained: ResUNet | Autoencoder, before: nn.Module, *, share: float
) -> ResUNet | Autoencoder:
    """The trained network, with weights that are by this share the old ones."""
    for new, old in zip(trained.parameters(), before.parameters(), strict=True):
        new.lerp_(old.to(new.device), share)
    return trained


def with_terms(about: dict[str, Any]) -> dict[str, Any]:
    """A manifest entry whose terms mention the site's labels."""
    terms = str(about.get("trained_on", "")).removesuffix(TERMS)
    return {**about, "trained_on": terms + TERMS}
