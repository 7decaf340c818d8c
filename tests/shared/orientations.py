"""The phantom as a scanner might have acquired it: eight orientations of one stack."""

from itertools import product

import numpy as np
import pydicom

FLIPS = tuple(product((False, True), repeat=3))
"""Rows reversed, columns reversed (both or one of them: rotated or mirrored), slices reversed."""


def turned(series, flips):
    """A series with its rows, columns and the order of its slices turned, all of it in place.

    Each pixel stays where it is in the patient: what changes is which row, column and image
    it has. The stack is oblique, as any short axis is. Where slices are reversed the patient
    lies feet first.
    """
    rows, columns, slices = flips
    images = []
    for number, source in enumerate(series if not slices else series[::-1], start=1):
        image = pydicom.dcmread(pydicom.filebase.DicomBytesIO(as_file(source)))
        along_row, along_column = np.reshape(source.ImageOrientationPatient, (2, 3)).astype(float)
        row_mm, column_mm = map(float, source.PixelSpacing)
        place = np.array(source.ImagePositionPatient, dtype=float)
        pixels = source.pixel_array
        if rows:
            pixels = pixels[::-1]
            place = place + (source.Rows - 1) * row_mm * along_column
            along_column = -along_column
        if columns:
            pixels = pixels[:, ::-1]
            place = place + (source.Columns - 1) * column_mm * along_row
            along_row = -along_row
        image.ImageOrientationPatient = [float(x) for x in (*along_row, *along_column)]
        image.ImagePositionPatient = [float(x) for x in place]
        image.PatientPosition = "FFS" if slices else "HFS"
        image.InstanceNumber = number
        image.PixelData = np.ascontiguousarray(pixels).tobytes()
        images.append(image)
    return images


ORIENTATIONS = {
    " and ".join(name for name, on in zip(("rows", "columns", "slices"), flips, strict=True) if on)
    + " reversed"
    if any(flips)
    else "as acquired": flips
    for flips in FLIPS
}
"""What is turned, by what it is called."""


def stack(series, name):
    """A series in an orientation, by name: a study, patient and UIDs of its own."""
    number = 1 + list(ORIENTATIONS).index(name)
    images = turned(series, ORIENTATIONS[name])
    for image in images:
        image.PatientID = f"TURNED-{number}"
        image.StudyInstanceUID = f"1.2.826.0.1.7.{number}"
        image.SeriesInstanceUID = f"1.2.826.0.1.8.{number}"
        image.SOPInstanceUID = f"{image.SeriesInstanceUID}.{image.InstanceNumber}"
        image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    return images


def along_normal(image):
    """How far along its own normal an image lies (mm)."""
    normal = np.cross(*np.reshape(image.ImageOrientationPatient, (2, 3)).astype(float))
    return float(normal @ np.array(image.ImagePositionPatient, dtype=float))


def on_grid(labels, own, other, shape):
    """A label map on another grid of the same voxels.

    Args:
        labels: on its own grid.
        own: affine of its grid.
        other: affine of the other grid, into the same coordinates.
        shape: of the other grid.
    """
    way = np.linalg.inv(own) @ other
    index = np.einsum("ij,j...->i...", way[:3, :3], np.indices(shape))
    index = index + way[:3, 3].reshape(3, 1, 1, 1)
    assert np.abs(index - np.rint(index)).max() < 0.01
    return labels[tuple(np.rint(index).astype(int))]


def as_file(dataset):
    """A dataset as the content of a file."""
    stream = pydicom.filebase.DicomBytesIO()
    dataset.save_as(stream, write_like_original=False)
    return stream.getvalue()


def write(series, folder):
    """Write a series to a folder, one file an image."""
    folder.mkdir(parents=True)
    for image in series:
        (folder / f"{int(image.InstanceNumber):02}.dcm").write_bytes(as_file(image))
    return folder


def world_mm(image, row, column):
    """Where a pixel of an image lies, in the patient's coordinates (DICOM, LPS)."""
    along_row, along_column = np.reshape(image.ImageOrientationPatient, (2, 3)).astype(float)
    row_mm, column_mm = map(float, image.PixelSpacing)
    place = np.array(image.ImagePositionPatient, dtype=float)
    return place + column * column_mm * along_row + row * row_mm * along_column
