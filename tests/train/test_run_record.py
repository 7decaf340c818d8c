import json

import pytest

import acsnet
from acsnet.errors import InputError
from acsnet.train.run_record import begin, check_data, check_settings, update, versions

DIGESTS = {"emidec/Case_P001": {"image": "1", "label": "2"}}


def start(folder, **changed):
    return begin(
        folder, **({"seed": 3, "digests": DIGESTS, "device": "cpu", "processes": 1} | changed)
    )


def test_the_versions_of_all_that_counts_are_known():
    known = versions()
    assert known["acsnet"] == acsnet.__version__
    assert set(known) == {"acsnet", "python", "torch", "numpy", "scipy", "scikit-image", "platform"}
    assert all(known.values())


def test_every_start_of_a_run_is_kept(tmp_path):
    start(tmp_path)
    update(tmp_path, mlflow_run="abc")
    (tmp_path / "checkpoint.pt").touch()
    run = start(tmp_path, processes=2)
    assert run == json.loads((tmp_path / "run.json").read_text())
    assert run["seed"] == 3
    assert run["mlflow_run"] == "abc"
    assert [one["processes"] for one in run["starts"]] == [1, 2]
    assert run["starts"][0]["versions"] == versions()
    assert len(run["data_fingerprint"]) == 64


def test_a_start_that_came_to_no_checkpoint_is_forgotten(tmp_path):
    start(tmp_path, seed=3)
    run = start(tmp_path, seed=4)
    assert run["seed"] == 4
    assert len(run["starts"]) == 1


def test_other_settings_and_other_data_are_refused_once_there_is_a_checkpoint(tmp_path):
    start(tmp_path)
    (tmp_path / "recipe.json").write_text('{"epochs": 3, "share": [0.5, 0.5], "slices": 7}')
    other = {"emidec/Case_P001": {"image": "1", "label": "3"}}
    check_settings(tmp_path, {"epochs": 4})
    check_data(tmp_path, other)
    (tmp_path / "checkpoint.pt").touch()
    check_settings(tmp_path, {"epochs": 3, "share": (0.5, 0.5)})
    check_data(tmp_path, DIGESTS)
    with pytest.raises(InputError, match=r"other settings \(epochs\)"):
        check_settings(tmp_path, {"epochs": 4})
    with pytest.raises(InputError, match=r"other data \(the label of emidec/Case_P001 changed\)"):
        check_data(tmp_path, other)


def test_where_only_cases_with_labels_count_those_without_may_come_and_go(tmp_path):
    unlabelled = {"unlabelled/a": {"image": "1", "teacher": "2"}}
    begin(tmp_path, seed=0, digests=DIGESTS | unlabelled, device="cpu", processes=1)
    (tmp_path / "checkpoint.pt").touch()
    check_data(tmp_path, DIGESTS, of_labels=True)
    with pytest.raises(InputError, match=r"other data \(unlabelled/a is gone\)"):
        check_data(tmp_path, DIGESTS)
    with pytest.raises(InputError, match=r"other data \(the label of emidec/Case_P001 changed\)"):
        check_data(tmp_path, {"emidec/Case_P001": {"image": "1", "label": "3"}}, of_labels=True)


def test_a_run_that_began_with_a_network_does_not_go_on_without(tmp_path):
    (tmp_path / "recipe.json").write_text('{"epochs": 3, "start": "abc"}')
    (tmp_path / "checkpoint.pt").touch()
    check_settings(tmp_path, {"epochs": 3, "start": "abc"})
    with pytest.raises(InputError, match=r"other settings \(start\)"):
        check_settings(tmp_path, {"epochs": 3})


def test_a_run_whose_average_began_long_is_not_gone_on_with_but_for_one_that_has_a_start(tmp_path):
    (tmp_path / "recipe.json").write_text('{"epochs": 3}')  # as before the average began short
    (tmp_path / "checkpoint.pt").touch()
    with pytest.raises(InputError, match=r"other settings \(average_begins\)"):
        check_settings(tmp_path, {"epochs": 3, "average_begins": "short"})
    (tmp_path / "recipe.json").write_text('{"epochs": 3, "start": "abc"}')
    check_settings(tmp_path, {"epochs": 3, "average_begins": "short", "start": "abc"})


def test_a_run_without_its_record_is_refused(tmp_path):
    (tmp_path / "checkpoint.pt").touch()
    with pytest.raises(InputError, match=r"data\.json is missing or broken: use another run"):
        check_data(tmp_path, DIGESTS)
