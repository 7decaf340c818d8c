"""What the values of a drawn label map mean: by the names of its segments, else by a convention."""

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.filebase import DicomFileLike
from pydicom.filewriter import write_dataset
from slicer_segmentations import slicer_segmentation

from acsnet.dicom.drawn_labels import read_drawn_labels
from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import source_stack
from acsnet.errors import InputError
from acsnet.evaluate.cases import score_case
from acsnet.io import read_scan, write_label_map
from acsnet.measure import measure_label_file

OUR_NAMES = ("lv_blood_pool", "lv_myocardium", "grey_zone", "core_scar")
FREE_NAMES = ("LV", "Myo", "Scar", "MVO")
NUMBERS = ("Segment_1", "Segment_2", "Segment_3", "Segment_4")
OTHER_NUMBERS = ("Segment_1", "Segment_2", "Segment_3", "Segment_5")
CODES = ("SegmentedPropertyTypeCodeSequence", "SegmentedPropertyCategoryCodeSequence")


@pytest.fixture(scope="module")
def case(samples):
    """The first patient: folder, scan, and its true labels (0 to 4) on the grid of the folder."""
    folder = samples / "dicom" / "phantom-1"
    scan, copy = read_scan(folder), read_scan(samples / "nifti" / "phantom-1.nii.gz")
    truth = np.asanyarray(nib.load(samples / "truth" / "phantom-1.nii.gz").dataobj)
    stack = np.ascontiguousarray(copy.grid.from_input(truth)).astype(np.uint8)
    return folder, scan, stack


def saved(case, path, names):
    """The labels as a file of 3D Slicer or a DICOM SEG, its segments called so."""
    folder, scan, stack = case
    if path.suffix == ".nrrd":
        segments = [(name, value, 0) for value, name in enumerate(names, start=1)]
        labels = scan.grid.to_input(stack)
        return slicer_segmentation(path, [labels], segments, affine=scan.grid.affine)
    headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in folder.glob("*.dcm")]
    seg = make_seg(
        stack,
        source_stack(scan, headers),
        state="draft",
        algorithm_type="MANUAL",
        creator="reader",
    )
    if names != OUR_NAMES:
        for segment, name in zip(seg.SegmentSequence, names, strict=False):
            segment.SegmentLabel = name
            for codes in CODES:
                del segment[codes]
    seg.save_as(path, write_like_original=False)
    return path


FILES = pytest.mark.parametrize("file", ["a.seg.nrrd", "a.dcm"])


@FILES
def test_our_names_are_read_as_ours_whatever_the_convention(case, tmp_path, file):
    folder, scan, stack = case
    path = saved(case, tmp_path / file, OUR_NAMES)
    drawn = read_drawn_labels(path, scan=scan, image=folder, truth="emidec")
    np.testing.assert_array_equal(scan.grid.from_input(drawn.labels), stack)
    assert drawn.convention == "acsnet"
    (told,) = drawn.warnings
    assert told.startswith(f"segments of {file} have names of ACSNet")
    assert told.endswith("'emidec' has no effect")
    measured = measure_label_file(folder, path, truth="emidec")
    core_ml = np.count_nonzero(stack == 4) * scan.voxel_ml
    assert measured.features.core_scar_volume_ml == pytest.approx(core_ml)
    assert told in measured.warnings


@FILES
def test_an_evaluation_reads_our_names_as_ours_and_keeps_the_regions_of_its_truth(
    case, tmp_path, file
):
    _, scan, stack = case
    predicted = tmp_path / "segmentation.nii.gz"
    write_label_map(predicted, scan.grid.to_input(stack), scan.grid)
    path = saved(case, tmp_path / file, OUR_NAMES)
    scores = score_case("a", predicted_path=predicted, expert_path=path, truth="emidec")
    assert set(scores.regions) == {"lv", "myocardium", "enhancement"}
    assert {region.volume_dice for region in scores.regions.values()} == {1.0}
    assert "'emidec' has no effect" in scores.warnings[0]


@FILES
@pytest.mark.parametrize(
    ("names", "truth", "fits"),
    [
        (FREE_NAMES, "emidec", True),
        (FREE_NAMES, "acsnet", False),
        (NUMBERS, "emidec", True),
        (NUMBERS, "acsnet", True),
        (OTHER_NUMBERS, "emidec", True),
        (OTHER_NUMBERS, "acsnet", False),
    ],
)
def test_other_names_keep_their_values_where_a_convention_is_named(
    case, tmp_path, file, names, truth, fits
):
    folder, scan, stack = case
    path = saved(case, tmp_path / file, names)
    if not fits:
        with pytest.raises(InputError, match=r"'LV'|'Segment_5'"):
            read_drawn_labels(path, scan=scan, image=folder, truth=truth)
        return
    drawn = read_drawn_labels(path, scan=scan, image=folder, truth=truth)
    np.testing.assert_array_equal(scan.grid.from_input(drawn.labels), stack)
    assert drawn.convention == truth


@pytest.mark.parametrize("name", ["a.nii", "a.nrrd", "without Modality"])
def test_a_seg_is_known_by_its_content(case, tmp_path, name):
    folder, scan, stack = case
    path = saved(case, tmp_path / "a.dcm", OUR_NAMES).rename(tmp_path / name)
    if name == "without Modality":
        seg = pydicom.dcmread(path)
        del seg.Modality
        seg.save_as(path)
    drawn = read_drawn_labels(path, scan=scan, image=folder)
    np.testing.assert_array_equal(scan.grid.from_input(drawn.labels), stack)


def test_a_nifti_file_that_is_called_dicom_is_read(case, samples, tmp_path):
    folder, scan, stack = case
    path = tmp_path / "labels.dcm"
    path.write_bytes((samples / "truth" / "phantom-1.nii.gz").read_bytes())
    drawn = read_drawn_labels(path, scan=scan, image=folder)
    np.testing.assert_array_equal(scan.grid.from_input(drawn.labels), stack)


def test_an_empty_file_is_said_to_be_empty(case, tmp_path):
    folder, scan, _ = case
    (tmp_path / "seg.dcm").touch()
    with pytest.raises(InputError, match="it is empty"):
        read_drawn_labels(tmp_path / "seg.dcm", scan=scan, image=folder)


@pytest.mark.parametrize("name", ["a", "a.dcm"])
def test_a_seg_without_preamble_and_meta_information_is_read(case, tmp_path, name):
    folder, scan, stack = case
    seg = pydicom.dcmread(saved(case, tmp_path / "whole.dcm", OUR_NAMES))
    seg.is_implicit_VR = True
    with (tmp_path / name).open("wb") as file:
        out = DicomFileLike(file)
        out.is_little_endian = out.is_implicit_VR = True
        write_dataset(out, seg)
    drawn = read_drawn_labels(tmp_path / name, scan=scan, image=folder)
    np.testing.assert_array_equal(scan.grid.from_input(drawn.labels), stack)
