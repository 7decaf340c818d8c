"""The files of a case are found whatever their format, and with endings in capitals."""

import pytest
from labelled_stack import AFFINE

from acsnet.errors import InputError
from acsnet.evaluate.case_files import label_path
from acsnet.evaluate.cases import find_pairs
from acsnet.evaluate.robustness.labelled_scans import common_names, read_labelled


@pytest.mark.parametrize(
    "ending", [".nii.gz", ".NII.GZ", ".Nii", ".nrrd", ".NRRD", ".seg.nrrd", ".SEG.NRRD", ".DCM"]
)
def test_a_label_map_is_found_by_the_name_of_its_case(tmp_path, ending):
    for name in (f"P1{ending}", f"P10{ending}", f"p1{ending}", "P1.txt"):
        (tmp_path / name).touch()
    assert label_path(tmp_path, "P1") == tmp_path / f"P1{ending}"


@pytest.mark.parametrize("other", ["P1.nii", "P1.mha", "P1.nrrd"])
def test_two_label_maps_of_one_case_are_refused(tmp_path, other):
    for name in ("P1.nii.gz", other, "P10.nii.gz"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match=r"holds 2 files of the case P1 \(P1\..*, P1\..*\): leave"):
        label_path(tmp_path, "P1")


def test_two_label_maps_of_one_case_with_capitals_are_refused(tmp_path):
    for name in ("P1.NII.GZ", "P1.Nii.gz"):
        (tmp_path / name).touch()
    with pytest.raises(InputError, match="holds 2 files of the case P1"):
        label_path(tmp_path, "P1")


@pytest.mark.parametrize(
    ("taken", "beside"), [("P1.seg.nrrd", "P1.nrrd"), ("P1.hdr", "P1.img"), ("P1.HDR", "P1.IMG")]
)
def test_an_image_beside_its_segmentation_and_the_pixels_of_a_header_are_no_second_map(
    tmp_path, taken, beside
):
    for name in (taken, beside):
        (tmp_path / name).touch()
    assert label_path(tmp_path, "P1") == tmp_path / taken


@pytest.mark.parametrize("beside", [("P1.dcm",), ("P1.hdr", "P1.img"), ("P1.DCM", "P1.img")])
def test_the_seg_and_the_pair_of_files_made_of_a_label_map_are_no_second_map(tmp_path, beside):
    for name in ("P1.nii.gz", *beside):
        (tmp_path / name).touch()
    assert label_path(tmp_path, "P1") == tmp_path / "P1.nii.gz"


def test_a_label_map_that_is_not_there_is_called_as_a_nifti_file(tmp_path):
    (tmp_path / "P10.nii.gz").touch()
    (tmp_path / "P1.NRRD").mkdir()
    assert label_path(tmp_path, "P1") == tmp_path / "P1.nii.gz"
    assert label_path(tmp_path / "nowhere", "P1") == tmp_path / "nowhere" / "P1.nii.gz"


def test_a_case_with_capitals_in_the_ending_of_its_label_map_is_evaluated(save, labels, tmp_path):
    save(tmp_path / "predictions" / "a" / "segmentation.nii.gz", labels)
    expert = save(tmp_path / "labels" / "a.nii.gz", labels).rename(tmp_path / "labels" / "a.NII.GZ")
    pairs, remarks = find_pairs(tmp_path / "predictions", tmp_path / "labels")
    assert [pair[1] for pair in pairs.values()] == [expert]
    assert remarks == []


def test_a_stress_test_finds_files_with_capitals_in_their_endings(save, labels, tmp_path):
    images, folder = tmp_path / "images", tmp_path / "labels"
    for path, array in (
        (images / "a.nii.gz", 100 * labels.astype("i2")),
        (folder / "a.nii.gz", labels),
    ):
        save(path, array, AFFINE).rename(path.with_name("a.NII.GZ"))
    (folder / "notes.txt").touch()
    save(folder / "b.nii.gz", labels, AFFINE)
    assert common_names(images, folder) == ["a"]
    case = read_labelled("a", images=images, labels=folder, truth="acsnet")
    assert case.labels.any()
    with pytest.raises(InputError, match="b must have both an image"):
        read_labelled("b", images=images, labels=folder, truth="acsnet")
