"""Label maps as colleagues and viewers save them, on the grid of their image or refused."""

from functools import partial

import nibabel as nib
import nrrd
import numpy as np
import packed_scans
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st
from slicer_segmentations import slicer_segmentation as write_segmentation
from small_label_maps import AFFINE, SHAPE, drawn, save

from acsnet.errors import GeometryError, InputError
from acsnet.io.client_labels import read_client_labels
from acsnet.io.label_map import (
    by_name,
    on_grid,
    read_label_file,
    read_label_map,
)
from acsnet.label_conventions import whole_numbers
from acsnet.measure import measure_label_file
from acsnet.scan import InputGrid

GRID = InputGrid(shape=SHAPE, affine=AFFINE, axes=(2, 1, 0))


def test_values_near_whole_numbers_are_rounded_and_never_cut():
    values = np.array([2.9999991, 3.00004, 0.004, np.nan])
    assert whole_numbers(values, name="a").tolist() == [3, 3, 0, 0]


@pytest.mark.parametrize("value", [2.5, 0.02, np.inf])
def test_other_values_are_no_labels(value):
    with pytest.raises(InputError, match="not whole numbers"):
        whole_numbers(np.array([0.0, value]), name="a")


def test_labels_with_a_scale_in_the_header_are_whole(tmp_path):
    scaled = nib.Nifti1Image(drawn().astype(float), AFFINE)
    scaled.header.set_data_dtype(np.int16)
    path = packed_scans.save_nifti(scaled, tmp_path / "a.nii")
    np.testing.assert_array_equal(on_grid(read_label_map(path, name="a"), GRID), drawn())


@given(
    axes=st.permutations(range(3)),
    signs=st.tuples(*[st.sampled_from((1, -1))] * 3),
    cut=st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 1)),
)
def test_a_turned_and_cut_map_is_put_back(tmp_path_factory, axes, signs, cut):
    spans = tuple(slice(a, n) for a, n in zip(cut, SHAPE, strict=True))
    moved = AFFINE.copy()
    moved[:3, 3] += AFFINE[:3, :3] @ cut
    image = nib.Nifti1Image(drawn()[spans], moved)
    orientation = np.stack([axes, signs], axis=1).astype(float)
    path = tmp_path_factory.mktemp("a") / "a.nii"
    found = on_grid(
        read_label_map(packed_scans.save_nifti(image.as_reoriented(orientation), path), name="a"),
        GRID,
    )
    np.testing.assert_array_equal(found, drawn())


def test_a_map_of_a_larger_image_is_cut_where_nothing_is_drawn_beyond(tmp_path):
    wider = AFFINE.copy()
    wider[:3, 3] -= AFFINE[:3, :3] @ [2, 1, 1]
    padded = np.pad(drawn(), ((2, 3), (1, 0), (1, 1)))
    path = save(tmp_path / "a.nii", padded, wider)
    np.testing.assert_array_equal(on_grid(read_label_map(path, name="a"), GRID), drawn())
    np.testing.assert_array_equal(read_client_labels(path, grid=GRID), drawn())
    padded[0, 0, 0] = 2
    path = save(tmp_path / "b.nii", padded, wider)
    with pytest.raises(GeometryError, match="must lie on its image"):
        on_grid(read_label_map(path, name="b"), GRID)


@pytest.mark.parametrize("shift_mm", [0.3, 1.5, -8.0])
def test_a_shifted_map_of_the_whole_image_is_refused(tmp_path, shift_mm):
    moved = AFFINE.copy()
    moved[0, 3] += shift_mm
    path = save(tmp_path / "a.nii", drawn(), moved)
    with pytest.raises(GeometryError, match=f"up to {abs(shift_mm)} mm off"):
        on_grid(read_label_map(path, name="a"), GRID)


def test_a_cut_map_between_the_voxels_is_refused(tmp_path):
    moved = AFFINE.copy()
    moved[0, 3] += 0.7
    path = save(tmp_path / "a.nii", drawn()[:4], moved)
    with pytest.raises(GeometryError, match="must lie on its image"):
        on_grid(read_label_map(path, name="a"), GRID)


def slicer_segmentation(path, layers, segments, **options):
    return write_segmentation(path, layers, segments, affine=AFFINE, **options)


def read(path):
    return on_grid(by_name(read_label_map(path, name="a.seg.nrrd")), GRID)


