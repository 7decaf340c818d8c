"""Files as 3D Slicer's MONAI Label module sends and reads them."""

from pathlib import Path

import nibabel as nib
import numpy as np

NRRD = {"result_extension": ".nrrd", "result_dtype": "uint8"}
"""What Slicer's module adds to every inference."""


def label_on(image: Path, path: Path, *, value: int = 1) -> Path:
    """A label map with one box in the middle of the image."""
    scan = nib.load(image)
    data = np.zeros(scan.shape, np.uint8)
    middle = tuple(slice(size // 3, size - size // 3) for size in data.shape)
    data[middle] = value
    nib.save(nib.Nifti1Image(data, scan.affine), path)
    return path


def nrrd_affine(header: dict) -> np.ndarray:
    """RAS affine of an NRRD file in LPS."""
    affine = np.eye(4)
    affine[:3, :3] = np.array(header["space directions"], dtype=float).T
    affine[:3, 3] = header["space origin"]
    return np.diag([-1.0, -1, 1, 1]) @ affine
