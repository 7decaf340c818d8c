"""NIfTI and Analyze headers without orientation, or with values that other programs read, too."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from acsnet.io import read_scan, write_label_map
from acsnet.io.client_labels import read_client_labels
from acsnet.io.label_map import read_labels_on
from acsnet.io.volume import viewer_affine

SHAPE = (6, 5, 4)  # column, row, slice
SIZE_MM = (1.25, 1.5, 8.0)
AFFINE = np.diag([*SIZE_MM, 1.0])
AFFINE[:3, 3] = (-20.0, 30.0, 40.0)
PIXELS = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
NO_ORIENTATION = {"qform_code": 0, "sform_code": 0}


def nifti(path: Path, *, shape=SHAPE, kind=nib.Nifti1Image, **fields) -> Path:
    """A scan with both transforms set, and fields of its header as broken software leaves them."""
    image = kind(np.arange(np.prod(shape), dtype=np.int16).reshape(shape), AFFINE)
    image.set_qform(AFFINE, code=1)
    image.set_sform(AFFINE, code=1)
    image.header.set_xyzt_units("mm")
    content = bytearray(image.to_bytes())
    template = kind.header_class.template_dtype
    header = np.ndarray((), template, buffer=content)
    for name, value in fields.items():
        header[name] = value
    path.write_bytes(content)
    return path


def analyze(folder: Path) -> Path:
    nib.save(nib.AnalyzeImage(PIXELS, np.diag([-1.25, 1.5, 8.0, 1.0])), folder / "scan.img")
    return folder / "scan.hdr"


def place_in_itk(path: Path) -> np.ndarray:
    """(4, 4) to RAS mm as ITK, and 3D Slicer with it, places an image."""
    image = sitk.ReadImage(str(path))
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def assert_labels_overlay(path: Path, folder: Path) -> None:
    scan = read_scan(path)
    written = folder / "labels.nii"
    labels = (PIXELS % 6).astype(np.uint8)
    write_label_map(written, labels, scan.grid)
    np.testing.assert_allclose(place_in_itk(written), place_in_itk(path), atol=1e-4)
    np.testing.assert_allclose(viewer_affine(scan.grid), place_in_itk(path), atol=1e-4)
    np.testing.assert_array_equal(read_labels_on(written, scan=scan, image=path), labels)


@pytest.mark.parametrize("unit", ["mm", "meter"])
def test_label_maps_overlay_an_image_without_orientation(tmp_path, unit):
    pixdim = np.array([1, *SIZE_MM, 1, 1, 1, 1]) / (1000 if unit == "meter" else 1)
    code = nib.nifti1.unit_codes[unit]
    path = nifti(tmp_path / "a.nii", **NO_ORIENTATION, pixdim=pixdim, xyzt_units=code)
    np.testing.assert_allclose(place_in_itk(path), np.diag([-1.25, -1.5, 8, 1]), atol=1e-5)
    assert_labels_overlay(path, tmp_path)
    header = nib.load(tmp_path / "labels.nii").header
    assert (int(header["qform_code"]), int(header["sform_code"])) == (0, 0)


def test_label_maps_overlay_an_analyze_image(tmp_path):
    path = analyze(tmp_path)
    header = nib.load(path).header
    header["origin"][:3] = 2, 2, 2  # which SPM and nibabel read, and ITK does not
    content = bytearray(path.read_bytes())
    content[: len(header.binaryblock)] = header.binaryblock
    path.write_bytes(content)
    assert_labels_overlay(path, tmp_path)


@pytest.mark.parametrize("ending", ["nrrd", "nii.gz", "mha"])
@pytest.mark.parametrize("is_cut", [False, True])
def test_labels_drawn_in_itk_on_an_image_without_orientation_lie_on_it(tmp_path, ending, is_cut):
    """With odd sizes a cut map would lie on voxels, too, where nibabel centres the image."""
    shape = (7, 5, 5)
    path = nifti(tmp_path / "a.nii", shape=shape, **NO_ORIENTATION)
    labels = np.zeros(shape, np.uint8)
    labels[1:3, 1:3, 1:3] = 2
    labels[2, 1, 2] = 4
    drawn = sitk.GetImageFromArray(labels.T.copy())
    drawn.CopyInformation(sitk.ReadImage(str(path)))
    drawn = drawn[1:3, 1:3, 1:3] if is_cut else drawn
    sitk.WriteImage(drawn, str(tmp_path / f"labels.{ending}"))
    scan = read_scan(path)
    for read in (
        read_labels_on(tmp_path / f"labels.{ending}", scan=scan, image=path),
        read_client_labels(tmp_path / f"labels.{ending}", grid=scan.grid),
    ):
        np.testing.assert_array_equal(read, labels)


@pytest.mark.parametrize(("qform_code", "sform_code"), [(0, 99), (99, 0), (1, 99), (-1, 99)])
def test_a_code_that_is_not_defined_sets_its_transform(tmp_path, qform_code, sform_code):
    """nibabel takes it for 0, ITK does not: the sform lies 7 mm to the right of the qform."""
    path = nifti(
        tmp_path / "a.nii",
        qform_code=qform_code,
        sform_code=sform_code,
        srow_x=[1.25, 0, 0, -13.0],
    )
    scan = read_scan(path)
    assert scan.grid.affine[0, 3] == (-13.0 if sform_code > 0 else -20.0)
    assert not [warning for warning in scan.warnings if "no orientation" in warning]
    assert_labels_overlay(path, tmp_path)


def test_labels_of_an_image_in_metres_without_a_qform_have_its_size(tmp_path):
    rows = {f"srow_{'xyz'[k]}": AFFINE[k] / 1000 for k in range(3)}
    pixdim = np.array([1, *SIZE_MM, 1, 1, 1, 1]) / 1000
    path = nifti(tmp_path / "a.nii", qform_code=0, xyzt_units=1, pixdim=pixdim, **rows)
    assert_labels_overlay(path, tmp_path)


def test_a_quaternion_that_is_not_used_does_no_harm(tmp_path):
    path = nifti(tmp_path / "a.nii", qform_code=0, quatern_b=1, quatern_c=1, quatern_d=1)
    scan = read_scan(path)
    np.testing.assert_array_equal(scan.grid.affine, AFFINE)
    assert scan.warnings == ()


@pytest.mark.parametrize("codes", [{"sform_code": 0}, {"srow_x": np.nan}])
def test_a_quaternion_longer_than_1_is_brought_to_1(tmp_path, codes):
    """Half a turn about the axis to the head: columns and rows run the other way."""
    longer = np.sqrt(1 + 2e-6)
    path = nifti(tmp_path / "a.nii", quatern_d=longer, **codes)
    turned = np.diag([-1.25, -1.5, 8.0, 1.0])
    turned[:3, 3] = AFFINE[:3, 3]
    np.testing.assert_allclose(read_scan(path).grid.affine, turned, atol=1e-6)
    assert_labels_overlay(path, tmp_path)


def test_a_quaternion_of_nan_beside_an_sform_is_passed_over_with_a_warning(tmp_path):
    scan = read_scan(nifti(tmp_path / "a.nii", quatern_c=np.nan))
    np.testing.assert_array_equal(scan.grid.affine, AFFINE)
    assert scan.warnings == ("the qform of the header is not made of numbers: its sform is used",)


@pytest.mark.parametrize("unit", [5, 255])
def test_a_unit_that_is_not_defined_is_unknown(tmp_path, unit):
    scan = read_scan(nifti(tmp_path / "a.nii", xyzt_units=unit))
    np.testing.assert_array_equal(scan.grid.affine, AFFINE)
    assert scan.warnings == ()


@pytest.mark.parametrize(("kind", "begin"), [(nib.Nifti1Image, 352), (nib.Nifti2Image, 544)])
def test_pixels_of_a_single_file_begin_behind_its_header(tmp_path, kind, begin):
    scan = read_scan(nifti(tmp_path / "a.nii", kind=kind, vox_offset=0))
    np.testing.assert_array_equal(scan.grid.to_input(scan.pixels), PIXELS)
    assert scan.warnings == (
        "vox_offset of the header is 0, which is within the header: pixels are read from "
        f"byte {begin} on",
    )


def test_pixels_of_a_pair_begin_at_byte_0(tmp_path):
    nib.save(nib.Nifti1Pair(PIXELS, AFFINE), tmp_path / "a.hdr")
    scan = read_scan(tmp_path / "a.hdr")
    np.testing.assert_array_equal(scan.grid.to_input(scan.pixels), PIXELS)
    assert scan.warnings == ()


def test_a_fourth_axis_without_a_size_is_of_one_volume(tmp_path):
    path = nifti(tmp_path / "a.nii", dim=[4, *SHAPE, 0, 1, 1, 1])
    np.testing.assert_array_equal(np.sort(read_scan(path).pixels.ravel()), np.arange(120))


def test_an_offset_that_is_no_number_is_none(tmp_path):
    scan = read_scan(nifti(tmp_path / "a.nii", scl_slope=2.0, scl_inter=np.nan))
    np.testing.assert_array_equal(np.sort(scan.pixels.ravel()), 2 * np.arange(120))
    assert any("scl_inter of the header is no number" in words for words in scan.warnings)
