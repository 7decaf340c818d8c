"""Trainings from scratch on data sets other than those of the shipped networks."""

import json
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from acsnet.errors import InputError
from acsnet.files.alone import alone_in
from acsnet.nets.weights import read_manifest
from acsnet.train.recipes import RECIPES
from acsnet.train.run import LOCK, run_training
from acsnet.train.run_record import read_json
from acsnet.train.samples.prepare import SampleMix, load
from acsnet.train.samples.slices import SOURCES

from .conftest import image_of, labels_of, save

pytestmark = pytest.mark.slow

MIX = SampleMix(phantoms=0, variants=dict.fromkeys(SOURCES, 1))
MYO = RECIPES["myo"]
TINY = {
    "myo": replace(MYO, net=replace(MYO.net, base_filters=2), epochs=1, images_an_epoch=6, batch=3)
}


@pytest.fixture
def data(tmp_path):
    """One patient of MS-CMRSeg and one of a MONAI Label datastore, of three slices each."""
    folder, labels = tmp_path / "data", labels_of("emidec")
    for at, seed in (("mscmrseg/p1_LGE", 0), ("datastore/a", 1)):
        save(folder / f"{at}.nii.gz", image_of(labels, "emidec", seed))
    walls = np.array([0, 500, 200, 200], np.int16)[labels]
    save(folder / "mscmrseg/p1_LGE_manual.nii.gz", walls)
    save(folder / "datastore/labels/final/a.nii.gz", np.array([0, 1, 2, 4], np.uint8)[labels])
    splits = {"mscmrseg": {"train": ["p1"]}, "datastore": {"train": ["a"]}}
    (folder / "splits.json").write_text(json.dumps(splits))
    return folder


@pytest.fixture
def train(data, tracked_folder, console):
    def start():
        options = {"data": data, "output": tracked_folder, "seed": 0, "device": "cpu"}
        return run_training("myo", **options, recipes=TINY, mix=MIX, console=console)

    return start


def test_where_scar_is_unknown_only_the_roi_network_learns(train, tracked_folder, data):
    weights = train()
    roi, myo = (load(tracked_folder / "samples" / f"{name}.npz") for name in ("roi", "myo"))
    assert np.bincount(roi.patient).tolist() == [3, 3]
    assert np.bincount(myo.patient).tolist() == [0, 3]  # MS-CMRSeg first
    assert read_manifest(weights)["myo"]["trained_on"].startswith(
        "MS-CMRSeg (terms of the challenge), a MONAI Label datastore (terms of its site) training"
    )


def test_steps_are_told_as_they_begin_and_settings_kept_before_scans_are_read(
    train, tracked_folder, data, console
):
    shutil.copy(data / "splits.json", data / "datastore/a.nii.gz")  # read after MS-CMRSeg
    with pytest.raises(InputError, match="datastore/a"):
        train()
    console.file.flush()
    told = (tracked_folder.parent / "console.txt").read_text()
    assert told.startswith("reading of 2 scans ...\n")
    recipe = read_json(tracked_folder / "myo" / "recipe.json")
    assert (recipe["seed"], recipe["epochs"]) == (0, 1)
    assert not (tracked_folder / "myo" / "checkpoint.pt").exists()


def test_a_copy_of_a_scan_of_another_data_sets_test_list_is_not_trained_on(
    train, tracked_folder, data
):
    tested = data / "emidec/images/Case_P004.nii.gz"
    tested.parent.mkdir(parents=True)
    shutil.copy(data / "datastore/a.nii.gz", tested)
    splits = read_json(data / "splits.json") | {"emidec": {"test": ["Case_P004"]}, "seed": 42}
    (data / "splits.json").write_text(json.dumps(splits))
    with pytest.raises(
        InputError, match=r"datastore/a is a copy of .*Case_P004\.nii\.gz, which is"
    ):
        train()
    assert not (tracked_folder / "myo").exists()


def test_a_second_training_is_refused_while_one_writes_to_the_run_folder(train, tracked_folder):
    with (
        alone_in(tracked_folder, lock=LOCK),
        pytest.raises(InputError, match=r"another run writes to .*run: wait for its end"),
    ):
        train()
    assert not (tracked_folder / "myo").exists()


KILLED = """
import os, sys, time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from acsnet.files.alone import alone_in
from acsnet.train.run import LOCK
from acsnet.train.samples.prepare import begin_worker
pool = ProcessPoolExecutor(1, initializer=begin_worker)
with alone_in(Path(sys.argv[1]), lock=LOCK), pool:
    pool.submit(os.getpid).result()
    print("ready", flush=True)
    time.sleep(60.0)
"""


def test_workers_of_a_killed_training_do_not_keep_its_run_folder_locked(tmp_path):
    command = [sys.executable, "-c", KILLED, tmp_path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout.readline() == "ready\n"
        killed.kill()
    end = time.monotonic() + 20.0
    while True:
        with suppress(InputError), alone_in(tmp_path, lock=LOCK):
            break
        assert time.monotonic() < end
        time.sleep(0.02)
