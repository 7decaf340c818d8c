"""A site small enough to train in seconds: rings of three slices, networks of a few filters."""

import json
import shutil
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

AFFINE = np.diag([2.0, 2.0, 10.0, 1.0])
SIDE = 64
SIGNAL = np.array([20.0, 200.0, 110.0, 160.0, 250.0], np.float32)
"""Of background, blood pool, wall, grey zone, core scar."""


@pytest.fixture(autouse=True)
def one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def rings(radius):
    """(column, row, slice): rings that grow towards the base, scar in the right half."""
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    distance = np.hypot(rows, columns)
    labels = np.zeros((SIDE, SIDE, 3), np.uint8)
    for k in range(3):
        outer = radius + k
        labels[distance < outer, k] = 2
        labels[(distance < outer) & (np.abs(rows) < 6) & (columns > 0), k] = 4
        labels[distance < 0.6 * outer, k] = 1
    return labels


@pytest.fixture
def ring_labels():
    """The truth of a ring of a radius, `rings`."""
    return rings


@pytest.fixture
def write_scan(tmp_path):
    """Writes scan and label of a patient; the label may be another than the truth."""
    from acsnet.loop.requests import Reviewed

    def write(number, label=None):
        rng = np.random.default_rng(number)
        labels = rings(12.0 + number % 4)
        pixels = SIGNAL[labels] + rng.normal(0.0, 6.0, labels.shape)
        paths = [tmp_path / kind / f"case{number}.nii.gz" for kind in ("images", "labels")]
        written = np.clip(pixels, 0, 255).astype(np.float32), labels if label is None else label
        for path, array in zip(paths, written, strict=True):
            path.parent.mkdir(exist_ok=True)
            nib.save(nib.Nifti1Image(array, AFFINE), path)
        return Reviewed(
            name=f"case{number}",
            patient=f"patient{number}",
            image=paths[0],
            label=paths[1],
            at=0.0,
        )

    return write


@pytest.fixture
def write_chain():
    """Writes the shipped chain into a folder, with small random networks of stages 1 and 2."""
    import torch

    from acsnet.nets.weights import SHIPPED, save_network
    from acsnet.train.recipes import RECIPES

    def write(folder, seed=0):
        shutil.copytree(SHIPPED, folder)
        manifest = json.loads((folder / "manifest.json").read_text())
        torch.manual_seed(seed)
        for name in ("roi", "myo"):
            net = replace(RECIPES[name].net, base_filters=4, depth=2, dropout=0.0).build()
            cleanup = {} if name == "roi" else {"cleanup": manifest["myo"]["cleanup"]}
            save_network(net, name, folder=folder, about=cleanup)
        return folder

    return write


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """MLflow takes seconds to set a database up: once is enough."""
    from acsnet.train.registry import DATABASE, open_client

    folder = tmp_path_factory.mktemp("mlflow")
    open_client(folder)
    return folder / DATABASE


@pytest.fixture
def root(tmp_path, empty_database):
    """A models folder in which nothing has been trained yet."""
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(empty_database, folder)
    return folder
