"""Label maps of MITK: NRRD files whose header names the labels of each group in JSON."""

import json

import nrrd
import numpy as np
import pytest

from acsnet.errors import InputError
from acsnet.io.containers import open_volume
from acsnet.io.label_map import read_label_file

GROUPS = "org.mitk.multilabel.segmentation.labelgroups"
AFFINE = np.diag([1.5, 1.5, 8.0])
NAMED = {"labels": [{"name": "lv_myocardium", "value": 1}, {"name": "Core scar", "value": 2}]}


def drawn():
    """Wall 1 with scar 2 in it, as somebody may number them."""
    labels = np.zeros((6, 5, 4), np.uint16)
    labels[1:5, 1:4, 1:3] = 1
    labels[2, 2, 1] = 2
    return labels


def saved(path, data, groups):
    layered = data.ndim == 4
    header = {
        "space": "left-posterior-superior",
        "space directions": np.vstack([[np.nan] * 3, AFFINE]) if layered else AFFINE,
        "space origin": np.zeros(3),
        "kinds": [*(["vector"] if layered else []), "domain", "domain", "domain"],
        "modality": "org.mitk.multilabel.segmentation",
        GROUPS: groups if isinstance(groups, str) else json.dumps(groups),
    }
    nrrd.write(str(path), data, header)
    return path


def test_labels_are_read_by_their_names(tmp_path):
    path = saved(tmp_path / "a.nrrd", drawn(), [NAMED])
    assert open_volume(path, name="a").is_segmentation
    found = read_label_file(path)
    np.testing.assert_array_equal(found.labels, np.array([0, 2, 4])[drawn()])
    assert (found.named, found.warnings) == (True, ())


def test_labels_with_other_names_are_refused(tmp_path):
    groups = [{"labels": [{"name": "Myokard", "value": 1}, {"name": "Narbe", "value": 2}]}]
    path = saved(tmp_path / "a.nrrd", drawn(), groups)
    with pytest.raises(InputError, match="segment 'Myokard' is not one of the labels"):
        read_label_file(path)


def test_each_group_is_a_layer_and_may_be_without_labels(tmp_path):
    layers = np.stack([np.minimum(drawn(), 1), 0 * drawn(), 7 * (drawn() == 2)])
    groups = [
        {"labels": [{"name": "lv_myocardium", "value": 1}]},
        {"labels": None},
        {"name": "scar", "labels": [{"name": "core_scar", "value": 7}]},
    ]
    found = read_label_file(saved(tmp_path / "a.nrrd", layers, groups))
    np.testing.assert_array_equal(found.labels, np.array([0, 2, 4])[drawn()])
    assert found.warnings[0].startswith("1 voxel is in more than one segment")


@pytest.mark.parametrize(
    "groups",
    [
        "[{",
        "[" * 100_000,
        "7",
        {"labels": []},
        [{}],
        [{"labels": [3]}],
        [{"labels": [{"name": "core_scar"}]}],
        [{"labels": [{"name": "core_scar", "value": 1.5}]}],
    ],
)
def test_groups_that_cannot_be_read_are_refused_by_their_field(tmp_path, groups):
    path = saved(tmp_path / "a.nrrd", drawn(), groups)
    with pytest.raises(InputError, match=f"{GROUPS} in the header of .*a.nrrd does not list"):
        read_label_file(path)
