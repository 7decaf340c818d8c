"""Versions and aliases. The chains are small: what is in them does not matter here."""

import os
import signal

import numpy as np
import pytest

from acsnet.anatomy.checks import read_limits
from acsnet.anatomy.latent_prior import Prior, save_prior
from acsnet.errors import InputError, WeightsError
from acsnet.fine_tuning.model_registry import SHIPPED_NAME, Aliases, Models
from acsnet.nets.architecture import AutoencoderConfig, ResUNetConfig
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.resunet import ResUNet
from acsnet.nets.torch_weights import save_network
from acsnet.nets.weights import RANGES, SHIPPED, save_ranges


def write_chain(folder, number):
    """A whole chain of small networks; another number, another chain."""
    unet = ResUNetConfig(base_filters=2, outputs=1, depth=2)
    save_network(ResUNet(unet), "roi", folder=folder, about={"number": number})
    save_network(ResUNet(unet), "myo", folder=folder, about={})
    save_network(
        Autoencoder(AutoencoderConfig(base_filters=2)), "autoencoder", folder=folder, about={}
    )
    prior = Prior(
        codes=np.zeros((3, 16), np.float32),
        scale_mm=np.ones(3, np.float32),
        experts=3,
        gap=1.0,
        acceptance=1.0,
        seed=0,
        limits=read_limits(),
    )
    save_prior(prior, folder=folder, about={})
    return folder


@pytest.fixture(scope="module")
def chains(tmp_path_factory):
    return [write_chain(tmp_path_factory.mktemp(f"chain{k}"), k) for k in range(2)]


@pytest.fixture
def models(tmp_path):
    return Models(tmp_path / "models")


def content(folder):
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_before_any_training_the_shipped_version_is_live_and_nothing_is_written(models):
    assert models.aliases() == Aliases(live="shipped", previous=None, candidate=None)
    assert models.names() == ["shipped"]
    assert models.weights("shipped") == SHIPPED
    models.repair()
    assert not models.root.exists()


def test_a_version_is_a_copy_that_can_not_be_written_to(models, chains):
    name = models.add(chains[0], {"base": "shipped"})
    assert content(models.weights(name)) == content(chains[0])
    assert all(file.stat().st_mode & 0o222 == 0 for file in models.weights(name).iterdir())
    assert models.record(name)["base"] == "shipped"
    assert models.aliases() == Aliases(candidate=name)


def test_the_same_weights_are_the_same_version(models, chains):
    first = models.add(chains[0], {"base": "shipped"})
    second = models.add(chains[1], {"base": first})
    assert first != second
    assert models.add(chains[0], {"base": "another"}) == first
    assert models.record(first)["base"] == "shipped"
    assert models.names()[0] == "shipped"
    assert sorted(models.names()[1:]) == sorted([first, second])


def test_the_shipped_version_comes_first_and_then_the_oldest(models, chains):
    first, second = (models.add(chain, {"made": "2026-11-02"}) for chain in chains)
    models.note(second, made="2026-11-01")
    assert models.names() == ["shipped", second, first]
    models.note(second, made="2026-11-03")
    assert models.names() == ["shipped", first, second]


def test_promotion_and_rollback(models, chains):
    first, second = (models.add(chain, {}) for chain in chains)
    assert models.promote(first) == Aliases(live=first, previous="shipped", candidate=second)
    assert models.promote(second) == Aliases(live=second, previous=first)
    assert models.rollback() == Aliases(live=first, previous=second)
    assert models.rollback() == Aliases(live=second, previous=first)
    assert models.aliases() == Aliases(live=second, previous=first)


def test_any_version_that_was_in_use_can_be_gone_back_to_and_no_other(models, chains):
    first, second = (models.add(chain, {}) for chain in chains)
    with pytest.raises(InputError, match=f"{first} was never in use"):
        models.rollback(first)
    models.promote(first)
    models.promote(second)
    assert models.rollback("shipped") == Aliases(live="shipped", previous=second)
    assert models.rollback(first) == Aliases(live=first, previous="shipped")
    assert [change.event for change in models.changes()] == ["promote"] * 2 + ["rollback"] * 2
    with pytest.raises(InputError, match=f"{first} is in use already"):
        models.rollback(first)


def test_there_is_nothing_before_the_shipped_version(models):
    with pytest.raises(InputError, match="shipped is live and there was no version before it"):
        models.rollback()


def test_a_candidate_measured_against_another_than_the_live_version_is_refused(models, chains):
    first, second = (models.add(chain, {}) for chain in chains)
    models.promote(first)
    with pytest.raises(InputError, match=f"measured against shipped, but {first} is live"):
        models.promote(second, instead_of="shipped")
    assert models.aliases().live == first


def test_the_version_that_is_live_is_promoted_by_nobody_else(models, chains):
    name = models.add(chains[0], {})
    models.promote(name)
    assert models.promote(name, instead_of="shipped").live == name
    assert len(models.changes()) == 1


