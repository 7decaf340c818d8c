"""A short stack with the expert's labels, as the stress test changes it."""

import numpy as np
from scipy.spatial.transform import Rotation

from acsnet.evaluate.robustness.spatial import LabelledScan
from acsnet.scan import InputGrid, ShortAxisScan

SHAPE = (6, 40, 48)
SPACING_MM = (8.0, 1.5, 1.25)


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
