"""A data folder small enough to build in seconds: two LGE patients, one cine patient."""

import json
import shutil

import nibabel as nib
import numpy as np
import pytest
from one_thread import one_thread  # noqa: F401
from rich.console import Console

AFFINE = np.diag([2.0, 2.0, 10.0, 1.0])
"""Along the patient axes: the order of the slices stays as in the file."""

SIDE, SLICES = 64, 3


@pytest.fixture
def console(tmp_path):
    with (tmp_path / "console.txt").open("w") as file:
        yield Console(file=file, width=200)


def rings(radius=14.0):
    """(row, column) masks of blood pool and wall round the middle of the image."""
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    distance = np.hypot(rows, columns)
    return distance < radius * 0.6, (distance >= radius * 0.6) & (distance < radius)


def labels_of(data_set):
    """(column, row, slice) labels as the data set writes them."""
    labels = np.zeros((SIDE, SIDE, SLICES), np.uint8)
    for k in range(SLICES):
        pool, wall = rings(10.0 + 2 * k)
        if data_set == "emidec":
            labels[pool, k], labels[wall, k] = 1, 2
            right = wall & (np.indices(wall.shape)[1] > SIDE // 2)
            if k > 0:
                labels[right, k] = 3
        else:
            labels[:8, :8, k] = 1  # the right ventricle, far away
            labels[pool, k], labels[wall, k] = 3, 2
    return labels


def image_of(labels, data_set, seed):
    bright = {"emidec": (40, 150, 60, 220, 90), "acdc": (30, 160, 70, 200)}[data_set]
    noise = np.random.default_rng(seed).normal(0.0, 8.0, labels.shape)
    return np.clip(np.array(bright, np.float32)[labels] + noise, 0, 255).astype(np.float32)


def save(path, array, affine=AFFINE):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)


def write_data(folder):
    """The train lists hold three cases; those of the test lists have no readable file."""
    splits = {
        "emidec": {"train": ["Case_P001", "Case_P002"], "test": ["Case_P003"]},
        "acdc": {"train": ["patient001_frame01"], "test": ["patient002_frame01"]},
    }
    folder.mkdir()
    (folder / "splits.json").write_text(json.dumps(splits))
    for data_set, lists in splits.items():
        for seed, name in enumerate(lists["train"]):
            labels = labels_of(data_set)
            save(folder / data_set / "labels" / f"{name}.nii.gz", labels)
            save(folder / data_set / "images" / f"{name}.nii.gz", image_of(labels, data_set, seed))
        for name in lists["test"]:
            for kind in ("images", "labels"):
                (folder / data_set / kind / f"{name}.nii.gz").write_bytes(b"never to be read")
    return folder


@pytest.fixture
def data(tmp_path):
    """A data folder to do with as one likes."""
    return write_data(tmp_path / "data")


@pytest.fixture(scope="session")
def data_to_build(tmp_path_factory):
    """The same to the byte, for samples that are built once."""
    return write_data(tmp_path_factory.mktemp("data") / "data")


@pytest.fixture
def tracked_folder(tmp_path, empty_database):
    """A run folder in which nothing has been trained yet."""
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(empty_database, folder)
    return folder