def test_a_slicer_segmentation_is_read_by_the_names_of_its_segments(tmp_path):
    values = np.choose(drawn(), [0, 0, 7, 0, 3]).astype(np.uint8)
    path = slicer_segmentation(
        tmp_path / "a.seg.nrrd", [values], [("LV myocardium", 7, 0), ("Core scar", 3, 0)]
    )
    found = on_grid(by_name(read_label_map(path, name="a")), GRID)
    np.testing.assert_array_equal(found, drawn())


def test_layers_of_overlapping_segments_become_one_map(tmp_path):
    wall, scar = (drawn() > 0).astype(np.uint8), (drawn() == 4).astype(np.uint8)
    path = slicer_segmentation(
        tmp_path / "a.seg.nrrd", [wall, scar], [("lv_myocardium", 1, 0), ("core_scar", 1, 1)]
    )
    np.testing.assert_array_equal(on_grid(by_name(read_label_map(path, name="a")), GRID), drawn())


def test_segments_of_an_older_slicer_are_a_layer_each(tmp_path):
    """Before version 4.11 its headers told no LabelValue, which is 1, and no Layer."""
    wall, scar = (drawn() > 0).astype(np.uint8), (drawn() == 4).astype(np.uint8)
    path = slicer_segmentation(
        tmp_path / "a.seg.nrrd",
        [wall, scar],
        [("lv_myocardium", None, None), ("core_scar", None, None)],
    )
    np.testing.assert_array_equal(read(path), drawn())


def test_a_header_without_layers_of_a_single_layer_is_read(tmp_path):
    named = [("lv_myocardium", 2, None), ("core_scar", 4, None)]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [drawn().astype(np.uint8)], named)
    np.testing.assert_array_equal(read(path), drawn())


def test_segments_behind_a_gap_in_their_numbers_are_read(tmp_path):
    """The wall is Segment0 and the scar Segment2, as where 3D Slicer could not write one."""
    values = np.choose(drawn(), [0, 0, 7, 0, 3]).astype(np.uint8)
    named = [("lv_myocardium", 7, 0), ("core_scar", 3, 0)]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [values], named, numbers=[0, 2])
    np.testing.assert_array_equal(read(path), drawn())


def test_a_segment_without_a_name_is_called_by_its_id(tmp_path):
    named = [("lv_myocardium", 2, 0), ("", 4, 0)]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [drawn().astype(np.uint8)], named)
    with pytest.raises(InputError, match="segment 'Segment_2' is not one of the labels"):
        read(path)


@pytest.mark.parametrize("name", ["lv_myocardium", "Segment_1", "Myokard"])
@pytest.mark.parametrize("by_value", [True, False])
def test_a_value_that_no_segment_describes_is_refused(tmp_path, name, by_value):
    path = slicer_segmentation(
        tmp_path / "a.seg.nrrd", [drawn().astype(np.uint8)], [(name, 2, 0), ("core_scar", 3, 0)]
    )
    told = r"a\.seg\.nrrd holds the value 4 in layer 0, but no segment with this LabelValue"
    with pytest.raises(InputError, match=told):
        read_label_file(path, by_value=by_value)


def test_a_value_of_another_layer_describes_nothing(tmp_path):
    wall, scar = (drawn() > 0).astype(np.uint8), 4 * (drawn() == 4).astype(np.uint8)
    named = [("lv_myocardium", 1, 0), ("core_scar", 4, 0)]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [wall, scar], named)
    with pytest.raises(InputError, match="holds the value 4 in layer 1, but no segment"):
        read(path)


@pytest.mark.parametrize("names", [("grey_zone", "core_scar"), ("Segment_1", "Segment_2")])
@pytest.mark.parametrize("by_value", [True, False])
def test_two_segments_of_one_value_are_refused_by_name(tmp_path, names, by_value):
    values = (drawn() > 0).astype(np.uint8)
    named = [(name, 1, 0) for name in names]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [values], named)
    told = f"segments '{names[0]}' and '{names[1]}' of .*a.seg.nrrd cannot be told apart: both have"
    with pytest.raises(InputError, match=f"{told} the LabelValue 1 in layer 0"):
        read_label_file(path, by_value=by_value)


