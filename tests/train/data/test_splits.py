import json

import pytest

from acsnet.errors import InputError
from acsnet.train.data.splits import acdc_patient, training_lists


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
    ],
)
def test_a_patient_in_both_lists_is_named_and_refused(tmp_path, data_set, train, test, named):
    folder = splits(tmp_path, **{data_set: {"train": train, "test": test}})
    with pytest.raises(InputError, match=rf"splits\.json: {named} is in the train and in the test"):
        training_lists(folder)


@pytest.mark.parametrize("lists", [{"train": ["A", 3]}, {"train": ["A"], "test": "Case_P001"}])
def test_lists_of_anything_but_names_are_refused(tmp_path, lists):
    with pytest.raises(InputError, match="list of 'emidec' must be a list of case names"):
        training_lists(splits(tmp_path, emidec=lists))
