"""A batch of images: one at a time, one after another, and one failure ends nothing."""

import threading
import time

import pytest

from acsnet.errors import InputError
from acsnet.server.inference.batch import Batch, BusyError


def finished(batch):
    end = time.monotonic() + 10
    while batch.status()["running"]:
        assert time.monotonic() < end
        time.sleep(0.005)
    return batch.status()["images"]


def test_each_image_says_what_became_of_it(caplog):
    def segment(image):
        if image == "bad":
            msg = "slices are missing"
            raise InputError(msg)
        if image == "odd":
            raise ZeroDivisionError

    batch = Batch(segment)
    batch.start(["good", "bad", "odd", "last"])
    assert finished(batch) == {
        "good": "done",
        "bad": "refused: slices are missing",
        "odd": "failed: the log has details",
        "last": "done",
    }
    assert "an image of a batch failed" in caplog.text
    assert "good" not in caplog.text


def test_one_batch_at_a_time_and_it_can_be_stopped():
    begun, go_on = threading.Event(), threading.Event()

    def segment(_):
        begun.set()
        go_on.wait(10)

    batch = Batch(segment)
    batch.start(["one", "two"])
    assert begun.wait(10)
    with pytest.raises(BusyError, match="a batch is running"):
        batch.start(["three"])
    assert batch.status() == {"running": True, "images": {"one": "running", "two": "waiting"}}
    batch.stop()
    go_on.set()
    assert finished(batch) == {"one": "done", "two": "stopped"}
    batch.start(["three"])
    assert finished(batch) == {"three": "done"}
