"""Scoring beside what people do: bounded, and never in their way."""

import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from acsnet.errors import InputError, PacsError
from acsnet.server.datastores.preflight import Verdict
from acsnet.server.errors import StoppingError
from acsnet.server.inference.model_server import ServedModel
from acsnet.server.inference.request import InferenceRequest
from acsnet.server.inference.tasks import AcsnetTask
from acsnet.server.inference.work_queue import InferenceQueue
from acsnet.server.learning.background_scoring import IdleScorer, in_chance_order
from acsnet.server.learning.begun_scans import BegunScans
from acsnet.settings import Limits, Pick
from acsnet.stages.correction import Corrector


class Site:
    """Stands for datastore, score book and networks: ten open scans, two reviewed ones."""

    def __init__(self, notes, *, refused=(), fails=None):
        self.notes = notes
        self.open = [f"s{k}" for k in range(10)]
        self.refused = refused
        self.fails = fails or {}
        self.scored = []
        self.tried = []
        self.compared = []

    def get_unlabeled_images(self):
        return self.open

    def get_labeled_images(self):
        return ["r0", "r1"]

    def verdict(self, image):
        return Verdict(reason="no scan" if image in self.refused else None)

    def image_fingerprint(self, image):
        return f"of {image}"

    def get_image_uri(self, image):
        return image

    def scores(self, image):
        return image if image in self.scored else None

    def keep(self, image, result):
        self.scored.append(image)

    def compare(self, image):
        self.compared.append(image)

    def when_idle(self, path, *, quiet_s):
        self.tried.append(path.name)
        if path.name in self.fails:
            raise self.fails[path.name]
        return "a result"

    def run(self, until, **settings):
        scorer = IdleScorer(self, self, self, Pick(**settings), notes=self.notes)
        scorer.start()
        end = time.monotonic() + 20
        while not until():
            assert time.monotonic() < end
            time.sleep(0.005)
        time.sleep(0.05)  # whatever comes too much would come now
        scorer.close()


def test_as_many_are_scored_as_were_asked_for(tmp_path):
    site = Site(tmp_path)
    site.run(lambda: len(site.scored) == 5, ahead=3)
    assert site.scored == [*in_chance_order(site.open)[:3], *in_chance_order(["r0", "r1"])]


def test_reviews_are_compared_even_where_nothing_is_scored(tmp_path):
    site = Site(tmp_path)
    site.run(lambda: len(site.compared) == 2, ahead=0)
    assert site.tried == []


def test_refused_scans_are_left_alone(tmp_path):
    site = Site(tmp_path, refused=[f"s{k}" for k in range(9)])
    site.run(lambda: len(site.scored) == 3, ahead=50)
    assert set(site.tried) == {"s9", "r0", "r1"}


def test_a_scan_that_fails_is_tried_once(tmp_path):
    site = Site(tmp_path, fails={"s4": InputError("no image")})
    site.run(lambda: len(site.scored) == 11, ahead=50)
    assert site.tried.count("s4") == 1


def test_a_pacs_that_does_not_answer_is_left_in_peace(tmp_path):
    failing = {f"s{k}": PacsError("cannot be reached") for k in range(10)}
    site = Site(tmp_path, fails=failing)
    site.run(lambda: bool(site.tried), ahead=50)
    assert len(site.tried) == 1


def test_a_scan_that_fails_is_not_begun_again_after_a_restart(tmp_path):
    fails = {"s4": InputError("no image"), "s5": MemoryError()}
    before = Site(tmp_path, fails=fails)
    before.run(lambda: len(before.scored) == 10, ahead=50)
    after = Site(tmp_path, fails=fails)
    after.run(lambda: len(after.scored) == 10, ahead=50)
    assert set(after.tried) & set(fails) == set()


def test_a_scan_over_which_the_process_died_is_not_begun_again(tmp_path):
    """Nothing but the note that was written before is left of that process."""
    BegunScans(tmp_path).add("s4", "of s4")
    site = Site(tmp_path)
    site.run(lambda: len(site.scored) == 11, ahead=50)
    assert "s4" not in site.tried


def test_a_scan_is_begun_again_once_its_file_has_changed(tmp_path):
    BegunScans(tmp_path).add("s4", "of s4 as it was before")
    site = Site(tmp_path)
    site.run(lambda: len(site.scored) == 12, ahead=50)
    assert "s4" in site.scored


@pytest.mark.parametrize("reason", [OSError("gone"), StoppingError(), PacsError("away")])
def test_what_is_not_the_scans_fault_is_not_held_against_it(tmp_path, reason):
    site = Site(tmp_path, fails={"s4": reason})
    site.run(lambda: "s4" in site.tried, ahead=50)
    assert not BegunScans(tmp_path).holds("s4", "of s4")


@dataclass(frozen=True, kw_only=True)
class StandIn:
    """A pipeline that gives what a function of the scan gives; its networks are not asked."""

    answer: Callable[[Any], Any]
    roi_net: None = None
    myocardium_net: None = None
    corrector: Any = field(default_factory=lambda: Corrector(walk=None))

    def __call__(self, scan):
        return self.answer(scan)


class OneModel:
    """A model server without a registry."""

    def __init__(self, model):
        self.model = model

    def follow(self):
        return self.model

    @contextmanager
    def serving(self):
        yield self.model


@pytest.fixture
def task(tmp_path):
    pipeline = StandIn(answer=lambda scan: SimpleNamespace(scan=scan))
    served = OneModel(ServedModel(version="v1", pipeline=pipeline))
    return AcsnetTask(served, InferenceQueue(Limits()))


def test_the_networks_are_lent_only_while_nobody_uses_them(task, samples):
    path = samples / "nifti" / "phantom-1.nii.gz"
    assert np.any(task.when_idle(path, quiet_s=60).scan.pixels)
    held, let_go = threading.Event(), threading.Event()

    def hold(scan):
        held.set()
        let_go.wait(20)

    task._served.model = ServedModel(version="v2", pipeline=StandIn(answer=hold))
    thread = threading.Thread(target=task.when_idle, args=(path,), kwargs={"quiet_s": 0})
    thread.start()
    assert held.wait(20)
    assert task.when_idle(path, quiet_s=0) is None
    let_go.set()
    thread.join()


def test_after_an_inference_it_stays_quiet(task, samples):
    with pytest.raises(TypeError):  # the stand-in takes no options
        task.run(InferenceRequest(model="acsnet", image=samples / "nifti" / "phantom-1.nii.gz"))
    assert task.when_idle(samples / "nifti" / "phantom-1.nii.gz", quiet_s=60) is None


def test_scoring_goes_by_no_order_of_names():
    names = [f"scan-{k:02d}" for k in range(20)]
    order = in_chance_order(names)
    assert sorted(order) == names
    assert order != names
    assert in_chance_order(reversed(names)) == order
