"""A site small enough to train in seconds: rings of three slices, networks of a few filters."""

import json
import shutil
from dataclasses import replace

import nibabel as nib
import numpy as np

AFFINE = np.diag([2.0, 2.0, 10.0, 1.0])
SIDE = 64
SIGNAL = np.array([20.0, 200.0, 110.0, 160.0, 250.0], np.float32)
"""Of background, blood pool, wall, grey zone, core scar."""


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


def truth_of(number):
    """The labels of a patient."""
    return rings(12.0 + number % 4)


def write(path, array):
    """A NIfTI file on the grid of all rings."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(array, AFFINE)
    image.header.set_xyzt_units("mm")
    nib.save(image, path)
    return path


def write_image(path, number):
    """The scan of a patient."""
    labels = truth_of(number)
    noise = np.random.default_rng(number).normal(0.0, 6.0, labels.shape)
    return write(path, np.clip(SIGNAL[labels] + noise, 0, 255).astype(np.float32))


def shuffled(labels):
    """A label map with its voxels in a random order."""
    return np.random.default_rng(0).permutation(labels.ravel()).reshape(labels.shape)


def small_schedule(*, images=128, epochs=12):
    """Few images and steps, no replayed phantoms, weights that follow fast.

    At this rate 36 epochs of 128 images teach the wall; after 12 the pool can still count as wall.
    """
    from acsnet.fine_tuning.fine_tune import EPOCHS, Schedule

    return Schedule(
        learning_rate=5e-3,
        old_share=0.0,
        epochs=dict.fromkeys(EPOCHS, epochs),
        images_an_epoch=images,
        phantoms=0,
        average_decay=0.8,
    )


def small_network(name):
    """The network of a stage with a few filters, and its recipe."""
    from acsnet.train.recipes import RECIPES

    recipe = RECIPES[name]
    return replace(recipe, net=replace(recipe.net, base_filters=4, depth=2, dropout=0.0))


def write_chain(folder, networks):
    """The shipped chain with other networks of stages 1 and 2, by name."""
    from acsnet.nets.torch_weights import save_network
    from acsnet.nets.weights import SHIPPED

    shutil.copytree(SHIPPED, folder)
    cleanup = json.loads((folder / "manifest.json").read_text())["myo"]["cleanup"]
    for name, network in networks.items():
        save_network(
            network, name, folder=folder, about={"cleanup": cleanup} if name == "myo" else {}
        )
    return folder


def write_beginners(folder, cases):
    """A chain that finds the ventricle, and has hardly begun to learn what a wall is.

    cases: pairs of an image and a label file.
    """
    from rich.console import Console

    from acsnet.fine_tuning.replay import slice_samples
    from acsnet.train.data.case import read_case
    from acsnet.train.loop import train

    read = [read_case(*case, convention="acsnet", source="lge") for case in cases]
    samples = slice_samples(read, phantoms=0, seed=0)
    networks = {
        name: train(
            replace(
                small_network(name),
                epochs=epochs,
                images_an_epoch=32,
                batch=8,
                learning_rate=rate,
                average_decay=0.8,
            ),
            samples[name],
            folder.with_name(f"{folder.name}-{name}"),
            console=Console(quiet=True),
        )
        for name, epochs, rate in (("roi", 12, 1e-2), ("myo", 8, 1e-3))
    }
    return write_chain(folder, networks)
