"""Label maps of clients and data sets: on their image, or refused with the reason."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from acsnet.errors import GeometryError, InputError
from acsnet.io.client_labels import read_client_labels, to_values
from acsnet.io.label_map import read_label_file
from acsnet.labels import LABEL_VALUES
from acsnet.scan import InputGrid

AFFINE = np.array([[1.5, 0, 0, -20], [0, 1.5, 0, 10], [0, 0, 8.0, 5], [0, 0, 0, 1]])
SMALL_AFFINE = np.diag([1.5, 2.0, 8.0, 1.0])
GRID = InputGrid(shape=(6, 5, 4), affine=AFFINE, axes=(2, 1, 0))


@pytest.fixture
def labels():
    labels = np.zeros((10, 12, 4), np.uint8)
    labels[2:8, 2:8, 1:] = 2
    return labels


def save(path, array, affine=SMALL_AFFINE):
    nib.save(nib.Nifti1Image(array, affine), path)
    return path


def read(tmp_path, data, affine=AFFINE):
    path = tmp_path / "label.nii.gz"
    nib.save(nib.Nifti1Image(data, affine), path)
    return read_client_labels(path, grid=GRID)


def test_a_label_map_on_its_image_is_read_voxel_for_voxel(tmp_path):
    data = np.arange(120, dtype=np.int16).reshape(6, 5, 4) % 6
    labels = read(tmp_path, data)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, data)


def test_a_fourth_axis_of_one_is_no_obstacle(tmp_path):
    assert read(tmp_path, np.ones((6, 5, 4, 1), np.uint8)).shape == (6, 5, 4)


def test_another_shape_is_refused(tmp_path):
    with pytest.raises(GeometryError, match=r"shape \(6, 5, 4\), got \(5, 6, 4\)"):
        read(tmp_path, np.zeros((5, 6, 4), np.uint8))


def test_a_shift_is_refused_with_its_size(tmp_path):
    shifted = AFFINE.copy()
    shifted[2, 3] += 8
    with pytest.raises(GeometryError, match=r"up to 8\.0 mm off"):
        read(tmp_path, np.zeros((6, 5, 4), np.uint8), shifted)


def test_rounding_of_the_affine_is_no_shift(tmp_path):
    read(tmp_path, np.zeros((6, 5, 4), np.uint8), AFFINE + 1e-5 * (AFFINE != 0) * (AFFINE != 1))


def test_a_file_that_is_no_nifti_is_refused(tmp_path):
    path = tmp_path / "label.nii.gz"
    path.write_bytes(b"not an image")
    with pytest.raises(InputError, match="cannot be read"):
        read_client_labels(path, grid=GRID)


@pytest.mark.parametrize("value", [1.5, np.inf])
def test_a_value_that_is_no_whole_number_is_refused(tmp_path, value):
    with pytest.raises(InputError, match="the label map holds values that are not whole numbers"):
        read(tmp_path, np.full((6, 5, 4), value, np.float32))


def test_a_map_on_the_affine_of_its_images_header_is_taken(tmp_path):
    grid = replace(GRID, stored_affine=np.diag([-1.0, -1.0, 1.0, 1.0]))
    nib.save(nib.Nifti1Image(np.ones((6, 5, 4), np.uint8), grid.header_affine), tmp_path / "a.nii")
    assert read_client_labels(tmp_path / "a.nii", grid=grid).all()


def test_values_follow_the_viewers_list_of_segments():
    segments = [{"name": "lv_blood_pool", "idx": 1}, {"name": "core_scar", "idx": 4}]
    values = to_values(np.array([0, 1, 2, 2]), segments=segments)
    np.testing.assert_array_equal(values, [0, 1, 4, 4])


def test_all_segments_in_order_change_nothing():
    segments = [{"name": name} for name in LABEL_VALUES]
    np.testing.assert_array_equal(to_values(np.arange(6.0), segments=segments), range(6))


@pytest.mark.parametrize(
    ("data", "segments", "reason"),
    [
        ([0, 6], None, "value 6 is not one of"),
        ([0, -1], None, "value -1 is not one of"),
        ([0, 2], [{"name": "lv_blood_pool"}], "value 2 is not one of"),
        ([0, 1], [{"name": "Segment_1"}], "segment 'Segment_1' is not one of"),
        ([0, 1], [{}], "segment 'None' is not one of"),
        ([0, 1], {"name": "core_scar"}, "label_info must be a list .*, got {'name': 'core_scar'}"),
    ],
)
def test_values_without_a_label_are_refused(data, segments, reason):
    with pytest.raises(InputError, match=reason):
        to_values(np.array(data), segments=segments)


def test_an_unknown_segment_without_voxels_does_no_harm():
    segments = [{"name": "core_scar"}, {"name": "Segment_2"}]
    np.testing.assert_array_equal(to_values(np.array([0, 1]), segments=segments), [0, 4])


def test_fractions_wrong_dimensions_and_damage_are_refused_by_name(tmp_path):
    fractions = save(tmp_path / "f.nii.gz", np.full((3, 3, 3), 0.5, dtype=np.float32))
    with pytest.raises(InputError, match=r"f\.nii\.gz holds values that are not whole numbers"):
        read_label_file(fractions)
    phases = save(tmp_path / "p.nii.gz", np.zeros((3, 3, 3, 2), dtype=np.uint8))
    with pytest.raises(InputError, match=r"p\.nii\.gz must be a 3-D label map, got shape"):
        read_label_file(phases)
    damaged = tmp_path / "d.nii.gz"
    damaged.write_bytes(phases.read_bytes()[:60])
    with pytest.raises(InputError, match=r"d\.nii\.gz cannot be read"):
        read_label_file(damaged)


def test_one_volume_in_four_axes_and_whole_numbers_as_floats_are_read(tmp_path, labels):
    path = save(tmp_path / "a.nii.gz", labels[..., None].astype(np.float32))
    assert np.array_equal(read_label_file(path).labels, labels)


def test_nan_in_a_label_map_is_background_and_told(tmp_path, labels):
    unknown = labels.astype(np.float32)
    unknown[2:7, 2, 1] = np.nan
    read = read_label_file(save(tmp_path / "a.nii.gz", unknown))
    labels[2:7, 2, 1] = 0
    np.testing.assert_array_equal(read.labels, labels)
    told = "5 voxels hold NaN in the label map, which counts as background"
    assert read.warnings == (told,)
    assert read_label_file(save(tmp_path / "b.nii.gz", labels)).warnings == ()


def test_another_format_is_refused_by_name(tmp_path):
    path = tmp_path / "a.mgz"
    nib.save(nib.MGHImage(np.zeros((3, 3, 3), dtype=np.uint8), np.eye(4)), path)
    with pytest.raises(InputError, match=r"a\.mgz cannot be read as NIfTI"):
        read_label_file(path)
