"""A DICOM SEG is the label map of its series, and of a copy of it in another format."""

import nibabel as nib
import numpy as np
import pydicom
import pytest
from breath_holds import breath_holds
from packed_scans import slices
from pydicom.uid import generate_uid

from acsnet.dicom.seg_on_scan import seg_on_scan
from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import source_stack
from acsnet.errors import GeometryError, InputError
from acsnet.evaluate.cases import score_case
from acsnet.io import read_scan, write_image, write_label_map
from acsnet.io.dicom_files.folder import headers_at
from acsnet.io.label_map import on_grid, read_label_map
from acsnet.measure import measure_label_file


@pytest.fixture(scope="module")
def seg(samples, tmp_path_factory):
    """The truth of the first patient as a SEG of its series, and the same labels on the series."""
    folder = samples / "dicom" / "phantom-1"
    scan = read_scan(folder)
    truth = read_label_map(samples / "truth" / "phantom-1.nii.gz", name="truth").labels
    stack = read_scan(samples / "nifti" / "phantom-1.nii.gz").grid.from_input(truth)
    headers = [pydicom.dcmread(path, stop_before_pixels=True) for path in folder.glob("*.dcm")]
    dataset = make_seg(
        np.ascontiguousarray(stack).astype(np.uint8),
        source_stack(scan, headers),
        state="draft",
        algorithm_type="MANUAL",
        creator="reader",
    )
    path = tmp_path_factory.mktemp("seg") / "phantom-1.dcm"
    dataset.save_as(path, write_like_original=False)
    return path, scan, stack


def test_the_labels_of_a_seg_lie_where_they_were_drawn(seg):
    path, scan, stack = seg
    np.testing.assert_array_equal(scan.grid.from_input(seg_on_scan(path, scan).labels), stack)


def test_a_seg_is_measured_on_its_series_and_on_a_copy_in_nifti(seg, samples, tmp_path):
    path, scan, stack = seg
    write_image(tmp_path / "copy.nii", scan)
    labels = scan.grid.to_input(np.ascontiguousarray(stack).astype(np.uint8))
    write_label_map(tmp_path / "labels.nii", labels, scan.grid)
    expected = measure_label_file(samples / "dicom" / "phantom-1", tmp_path / "labels.nii").features
    for image in (samples / "dicom" / "phantom-1", tmp_path / "copy.nii"):
        assert measure_label_file(image, path).features.lv_volume_ml == pytest.approx(
            expected.lv_volume_ml, rel=1e-4
        )


def test_a_seg_is_the_expert_of_an_evaluation(seg, tmp_path):
    path, scan, stack = seg
    labels = scan.grid.to_input(np.ascontiguousarray(stack).astype(np.uint8))
    write_label_map(tmp_path / "segmentation.nii.gz", labels, scan.grid)
    scores = score_case(
        "a", predicted_path=tmp_path / "segmentation.nii.gz", expert_path=path, truth="acsnet"
    )
    assert {region.volume_dice for region in scores.regions.values()} == {1.0}


def test_an_empty_prediction_is_scored_against_a_seg(seg, tmp_path):
    path, scan, stack = seg
    predicted = tmp_path / "segmentation.nii.gz"
    write_label_map(predicted, np.zeros(scan.grid.shape, np.uint8), scan.grid)
    scores = score_case("a", predicted_path=predicted, expert_path=path, truth="acsnet")
    lv = scores.regions["lv"]
    assert lv.expert_ml == pytest.approx(np.count_nonzero(stack) * scan.voxel_ml)
    assert (lv.predicted_ml, lv.volume_dice) == (0.0, 0.0)


def test_a_dicom_file_that_is_no_seg_is_refused(samples):
    folder = samples / "dicom" / "phantom-1"
    file = next(folder.glob("*.dcm"))
    with pytest.raises(InputError, match=f"{file.name} must be a segmentation .*got MR Image"):
        measure_label_file(folder, file)


