"""Scans of a few voxels, as NIfTI files."""

import nibabel as nib
import numpy as np

AFFINE = np.diag([1.5, 1.5, 8.0, 1.0])


def write_volume(path, data):
    """An array as the volume of a file, of voxels of 1.5 x 1.5 x 8 mm."""
    image = nib.Nifti1Image(data, AFFINE)
    image.header.set_xyzt_units("mm")
    image.set_sform(AFFINE, code="scanner")
    nib.save(image, path)
    return path


def write_scan(path, *, seed=0, slices=3):
    """Noise of 12 x 10 pixels a slice."""
    noise = np.random.default_rng(seed).integers(0, 500, (12, 10, slices))
    return write_volume(path, noise.astype(np.int16))


def write_studies(folder, seeds):
    """A studies folder with scans of 3 slices; seeds: file name -> seed."""
    folder.mkdir()
    for name, seed in seeds.items():
        write_scan(folder / name, seed=seed)
    return folder


def drawn(value):
    """Labels of such a scan: a box of one value."""
    labels = np.zeros((12, 10, 3), np.uint8)
    labels[3:6, 3:6] = value
    return labels


def pixels(store, image):
    """What a store has of an image, as it lies in its file."""
    return np.asarray(nib.load(store.get_image_uri(image)).dataobj)
