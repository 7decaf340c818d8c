"""Label maps of tests: one of a few voxels, and a file with other values."""

import nibabel as nib
import numpy as np
import packed_scans

SHAPE = (8, 7, 5)
AFFINE = np.array([[1.5, 0, 0, -20], [0, 1.5, 0, 10], [0, 0, 8.0, 5], [0, 0, 0, 1]])


def drawn():
    """Labels of a few voxels: wall with core scar in it."""
    labels = np.zeros(SHAPE, np.int16)
    labels[2:6, 3:6, 1:4] = 2
    labels[3, 4, 2] = 4
    return labels


def save(path, labels, affine):
    """Write labels as NIfTI; the path."""
    return packed_scans.save_nifti(nib.Nifti1Image(labels, affine), path)


def rewritten(labels, path, change):
    """The label map of a file with its values changed."""
    file = nib.load(labels)
    nib.save(nib.Nifti1Image(change(np.asarray(file.dataobj)).astype(np.uint8), file.affine), path)
    return path
