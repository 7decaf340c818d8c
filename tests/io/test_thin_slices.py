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
from acsnet.io.limits import check_size, true_unit

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


@pytest.mark.parametrize(
    ("step_mm", "words"),
    [
        (4.0, None),
        (15.0, None),
        (3.99, "slices lie 3.99 mm apart, as in 3-D LGE"),
        (15.01, "slices lie 15.01 mm apart"),
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_steps_at_the_limits_that_a_header_rounds_are_within_them(tmp_path, step_mm, words, seed):
    """In 32 bits, half of all oblique stacks of 4 mm come back as ones of 3.9999999 mm."""
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = np.linalg.qr(rng.normal(size=(3, 3)))[0] * [1.6, 1.6, step_mm]
    pixels = rng.integers(0, 500, size=(24, 24, 5), dtype=np.int16)
    nib.save(nib.Nifti1Image(pixels, affine), tmp_path / "scan.nii")
    told = [text for text in read_scan(tmp_path / "scan.nii").warnings if "mm apart" in text]
    assert [text.partition(":")[0] for text in told] == ([words] if words else [])


def test_slices_of_4_mm_are_no_3d_scan_however_they_are_rounded():
    size = {"slices": 120, "rows": 512, "columns": 512, "item_bytes": 2}
    with pytest.raises(AcsnetError, match=r"at most 25 million$"):
        check_size("scan", **size, slice_mm=3.9999998)
    with pytest.raises(AcsnetError, match=r"3\.99 mm apart, so that it is a 3-D scan"):
        check_size("scan", **size, slice_mm=3.99)


def test_pixels_at_the_limits_that_a_header_rounds_are_within_them():
    for size in (0.2, 5.0):
        off = np.array([1e-7, -1e-7, 0.0])
        told = true_unit("cm", 10.0, np.array([size, size, 8.0]) / 10.0 + off / 10.0)
        assert told == (10.0, ("the header is in cm: taken as 10 mm each",))


def test_so_is_a_series_of_them():
    datasets = [image(index) for index in range(100)]
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [*map(float, index * NORMAL)]
        dataset.Rows = dataset.Columns = 512
    files = [DicomFile(Path(f"{k}"), f"{k}", dataset) for k, dataset in enumerate(datasets)]
    with pytest.raises(AcsnetError, match=f"26.2 million voxels, at most 25 million.*{REASON}"):
        check_headers(files, name="scan")
