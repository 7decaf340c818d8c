"""A short stack with the expert's labels, as the stress test changes it, and one to count."""

from pathlib import Path

import nibabel as nib
import numpy as np
from scipy.spatial.transform import Rotation

from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.scan import InputGrid, ShortAxisScan

SHAPE = (6, 40, 48)
SPACING_MM = (8.0, 1.5, 1.25)
AFFINE = np.diag([1.5, 2.0, 8.0, 1.0])
"""In-plane 1.5 x 2 mm, 8 mm apart: a voxel is 0.024 ml. Along patient axes: no apex from it."""


def labels_of(centre=(22.0, 20.0), radius=9.0):
    """A wall 4 pixels thick round its cavity; in slice 3 its upper half is enhanced."""
    rows, columns = np.ogrid[: SHAPE[1], : SHAPE[2]]
    distance = np.hypot(rows - centre[0], columns - centre[1])
    labels = np.zeros(SHAPE, np.uint8)
    labels[1:] = np.where(distance <= radius - 4, 1, np.where(distance <= radius, 2, 0))
    labels[3][(labels[3] == 2) & (rows < centre[0])] = 3
    return labels


def case_of(labels, pixels=None):
    """An oblique stack in a file of (column, row, slice); every pixel has its own value."""
    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", [35, 20, -50], degrees=True).as_matrix()
    affine[:3, :3] = turn * SPACING_MM[::-1]
    affine[:3, 3] = (10.0, -20.0, 30.0)
    if pixels is None:
        pixels = np.arange(labels.size, dtype=np.float32).reshape(SHAPE)
    pixels.flags.writeable = labels.flags.writeable = False
    grid = InputGrid(shape=SHAPE[::-1], affine=affine, axes=(2, 1, 0))
    scan = ShortAxisScan(name="a", pixels=pixels, grid=grid, apex_first=True)
    return LabelledScan(scan=scan, labels=labels)


def expert_labels() -> np.ndarray:
    """(row, column, slice) in `acsnet` labels, apex first; slice 0 is empty.

    Slice 1: wall 4 x 4. Slices 2 and 3: wall 6 x 6 (36 pixels) with a 2 x 2 blood pool; in slice 2
    a row of 6 is enhanced: 2 core, 4 grey zone.
    """
    labels = np.zeros((10, 12, 4), dtype=np.uint8)
    labels[3:7, 3:7, 1] = 2
    for index in (2, 3):
        labels[2:8, 2:8, index] = 2
        labels[4:6, 4:6, index] = 1
    labels[2, 2:8, 2] = (3, 3, 4, 4, 3, 3)
    return labels


def save_label_map(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    """Write a NIfTI label map; returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, affine), path)
    return path
