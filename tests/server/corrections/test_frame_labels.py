"""Label maps image by image: each voxel lands where its pixel lies in the patient."""

import numpy as np
import pytest
from enhanced_packings import enhanced_multi_frame, enhanced_one_frame_a_file
from orientations import FLIPS, turned, world_mm, write
from packed_scans import slices

from acsnet.errors import InputError
from acsnet.io import read_scan, write_label_map
from acsnet.io.label_map import read_label_map
from acsnet.labels import Label
from acsnet.server.corrections.frame_labels import from_frames, to_frames

LPS_TO_RAS = np.array([-1.0, -1.0, 1.0])


def runs_of(drawn, rows, columns):
    """A frame with single pixels, written out by hand; drawn: (row, column) -> value."""
    runs, at = [], 0
    for (row, column), value in sorted(drawn.items()):
        place = row * columns + column
        if place > at:
            runs += [0, place - at]
        runs += [value, 1]
        at = place + 1
    return [*runs, 0, rows * columns - at]


@pytest.mark.parametrize("flips", FLIPS)
def test_a_pixel_is_where_the_scanner_says_whatever_the_orientation(patient, tmp_path, flips):
    series = turned(patient(), flips)
    scan = read_scan(write(series, tmp_path / "series"))
    # No two images alike, none symmetric.
    drawn = {
        str(image.SOPInstanceUID): {(3, 20 + number): 2, (40 + 2 * number, 7): 4}
        for number, image in enumerate(series)
    }
    frames = {
        uid: runs_of(pixels, int(series[0].Rows), int(series[0].Columns))
        for uid, pixels in drawn.items()
    }
    labels = from_frames(scan, frames)
    assert np.count_nonzero(labels) == 2 * len(series)
    write_label_map(tmp_path / "labels.nii.gz", labels, scan.grid)
    stored = read_label_map(tmp_path / "labels.nii.gz", name="it", grid=scan.grid)
    to_voxel = np.linalg.inv(stored.affine)
    for image in series:
        for (row, column), value in drawn[str(image.SOPInstanceUID)].items():
            place = LPS_TO_RAS * world_mm(image, row, column)
            voxel = to_voxel[:3, :3] @ place + to_voxel[:3, 3]
            np.testing.assert_allclose(voxel, np.rint(voxel), atol=1e-2)
            assert labels[tuple(np.rint(voxel).astype(int))] == value
    assert to_frames(scan, labels) == frames


@pytest.mark.parametrize("flips", FLIPS)
def test_what_a_viewer_gets_is_what_lies_on_its_own_image(patient, tmp_path, flips):
    """The same places of the patient are labelled, however the stack was acquired."""
    upright = read_scan(write(patient(), tmp_path / "upright"))
    labels = np.zeros(upright.pixels.shape, np.uint8)
    labels[upright.pixels > np.percentile(upright.pixels, 95)] = 3
    expected = to_frames(upright, upright.grid.to_input(labels))
    rows, columns, _ = flips
    series = turned(patient(), flips)
    scan = read_scan(write(series, tmp_path / "turned"))
    bright = np.zeros(scan.pixels.shape, np.uint8)
    bright[scan.pixels > np.percentile(upright.pixels, 95)] = 3
    got = to_frames(scan, scan.grid.to_input(bright))
    shape = upright.pixels.shape[1:]
    assert got.keys() == expected.keys()
    for uid, runs in got.items():
        there = np.repeat(runs[0::2], runs[1::2]).reshape(shape)
        there = there[::-1] if rows else there
        there = there[:, ::-1] if columns else there
        here = np.repeat(expected[uid][0::2], expected[uid][1::2]).reshape(shape)
        np.testing.assert_array_equal(there, here)


@pytest.fixture
def scan(samples):
    return read_scan(samples / "dicom" / "phantom-1")


def test_images_without_a_frame_are_empty_and_empty_frames_are_left_out(scan):
    _, rows, columns = scan.pixels.shape
    assert not from_frames(scan, {}).any()
    assert to_frames(scan, np.zeros(scan.grid.shape, np.uint8)) == {}
    assert not from_frames(scan, {"1.2.3": [0, rows * columns]}).any()


@pytest.mark.parametrize(
    ("uid", "runs", "reason"),
    [
        ("1.2.3", [1, None], "drawn on image 1.2.3, which is not a slice of the scan"),
        (None, [1, 5], "must fill its 160 rows of 176 pixels"),
        (None, [0], "must fill its"),
        (None, [1, -5, 0, None], "must fill its"),
        (None, [6, None], "must be 0 to 5, got"),
        (None, [-1, None], "must be 0 to 5, got"),
    ],
)
def test_frames_that_cannot_be_are_refused(scan, uid, runs, reason):
    _, rows, columns = scan.pixels.shape
    whole = [rows * columns if number is None else number for number in runs]
    with pytest.raises(InputError, match=reason):
        from_frames(scan, {uid or scan.instance_uids[2]: whole})


def test_a_scan_without_images_of_its_own_is_for_another_viewer(samples):
    scan = read_scan(samples / "nifti" / "phantom-1.nii.gz")
    with pytest.raises(InputError, match="draw on it in 3D Slicer"):
        to_frames(scan, np.full(scan.grid.shape, Label.CORE_SCAR, np.uint8))


def test_the_frames_of_one_image_are_for_another_viewer(samples, tmp_path):
    """What is drawn on all eight would be that of one."""
    phantom = samples / "dicom" / "phantom-1"
    scan = read_scan(enhanced_multi_frame(slices(phantom), tmp_path / "of one image"))
    labels = np.full(scan.grid.shape, Label.CORE_SCAR, np.uint8)
    with pytest.raises(InputError, match="draw on it in 3D Slicer"):
        to_frames(scan, labels)
    with pytest.raises(InputError, match="draw on it in 3D Slicer"):
        from_frames(scan, {scan.instance_uids[0]: [4, 160 * 176]})
    scan = read_scan(enhanced_one_frame_a_file(slices(phantom), tmp_path / "an image each"))
    assert len(to_frames(scan, labels)) == 8
