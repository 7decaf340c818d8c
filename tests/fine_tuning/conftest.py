"""A small site, and small networks; see small_site.py."""

import shutil

import pytest
import small_site
from one_thread import one_thread  # noqa: F401

from acsnet.nets.torch_weights import random_network


@pytest.fixture
def ring_labels():
    """The truth of a ring of a radius."""
    return small_site.rings


@pytest.fixture
def write_scan(tmp_path):
    """Writes scan and label of a patient; the label may be another than the truth."""
    from acsnet.fine_tuning.training_request import Reviewed

    def write(number, label=None):
        truth = small_site.truth_of(number)
        name = f"case{number}.nii.gz"
        return Reviewed(
            name=f"case{number}",
            patient=f"patient{number}",
            image=small_site.write_image(tmp_path / "images" / name, number),
            label=small_site.write(tmp_path / "labels" / name, truth if label is None else label),
            at=0.0,
        )

    return write


@pytest.fixture
def write_chain():
    """Writes the shipped chain into a folder, with small random networks of stages 1 and 2."""
    import torch

    def write(folder, seed=0):
        torch.manual_seed(seed)
        networks = {
            name: random_network(small_site.small_network(name).net) for name in ("roi", "myo")
        }
        return small_site.write_chain(folder, networks)

    return write


@pytest.fixture
def root(tmp_path, empty_database):
    """A models folder in which nothing has been trained yet."""
    folder = tmp_path / "models"
    folder.mkdir()
    shutil.copy(empty_database, folder)
    return folder
