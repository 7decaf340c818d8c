from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from acsnet.errors import InputError
from acsnet.evaluate.truth import (
    LabelFile,
    apex_first_scan,
    check_same_grid,
    read_label_file,
    region_masks,
    turned_to,
)

VALUES = np.arange(6)[None, None]


@pytest.mark.parametrize(
    ("truth", "expected"),
    [
        ("emidec", {"lv": [1, 2, 3, 4], "myocardium": [2, 3, 4], "enhancement": [3, 4]}),
        ("acdc", {"lv": [2, 3], "myocardium": [2]}),
        (
            "acsnet",
            {
                "lv": [1, 2, 3, 4, 5],
                "myocardium": [2, 3, 4, 5],
                "enhancement": [3, 4, 5],
                "core_scar": [4],
            },
        ),
    ],
)
def test_each_truth_has_its_regions(truth, expected):
    highest = {"emidec": 4, "acdc": 3, "acsnet": 5}[truth]
    values = VALUES[..., : highest + 1]
    masks = region_masks(values, truth, source="file")
    assert {name: values[mask].tolist() for name, mask in masks.items()} == expected


def test_an_unknown_value_is_refused_by_file_and_value():
    message = r"P1.nii.gz holds the values \[4, 5\], which are not labels of 'acdc' \(0 to 3\)"
    with pytest.raises(InputError, match=message):
        region_masks(VALUES, "acdc", source="P1.nii.gz")


def test_fractions_wrong_dimensions_and_damage_are_refused_by_name(tmp_path, save):
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


def test_one_volume_in_four_axes_and_whole_numbers_as_floats_are_read(tmp_path, save, labels):
    path = save(tmp_path / "a.nii.gz", labels[..., None].astype(np.float32))
    assert np.array_equal(read_label_file(path).labels, labels)


def test_another_format_is_refused_by_name(tmp_path):
    path = tmp_path / "a.mgz"
    nib.save(nib.MGHImage(np.zeros((3, 3, 3), dtype=np.uint8), np.eye(4)), path)
    with pytest.raises(InputError, match=r"a\.mgz cannot be read as NIfTI"):
        read_label_file(path)


def test_grids_that_differ_are_refused_by_name(tmp_path, save, labels):
    one = read_label_file(save(tmp_path / "one.nii.gz", labels))
    other = read_label_file(save(tmp_path / "other.nii.gz", labels[:-1]))
    with pytest.raises(InputError, match=r"one\.nii\.gz and .*other\.nii\.gz must have one shape"):
        check_same_grid(one, other)
    shifted = np.diag([1.5, 2.0, 8.0, 1.0])
    shifted[0, 3] = 0.1
    moved = read_label_file(save(tmp_path / "moved.nii.gz", labels, shifted))
    with pytest.raises(InputError, match=r"moved\.nii\.gz must have one affine.*up to 0\.1"):
        check_same_grid(one, moved)
    shifted[0, 3] = 0.01
    check_same_grid(one, read_label_file(save(tmp_path / "near.nii.gz", labels, shifted)))


@pytest.mark.parametrize("base_first", [False, True])
def test_the_end_with_the_smaller_ventricle_is_the_apex(tmp_path, save, labels, base_first):
    in_file = labels[..., ::-1] if base_first else labels
    scan = apex_first_scan(save(tmp_path / "a.nii.gz", in_file), in_file > 0)
    areas = np.count_nonzero(scan.grid.from_input(in_file), axis=(1, 2))
    assert areas.tolist() == [0, 16, 36, 36]


def test_a_position_that_tells_the_apex_outweighs_the_areas(tmp_path, save, labels):
    # Slices run from base to apex by position: left, anterior, inferior.
    apexward = np.array([-1.0, 1.0, -1.0]) / np.sqrt(3)
    row = np.array([1.0, 1.0, 0.0]) / np.sqrt(2)
    affine = np.eye(4)
    affine[:3, :3] = np.stack([1.5 * row, 2.0 * np.cross(apexward, row), 8.0 * apexward], axis=1)
    scan = apex_first_scan(save(tmp_path / "a.nii.gz", labels, affine), labels > 0)
    areas = np.count_nonzero(scan.grid.from_input(labels), axis=(1, 2))
    assert areas.tolist() == [36, 36, 16, 0]


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("flip", [(), (2,), (0, 1)])
def test_a_map_in_another_axis_order_is_turned_on_to_the_experts_grid(axes, flip):
    labels = np.arange(24).reshape(2, 3, 4)
    affine = np.diag([1.5, 1.25, 10.0, 1.0])
    affine[:3, 3] = [5.0, -7.0, 9.0]
    expert = LabelFile(path=Path("expert.nii.gz"), labels=labels, affine=affine)
    image = nib.Nifti1Image(labels.astype(np.int16), affine)
    target = [[axes.index(i), -1 if i in flip else 1] for i in range(3)]
    other = image.as_reoriented(np.array(target))
    predicted = LabelFile(
        path=Path("predicted.nii.gz"),
        labels=np.asarray(other.dataobj).astype(np.int64),
        affine=other.affine,
    )
    turned = turned_to(predicted, expert)
    np.testing.assert_array_equal(turned.labels, labels)
    np.testing.assert_allclose(turned.affine, affine)