def test_two_segments_of_one_value_are_read_where_it_makes_no_difference(tmp_path):
    """Two names of one label; a value of no voxels; and 0, which is outside of all segments."""
    named = [("LV myocardium", 2, 0), ("lv_myocardium", 2, 0), ("core_scar", 4, 0)]
    empty = [("grey_zone", 3, 0), ("lv_blood_pool", 3, 0), ("grey_zone", 0, 0)]
    layer = drawn().astype(np.uint8)
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [layer], named + empty)
    np.testing.assert_array_equal(read(path), drawn())


@pytest.mark.parametrize("field", ["LabelValue", "Layer"])
def test_a_value_or_layer_that_is_no_number_is_refused_by_its_field(tmp_path, field):
    numbers = {"LabelValue": 4, "Layer": 0, field: "four"}
    named = [("lv_myocardium", 2, 0), ("core_scar", *numbers.values())]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [drawn().astype(np.uint8)], named)
    told = rf"Segment1_{field} of a\.seg\.nrrd must be a whole number, got 'four'"
    with pytest.raises(InputError, match=told):
        read(path)


def test_a_segment_of_another_name_beside_ours_is_refused(tmp_path):
    path = slicer_segmentation(
        tmp_path / "a.seg.nrrd", [drawn().astype(np.uint8)], [("core_scar", 4, 0), ("liver", 2, 0)]
    )
    with pytest.raises(InputError, match="segment 'liver' is not one of the labels"):
        by_name(read_label_map(path, name="a"))


def test_segments_that_are_only_numbered_keep_their_values(tmp_path):
    named = [("Segment_4", 4, 0), ("Segment 2", 2, 0)]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [drawn().astype(np.uint8)], named)
    np.testing.assert_array_equal(on_grid(by_name(read_label_map(path, name="a")), GRID), drawn())


@pytest.mark.parametrize("name", ["Segment_4", "label 4", "4", "Label 0"])
def test_a_number_that_is_not_the_value_tells_no_label(tmp_path, name):
    """Segment_3 was deleted, and 3D Slicer gave its value 3 to the next one."""
    values = np.choose(drawn(), [0, 0, 2, 0, 3]).astype(np.uint8)
    named = [("Segment_2", 2, 0), (name, 3, 0)]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [values], named)
    told = f"segment '{name}' is not one of the labels .* [(]its value is 3[)]: give it one of"
    with pytest.raises(InputError, match=told):
        read_label_file(path)
    with pytest.raises(InputError, match=told):
        read_client_labels(path, grid=GRID)
    np.testing.assert_array_equal(read_label_file(path, by_value=True).labels, values)


@pytest.mark.parametrize("names", [("Segment", "Label"), ("label_02", "Segment_004")])
def test_a_number_with_zeros_or_none_does_not_contradict_a_value(tmp_path, names):
    named = [(names[0], 2, 0), (names[1], 4, 0)]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [drawn().astype(np.uint8)], named)
    np.testing.assert_array_equal(read(path), drawn())


def test_values_of_segments_with_other_names_are_not_ours(tmp_path):
    """3D Slicer numbers them as they were drawn: here the wall is 1, which is our blood pool."""
    values = np.choose(drawn(), [0, 0, 1, 0, 2]).astype(np.uint8)
    named = [("Myokard", 1, 0), ("Narbe", 2, 0)]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [values], named)
    with pytest.raises(InputError, match="segment 'Myokard' is not one of the labels"):
        read_label_file(path)
    with pytest.raises(InputError, match="segment 'Myokard' is not one of the labels"):
        read_client_labels(path, grid=GRID)
    np.testing.assert_array_equal(read_label_file(path, by_value=True).labels, values)


def renamed(path, names):
    """Other names of the same segments, which pynrrd itself cannot write."""
    content = path.read_bytes()
    for name, other in names.items():
        assert content.count(name.encode()) == 1
        content = content.replace(name.encode(), other)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "coded"),
    [
        *((name, name.encode()) for name in ("瘢痕", "傷跡", "рубец", "1 瘢痕", "非core_scar")),
        ("Überlagerung", "Überlagerung".encode()),
        ("Überlagerung", "Überlagerung".encode("latin-1")),
    ],
)
def test_a_segment_with_a_name_in_any_script_is_called_by_it(tmp_path, name, coded):
    named = [("XX", 4, 0), ("YY", 2, 0)]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [drawn().astype(np.uint8)], named)
    path = renamed(path, {"XX": coded, "YY": "心肌".encode()})
    with pytest.raises(InputError, match=f"segment '{name}' is not one of the labels"):
        read(path)
    np.testing.assert_array_equal(read_label_file(path, by_value=True).labels, drawn())


