"""Trainings that programs ask for."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from starlette.exceptions import HTTPException

from acsnet.annotations import audit_log
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
