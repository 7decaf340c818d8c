"""Two processes of a real `torchrun` on the CPU, and one, are the same training."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mlflow import MlflowClient

from acsnet.anatomy.checks import read_limits
from acsnet.anatomy.latent_prior import load_prior
from acsnet.errors import InputError
from acsnet.nets.autoencoder import Autoencoder
from acsnet.nets.torch_weights import load_network, random_network
from acsnet.train import latent_prior as latent_module
from acsnet.train.distributed import ALONE, Processes, joined, launched
from acsnet.train.recipes import RECIPES
from acsnet.train.run import run_training

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[1] / "shared" / "small_training.py"


def batches(folder, rank):
    return [line.split() for line in (folder / rank).read_text().splitlines()]


def weights_of(run):
    state = torch.load(run / "autoencoder" / "checkpoint.pt", weights_only=True)
    return torch.cat([value.flatten() for value in state["net"].values()]), state["history"]


def test_two_processes_train_on_the_batches_of_one(
    data, tracked_folder, empty_database, tmp_path, console, monkeypatch
):
    seen = tmp_path / "seen"
    seen.mkdir()
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = ["train", "autoencoder", "--data", str(data), "--output", str(tracked_folder)]
    done = subprocess.run(
        [*torchrun, "--nproc-per-node", "2", str(SCRIPT), *command],
        env={**os.environ, "SEEN_FOLDER": str(seen), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("autoencoder: epoch 2, mean loss") == 1
    load_network("autoencoder", Autoencoder, folder=tracked_folder / "weights")
    load_prior(read_limits(), folder=tracked_folder / "weights")
    record = json.loads((tracked_folder / "autoencoder" / "run.json").read_text())
    assert [start["processes"] for start in record["starts"]] == [2]
    versions = MlflowClient(f"sqlite:///{tracked_folder / 'mlflow.db'}").search_model_versions()
    assert sorted(version.name for version in versions) == ["acsnet-autoencoder", "acsnet-prior"]

    small = runpy.run_path(str(SCRIPT))
    options = {"seed": 0, "device": "cpu", "console": console}
    options |= {"recipes": {**RECIPES, "autoencoder": small["small"](seen)}}
    monkeypatch.setattr(latent_module, "build_prior", small["quick_prior"])
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(empty_database, alone)
    run_training("autoencoder", data=data, output=alone, **options)

    first, second, whole = (batches(seen, name) for name in ("0", "1", "alone"))
    # 22 images in three batches of 8, 7 and 7, two epochs.
    assert [len(batch) for batch in whole] == [8, 7, 7, 8, 7, 7]
    assert [a + b for a, b in zip(first, second, strict=True)] == whole

    (two, history), (one, expected) = weights_of(tracked_folder), weights_of(alone)
    np.testing.assert_allclose([row[1] for row in history], [row[1] for row in expected], rtol=0.01)
    torch.manual_seed(0)
    before = torch.cat(
        [p.flatten() for p in random_network(small["small"](seen).net).state_dict().values()]
    )
    assert (two - one).norm() < 0.05 * (one - before).norm()


def test_a_batch_is_shared_without_rest():
    parts = [Processes(rank=rank, size=3).share(np.arange(8)).tolist() for rank in range(3)]
    assert parts == [[0, 1, 2], [3, 4, 5], [6, 7]]
    assert ALONE.share(np.arange(8)).tolist() == list(range(8))


def test_more_processes_than_images_in_a_batch_are_refused():
    with pytest.raises(InputError, match="3 processes cannot share a batch of 2: use fewer"):
        Processes(rank=0, size=3).share(np.arange(2))


def test_a_process_without_a_gpu_of_its_own_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "3")
    monkeypatch.setenv("RANK", "2")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(InputError, match="process 3 of this machine has no GPU, torch finds 2"):
        launched("cuda")


def test_a_scheduler_that_is_not_torchrun_starts_one_process(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "4")
    with joined(launched("cpu")) as processes:
        assert processes == ALONE
