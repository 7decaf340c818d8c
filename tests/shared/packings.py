"""The sample patients as scanners, archives, viewers and colleagues would send them."""

import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
from pydicom.uid import generate_uid


def slices(folder):
    """Datasets of a DICOM patient, in the order of their files."""
    return [pydicom.dcmread(path) for path in sorted(Path(folder).glob("*.dcm"))]


def save(dataset, path):
    """Write a dataset as it is, without remarks on what is odd in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(path)


def write(out, datasets):
    """A folder with one file a dataset."""
    for number, dataset in enumerate(datasets):
        save(dataset, out / f"IM{number:04d}.dcm")
    return out


def new_uid(dataset):
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()


def without_window(dataset):
    for tag in ("WindowCenter", "WindowWidth"):
        if tag in dataset:
            delattr(dataset, tag)


def outside_circle(rows, columns):
    """(row, column) mask of what lies outside the reconstructed circle."""
    y, x = np.mgrid[:rows, :columns]
    return (y - rows / 2) ** 2 + (x - columns / 2) ** 2 > (min(rows, columns) / 2) ** 2


def overlay_bits(datasets, out):
    """12 bits stored, a drawing in bit 12."""
    for dataset in datasets:
        pixels = np.clip(dataset.pixel_array, 0, 4095).astype(np.uint16)
        pixels[20:30, 20:150] |= 1 << 12
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 0
        dataset.PixelData = pixels.tobytes()
    return write(out, datasets)


def high_bits(datasets, out):
    """12 bits stored in the upper bits of each word: HighBit is 15."""
    for dataset in datasets:
        pixels = np.clip(dataset.pixel_array, 0, 4095).astype(np.uint16)
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 15, 0
        dataset.PixelData = (pixels << 4).tobytes()
    return write(out, datasets)


def signed_12_bits(datasets, out):
    """12 signed bits stored, zeros above them where the sign belongs; the signal is offset."""
    for dataset in datasets:
        pixels = np.clip(dataset.pixel_array.astype(int) - 500, -2048, 2047).astype(np.int16)
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 12, 11, 1
        dataset.PixelData = (pixels.view(np.uint16) & 0x0FFF).tobytes()
        without_window(dataset)
    return write(out, datasets)


def padded_corners(datasets, out, *, value=-32768, declared=True):
    """Nothing was reconstructed outside the circle."""
    for dataset in datasets:
        pixels = dataset.pixel_array.astype(np.int16)
        pixels[outside_circle(dataset.Rows, dataset.Columns)] = value
        dataset.PixelRepresentation = 1
        dataset.PixelData = pixels.tobytes()
        if declared:
            dataset.add_new(0x00280120, "SS", value)
        without_window(dataset)
    return write(out, datasets)


def gain_per_slice(datasets, out, *, low=0.5, high=2.0):
    """Each breath-hold with a gain of its own."""
    gains = np.random.default_rng(3).permutation(np.geomspace(low, high, len(datasets)))
    for dataset, gain in zip(datasets, gains, strict=True):
        dataset.PixelData = np.round(dataset.pixel_array * gain).astype(np.int16).tobytes()
        without_window(dataset)
    return write(out, datasets)


def window_of_stored_values(datasets, out, *, slope="4.16215", intercept="0"):
    """A rescale slope beside a window that was made for the values before it."""
    for dataset in datasets:
        dataset.RescaleSlope, dataset.RescaleIntercept = slope, intercept
    return write(out, datasets)


def blank_slices(image, out, *, border=(30, 40), ends=2):
    """A NIfTI stack with empty slices at both ends and black all round."""
    margins = (*border, ends)
    data = np.pad(np.asanyarray(image.dataobj), [(n, n) for n in margins])
    affine = image.affine.copy()
    affine[:3, 3] -= affine[:3, :3] @ margins
    return save_nifti(nib.Nifti1Image(data, affine), out)


def save_nifti(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    return path
