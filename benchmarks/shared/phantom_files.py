"""Write phantoms as NIfTI and DICOM; the same phantom gives the same bytes."""

from pathlib import Path

import nibabel as nib
import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from pydicom.valuerep import DSfloat

from acsnet.io import write_label_map
from acsnet.io.nifti import save_nifti
from acsnet.phantom.make import Phantom
from acsnet.storage import writing

RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])
DATE, TIME = "20200101", "120000"
MAGNITUDE = ("ORIGINAL", "PRIMARY", "M", "IR")
PHASE_SENSITIVE = ("ORIGINAL", "PRIMARY", "R", "IR")  # real part after phase correction


def write_nifti(phantom: Phantom, folder: Path) -> Path:
    """Write the image as `<name>.nii.gz` (int16, mm, scanner coordinates); returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    grid = phantom.scan.grid
    image = nib.Nifti1Image(grid.to_input(phantom.pixels), grid.affine)
    image.set_sform(grid.affine, code="scanner")
    image.set_qform(grid.affine, code="scanner")
    image.header.set_xyzt_units("mm")
    image.header["descrip"] = b"Synthetic LGE short axis, no real person"
    path = folder / f"{phantom.spec.name}.nii.gz"
    save_nifti(path, image)
    return path


def write_truth(phantom: Phantom, folder: Path) -> Path:
    """Write the true labels as `<name>.nii.gz` on the image's grid; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{phantom.spec.name}.nii.gz"
    grid = phantom.scan.grid
    write_label_map(path, grid.to_input(phantom.labels), grid)
    return path


def write_dicom(phantom: Phantom, folder: Path) -> tuple[Path, ...]:
    """Write one MR Image Storage file a slice, in stored order; returns their paths.

    UIDs are derived from the spec: phantoms never share them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(phantom.spec.slices):
        path = folder / f"slice-{index + 1:02d}.dcm"
        with writing(path) as temporary:
            dicom_slice(phantom, index).save_as(temporary, write_like_original=False)
        paths.append(path)
    return tuple(paths)


def dicom_slice(phantom: Phantom, index: int) -> FileDataset:
    """The dataset of a slice by its index in stored order (PS3.3 A.4, MR Image IOD)."""
    uid = _uid(phantom, f"image {index}")
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = generate_uid(entropy_srcs=["acsnet.phantom"])
    meta.ImplementationVersionName = "ACSNET"
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.is_little_endian, dataset.is_implicit_VR = True, False
    dataset.SOPClassUID = MRImageStorage
    dataset.SOPInstanceUID = uid
    dataset.InstanceNumber = index + 1
    _describe_series(dataset, phantom)
    _describe_plane(dataset, phantom, index)
    _describe_pixels(dataset, phantom, index)
    return dataset


def _uid(phantom: Phantom, what: str) -> str:
    return str(generate_uid(entropy_srcs=[repr(phantom.spec), what]))


def _describe_series(dataset: FileDataset, phantom: Phantom) -> None:
    """Patient, study, series, frame of reference, equipment and MR acquisition."""
    spec = phantom.spec
    dataset.PatientName = spec.name.upper().replace("-", "^")
    dataset.PatientID = spec.name.upper()
    dataset.PatientBirthDate = ""
    dataset.PatientSex = ""
    dataset.PatientComments = "Synthetic, no real person"
    dataset.StudyInstanceUID = _uid(phantom, "study")
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = DATE
    dataset.StudyTime = dataset.SeriesTime = dataset.AcquisitionTime = dataset.ContentTime = TIME
    dataset.StudyID = "1"
    dataset.StudyDescription = "Cardiac MR phantom"
    dataset.ReferringPhysicianName = ""
    dataset.AccessionNumber = ""
    dataset.SeriesInstanceUID = _uid(phantom, "series")
    dataset.SeriesNumber = 1
    kind = "PSIR" if spec.phase_sensitive else "IR"
    dataset.SeriesDescription = f"LGE {kind} short axis phantom"
    dataset.Modality = "MR"
    dataset.BodyPartExamined = "HEART"
    dataset.PatientPosition = "HFS"
    dataset.FrameOfReferenceUID = _uid(phantom, "frame of reference")
    dataset.PositionReferenceIndicator = ""
    dataset.Manufacturer = "ACSNet phantom"
    dataset.ManufacturerModelName = "acsnet.phantom"
    dataset.SoftwareVersions = "1"
    dataset.AcquisitionNumber = 1
    dataset.ImageType = list(PHASE_SENSITIVE if spec.phase_sensitive else MAGNITUDE)
    dataset.ImageComments = "Synthetic image, research use only, not a medical device"
    dataset.ScanningSequence = ["GR", "IR"]
    dataset.SequenceVariant = ["SK", "SP", "MP"]
    dataset.ScanOptions = "PFP"
    dataset.MRAcquisitionType = "2D"
    dataset.RepetitionTime = 750
    dataset.EchoTime = 2
    dataset.InversionTime = 300
    dataset.EchoTrainLength = 1
    dataset.FlipAngle = 25
    dataset.MagneticFieldStrength = 1.5
    dataset.ImagedNucleus = "1H"


def _describe_plane(dataset: FileDataset, phantom: Phantom, index: int) -> None:
    """Position and orientation of the slice in the patient, LPS."""
    slice_mm, row_mm, column_mm = phantom.spec.spacing_mm
    affine = phantom.scan.grid.affine
    along_row = RAS_TO_LPS * affine[:3, 0] / column_mm
    along_column = RAS_TO_LPS * affine[:3, 1] / row_mm
    position = RAS_TO_LPS * (affine[:3, 3] + index * affine[:3, 2])
    normal = np.cross(along_row, along_column)
    dataset.ImageOrientationPatient = _decimals(*along_row, *along_column)
    dataset.ImagePositionPatient = _decimals(*position)
    dataset.SliceLocation = _decimals(position @ normal)[0]
    dataset.PixelSpacing = _decimals(row_mm, column_mm)
    dataset.SliceThickness = 8
    dataset.SpacingBetweenSlices = _decimals(slice_mm)[0]


def _describe_pixels(dataset: FileDataset, phantom: Phantom, index: int) -> None:
    pixels = phantom.scan.grid.to_input(phantom.pixels)[..., index].T
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = 1
    low, high = np.percentile(phantom.pixels, [1, 99])
    dataset.WindowCenter = round((low + high) / 2)
    dataset.WindowWidth = round(high - low)
    dataset.PixelData = np.ascontiguousarray(pixels, dtype="<i2").tobytes()


def _decimals(*values: float) -> list[DSfloat]:
    """Numbers as DICOM decimal strings of at most 16 characters."""
    return [DSfloat(float(value), auto_format=True) for value in values]
