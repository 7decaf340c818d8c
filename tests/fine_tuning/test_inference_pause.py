"""Trainings pause while the server runs an inference."""

import os

import pytest

from acsnet.fine_tuning.inference_pause import INFERENCE, wait_for_inference
from acsnet.fine_tuning.model_registry import Models
from acsnet.server.inference.model_server import ModelServer


def test_trainings_rest_during_an_inference_and_for_a_while_after(
    tmp_path, write_chain, monkeypatch
):
    models = Models(tmp_path / "models")
    models.promote(models.add(write_chain(tmp_path / "chain"), {}))
    served, slept = ModelServer(models), []
    clock = [1_000_000.0]
    monkeypatch.setattr("acsnet.fine_tuning.inference_pause.time.time", lambda: clock[0])

    def sleep(seconds):
        slept.append(seconds)
        clock[0] += seconds

    monkeypatch.setattr("acsnet.fine_tuning.inference_pause.time.sleep", sleep)
    wait_for_inference(models.root, quiet_s=5.0)
    assert slept == []  # there was no inference yet

    with served.serving():
        stamp = (models.root / INFERENCE).stat().st_mtime
        assert stamp == pytest.approx(clock[0] + 120.0, abs=0.01)
    os.utime(models.root / INFERENCE, (clock[0], clock[0]))  # the clock of the files goes on
    wait_for_inference(models.root, quiet_s=5.0)
    assert sum(slept) == pytest.approx(5.0, abs=0.01)


def test_an_inference_noted_before_the_clock_was_set_back_is_not_waited_for(tmp_path, monkeypatch):
    slept = []
    monkeypatch.setattr("acsnet.fine_tuning.inference_pause.time.time", lambda: 1_000_000.0)
    monkeypatch.setattr("acsnet.fine_tuning.inference_pause.time.sleep", slept.append)
    stamp = tmp_path / INFERENCE
    stamp.touch()
    os.utime(stamp, (1_003_600.0, 1_003_600.0))  # an hour ahead; an inference sets two minutes
    wait_for_inference(tmp_path, quiet_s=5.0)
    assert slept == []
