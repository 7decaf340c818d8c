"""Trainings that programs ask for."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.exceptions import HTTPException

from acsnet.annotations import audit_log
from acsnet.server.learning.trainers import settings_of
from acsnet.server.routes import training
from acsnet.server.state.paths import audit_log_file


@pytest.fixture
def stop(monkeypatch, tmp_path):
    """Asks for a stop, of one under way or not, where there was a training before or not."""
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path))
    monkeypatch.setattr(training, "task_of", lambda folder, _: {"id": folder.name})

    def stop(*, under_way=None, newest=None):
        runs = SimpleNamespace(stop=lambda: under_way, latest=lambda: newest)
        return training.stop(SimpleNamespace(trainings=runs))

    return stop


def test_a_training_that_is_stopped_is_in_the_audit_log(stop):
    assert stop(newest=(Path("r1"), None)) == {"id": "r1"}
    with pytest.raises(HTTPException, match="there was no training"):
        stop()
    assert stop(under_way=(Path("r2"), None), newest=(Path("r2"), None)) == {"id": "r2"}
    lines = [line for line in audit_log.read(audit_log_file()) if line["event"] == "train"]
    assert [(line["run"], line["state"]) for line in lines] == [("r2", "stopped")]


@pytest.fixture
def start():
    """Asks for a training; gives what reaches the trainer."""

    def start(params, model="all"):
        return training.start(SimpleNamespace(train=lambda request: request), params, model)

    return start


@pytest.mark.parametrize(
    ("sent", "model"),
    [
        ({"epochs": 3, "device": "cpu", "client_id": "Ana"}, "roi"),  # 3D Slicer
        ({"all": {"epochs": 3, "device": "cpu"}, "roi": {"epochs": 9}}, "all"),  # OHIF
    ],
)
def test_viewers_choose_the_epochs_and_the_device(start, sent, model):
    asked = start(sent, model)
    assert (asked["epochs"], asked["device"], asked["model"]) == (3, "cpu", model)


def test_a_training_without_parameters_is_as_usual(start):
    for nothing in (None, {}, {"all": {}}):
        assert "epochs" not in start(nothing)
    assert settings_of({"epochs": None}) == settings_of({"epochs": 0})  # OHIF, of an emptied field


@pytest.mark.parametrize("sent", [{"epoch": 3}, {"max_epochs": 3}, {"all": {"epoch": 3}}])
def test_a_parameter_that_a_training_has_not_is_refused(start, sent):
    with pytest.raises(HTTPException, match=r"there is no parameter .*epoch") as refused:
        start(sent)
    assert refused.value.status_code == 422
    assert refused.value.detail.endswith("of a training; there is epochs, device")
