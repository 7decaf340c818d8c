"""Simulation of active learning: are fewer labels needed when scans are chosen, not random?

The EMIDEC train list is replayed as if nobody had labelled it. For each seed a third of its
patients is held out; of the others a few are labelled at the start, the same for both ways, and a
small MYO network is trained on them from nothing. In each round more scans are labelled, chosen by
the combined strategy with this very network in the chain, or at random; then the network goes on
training on all that is labelled by now, as it does at a site, and is measured on the patients held
out. In the same round both ways have had the same number of steps.

Limits: the ROI network, the autoencoder and the prior in that chain are the shipped ones, which
have seen these patients; they take part in choosing, and not in the Dice that is reported, which is
of the MYO network alone inside the expert's region of interest.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, cast

import numpy as np
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn, TimeRemainingColumn

from acsnet.active_learning.acquisition import COMBINED, Known, choose
from acsnet.active_learning.scores import disagreement, scores_of
from acsnet.errors import InputError
from acsnet.labels import Label
from acsnet.masks import dice
from acsnet.nets.architecture import ResUNetConfig
from acsnet.nets.openvino_network import FusedNetwork
from acsnet.nets.resunet import ResUNet
from acsnet.nets.views import ALL_VIEWS
from acsnet.pipeline import Pipeline
from acsnet.stages.myocardium import WALL_THRESHOLD
from acsnet.storage import write_json
from acsnet.train.data.case import POOL, SCAR, WALL, TrainingCase
from acsnet.train.data.lists import cases_of, training_names
from acsnet.train.loop import Recipe, Start, train
from acsnet.train.recipes import MYOCARDIUM
from acsnet.train.run_record import CHECKPOINT, read_json
from acsnet.train.samples.prepare import join_samples, samples_of
from acsnet.train.samples.slices import CaseSamples
from shared.network_arrays import weights_of
from training.ablation_arms import folds, probabilities

FOLDS = 3
"""The same number of steps in every round, however many scans are labelled."""

START, RANDOM = "start", "random"
ARMS = (COMBINED, RANDOM)
SETTINGS, DICE, PICKED = "settings.json", "dice.json", "picked.json"

LABEL_OF = {POOL: Label.LV_BLOOD_POOL, WALL: Label.LV_MYOCARDIUM, SCAR: Label.GREY_ZONE}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is replayed.

    seeds: repetitions; start: scans labelled at first; step: more of them after each of `rounds`;
    epochs, filters, images_an_epoch: of the network that is trained in each.
    """

    seeds: int = 3
    start: int = 4
    step: int = 6
    rounds: int = 3
    epochs: int = 30
    filters: int = 8
    images_an_epoch: int = 320

    @property
    def labels(self) -> int:
        """How many scans are labelled in the end."""
        return self.start + self.step * self.rounds

    @property
    def trainings(self) -> int:
        """How many networks are trained: the first of each seed serves both ways."""
        return self.seeds * (1 + len(ARMS) * self.rounds)

    def recipe(self) -> Recipe:
        """The shipped recipe of the MYO network, with fewer filters and steps."""
        net = ResUNetConfig(**asdict(MYOCARDIUM.net) | {"base_filters": self.filters})
        return replace(
            MYOCARDIUM, net=net, epochs=self.epochs, images_an_epoch=self.images_an_epoch
        )


@dataclass(frozen=True, kw_only=True)
class Round:
    """One network.

    arm: one of `ARMS`, or `START`; labelled: the cases that it was trained on, in their order;
    dice: wall Dice of each patient held out.
    """

    seed: int
    arm: str
    labelled: tuple[str, ...]
    dice: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Replay:
    """The labelled set, and where the networks go. on_epoch: told the epochs done of a network."""

    plan: Plan
    cases: dict[str, TrainingCase]
    pipeline: Pipeline
    output: Path
    on_epoch: Callable[[int], None]
    parts: dict[str, list[CaseSamples]] = field(default_factory=dict)

    def rounds(self, seed: int) -> Iterator[Round]:
        """All rounds of one seed, as they are done."""
        held_out, order = split(list(self.cases), seed)
        first = self._round(seed, START, tuple(order[: self.plan.start]), held_out)
        yield first
        for arm in ARMS:
            now = first
            for _ in range(self.plan.rounds):
                more = (
                    order[len(now.labelled) : len(now.labelled) + self.plan.step]
                    if arm == RANDOM
                    else self._picked(now, order)
                )
                now = self._round(seed, arm, (*now.labelled, *more), held_out)
                yield now

    def _round(
        self, seed: int, arm: str, labelled: tuple[str, ...], held_out: Sequence[str]
    ) -> Round:
        def measured() -> dict[str, Any]:
            network = self._network(seed, arm, labelled)
            return {name: wall_dice(network, self.cases[name]) for name in held_out}

        dice = kept(self._folder(seed, arm, labelled) / DICE, measured)
        return Round(seed=seed, arm=arm, labelled=labelled, dice=dice)

    def _picked(self, now: Round, pool: Sequence[str]) -> list[str]:
        """The scans that the combined strategy has labelled next."""

        def pick() -> dict[str, Any]:
            network = self._network(now.seed, now.arm, now.labelled)
            chain_of_nets = replace(self.pipeline, myocardium_net=FusedNetwork(weights_of(network)))
            known = {name: known_of(chain_of_nets, self.cases[name]) for name in pool}
            chosen = choose(
                [replace(known[n], disagreement=None) for n in pool if n not in now.labelled],
                [known[name] for name in now.labelled],
                strategy=COMBINED,
                count=self.plan.step,
            )
            return {one.id: one.reason for one in chosen}

        return list(kept(self._folder(now.seed, now.arm, now.labelled) / PICKED, pick))

    def _network(self, seed: int, arm: str, labelled: tuple[str, ...]) -> ResUNet:
        """The network of a round, trained or found finished."""
        for name in labelled:
            if name not in self.parts:
                job = self.cases[name], list(self.cases).index(name)
                variants = samples_of(job, references=[], share=0.0)
                self.parts[name] = [{"myo": parts["myo"]} for parts in variants]
        samples = join_samples(
            [self.cases[name] for name in labelled], [self.parts[name] for name in labelled], "myo"
        )
        network = train(
            self.plan.recipe(),
            samples,
            self._folder(seed, arm, labelled),
            seed=seed,
            console=Console(quiet=True),
            on_epoch=lambda history: self.on_epoch(len(history)),
            start=self._before(seed, arm, labelled),
        )
        return cast(ResUNet, network)

    def _before(self, seed: int, arm: str, labelled: tuple[str, ...]) -> Start | None:
        """The network that a round goes on from; None for the first."""
        if arm == START:
            return None
        fewer = labelled[: -self.plan.step]
        way = START if len(fewer) == self.plan.start else arm
        network = self._network(seed, way, fewer)
        checkpoint = self._folder(seed, way, fewer) / CHECKPOINT
        return Start(network=network, sha256=sha256(checkpoint.read_bytes()).hexdigest())

    def _folder(self, seed: int, arm: str, labelled: Sequence[str]) -> Path:
        return self.output / f"seed-{seed}" / f"{arm}-{len(labelled):03d}"


