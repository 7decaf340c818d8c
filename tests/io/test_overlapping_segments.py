"""Voxels of several segments of a label map: one is taken, and that is told on every way in."""

from types import SimpleNamespace

import numpy as np
import pytest
from slicer_segmentations import slicer_segmentation

from acsnet.evaluate.cases import score_case
from acsnet.io import read_scan, write_label_map
from acsnet.io.label_map import read_label_file
from acsnet.measure import measure_label_file
from acsnet.server.datastores import label_intake

OVERLAP = (
    "{} voxels are in more than one segment: the one later in the list lv_blood_pool, "
    "lv_myocardium, grey_zone, core_scar, microvascular_obstruction is taken"
)


@pytest.fixture
def overlapping(tmp_path):
    """A wall of 4 x 3 x 3 voxels, one of them scar, and a pool of 8, four of them in the wall."""
    wall, scar, pool = np.zeros((3, 8, 7, 5), np.uint8)
    wall[2:6, 3:6, 1:4] = scar[5, 5, 3] = pool[0:4, 3:5, 1] = 1
    named = [("lv_myocardium", 1, 0), ("core_scar", 1, 1), ("lv_blood_pool", 1, 2)]
    return slicer_segmentation(
        tmp_path / "a.seg.nrrd", [wall, scar, pool], named, affine=np.diag([1.5, 1.5, 8.0, 1.0])
    )


def test_voxels_of_two_segments_are_told(overlapping):
    found = read_label_file(overlapping)
    assert found.warnings == (OVERLAP.format(5),)
    assert [np.count_nonzero(found.labels == value) for value in (1, 2, 4)] == [4, 35, 1]


def test_segments_of_one_label_and_what_is_left_out_do_not_overlap(tmp_path):
    wall = np.ones((4, 4, 3), np.uint8)
    named = [("lv_myocardium", 1, 0), ("LV myocardium", 1, 1), ("background", 1, 2)]
    path = slicer_segmentation(tmp_path / "a.seg.nrrd", [wall] * 3, named, affine=np.eye(4))
    assert read_label_file(path).warnings == ()


def test_every_way_in_tells_of_them(samples, tmp_path, monkeypatch):
    image = samples / "nifti" / "phantom-1.nii.gz"
    truth = read_label_file(samples / "truth" / "phantom-1.nii.gz")
    layers = [(truth.labels == value).astype(np.uint8) for value in (1, 2, 3, 4)]
    layers[1] |= layers[3]
    names = ("lv_blood_pool", "lv_myocardium", "grey_zone", "core_scar")
    path = slicer_segmentation(
        tmp_path / "phantom-1.seg.nrrd",
        layers,
        [(name, 1, layer) for layer, name in enumerate(names)],
        affine=truth.affine,
    )
    told = OVERLAP.format(np.count_nonzero(truth.labels == 4))
    assert measure_label_file(image, path).warnings == (told,)
    predicted = tmp_path / "segmentation.nii.gz"
    scan = read_scan(image)
    write_label_map(predicted, truth.labels.astype(np.uint8), scan.grid)
    scores = score_case("a", predicted_path=predicted, expert_path=path, truth="acsnet")
    assert scores.warnings == (told,)
    store = SimpleNamespace(get_image_uri=lambda _: str(image), state_to_label=lambda _: "state")
    drawn = label_intake.read_drawn_file(store, "a", path, tag="final", info={})
    assert drawn.notes == (told,)
