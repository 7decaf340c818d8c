"""A patient small enough to count: an expert's label map of 10 x 12 pixels and 4 slices."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from labelled_stack import case_of, labels_of

AFFINE = np.diag([1.5, 2.0, 8.0, 1.0])
"""In-plane 1.5 x 2 mm, 8 mm apart: a voxel is 0.024 ml. Along patient axes: no apex from it."""


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


@pytest.fixture
def labels() -> np.ndarray:
    return expert_labels()


@pytest.fixture
def save():
    def save_label_map(path: Path, array: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(array, affine), path)
        return path

    return save_label_map


@pytest.fixture
def case():
    return case_of(labels_of())