def run_simulation(data: Path, output: Path, *, plan: Plan, console: Console) -> list[Round]:
    """Train and measure every round that is not in `output` yet; returns all of them.

    data: laid out as `acsnet.train` says. Interrupt it at will: the same command goes on. Raises
    InputError as `acsnet.train.data.lists` does, where the train list has too few patients for
    the plan, and where `output` holds a simulation of another plan or list.
    """
    names = training_names(data, "emidec")
    fewest = min(len(split(names, seed)[1]) for seed in range(FOLDS))
    if plan.labels > fewest:
        msg = f"the plan labels {plan.labels} scans, but beside those held out are only {fewest}"
        raise InputError(msg)
    keep_settings(output, {**asdict(plan), "names": names})
    console.print(f"reading {len(names)} patients")
    cases = dict(zip(names, cases_of(data, "emidec", names), strict=True))
    columns = (*Progress.get_default_columns()[:-1], TimeElapsedColumn(), TimeRemainingColumn())
    found: list[Round] = []
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("epochs", total=plan.trainings * plan.epochs)
        replay = Replay(
            plan=plan,
            cases=cases,
            pipeline=Pipeline.load(),
            output=output,
            on_epoch=lambda done: bar.update(task, completed=len(found) * plan.epochs + done),
        )
        for one in chain.from_iterable(replay.rounds(seed) for seed in range(plan.seeds)):
            found.append(one)
            bar.update(task, completed=len(found) * plan.epochs)
            mean = np.mean(list(one.dice.values()))
            console.print(
                f"seed {one.seed}, {one.arm}, {len(one.labelled)} labels: wall Dice {mean:.3f}",
                highlight=False,
            )
    return found


def split(names: Sequence[str], seed: int) -> tuple[list[str], list[str]]:
    """The patients held out, and the others in random order.

    Normals and infarcts have their share of both; three seeds in a row hold out every patient once.
    Raises InputError for too few patients.
    """
    try:
        held_out = folds(names, FOLDS)[seed % FOLDS]
    except ValueError as error:
        msg = f"{len(names)} patients are too few to hold a third of them out"
        raise InputError(msg) from error
    others = [name for name in names if name not in held_out]
    order = np.random.default_rng(seed).permutation(len(others))
    return held_out, [others[k] for k in order]


def wall_dice(network: ResUNet, case: TrainingCase) -> float:
    """Dice of the wall that the network draws inside the expert's region of interest."""
    wall, _ = probabilities(network, case, views=ALL_VIEWS)
    return dice(wall > WALL_THRESHOLD, case.tissue >= WALL)


def known_of(pipeline: Pipeline, case: TrainingCase) -> Known:
    """What the server would know of a case that was segmented and then reviewed by its expert."""
    result = pipeline(case.scan)
    expert = np.zeros(case.tissue.shape, np.uint8)
    for tissue, label in LABEL_OF.items():
        expert[case.tissue == tissue] = label
    far = disagreement(result.label_map(), case.scan.grid.to_input(expert))
    return Known(id=case.scan.name, scores=scores_of(result), disagreement=far)


def keep_settings(output: Path, settings: dict[str, Any]) -> None:
    """Write down what is simulated. Raises InputError where `output` holds something else."""
    before = kept(output / SETTINGS, lambda: settings)
    differing = [key for key, value in settings.items() if before.get(key) != value]
    if differing:
        msg = f"{output} holds a simulation with other {', '.join(differing)}: use another folder"
        raise InputError(msg)


def kept(file: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What is in a JSON file; where there is none yet, what `make` returns is put there."""
    if file.exists():
        return read_json(file)
    content = make()
    file.parent.mkdir(parents=True, exist_ok=True)
    write_json(file, content)
    return content