@pytest.mark.parametrize("name", ["background", "Background", "foreground_scribbles"])
def test_what_slicers_module_never_saves_is_left_out(tmp_path, name):
    painted = drawn().astype(np.uint8)
    painted[drawn() == 0] = 9
    ours = [("lv_myocardium", 2, 0), ("core_scar", 4, 0)]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [painted], [*ours, (name, 9, 0)])
    np.testing.assert_array_equal(read(path), drawn())
    over = np.full(drawn().shape, 9, np.uint8)
    layers = [drawn().astype(np.uint8), over]
    path = slicer_segmentation(tmp_path / "b.seg.nrrd", layers, [*ours, (name, 9, 1)])
    np.testing.assert_array_equal(read(path), drawn())


def test_what_slicers_module_never_saves_has_no_value_beside_numbered_segments(tmp_path):
    painted = drawn().astype(np.uint8)
    painted[drawn() == 0] = 1  # our blood pool
    named = [("Segment_2", 2, 0), ("Segment_4", 4, 0), ("background", 1, 0)]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [painted], named)
    np.testing.assert_array_equal(read(path), drawn())
    alone = (painted == 1).astype(np.uint8)
    path = slicer_segmentation(tmp_path / "b.seg.nrrd", [alone], [("background", 1, 0)])
    assert not read(path).any()


@pytest.mark.parametrize("packing", ["below", "above", "scaled", "cropped", "seg.nrrd", "mha"])
def test_every_packing_of_the_truth_gives_its_volumes(samples, tmp_path, packing):
    image = samples / "nifti" / "phantom-1.nii.gz"
    truth = nib.load(samples / "truth" / "phantom-1.nii.gz")
    data = np.asanyarray(truth.dataobj)
    path = tmp_path / f"labels.{packing}"
    if packing in ("seg.nrrd", "mha"):
        sitk.WriteImage(sitk.ReadImage(truth.get_filename()), str(path))
    else:
        path = tmp_path / "labels.nii.gz"
        affine = truth.affine.copy()
        if packing == "cropped":
            low, high = np.argwhere(data > 0).min(0), np.argwhere(data > 0).max(0) + 1
            affine[:3, 3] += affine[:3, :3] @ low
            data = data[tuple(map(slice, low, high))]
        changed = {
            "below": (data * 0.9999997).astype(np.float32),
            "above": (data + 0.00004 * (data > 0)).astype(np.float32),
            "scaled": data.astype(np.float64),
            "cropped": data,
        }[packing]
        other = nib.Nifti1Image(changed, affine)
        if packing == "scaled":
            other.header.set_data_dtype(np.int16)
        nib.save(other, path)
    expected = measure_label_file(image, samples / "truth" / "phantom-1.nii.gz").features
    assert measure_label_file(image, path).features == expected


def test_a_folder_in_the_place_of_a_label_map_is_called_one(tmp_path):
    with pytest.raises(InputError, match="is a folder: give the file with the label map"):
        read_label_file(tmp_path)


def in_a_list(path, *maps):
    """As programs for vectors and time write NRRD: a list of maps, whose axis comes first."""
    header = {
        "space": "right-anterior-superior",
        "space directions": np.vstack([[np.nan] * 3, AFFINE[:3, :3].T]),
        "space origin": AFFINE[:3, 3],
        "kinds": ["list", "domain", "domain", "domain"],
    }
    nrrd.write(str(path), np.stack(maps), header)
    return path


def test_a_list_of_one_map_is_that_map(tmp_path):
    path = in_a_list(tmp_path / "a.nrrd", drawn())
    np.testing.assert_array_equal(read_label_file(path).labels, drawn())
    np.testing.assert_array_equal(read_client_labels(path, grid=GRID), drawn())


def test_a_list_of_two_maps_is_refused_with_the_reason(tmp_path):
    path = in_a_list(tmp_path / "a.nrrd", drawn(), drawn())
    for read in (read_label_file, partial(read_client_labels, grid=GRID)):
        with pytest.raises(InputError, match="must hold one label map, got a list of 2"):
            read(path)
