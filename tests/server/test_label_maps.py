"""Label maps from clients: on their image, with our values, or refused with the reason."""

import nibabel as nib
import numpy as np
import pytest

from acsnet.errors import GeometryError, InputError
from acsnet.labels import LABEL_VALUES
from acsnet.scan import InputGrid
from acsnet.server.label_maps import read_label_map, to_values

AFFINE = np.array([[1.5, 0, 0, -20], [0, 1.5, 0, 10], [0, 0, 8.0, 5], [0, 0, 0, 1]])
GRID = InputGrid(shape=(6, 5, 4), affine=AFFINE, axes=(2, 1, 0))


def read(tmp_path, data, affine=AFFINE, segments=None):
    path = tmp_path / "label.nii.gz"
    nib.save(nib.Nifti1Image(data, affine), path)
    return read_label_map(path, grid=GRID, image_affine=AFFINE, segments=segments)


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
        read_label_map(path, grid=GRID, image_affine=AFFINE, segments=None)


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
        ([0, 1.5], None, "whole numbers"),
        ([0, np.nan], None, "whole numbers"),
        ([0, 2], [{"name": "lv_blood_pool"}], "value 2 is not one of"),
        ([0, 1], [{"name": "Segment_1"}], "segment 'Segment_1' is not one of"),
        ([0, 1], [{}], "segment 'None' is not one of"),
        ([0, 1], {"name": "core_scar"}, "label_info must be a list"),
    ],
)
def test_values_without_a_label_are_refused(data, segments, reason):
    with pytest.raises(InputError, match=reason):
        to_values(np.array(data), segments=segments)


def test_an_unknown_segment_without_voxels_does_no_harm():
    segments = [{"name": "core_scar"}, {"name": "Segment_2"}]
    np.testing.assert_array_equal(to_values(np.array([0, 1]), segments=segments), [0, 4])
