"""What dcm2niix writes of a stack with uneven slices: the slices, and others interpolated."""

import gzip
import struct

import nibabel as nib
import numpy as np
import pytest

from acsnet.errors import GeometryError
from acsnet.io import read_scan
from acsnet.io.finder import volume_files

OF_DCM2NIIX = '{"ConversionSoftware": "dcm2niix"}'

STEP_AT = slice(88, 92)
"""Where pixdim[3] lies in a NIfTI-1 header."""


@pytest.fixture
def saved(samples, tmp_path):
    """Saves the first slices of a phantom, by name, beside dcm2niix's JSON; gives the path."""
    (tmp_path / "LGE_5.json").write_text(OF_DCM2NIIX)
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")

    def save(name, *, slices=8, step_mm=10.0):
        affine = image.affine.copy()
        affine[:3, 2] *= step_mm / np.linalg.norm(affine[:3, 2])
        path = tmp_path / f"{name}.nii.gz"
        nib.save(nib.Nifti1Image(np.asanyarray(image.dataobj)[..., :slices], affine), path)
        return path

    return save


@pytest.mark.parametrize(
    ("slices", "step_mm", "extent"),
    [(8, 10.0, "75 to 85 mm"), (7, 8.0, "52 to 60 mm"), (6, 10.0, "55 to 65 mm")],
)
def test_a_missing_slice_is_refused(saved, slices, step_mm, extent):
    """Eight slices 10 mm apart end 70 mm from the first."""
    path = saved("LGE_5")
    saved("LGE_5_Eq_1", slices=slices, step_mm=step_mm)
    reason = f"70 mm by its header, but {extent} by LGE_5_Eq_1.nii.gz.* use the DICOM series"
    with pytest.raises(GeometryError, match=reason):
        read_scan(path)


def test_a_missing_second_slice_is_refused(saved):
    """dcm2niix leaves the first distance, 20 mm, in the affine of what it interpolated."""
    path, other = saved("LGE_5", slices=7, step_mm=20.0), saved("LGE_5_Eq_1", step_mm=20.0)
    content = bytearray(gzip.decompress(other.read_bytes()))
    content[STEP_AT] = struct.pack("<f", 10.0)
    other.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(GeometryError, match="120 mm by its header, but 75 to 85 mm"):
        read_scan(path)


@pytest.mark.parametrize("ending", ["_Eq_1", "_Eq"])
def test_less_than_half_a_slice_is_told(saved, ending):
    """Seven slices reach at least 65 and at most 75 mm."""
    path = saved("LGE_5")
    saved(f"LGE_5{ending}", slices=7)
    (warning,) = read_scan(path).warnings
    assert warning.startswith(f"slices lie unevenly (dcm2niix wrote LGE_5{ending}.nii.gz, too)")
    assert "use the DICOM series" in warning


def test_what_cannot_be_read_beside_it_is_told_as_well(saved, tmp_path):
    path = saved("LGE_5")
    (tmp_path / "LGE_5_Eq_1.nii.gz").write_bytes(b"damaged")
    assert "slices lie unevenly" in read_scan(path).warnings[0]


def test_interpolated_slices_are_told_with_the_contrast_of_their_series(saved, tmp_path):
    path = saved("LGE_5_Eq_1", slices=7)
    (warning,) = read_scan(path).warnings
    assert "dcm2niix interpolated" in warning
    assert "use the DICOM series" in warning
    (tmp_path / "LGE_5.json").write_text('{"EchoTime": 0.001, "SeriesDescription": "T1 map"}')
    assert read_scan(path).contrast == "other"


def test_both_are_one_case_of_a_folder(tmp_path):
    for name in ("LGE_5", "LGE_5_Eq_1", "AB_EQ"):
        (tmp_path / f"{name}.nii.gz").touch()
    (tmp_path / "LGE_5.json").write_text(OF_DCM2NIIX)
    files, remarks = volume_files(tmp_path)
    assert [file.name for file in files] == ["AB_EQ.nii.gz", "LGE_5.nii.gz"]
    assert remarks == [
        "LGE_5_Eq_1.nii.gz was skipped: dcm2niix interpolated it from the volume beside"
    ]


def test_a_name_alone_is_no_reason_to_refuse_or_skip_a_scan(saved, tmp_path):
    path, other = saved("LGE_5"), saved("LGE_5_Eq")
    (tmp_path / "LGE_5.json").unlink()
    (warning,) = read_scan(path).warnings
    assert warning.startswith("LGE_5_Eq.nii.gz beside it is called as slices that dcm2niix")
    assert volume_files(tmp_path) == ([path, other], [])


@pytest.mark.parametrize("name", ["P01_eq", "P01_EQ"])
def test_names_that_dcm2niix_does_not_write_tell_nothing(saved, tmp_path, name):
    (tmp_path / "P01.json").write_text(OF_DCM2NIIX)
    plain, other = saved("P01"), saved(name)
    assert read_scan(plain).warnings == read_scan(other).warnings == ()
    assert set(volume_files(tmp_path)[0]) == {plain, other}
