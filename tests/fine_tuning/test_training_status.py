"""What is served follows what is live, with real chains of small networks."""

import numpy as np
import pytest
import small_site

from acsnet.errors import WeightsError
from acsnet.fine_tuning.model_registry import Models
from acsnet.fine_tuning.training_status import Progress, change_status, read_status
from acsnet.io import read_scan
from acsnet.nets.weights import read_manifest
from acsnet.server.inference.model_server import ModelServer
from acsnet.train.checkpoint import Epoch


@pytest.fixture
def versions(tmp_path, write_chain):
    """A models folder with two versions, the first one live."""
    models = Models(tmp_path / "models")
    names = [models.add(write_chain(tmp_path / f"chain{k}", seed=k), {}) for k in range(2)]
    models.promote(names[0])
    return models, *names


def masks(served, scan):
    with served.serving() as chain:
        return chain.version, chain.pipeline(scan).labels


@pytest.mark.slow
def test_a_rollback_restores_the_exact_masks(tmp_path, write_chain, samples):
    models = Models(tmp_path / "models")
    first = models.add(small_site.write_chain(tmp_path / "shipped", {}), {})
    second = models.add(write_chain(tmp_path / "random"), {})
    models.promote(first)
    scan = read_scan(samples / "nifti" / "phantom-2.nii.gz")
    served = ModelServer(models)
    version, before = masks(served, scan)
    assert version == first
    models.promote(second)
    version, other = masks(served, scan)
    assert version == second
    assert not np.array_equal(before, other)
    models.rollback()
    version, after = masks(served, scan)
    assert version == first
    np.testing.assert_array_equal(before, after)


def test_a_request_that_has_begun_keeps_its_chain(versions):
    models, first, second = versions
    served = ModelServer(models)

    with served.serving() as chain:
        models.promote(second)
        served.follow()
        assert chain.version == first
        assert chain.pipeline.weights["myo"] == digest_of(models, first)
    assert served.current().version == second
    assert served.current().pipeline.weights["myo"] == digest_of(models, second)


def digest_of(models, name):
    return read_manifest(models.weights(name))["myo"]["sha256"]


def test_a_version_that_cannot_be_loaded_leaves_the_one_before_served(versions, caplog):
    models, first, second = versions
    served = ModelServer(models)
    models.promote(second)
    file = models.weights(second) / "roi.safetensors"
    file.chmod(0o644)
    file.write_bytes(b"altered")
    for _ in range(2):
        served.follow()
    assert served.current().version == first
    assert caplog.text.count(f"model {second} cannot be served") == 1
    with pytest.raises(WeightsError, match="altered"):
        ModelServer(models)  # but nothing starts without what is live
    models.rollback()
    assert ModelServer(models).current().version == first


@pytest.mark.slow
def test_damaged_aliases_leave_the_model_served_that_was_and_say_the_way_out(versions):
    models, first, _ = versions
    served = ModelServer(models)
    aliases = (models.root / "aliases.json").read_bytes()
    (models.root / "aliases.json").write_bytes(b"")
    assert (served.follow().version, served.refused) == (first, "aliases.json")
    with pytest.raises(WeightsError, match=r"restore it from a backup, or delete it to use"):
        ModelServer(models)
    (models.root / "aliases.json").write_bytes(aliases)
    assert (served.follow().version, served.refused) == (first, None)
    (models.root / "aliases.json").unlink()
    assert ModelServer(models).current().version == "shipped"


def test_starts_are_counted_from_the_last_epoch_that_is_new(tmp_path):
    """A run that goes on is told its history of before once more."""
    history = [Epoch(k, 0.5, 1e-3, 1.0) for k in (1, 2, 3)]
    progress = Progress(folder=tmp_path, step="myo", done=8, epochs=12)
    change_status(tmp_path, epoch=10, starts=3)
    progress(history[:2])
    assert (read_status(tmp_path).epoch, read_status(tmp_path).starts) == (10, 3)
    progress(history)
    assert (read_status(tmp_path).epoch, read_status(tmp_path).starts) == (11, 1)
