"""When a training begins by itself; a script stands for the process, which takes minutes."""

from dataclasses import replace
from functools import partial

import pytest
from supervised import looked, until

from acsnet.errors import InputError
from acsnet.fine_tuning import training_request
from acsnet.fine_tuning.training_request import read_request, run_folders
from acsnet.storage import write_json


def test_training_begins_by_itself_after_enough_new_labels(site, reviewed):
    trainings = site("done", after=4, trainer="myo")
    until(lambda: looked(trainings, "done"))
    trainings.look()
    assert [folder.name[-3:] for folder in run_folders(trainings._models.root)] == ["myo"]
    for one in reviewed:
        one.label.write_text("drawn anew")
    trainings.look()
    assert len(run_folders(trainings._models.root)) == 2


def test_labels_of_a_training_that_failed_are_still_new_but_it_is_not_begun_anew_at_once(
    site, reviewed
):
    reviewed.append(replace(reviewed[0], name="a fifth"))
    trainings = site("fail", after=4, trainer="myo")
    until(lambda: looked(trainings, "failed"))
    withdrawn = reviewed.pop()
    for server in (trainings, site("done", after=4, trainer="roi")):
        server.look()
        reviewed.append(withdrawn)
        server.look()
        reviewed.remove(withdrawn)
        assert len(run_folders(server._models.root)) == 1
    reviewed.append(withdrawn)
    reviewed.append(replace(reviewed[0], name="one more"))
    until(lambda: looked(server, "done"))
    reviewed.append(replace(reviewed[0], name="and one"))
    server.look()
    assert [run.name[-3:] for run in run_folders(server._models.root)] == ["myo", "roi"]


def test_labels_of_a_training_of_other_networks_are_still_new(site, reviewed):
    trainings = site("done", after=4, trainer="myo")
    trainings.start("prior")
    until(lambda: looked(trainings, "done"))
    trainings.look()
    assert len(run_folders(trainings._models.root)) == 1
    reviewed.append(replace(reviewed[0], name="a fifth"))
    trainings.look()
    assert [run.name[-3:] for run in run_folders(trainings._models.root)] == ["ior", "myo"]


def test_labels_that_a_training_left_out_are_tried_once_more(site, reviewed):
    trainings = site("done", after=4, trainer="myo")
    until(lambda: looked(trainings, "done"))
    runs = partial(run_folders, trainings._models.root)

    def leave_out(*names):
        used = sorted(read_request(runs()[-1]).labels.keys() - set(names))
        (runs()[-1] / "samples").mkdir()
        write_json(runs()[-1] / "samples/scans.json", {"scans": used, "left_out": names})

    # Of the four, one is held out, three to be trained on, and of these two cannot be read.
    gone = [case.name for case in read_request(runs()[-1]).cases if not case.held][:2]
    leave_out(*gone)
    reviewed.append(replace(reviewed[0], name="a fifth"))
    trainings.look()
    assert len(runs()) == 1  # three are new
    reviewed.append(replace(reviewed[0], name="a sixth"))
    until(lambda: looked(trainings, "done"))
    assert len(runs()) == 2
    leave_out(*gone)
    reviewed += [replace(reviewed[0], name=f"case{k}") for k in (7, 8)]
    trainings.look()
    assert len(runs()) == 2  # two are new


@pytest.fixture
def of_one_patient(reviewed):
    """Two labels, both of one patient, which is too few."""
    reviewed[:] = [replace(one, patient="ANON") for one in reviewed[:2]]
    return reviewed


def test_what_was_refused_is_looked_at_again_once_other_labels_are_reviewed(
    site, of_one_patient, monkeypatch
):
    read = []
    monkeypatch.setattr(training_request, "content_digest", lambda path: read.append(path) or "")
    trainings = site("done", after=2, trainer="myo")
    with pytest.raises(InputError, match="at least 2 patients, got 1"):
        trainings.look()
    assert len(read) == 2
    trainings.look()
    assert len(read) == 2
    of_one_patient[0].label.write_text("drawn anew")
    with pytest.raises(InputError, match="at least 2 patients, got 1"):
        trainings.look()
    of_one_patient[1] = replace(of_one_patient[1], patient="p1", name="of another")
    until(lambda: looked(trainings, "done"))


def test_why_no_training_begins_is_told_once(site, reviewed, caplog):
    looks = []

    def is_away(self):
        looks.append(self)
        raise OSError("the disk is away")

    reviewed[0] = type("Away", (), {"review": is_away, "name": "away"})()
    trainings = site("done", after=2, look_every_s=0.01)
    trainings.watch()
    until(lambda: len(looks) > 3)
    trainings.close()
    told = [record.getMessage() for record in caplog.records]
    assert told == ["no training begins: the disk is away"]


def test_a_review_is_looked_at_once(site):
    trainings = site("done", after=4, trainer="myo", look_every_s=1000.0)
    trainings.watch()
    assert trainings.latest() is None
    trainings.wake()
    until(lambda: trainings.latest() is not None)
    trainings.close()


def test_at_zero_labels_it_begins_on_request_only(site):
    trainings = site("done", after=0)
    trainings.look()
    assert trainings.latest() is None


def test_scans_are_looked_at_anew_where_a_training_begins_and_not_at_every_look(site):
    waiting = site(after=100)
    waiting.look()
    assert site.anew == [False]
    site("done", after=1).look()
    assert site.anew == [False, False, True]
