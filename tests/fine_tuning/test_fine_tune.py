"""The schedule of a fine-tuning, and what becomes of one that another version began."""

import json
from io import StringIO
from types import SimpleNamespace

import numpy as np
import pytest
from rich.console import Console

from acsnet.fine_tuning import fine_tune
from acsnet.fine_tuning.fine_tune import SEED, USUAL, FineTuning, Schedule
from acsnet.nets.torch_weights import NETWORKS, load_network, random_network
from acsnet.nets.weights import read_manifest
from acsnet.train.checkpoint import State
from acsnet.train.distributed import ALONE
from acsnet.train.loop import Start, settings_of_run
from acsnet.train.recipes import RECIPES
from acsnet.train.run_record import CHECKPOINT, RECIPE, RUN


@pytest.mark.parametrize("name", RECIPES)
def test_few_scans_give_enough_steps(name):
    """480 images in batches of at most 32 are 15 steps an epoch or more."""
    network = random_network(RECIPES[name].net)
    recipe = USUAL.recipe(name, network, epochs=None)
    assert recipe.images_an_epoch // recipe.batch >= 15
    assert recipe.learning_rate < RECIPES[name].learning_rate
    assert recipe.net == network.config


def test_epochs_asked_for_are_those_of_every_network_and_the_prior_counts_as_one():
    schedule = Schedule(epochs={"autoencoder": 4, "roi": 2})
    assert schedule.total_epochs(["roi", "autoencoder", "prior"], epochs=None) == 7
    assert schedule.total_epochs(["roi", "autoencoder", "prior"], epochs=3) == 7
    assert schedule.total_epochs(["prior"], epochs=3) == 1


class BegunError(Exception):
    """The loop of the training has begun."""


@pytest.fixture
def cut_short(root, write_chain, tmp_path, monkeypatch):
    """A fine-tuning of `roi` that ends where its loop begins, and its checkpoint from before."""
    samples = SimpleNamespace(images=np.zeros((3, 8, 8)))

    def begin(*args, **options):
        raise BegunError

    monkeypatch.setattr(fine_tune, "train", begin)
    monkeypatch.setattr(FineTuning, "samples", lambda self, name: samples)
    console = Console(file=StringIO(), width=200)
    tuning = FineTuning(
        base=write_chain(tmp_path / "base"),
        folder=tmp_path / "run",
        registry=root,
        schedule=USUAL,
        processes=ALONE,
        console=console,
        on_step=lambda: None,
    )
    network = load_network("roi", NETWORKS["roi"], folder=tuning.base)
    recipe = USUAL.recipe("roi", network, epochs=None)
    start = Start(network=network, sha256=read_manifest(tuning.base)["roi"]["sha256"])
    folder = tuning.folder / "roi"
    folder.mkdir(parents=True)
    settings = settings_of_run(recipe, samples, seed=SEED, start=start)
    (folder / RECIPE).write_text(json.dumps(settings))
    (folder / RUN).write_text('{"mlflow_run": "of before"}')
    State.start(network, learning_rate=1e-3).save(folder / CHECKPOINT)

    def go_on():
        with pytest.raises(BegunError):
            tuning.train("roi", epochs=None, on_epoch=lambda _: None, on_share=lambda _: None)
        return (folder / CHECKPOINT).exists(), console.file.getvalue()

    return SimpleNamespace(folder=folder, settings=settings, go_on=go_on)


def test_a_run_that_was_cut_short_goes_on_from_its_checkpoint(cut_short):
    assert cut_short.go_on() == (True, "")


@pytest.mark.parametrize("changed", [{"start": "0" * 64}, {"slices": 2}, {"torch": "1.0"}])
def test_a_network_that_another_version_began_is_trained_anew(cut_short, changed):
    """An upgrade brings other networks to begin from: no run may fail of that."""
    (cut_short.folder / RECIPE).write_text(json.dumps({**cut_short.settings, **changed}))
    goes_on, told = cut_short.go_on()
    assert not goes_on
    assert told.startswith("roi: its checkpoint is damaged or of another version of ACSNet")
    assert json.loads((cut_short.folder / RUN).read_text())["mlflow_run"] != "of before"


def test_a_network_whose_checkpoint_is_damaged_is_trained_anew(cut_short):
    (cut_short.folder / CHECKPOINT).write_bytes(b"no checkpoint")
    goes_on, told = cut_short.go_on()
    assert (goes_on, "the network is trained anew" in told) == (False, True)
