"""A small oblique stack of DICOM slices, and changes of its tags."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

ROWS, COLUMNS = 6, 8
ROW_TO = np.array([0.6, 0.8, 0.0])
COLUMN_TO = np.array([0.0, 0.0, -1.0])
NORMAL = np.array([-0.8, 0.6, 0.0])  # row x column; away from the apex in RAS
ORIGIN = np.array([10.0, 20.0, 30.0])
STEP_MM = 8.0
SERIES = "1.2.3.4"

Change = Callable[[int, Dataset], None]


def stored(index: int) -> np.ndarray:
    return (100 * index + np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)).astype(np.uint16)


def image(index: int, *, series: str = SERIES) -> Dataset:
    """Slice `index` of an oblique stack, 8 mm apart, rows 1.5 mm and columns 2 mm apart."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.is_little_endian, dataset.is_implicit_VR = True, False
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = f"{series}.{index}.1"
    dataset.SeriesInstanceUID = series
    dataset.SeriesNumber = 7
    dataset.SeriesDescription = "LGE SA"
    dataset.Modality = "MR"
    dataset.PatientName = "Secret^Person"
    dataset.InstanceNumber = index + 1
    dataset.SliceLocation = 0.0
    dataset.ImagePositionPatient = [*map(float, ORIGIN + STEP_MM * index * NORMAL)]
    dataset.ImageOrientationPatient = [*ROW_TO, *COLUMN_TO]
    dataset.PixelSpacing = [1.5, 2.0]
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 0
    dataset.PixelData = stored(index).tobytes()
    return dataset


def save(dataset: Dataset, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.save_as(path, write_like_original=False)


def folder(root: Path, change: Change = lambda _index, _dataset: None, *, count: int = 4) -> Path:
    for index in range(count):
        dataset = image(index)
        change(index, dataset)
        save(dataset, root / "case" / f"{index}.dcm")
    return root / "case"


def at(index: int, **tags: object) -> Change:
    """Set tags (None deletes) in one slice."""

    def change(i: int, dataset: Dataset) -> None:
        if i == index:
            everywhere(**tags)(i, dataset)

    return change


def everywhere(**tags: object) -> Change:
    def change(_index: int, dataset: Dataset) -> None:
        for tag, value in tags.items():
            if value is None:
                delattr(dataset, tag)
            else:
                setattr(dataset, tag, value)

    return change
