import json

import numpy as np
import pytest

from acsnet.errors import InputError
from acsnet.train.data.datasets import acdc_patient
from acsnet.train.data.lists import (
    cases_of,
    held_back,
    phantom_cases,
    training_lists,
    training_names,
)

from ..conftest import SIDE, SLICES, labels_of, save

pytestmark = pytest.mark.slow

LABEL = "emidec/labels/Case_P001.nii.gz"


def test_emidec_labels_lie_on_their_image(data):
    first, second = cases_of(data, "emidec", ["Case_P001", "Case_P002"])
    assert (first.source, second.scan.name) == ("lge", "Case_P002")
    np.testing.assert_array_equal(
        first.tissue, np.moveaxis(labels_of("emidec"), 2, 0).transpose(0, 2, 1)
    )
    medians = [np.median(first.scan.pixels[first.tissue == value]) for value in range(4)]
    assert medians == pytest.approx([40, 150, 60, 220], abs=3)


def test_acdc_has_cavity_and_wall_but_no_right_ventricle(data):
    (case,) = cases_of(data, "acdc", ["patient001_frame01"])
    assert case.source == "cine"
    assert sorted(np.unique(case.tissue)) == [0, 1, 2]
    assert not case.tissue[:, :8, :8].any()
    assert np.median(case.scan.pixels[case.tissue == 1]) == pytest.approx(200, abs=3)


def test_labels_follow_the_scan_when_its_slices_are_turned_apex_first(data):
    tilted = np.eye(4)
    apexward = np.array([-1.0, 1.0, -1.0]) / np.sqrt(3.0)
    across = np.array([1.0, 1.0, 0.0]) / np.sqrt(2.0)
    tilted[:3, 0], tilted[:3, 1] = 2.0 * across, 2.0 * np.cross(apexward, across)
    tilted[:3, 2] = 10.0 * apexward  # base first in the file
    labels = np.zeros((SIDE, SIDE, SLICES), np.uint8)
    labels[20:30, 20:30, 0] = 2
    save(data / LABEL, labels, tilted)
    save(data / LABEL.replace("labels", "images"), labels.astype(np.float32), tilted)
    (case,) = cases_of(data, "emidec", ["Case_P001"])
    assert case.tissue.any(axis=(1, 2)).tolist() == [False, False, True]
    np.testing.assert_array_equal(case.tissue, case.scan.pixels)


def test_phantoms_have_tissue_on_their_pixels_and_follow_the_seed():
    (case,) = phantom_cases(count=1, rng=np.random.default_rng(0))
    (again,) = phantom_cases(count=1, rng=np.random.default_rng(0))
    assert case.source == "phantom"
    assert case.tissue.shape == case.scan.pixels.shape
    pool, wall = (np.median(case.scan.pixels[case.tissue == value]) for value in (1, 2))
    assert pool > wall
    np.testing.assert_array_equal(case.scan.pixels, again.scan.pixels)


@pytest.mark.parametrize("kind", ["images", "labels"])
def test_a_missing_file_is_named(data, kind):
    path = data / "emidec" / kind / "Case_P001.nii.gz"
    path.unlink()
    with pytest.raises(InputError, match=f"{kind}/Case_P001.nii.gz.* does not exist"):
        list(cases_of(data, "emidec", ["Case_P001"]))


@pytest.mark.parametrize(
    ("value", "reason"),
    [(value, f"holds the values {value}, which are") for value in (7, 255, -1)]
    + [(1.5, "holds values that are not whole numbers")],
)
def test_an_unknown_label_value_is_refused_and_not_made_background(data, value, reason):
    labels = labels_of("emidec").astype(np.float32)
    labels[0, 0, 0] = value
    save(data / LABEL, labels)
    with pytest.raises(InputError, match=f"{LABEL} {reason}"):
        list(cases_of(data, "emidec", ["Case_P001"]))


def test_a_label_that_is_no_whole_number_is_refused(data):
    labels = labels_of("emidec").astype(np.float32)
    labels[0, 0, 0] = 1.5
    save(data / LABEL, labels)
    with pytest.raises(
        InputError, match=rf"{LABEL} holds values that are not whole numbers \(1\.5\)"
    ):
        list(cases_of(data, "emidec", ["Case_P001"]))


def test_labels_that_do_not_lie_on_the_grid_of_their_image_are_refused(data):
    labels = labels_of("emidec")
    save(data / LABEL, labels[:, :-1], np.diag([-2.0, 2.0, 10.0, 1.0]))
    with pytest.raises(InputError, match=f"{LABEL} must lie on its image.*it has shape"):
        list(cases_of(data, "emidec", ["Case_P001"]))
    save(data / LABEL, labels, np.diag([-2.0, 2.0, 10.0, 1.0]))
    with pytest.raises(InputError, match=f"{LABEL} must lie on its image"):
        list(cases_of(data, "emidec", ["Case_P001"]))


def test_labels_without_a_left_ventricle_are_refused(data):
    labels = labels_of("acdc")
    labels[labels > 1] = 0
    save(data / "acdc/labels/patient001_frame01.nii.gz", labels)
    with pytest.raises(InputError, match=r"frame01.*: no left ventricle is drawn"):
        list(cases_of(data, "acdc", ["patient001_frame01"]))


