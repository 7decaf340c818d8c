"""A label map of a few voxels: wall with core scar in it."""

import nibabel as nib
import numpy as np
import packed_scans

SHAPE = (8, 7, 5)
AFFINE = np.array([[1.5, 0, 0, -20], [0, 1.5, 0, 10], [0, 0, 8.0, 5], [0, 0, 0, 1]])


def drawn():
    """Its labels."""
    labels = np.zeros(SHAPE, np.int16)
    labels[2:6, 3:6, 1:4] = 2
    labels[3, 4, 2] = 4
    return labels


def save(path, labels, affine):
    """Write labels as NIfTI; the path."""
    return packed_scans.save_nifti(nib.Nifti1Image(labels, affine), path)
