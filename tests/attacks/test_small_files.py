"""A small file that asks for gigabytes: refused by its header, by every way in."""

import copy
import gzip

import nibabel as nib
import numpy as np
import pydicom
import pytest

from acsnet.errors import AcsnetError, GeometryError, InputError
from acsnet.io import read_scan
from acsnet.io.limits import MAX_FIELD_MM, MAX_FIELD_MM2, MAX_VOXELS, check_field, check_size
from acsnet.pacs.preflight import examine
from acsnet.scan import InputGrid

STANDARD_VOXELS = MAX_FIELD_MM2 / 1.25**2


def grid(slices, rows, columns, *, row_mm, column_mm=None):
    affine = np.diag([column_mm or row_mm, row_mm, 8.0, 1.0])
    return InputGrid(shape=(columns, rows, slices), affine=affine, axes=(2, 1, 0))


def bomb(folder, *, slices, rows, pixel_mm):
    """A `.nii.gz` of almost nothing but zeros."""
    data = np.zeros((rows, rows, slices), dtype=np.uint8)
    data[::2] = 1
    image = nib.Nifti1Image(data, np.diag([pixel_mm, pixel_mm, 8.0, 1.0]))
    image.header.set_xyzt_units("mm")
    path = folder / "bomb.nii.gz"
    path.write_bytes(gzip.compress(image.to_bytes()))
    return path


@pytest.mark.parametrize(
    ("slices", "reason"),
    [(2, r"at most 1000 mm wide, got 2 slices of 10035"), (11, "46.1 million voxels")],
)
def test_few_wide_pixels_are_refused_in_a_nifti_file(tmp_path, slices, reason):
    path = bomb(tmp_path, slices=slices, rows=2048, pixel_mm=4.9)
    assert path.stat().st_size < 300_000
    with pytest.raises(AcsnetError, match=reason):
        read_scan(path)


def test_few_wide_pixels_are_refused_in_a_dicom_folder(tmp_path, samples):
    for file in sorted((samples / "dicom" / "phantom-1").iterdir()):
        dataset = pydicom.dcmread(file)
        dataset.PixelSpacing = [4.9, 4.9]
        dataset.Rows = dataset.Columns = 1500
        dataset.PixelData = bytes(2 * 1500**2)
        dataset.save_as(tmp_path / file.name)
    with pytest.raises(GeometryError, match="7350 x 7350 mm"):
        read_scan(tmp_path)


def test_few_wide_pixels_are_refused_in_a_pacs_before_a_pixel_is_fetched(tmp_path, pacs, patient):
    series = patient(PixelSpacing=[4.9, 4.9], Rows=1500, Columns=1500)
    pacs.add(copy.deepcopy(series))
    uid = series[0].SeriesInstanceUID
    examined = examine(pacs, study=series[0].StudyInstanceUID, parts=[uid])
    assert "7350 x 7350 mm" in str(examined[uid].reason)
    assert pacs.count("instance") == 0


def test_many_slices_of_a_wide_field_are_refused():
    """13 slices of 1000 x 1000 mm are 13 m2, 8.3 million voxels of the standard grid."""
    check_field("scan", grid(12, 1000, 1000, row_mm=1.0))
    with pytest.raises(GeometryError, match=r"at most 12.5 m2 in all, got 13 slices of 1000 x"):
        check_field("scan", grid(13, 1000, 1000, row_mm=1.0))


def test_one_long_side_is_refused():
    with pytest.raises(GeometryError, match="at most 1000 mm wide, got 8 slices of 200 x 1001 mm"):
        check_field("scan", grid(8, 200, 1001, row_mm=1.0))


@pytest.mark.parametrize(
    ("slices", "rows", "columns", "row_mm"),
    [(12, 256, 216, 1.5625), (100, 280, 280, 1.25), (20, 512, 512, 0.74), (95, 512, 512, 0.7)],
)
def test_what_scanners_make_is_taken(slices, rows, columns, row_mm):
    check_field("scan", grid(slices, rows, columns, row_mm=row_mm))
    check_size("scan", slices=slices, rows=rows, columns=columns, item_bytes=2)


def test_more_voxels_than_the_memory_is_for_are_refused():
    with pytest.raises(InputError, match=r"26.2 million voxels, at most 25 million"):
        check_size("scan", slices=100, rows=512, columns=512, item_bytes=2)


def test_the_limits_bound_what_is_allocated():
    """33 bytes a voxel of the file and 56 of the standard grid, as measured for a whole scan."""
    assert 33 * MAX_VOXELS + 56 * STANDARD_VOXELS < 1.3e9
    assert MAX_FIELD_MM / 1.25 <= 800


def test_a_refusal_costs_no_memory(tmp_path):
    """The pixels of the file are not unpacked: their header was enough."""
    path = bomb(tmp_path, slices=2, rows=2048, pixel_mm=4.9)
    content = bytearray(gzip.decompress(path.read_bytes()))
    path.write_bytes(gzip.compress(bytes(content[:400])))  # cut short: nobody gets that far
    with pytest.raises(AcsnetError, match="field of view"):
        read_scan(path)