@pytest.mark.parametrize("content", [b"", b"SEG: see the other folder", b"\x89PNG\r\n" + bytes(99)])
def test_a_file_that_is_no_dicom_is_said_to_be_unreadable(seg, tmp_path, content):
    (tmp_path / "seg.dcm").write_bytes(content)
    with pytest.raises(InputError, match=r"seg\.dcm cannot be read as DICOM"):
        seg_on_scan(tmp_path / "seg.dcm", seg[1])


def test_labels_of_a_series_from_nifti_of_the_same_place(seg, samples):
    path, scan, _ = seg
    image = nib.load(samples / "nifti" / "phantom-1.nii.gz")
    assert image.shape == scan.grid.shape
    other = read_scan(samples / "nifti" / "phantom-1.nii.gz")
    labels = read_label_map(samples / "truth" / "phantom-1.nii.gz", name="truth")
    np.testing.assert_array_equal(on_grid(labels, other.grid), labels.labels)
    assert seg_on_scan(path, scan).labels.any()


def test_a_seg_of_another_examination_at_the_same_place_is_refused(seg, samples, tmp_path):
    path, _, _ = seg
    copy = tmp_path / "other"
    copy.mkdir()
    series, study, frame = (generate_uid() for _ in range(3))
    for file in (samples / "dicom" / "phantom-1").glob("*.dcm"):
        image = pydicom.dcmread(file)
        image.SeriesInstanceUID, image.StudyInstanceUID = series, study
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.FrameOfReferenceUID = frame
        image.save_as(copy / file.name)
    with pytest.raises(GeometryError, match="SEG was not drawn on this series: its FrameOfRef"):
        measure_label_file(copy, path)


def test_what_a_seg_is_read_with_is_said_where_it_is_measured(seg, samples, tmp_path):
    path, _, _ = seg
    dataset = pydicom.dcmread(path)
    core = next(s for s in dataset.SegmentSequence if s.SegmentLabel == "core_scar")
    core.SegmentLabel = "grey_zone"
    dataset.save_as(tmp_path / "contradictory.dcm")
    folder = samples / "dicom" / "phantom-1"
    measured = measure_label_file(folder, tmp_path / "contradictory.dcm")
    expected = measure_label_file(folder, path)
    assert measured.features.core_scar_volume_ml == expected.features.core_scar_volume_ml
    (added,) = set(measured.warnings) - set(expected.warnings)
    assert "grey_zone" in added
    assert "core_scar" in added


def test_a_seg_is_checked_as_any_drawn_label_map_is(seg, samples, tmp_path):
    path, scan, stack = seg
    dabbed = np.ascontiguousarray(stack).astype(np.uint8)
    dabbed[3, 2:8, 2:8] = 4
    folder = samples / "dicom" / "phantom-1"
    headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in folder.glob("*.dcm")]
    make_seg(
        dabbed,
        source_stack(scan, headers),
        state="draft",
        algorithm_type="MANUAL",
        creator="reader",
    ).save_as(tmp_path / "dabbed.dcm", write_like_original=False)
    assert [flag.flag for flag in measure_label_file(folder, path).quality] == []
    found = measure_label_file(folder, tmp_path / "dabbed.dcm").quality
    assert [flag.flag for flag in found] == ["scar_outside_wall"]


def test_a_seg_on_one_of_the_series_of_a_scan_is_measured_with_a_warning(samples, tmp_path):
    folder = breath_holds(slices(samples / "dicom" / "phantom-1"), tmp_path / "scan")
    scan = read_scan(folder)
    sources = source_stack(scan, headers_at(folder))
    labels = np.zeros(scan.pixels.shape, np.uint8)
    labels[:4, 60:90, 60:90] = 2
    labels[:4, 68:82, 68:82] = 1
    warning = (
        "the segmentation names 1 of the 2 series that the scan lies in: nothing is drawn in "
        "slice 5, 6, 7, 8, of the other series"
    )
    # The half that is drawn, from the images of one series and from those of both.
    for images, told in ((sources[:4], True), (sources, False)):
        seg = make_seg(
            labels[: len(images)], images, state="draft", algorithm_type="MANUAL", creator="reader"
        )
        seg.save_as(tmp_path / "seg.dcm", write_like_original=False)
        measured = measure_label_file(folder, tmp_path / "seg.dcm")
        assert (warning in measured.warnings) == told
