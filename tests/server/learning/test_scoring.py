"""Scores of drafts against reviewed labels: by hand, and after a restart."""

import nibabel as nib
import numpy as np
import pytest

from acsnet.server.datastores.label_records import MODEL_DRAFT, REVIEWED, record_of_info
from acsnet.server.learning.scoring import AgreementScoring


class Labels:
    """The part of a datastore that scoring asks."""

    def __init__(self, files):
        self.files = files

    def get_labeled_images(self):
        return [image for image, tags in self.files.items() if REVIEWED in tags]

    def get_labels_by_image_id(self, image):
        return dict.fromkeys(self.files[image], image)

    def get_label_uri(self, image, tag):
        return str(self.files[image][tag])

    def label_records(self, image):
        return [record_of_info({"model": "v1"}, tag, current=True) for tag in self.files[image]]


@pytest.fixture
def write(tmp_path):
    def write(name, *values):
        path = tmp_path / f"{name}.nii.gz"
        nib.save(nib.Nifti1Image(np.array(values, np.uint8).reshape(-1, 1, 1), np.eye(4)), path)
        return path

    return write


def test_means_over_images_and_a_history_that_outlives_the_server(write, tmp_path):
    labels = Labels(
        {
            "same": {MODEL_DRAFT: write("1", 1, 2, 4, 4), REVIEWED: write("2", 1, 2, 4, 4)},
            "other": {MODEL_DRAFT: write("3", 1, 2, 2, 4), REVIEWED: write("4", 1, 2, 4, 4)},
            "no draft": {REVIEWED: write("5", 1, 2, 4, 4)},
            "draft only": {MODEL_DRAFT: write("6", 1, 2, 4, 4)},
            "damaged": {MODEL_DRAFT: write("7", 1), REVIEWED: write("8", 1, 2)},
        }
    )
    history = tmp_path / "scores.jsonl"
    score = AgreementScoring(history)({}, labels)
    assert (score["n"], score["left_out"], score["models"]) == (2, 1, ["v1"])
    # other: wall values of the draft 2, 2, 4 against 2, 4, 4.
    assert score["label_dice"]["lv_myocardium"] == pytest.approx((1 + 2 / 3) / 2, abs=1e-4)
    assert score["label_dice"]["core_scar"] == pytest.approx((1 + 2 / 3) / 2, abs=1e-4)
    assert score["label_dice"]["grey_zone"] is None
    assert score["region_dice"]["myocardium"] == 1
    # Burdens of 1/3 and 2/3 of the wall; the other image has no error.
    assert score["burden_error"] == pytest.approx(100 / 3 / 2, abs=0.01)
    (kept,) = AgreementScoring(history).history()
    assert {**kept, "images": score["images"]} == score


def test_a_damaged_line_of_the_history_costs_only_itself(tmp_path):
    history = tmp_path / "scores.jsonl"
    AgreementScoring(history)({}, Labels({}))
    history.write_bytes(history.read_bytes() + b'{"n": 3, \n\x00\n')
    AgreementScoring(history)({}, Labels({}))
    assert [score["n"] for score in AgreementScoring(history).history()] == [0, 0]


def test_nothing_to_score_is_no_error(tmp_path):
    score = AgreementScoring(tmp_path / "scores.jsonl")({}, Labels({}))
    assert (score["n"], score["burden_error"]) == (0, None)
