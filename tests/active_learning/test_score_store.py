"""Scores are found again for the same scan and model, and for no other."""

from dataclasses import replace

import numpy as np
import pytest

from acsnet.active_learning.score_store import ScoreStore, Stamp, model_version
from acsnet.active_learning.scores import FEATURES, Scores

STAMP = Stamp(image="../a b", fingerprint="f1", model="m1")
SCORES = Scores(uncertainty=0.25, correction=1.5, features=(None, *[0.1] * (len(FEATURES) - 1)))
LABELS = np.arange(8, dtype=np.uint8).reshape(2, 2, 2)


@pytest.fixture
def folder(tmp_path):
    ScoreStore(tmp_path / "scores").put(STAMP, SCORES, LABELS)
    return tmp_path / "scores"


def test_scores_survive_a_restart(folder):
    store = ScoreStore(folder)
    assert store.get(STAMP) == SCORES
    np.testing.assert_array_equal(store.labels(STAMP), LABELS)


@pytest.mark.parametrize("changed", ["image", "fingerprint", "model"])
def test_another_scan_state_or_model_has_none(folder, changed):
    store = ScoreStore(folder)
    other = replace(STAMP, **{changed: "other"})
    assert store.get(other) is None
    assert store.labels(other) is None


def test_a_newer_score_replaces_the_one_before(folder):
    store = ScoreStore(folder)
    newer = replace(STAMP, model="m2")
    store.put(newer, replace(SCORES, uncertainty=0.5), LABELS)
    assert store.get(STAMP) is None
    assert ScoreStore(folder).get(newer).uncertainty == 0.5
    assert len(list(folder.iterdir())) == 1


def test_damaged_files_are_no_scores(folder):
    (file,) = folder.iterdir()
    file.write_bytes(file.read_bytes()[:40])
    (folder / "other.npz").write_bytes(b"")
    assert ScoreStore(folder).get(STAMP) is None


def test_names_of_images_never_become_paths_and_files_are_private(folder):
    assert folder.stat().st_mode & 0o077 == 0
    assert all(file.name.removesuffix(".npz").isalnum() for file in folder.iterdir())


def test_a_model_is_known_by_all_its_weights():
    weights = {"roi": "1", "myo": "2"}
    assert model_version(weights) == model_version(dict(reversed(weights.items())))
    assert model_version(weights) != model_version({**weights, "myo": "3"})