def test_a_promotion_is_of_the_run_whose_decision_is_on_record(models, chains):
    name = models.add(chains[0], {})
    assert models.promotion(name, run="first") is None
    models.note(name, decision={"run": "first", "after": ""})
    assert models.promotion(name, run="first") is None
    models.promote(name)
    first = models.changes()[-1]
    models.rollback()
    assert models.promotion(name, run="first") == first
    assert models.promotion(name, run="second") is None

    models.note(name, decision={"run": "second", "after": models.changes()[-1].id})
    assert models.promotion(name, run="second") is None
    models.promote(name)
    assert models.promotion(name, run="second") == models.changes()[-1] != first


def test_what_is_altered_is_not_served(models, chains, tmp_path):
    name = models.add(chains[0], {})
    file = models.weights(name) / "myo.safetensors"
    file.chmod(0o644)
    file.write_bytes(b"altered")
    with pytest.raises(WeightsError, match="altered"):
        models.promote(name)
    assert models.aliases().live == "shipped"


def test_what_was_altered_since_it_was_live_is_not_gone_back_to(models, chains):
    first, second = (models.add(chain, {}) for chain in chains[:2])
    models.promote(first)
    models.promote(second)
    file = models.weights(first) / "myo.safetensors"
    file.chmod(0o644)
    file.write_bytes(b"altered")
    with pytest.raises(WeightsError, match="altered"):
        models.rollback()
    assert models.aliases().live == second


def test_altered_ranges_for_8_bits_are_not_served_and_ranges_are_part_of_the_name(models, tmp_path):
    chain = write_chain(tmp_path / "chain", 0)
    first = models.add(chain, {})
    save_ranges("myo", {"down.0.mid": (0.0, 20.0)}, folder=chain)
    name = models.add(chain, {})
    assert name != first
    file = models.weights(name) / RANGES
    file.chmod(0o644)
    file.write_text(file.read_text().replace("20.0", "2.0"))
    with pytest.raises(WeightsError, match="ranges of 'myo'"):
        models.promote(name)
    assert models.aliases().live == "shipped"


def test_half_a_chain_is_no_version(models, chains, tmp_path):
    half = tmp_path / "half"
    save_network(ResUNet(ResUNetConfig(base_filters=2, outputs=1)), "roi", folder=half, about={})
    with pytest.raises(WeightsError, match="myo"):
        models.add(half, {})
    assert models.names() == ["shipped"]


def test_broken_aliases_are_refused_for_they_say_what_to_serve(models, chains):
    models.add(chains[0], {})
    (models.root / "aliases.json").write_text("{")
    with pytest.raises(WeightsError, match="not known which model is live"):
        models.aliases()


def test_a_damaged_record_of_a_version_leaves_it_to_be_served(models, chains):
    first, second = (models.add(chain, {}) for chain in chains)
    record = models.root / "versions" / first / "record.json"
    record.write_text("[]")
    assert set(models.names()) == {SHIPPED_NAME, first, second}
    assert models.record(first)["damaged"] == "its record.json cannot be read"
    assert models.promote(models.find(first)).live == first


def test_versions_are_found_by_alias_name_and_beginning(models, chains):
    name = models.add(chains[0], {})
    assert {models.find(what) for what in ("candidate", name, name[:6])} == {name}
    assert models.find("live") == "shipped"
    for what in ("previous", "", "nothing", "../.."):
        with pytest.raises(InputError, match="there is no"):
            models.find(what)


def promote_and_die(models, chain, steps):
    """Add and promote a version, killed before the n-th step that changes the file system."""
    left = steps

    def dying(call):
        def step(*args, **options):
            nonlocal left
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1
            return call(*args, **options)

        return step

    for name in ("replace", "mkdir", "chmod", "open"):
        setattr(os, name, dying(getattr(os, name)))
    models.promote(models.add(chain, {}))


def in_a_child(work, *args):
    """The signal that ended a process that did the work, or 0."""
    child = os.fork()
    if child == 0:
        work(*args)
        os._exit(0)
    return os.WTERMSIG(os.waitpid(child, 0)[1])


@pytest.mark.slow
def test_killed_anywhere_in_a_promotion_the_old_or_the_new_version_is_live(models, chains):
    models.promote(models.add(chains[0], {}))
    old, states, steps = models.aliases().live, [], 0
    while in_a_child(promote_and_die, models, chains[1], steps) == signal.SIGKILL:
        states.append(models.aliases().live)
        assert content(models.weights(states[-1])).keys() == content(chains[0]).keys()
        steps += 1
    new = models.aliases().live
    assert steps > 8
    assert states[0] == old
    assert old != new
    assert states == sorted(states, key=lambda live: live != old)  # never back again
    models.repair()
    assert not list(models.root.rglob("new-*"))
    assert models.aliases().previous == old
    assert content(models.weights(new)) == content(chains[1])
    assert models.rollback().live == old
    assert content(models.weights(old)) == content(chains[0])
