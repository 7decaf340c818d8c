import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import MRImageStorage

from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import source_stack
from acsnet.io import read_scan
from acsnet.io.dicom_files.folder import headers_at

ROWS, COLUMNS, SLICES = 6, 9, 4
ROW_TO = np.array([0.6, 0.8, 0.0])
COLUMN_TO = np.array([0.0, 0.0, -1.0])
NORMAL = np.array([-0.8, 0.6, 0.0])  # row x column
ORIGIN = np.array([10.0, 20.0, 30.0])
STEP_MM = 8.0


def mr_image(index):
    """Slice `index` of an oblique stack, 8 mm apart, rows 1.5 mm and columns 2 mm apart."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, f"1.2.3.4.{index + 1}.1"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    dataset.FrameOfReferenceUID = "1.2.3.9"
    dataset.Modality, dataset.SeriesNumber, dataset.SliceThickness = "MR", 7, 6.0
    dataset.PatientName, dataset.PatientID = "Doe^John", "P-1"
    dataset.StudyDate, dataset.StudyTime = "20240229", "101112.5"
    dataset.ImagePositionPatient = [*map(float, ORIGIN + STEP_MM * index * NORMAL)]
    dataset.ImageOrientationPatient = [*ROW_TO, *COLUMN_TO]
    dataset.PixelSpacing = [1.5, 2.0]
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    return dataset


def sample_sources(folder):
    """The scan of a folder and the image of each of its slices."""
    scan = read_scan(folder)
    return scan, source_stack(scan, headers_at(folder))


@pytest.fixture
def sources():
    """Four images of an oblique stack, in the order of the label map."""
    return tuple(mr_image(index) for index in range(SLICES))


@pytest.fixture
def labels():
    """No label in slice 0; every one somewhere; no symmetry."""
    drawn = np.zeros((SLICES, ROWS, COLUMNS), dtype=np.uint8)
    drawn[1, 1:4, 2:5] = 1
    drawn[1, 0, 1:8] = 2
    drawn[2, 2:5, 3:8] = 2
    drawn[2, 3, 5:7] = 3
    drawn[2, 4, 7] = 4
    drawn[3, 5, 8] = 5
    return drawn


@pytest.fixture
def seg(labels, sources):
    """Our own SEG, a fresh one each time, free to be spoilt."""
    return make_seg(labels, sources, state="draft", algorithm_type="AUTOMATIC", creator="Doe^Jane")