def test_a_damaged_label_file_is_named(data):
    (data / LABEL).write_bytes(b"no image")
    with pytest.raises(InputError, match=f"{LABEL} cannot be read as NIfTI"):
        list(cases_of(data, "emidec", ["Case_P001"]))


def test_only_the_train_list_is_given(data):
    assert training_names(data, "emidec") == ["Case_P001", "Case_P002"]
    assert training_names(data, "acdc") == ["patient001_frame01"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"splits\.json with the patient-level train lists is missing"),
        ("{", r"splits\.json is broken or has no train list for 'emidec'"),
        ("[]", r"splits\.json is broken or has no train list for 'emidec'"),
        ('{"acdc": {"train": ["a"]}}', r"splits\.json is broken or has no train list for 'emidec'"),
        (json.dumps({"emidec": {"train": []}}), r"splits\.json: the train list .* is empty"),
    ],
)
def test_missing_broken_or_empty_splits_are_refused(data, text, message):
    path = data / "splits.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        training_names(data, "emidec")


def splits(folder, **lists):
    default = {"emidec": {"train": ["Case_P001"]}, "acdc": {"train": ["patient001_frame01"]}}
    (folder / "splits.json").write_text(json.dumps(default | lists))
    return folder


def test_two_phases_are_of_one_patient():
    assert acdc_patient("patient001_frame01") == acdc_patient("patient001_frame12") == "patient001"


def test_the_train_lists_come_back_whether_or_not_there_are_test_lists(tmp_path):
    acdc = {"train": ["patient001_frame01", "patient001_frame12"], "test": ["patient002_frame01"]}
    assert training_lists(splits(tmp_path, acdc=acdc)) == {
        "emidec": ["Case_P001"],
        "acdc": ["patient001_frame01", "patient001_frame12"],
    }


@pytest.mark.parametrize(
    ("data_set", "train", "test", "named"),
    [
        ("emidec", ["Case_P001", "Case_N002"], ["Case_N002"], "Case_N002 of 'emidec'"),
        ("acdc", ["patient001_frame01"], ["patient001_frame12"], "patient001 of 'acdc'"),
        ("emidec", ["A", "B", "C"], ["C", "B"], "B and 1 more of 'emidec'"),
        ("emidec", ["Case_P001", "case_p004"], ["Case_P004"], "case_p004 of 'emidec'"),
        ("acdc", ["Patient001_Frame01"], ["patient001_frame12"], "Patient001_Frame01 of 'acdc'"),
    ],
)
def test_a_patient_in_both_lists_is_named_and_refused(tmp_path, data_set, train, test, named):
    folder = splits(tmp_path, **{data_set: {"train": train, "test": test}})
    with pytest.raises(InputError, match=rf"splits\.json: {named} is in the train and in the test"):
        training_lists(folder)


@pytest.mark.parametrize(
    ("which", "lists"),
    [
        ("train", {"train": ["A", "B", "A"]}),
        ("test", {"train": ["B"], "test": ["A", "A"]}),
    ],
)
def test_a_case_that_is_listed_twice_is_named_and_refused(tmp_path, which, lists):
    with pytest.raises(InputError, match=f"the {which} list of 'emidec' has A more than once"):
        training_lists(splits(tmp_path, emidec=lists))


def test_any_true_lge_with_scar_is_enough_to_train_on(tmp_path):
    path = tmp_path / "splits.json"
    path.write_text(json.dumps({"mscmrseg": {"train": ["a"]}, "datastore": {"train": ["b"]}}))
    assert training_lists(tmp_path) == {"mscmrseg": ["a"], "datastore": ["b"]}


@pytest.mark.parametrize("content", [{}, {"acdc": {"train": ["a"]}, "mscmrseg": {"train": ["b"]}}])
def test_lists_without_true_lge_with_scar_are_refused(tmp_path, content):
    (tmp_path / "splits.json").write_text(json.dumps(content))
    message = (
        r"splits\.json must list true LGE with enhancement drawn: emidec or myops or datastore"
    )
    with pytest.raises(InputError, match=message):
        training_lists(tmp_path)


def test_a_data_set_with_a_test_list_alone_is_not_trained_on(tmp_path):
    path = splits(tmp_path, emidec={"train": ["a"], "test": ["b"]}, myops={"test": ["c"]})
    assert "myops" not in training_lists(path)
    assert held_back(["c", "d"], data=path) == ["c"]


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_a_file_that_holds_no_lists_is_refused(tmp_path, text):
    (tmp_path / "splits.json").write_text(text)
    with pytest.raises(InputError, match=r"splits\.json is broken: it must hold the lists of each"):
        training_lists(tmp_path)


def test_a_data_set_without_lists_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"splits\.json is broken or has no train list for 'sunny"):
        training_lists(splits(tmp_path, sunnybrook=None))


@pytest.mark.parametrize("lists", [{"train": ["A", 3]}, {"train": ["A"], "test": "Case_P001"}])
def test_lists_of_anything_but_names_are_refused(tmp_path, lists):
    with pytest.raises(InputError, match="list of 'emidec' must be a list of case names"):
        training_lists(splits(tmp_path, emidec=lists))
