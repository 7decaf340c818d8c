"""The first phantom as a series of its own, in eight positions of the patient."""

import numpy as np
import pydicom


def turn(axis, degrees):
    """(3, 3) rotation about an axis."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    i, j = (one for one in range(3) if one != axis)
    matrix = np.eye(3)
    matrix[[i, j], [i, j]], matrix[i, j], matrix[j, i] = c, -s, s
    return matrix


ORIENTATIONS = {
    "as it came": np.eye(3),
    "slices reversed": None,
    "mirrored left to right": np.diag([-1.0, 1.0, 1.0]),
    "mirrored front to back": np.diag([1.0, -1.0, 1.0]),
    "oblique": turn(0, 20.0) @ turn(1, 35.0) @ turn(2, -50.0),
    "feet first": turn(1, 180.0),
    "head first, prone": turn(2, 180.0),
    "on the side, oblique": turn(2, 90.0) @ turn(0, 65.0),
}
"""How the patient lies: what turns the places of the first phantom; None: numbered backwards."""


def laid(folder, samples, number, matrix):
    """The first phantom as a series of its own, laid otherwise; gives its UID."""
    files = sorted((samples / "dicom" / "phantom-1").iterdir())
    uid = f"1.2.826.{number}"
    for k, file in enumerate(files):
        dataset = pydicom.dcmread(file)
        dataset.PatientID = f"turned-{number}"
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"1.2.827.{number}", uid
        dataset.SOPInstanceUID = f"{uid}.{k + 1}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        name = file.name
        if matrix is None:
            dataset.InstanceNumber = len(files) - k
            name = f"{len(files) - k:02}.dcm"
        else:
            place = matrix @ np.array(dataset.ImagePositionPatient, float)
            cosines = np.reshape(np.array(dataset.ImageOrientationPatient, float), (2, 3))
            dataset.ImagePositionPatient = [f"{v:.6f}" for v in place]
            dataset.ImageOrientationPatient = [f"{v:.8f}" for v in (cosines @ matrix.T).ravel()]
        folder.mkdir(parents=True, exist_ok=True)
        dataset.save_as(folder / name)
    return uid
