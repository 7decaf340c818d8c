"""Files by other hands, which packages ship as their test data: read, or refused with a reason."""

from contextlib import suppress
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom.data
import pytest
import SimpleITK as sitk  # noqa: N813

from acsnet.errors import AcsnetError, InputError
from acsnet.io import read_scan, read_series
from acsnet.io.dicom_files.dicom_file import quiet_pydicom, read_header
from acsnet.io.dicom_stack.pixels import pixels_of

OF_PYDICOM = Path(pydicom.data.__file__).parent / "test_files"
OF_NIBABEL = Path(nib.__file__).parent / "tests" / "data"


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".py")


@pytest.mark.parametrize("path", files(OF_PYDICOM), ids=lambda path: path.name)
def test_a_dicom_file_by_other_hands_is_no_surprise(path):
    with suppress(AcsnetError):
        read_series([path], name="case")


@pytest.mark.parametrize("path", files(OF_NIBABEL), ids=lambda path: path.name)
def test_a_volume_by_other_hands_is_no_surprise(path):
    with suppress(AcsnetError):
        read_scan(path)


@pytest.mark.parametrize(
    "packing",
    ["RLE", "bigendian", "expb", "implicit", "jp2klossless", "jpeg_ls_lossless", "padded"],
)
def test_one_mr_image_has_the_same_values_in_every_transfer_syntax(packing):
    with quiet_pydicom():
        plain, other = (
            pixels_of([read_header(OF_PYDICOM / f"MR_small{name}.dcm", "image")[0]])[0].pixels
            for name in ("", f"_{packing}")
        )
    np.testing.assert_array_equal(other, plain)


def test_a_volume_in_four_dimensions_as_itk_writes_it_is_that_volume(samples, tmp_path):
    path = samples / "nifti" / "phantom-1.nii.gz"
    image = sitk.ReadImage(str(path))
    sitk.WriteImage(sitk.JoinSeries([image]), str(tmp_path / "a.nrrd"))
    scan, plain = read_scan(tmp_path / "a.nrrd"), read_scan(path)
    np.testing.assert_array_equal(scan.pixels, plain.pixels)
    np.testing.assert_allclose(scan.grid.affine, plain.grid.affine, atol=1e-4)
    sitk.WriteImage(sitk.JoinSeries([image, image]), str(tmp_path / "b.nrrd"))
    with pytest.raises(InputError, match="must hold one volume, got 2"):
        read_scan(tmp_path / "b.nrrd")
