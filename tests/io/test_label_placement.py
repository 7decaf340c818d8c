"""Where a label map lies on its image: on the voxels, whatever was rounded, cut or placed twice."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from small_label_maps import AFFINE, SHAPE, drawn, save

from acsnet.errors import GeometryError, InputError
from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.io.label_map import LabelMap, on_grid, read_labels_on
from acsnet.io.volume import NiftiForms, SplitGrid


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """An image of 176 x 160 pixels of 1.5 mm, oblique and some way from the isocentre."""
    turn = Rotation.from_euler("xyz", [40, -30, 55], degrees=True).as_matrix()
    affine = np.eye(4)
    affine[:3, :3] = turn * [1.5, 1.5, 8.0]
    affine[:3, 3] = 101.1137, 171.9767, 27.7912
    pixels = np.arange(176 * 160 * 4, dtype=np.float32).reshape(176, 160, 4)
    path = tmp_path_factory.mktemp("image") / "image.nii"
    nib.save(nib.Nifti1Image(pixels, affine), path)
    return read_scan(path), path


def changed(affine, *, turn_degrees=0.0, scale=1.0):
    """Turned in the plane and scaled, about the first voxel."""
    change = np.eye(4)
    change[:3, :3] = Rotation.from_euler("z", turn_degrees, degrees=True).as_matrix()
    return affine @ change @ np.diag([scale, scale, 1.0, 1.0])


@pytest.mark.parametrize(
    ("change", "off"), [({"turn_degrees": 0.5}, r"3\.1"), ({"scale": 1.008}, r"2\.8")]
)
def test_a_map_of_the_same_shape_that_leaves_the_voxels_is_refused(scan, tmp_path, change, off):
    """Its far corner, 355 mm away, is off, though no entry of the affine differs by 0.015."""
    image, image_path = scan
    affine = changed(image.grid.affine, **change)
    assert np.abs(affine - image.grid.affine).max() < 0.015
    path = save(tmp_path / "a.nii", np.ones((176, 160, 4), np.uint8), affine)
    reason = rf"a\.nii must lie on its image, .* up to {off} mm off; .* of .*image\.nii"
    with pytest.raises(InputError, match=reason):
        read_labels_on(path, scan=image, image=image_path)
    with pytest.raises(GeometryError, match=f"up to {off} mm off"):
        read_client_labels(path, grid=image.grid)


@pytest.mark.parametrize("drawn_in", [np.s_[:], np.s_[70:90, 70:90]])
def test_a_map_with_rows_for_columns_is_refused_with_the_names_of_both_files(
    scan, tmp_path, drawn_in
):
    """Also where all labels lie within the image that way, too."""
    image, image_path = scan
    labels = np.zeros((160, 176, 4), np.uint8)
    labels[drawn_in] = 1
    path = save(tmp_path / "a.nii", labels, image.grid.affine)
    reason = r"a\.nii must have .* \(176, 160, 4\), got \(160, 176, 4\); .* of .*image\.nii"
    with pytest.raises(InputError, match=reason):
        read_labels_on(path, scan=image, image=image_path)


@pytest.mark.parametrize(
    "rounded",
    [
        lambda affine: affine.astype(np.float32).astype(float),
        lambda affine: affine.round(4),
        lambda affine: changed(affine, scale=1.00002),  # as 1.40628 for 1.40625 mm
        lambda affine: changed(affine, scale=0.781 / 0.78125),  # three decimals
    ],
)
def test_a_map_with_a_rounded_affine_lies_on_its_image(scan, tmp_path, rounded):
    image, image_path = scan
    labels = (np.arange(176 * 160 * 4).reshape(176, 160, 4) % 6).astype(np.uint8)
    path = save(tmp_path / "a.nii", labels, rounded(image.grid.affine))
    for read in (
        read_labels_on(path, scan=image, image=image_path),
        read_client_labels(path, grid=image.grid),
    ):
        np.testing.assert_array_equal(read, labels)


@pytest.mark.parametrize(
    ("shape", "voxels", "told"),
    [
        (
            (352, 320, 4),  # two pixels for one, over the same place
            np.diag([0.5, 0.5, 1.0, 1.0]) + 0.25 * np.array([[0, 0, 0, -1]] * 2 + [[0] * 4] * 2),
            r"its voxels are 0\.75 x 0\.75 x 8 mm, those of the image 1\.5 x 1\.5 x 8 mm "
            r"[(]it has .*[)]: resample it [(]nearest neighbour[)] to the image",
        ),
        (
            (176, 160, 4),
            np.diag([1.0, 1.0, 0.8, 1.0]),  # the thickness of the slices for their distance
            r"its voxels are 1\.5 x 1\.5 x 6\.4 mm, those of the image 1\.5 x 1\.5 x 8 mm: "
            "save it with the header of the image",
        ),
        (
            (100, 100, 4),  # cut, and half a pixel aside
            np.eye(4) + np.array([[0, 0, 0, 30.5], *[[0] * 4] * 3]),
            r"its voxels lie beside those of the image [(]it has shape [(]100, 100, 4[)], the ",
        ),
    ],
)
def test_what_is_wrong_with_the_place_of_a_map_is_told(scan, tmp_path, shape, voxels, told):
    image, _ = scan
    path = save(tmp_path / "a.nii", np.ones(shape, np.uint8), image.grid.affine @ voxels)
    with pytest.raises(GeometryError, match=f"must lie on its image, but {told}"):
        read_client_labels(path, grid=image.grid)


def test_a_map_that_has_no_place_is_refused_with_the_reason(scan, tmp_path):
    image, image_path = scan
    stored = nib.Nifti1Image(np.ones((176, 160, 4), np.uint8), None)
    stored.header["pixdim"][1:4] = 1.5, 1.5, 8.0
    nib.save(stored, tmp_path / "a.nii")
    told = r"mm off; no orientation in the header: qform_code and sform_code are 0; the grid is"
    with pytest.raises(InputError, match=told):
        read_labels_on(tmp_path / "a.nii", scan=image, image=image_path)


def of_two_transforms(columns):
    """The grid of an image whose sform lies some columns beside its qform, which is `AFFINE`."""
    beside = AFFINE.copy()
    beside[0, 3] += 1.5 * columns
    forms = NiftiForms(
        qform=AFFINE, qform_code=1, sform=beside, sform_code=2, unit_name="mm", unit=1.0
    )
    return SplitGrid(shape=SHAPE, affine=beside, axes=(2, 1, 0), forms=forms)


def noisy(affine):
    return affine + 1e-5 * np.sin(np.arange(16.0)).reshape(4, 4) * (AFFINE != 1)


@pytest.mark.parametrize("columns", [-2, 1, 2])
@pytest.mark.parametrize("noise", [lambda affine: affine, noisy])
def test_a_map_of_the_whole_image_lies_at_the_transform_that_it_fills(columns, noise):
    """Not at the one to which rounding brings it nearer, whole voxels away."""
    grid = of_two_transforms(columns)
    for affine in (AFFINE, grid.affine):
        whole = LabelMap(name="a", labels=drawn().astype(np.int64), affine=noise(affine))
        np.testing.assert_array_equal(on_grid(whole, grid), drawn())


def test_a_cut_map_that_fits_at_one_transform_only_is_put_there():
    cut = LabelMap(name="a", labels=drawn().astype(np.int64)[:6], affine=AFFINE)
    np.testing.assert_array_equal(on_grid(cut, of_two_transforms(2)), drawn())


@pytest.mark.parametrize("noise", [lambda affine: affine, noisy])
def test_a_cut_map_that_fits_at_both_transforms_is_refused(noise):
    affine = noise(AFFINE).copy()
    affine[:3, 3] += AFFINE[:3, :3] @ [2, 0, 0]
    cut = LabelMap(name="a.nrrd", labels=drawn().astype(np.int64)[2:6], affine=affine)
    with pytest.raises(InputError, match=r"a\.nrrd fits its image at two places.* save it uncut"):
        on_grid(cut, of_two_transforms(1))
    empty = replace(cut, labels=np.zeros_like(cut.labels))
    assert not on_grid(empty, of_two_transforms(1)).any()


def test_a_map_in_the_order_of_its_image_is_not_turned():
    """The sform has the columns the other way round, over the same place."""
    grid = of_two_transforms(0)
    mirrored = AFFINE.copy()
    mirrored[0] = -1.5, 0, 0, AFFINE[0, 3] + 1.5 * (SHAPE[0] - 1)
    grid = replace(grid, affine=mirrored, forms=replace(grid.forms, sform=mirrored))
    for affine in (AFFINE, mirrored):
        whole = LabelMap(name="a", labels=drawn().astype(np.int64), affine=affine)
        np.testing.assert_array_equal(on_grid(whole, grid), drawn())


def test_a_map_of_the_images_shape_is_never_told_to_have_another(scan, tmp_path):
    """The signs of x and y were lost, which in an oblique scan is no turn of its axes.

    The nearest turn swaps rows and columns. The first voxel is at (-101.1, -172.0, 27.8) for
    (101.1, 172.0, 27.8): 2 * sqrt(101.1**2 + 172**2) = 399 mm off, others more.
    """
    image, image_path = scan
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ image.grid.affine
    path = save(tmp_path / "a.nii", np.ones((176, 160, 4), np.uint8), affine)
    with pytest.raises(InputError, match=r"a\.nii must lie on its image, .* up to \d+\.\d mm off"):
        read_labels_on(path, scan=image, image=image_path)


def test_a_map_cut_along_one_axis_and_larger_along_another_is_put_back():
    """Two columns are cut off at each end, and two empty slices more are at each."""
    affine = AFFINE.copy()
    affine[:3, 3] += AFFINE[:3, :3] @ [2, 0, -2]
    labels = np.pad(drawn()[2:6], ((0, 0), (0, 0), (2, 2))).astype(np.int64)
    changed_size = LabelMap(name="a", labels=labels, affine=affine)
    np.testing.assert_array_equal(on_grid(changed_size, of_two_transforms(0)), drawn())
    labels[0, 0, 0] = 2
    told = r"a must lie on its image, but it reaches beyond it [(]it has shape [(]4, 7, 9[)], the "
    with pytest.raises(GeometryError, match=told):
        on_grid(changed_size, of_two_transforms(0))
