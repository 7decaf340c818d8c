"""3-D scans beyond the limits are refused as what they are."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from oblique_stack import NORMAL, image

from acsnet.errors import AcsnetError
from acsnet.io import read_scan
from acsnet.io.dicom import check_headers
from acsnet.io.dicom_files.dicom_file import DicomFile

REASON = "1 mm apart, so that it is a 3-D scan: reformat it to short-axis slices of 5 to 10 mm"


@pytest.mark.parametrize(
    ("shape", "pixel_mm", "limit"),
    [
        ((360, 360, 100), 1.0, "at most 12.5 m2 in all"),
        ((512, 512, 120), 0.7, "31.5 million voxels, at most 25 million"),
        ((512, 512, 210), 0.7, "0.22 GB of pixels"),
    ],
)
def test_a_volume_of_thin_slices_is_called_a_3d_scan(tmp_path, shape, pixel_mm, limit):
    """Its header is enough: pixels are not there."""
    header = nib.Nifti1Header()
    header.set_data_shape(shape)
    header.set_data_dtype(np.int16)
    header.set_sform(np.diag([pixel_mm, pixel_mm, 1.0, 1.0]), code=1)
    header["pixdim"][1:4] = pixel_mm, pixel_mm, 1.0
    header["vox_offset"], header["magic"] = 352, b"n+1"
    path = tmp_path / "scan.nii.gz"
    path.write_bytes(gzip.compress(header.binaryblock + bytes(4)))
    with pytest.raises(AcsnetError, match=f"{limit}.*{REASON}"):
        read_scan(path)


def test_so_is_a_series_of_them():
    datasets = [image(index) for index in range(100)]
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [*map(float, index * NORMAL)]
        dataset.Rows = dataset.Columns = 512
    files = [DicomFile(Path(f"{k}"), f"{k}", dataset) for k, dataset in enumerate(datasets)]
    with pytest.raises(AcsnetError, match=f"26.2 million voxels, at most 25 million.*{REASON}"):
        check_headers(files, name="scan")
