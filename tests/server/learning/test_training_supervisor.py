"""The server's side of trainings; a script stands for the process, which takes minutes."""

import json
import sys
import time
from dataclasses import replace

import psutil
import pytest
from filelock import FileLock

from acsnet.errors import InputError
from acsnet.fine_tuning import training_request
from acsnet.fine_tuning.model_registry import Models
from acsnet.fine_tuning.training_request import Reviewed, run_folders
from acsnet.fine_tuning.training_status import change_status
from acsnet.server.learning import training_supervisor
from acsnet.server.learning.trainers import settings_of, task_of, trainers
from acsnet.server.learning.training_supervisor import BusyError, Trainings, interpreter
from acsnet.settings import Train

SCRIPT = """
import json, os, pathlib, signal, sys, time
folder, lock, log = map(pathlib.Path, sys.argv[1:])
todo = (folder.parent.parent / "todo").read_text().split()
path = folder / "status.json"
starts = json.loads(path.read_text())["starts"]
what = todo[min(starts, len(todo)) - 1]
state = "done" if what == "done" else "training"
content = {**json.loads(path.read_text()), "state": state, "epoch": 1, "epochs": 4}
(folder.parent.parent / "pid").write_text(str(os.getpid()))
path.with_suffix(".new").write_text(json.dumps(content))
path.with_suffix(".new").replace(path)
print("epoch 1", flush=True)
if what == "sleep":
    time.sleep(60)
if what == "die":
    os.kill(os.getpid(), signal.SIGKILL)
sys.exit(1 if what == "fail" else 0)
"""


@pytest.fixture
def reviewed(tmp_path):
    """Four labels, reviewed a tenth of a second ago."""
    found = []
    for k in range(4):
        label = tmp_path / f"label{k}"
        label.write_text(f"label {k}")
        found.append(
            Reviewed(
                name=f"case{k}",
                patient=f"p{k}",
                image=tmp_path / "image",
                label=label,
                at=time.time() - 0.1,
            )
        )
    return found


@pytest.fixture
def site(tmp_path, reviewed):
    """Makes `Trainings`, servers one after another on the same folders."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    models = Models(tmp_path / "models")
    models.root.mkdir()
    made = []

    def make(*todo, look_every_s=10.0, **settings):
        (models.root / "todo").write_text(" ".join(todo))
        settings = Train(**{"after": 0, "threads": 1, "pause_s": 0.0, **settings})
        one = Trainings(
            models,
            lock=tmp_path / "lock",
            audit=tmp_path / "audit.jsonl",
            reviewed=lambda *, anew=False: make.anew.append(anew) or reviewed,
            settings=settings,
            program=(str(script),),
            look_every_s=look_every_s,
        )
        made.append(one)
        return one

    make.anew = []
    yield make
    for one in made:
        one.stop()


def until(condition):
    end = time.monotonic() + 20.0
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def state(trainings):
    return trainings.latest()[1].state


def looked(trainings, wanted):
    """Whether the run is in that state after another look."""
    trainings.look()
    return state(trainings) == wanted


def test_a_training_runs_beside_the_server_until_it_is_done(site):
    trainings = site("done")
    folder = trainings.start("myo", epochs=4)
    assert trainings.latest()[0] == folder
    until(lambda: state(trainings) == "done")
    # What a process prints reaches its log when it ends, which is after it said that it is done.
    until(lambda: task_of(*trainings.latest())["details"] == ["epoch 1"])
    task = task_of(*trainings.latest())
    assert (task["status"], task["request"]["model"], task["id"]) == ("DONE", "myo", folder.name)
    assert [status.state for _, status in site("done").runs()] == ["done"]  # a later server


def test_there_are_never_two(site):
    trainings = site("sleep")
    trainings.start("roi")
    with pytest.raises(BusyError, match="under way"):
        trainings.start("roi")
    assert len(run_folders(trainings._models.root)) == 1


def test_a_lock_that_others_hold_is_waited_for(site, tmp_path):
    trainings = site("done")
    with FileLock(tmp_path / "lock"):
        trainings.start("roi")
        trainings.look()
        assert state(trainings) == "waiting"
    until(lambda: looked(trainings, "done"))


def test_a_process_that_is_killed_is_started_again(site):
    trainings = site("die", "done")
    trainings.start("roi")
    until(lambda: looked(trainings, "done"))
    assert trainings.latest()[1].starts == 2


@pytest.mark.parametrize("end", ["die", "fail"])
def test_one_that_ends_again_and_again_has_failed(site, end):
    trainings = site(end)
    trainings.start("roi")
    until(lambda: looked(trainings, "failed"))
    assert trainings.latest()[1].detail == "its process ended 3 times, see log.txt"
    assert task_of(*trainings.latest())["status"] == "ERROR"


def test_a_cancelled_training_stays_cancelled(site):
    trainings = site("sleep")
    folder = trainings.start("roi")
    until(lambda: state(trainings) == "training")
    pid = int((folder.parent.parent / "pid").read_text())
    stopped, status = trainings.stop()
    assert (stopped, status.state) == (folder, "cancelled")
    assert not psutil.pid_exists(pid)
    trainings.look()
    assert state(trainings) == "cancelled"
    assert task_of(*trainings.latest())["status"] == "STOPPED"
    assert trainings.stop() is None


def serve(trainings, version):
    content = {"live": version, "previous": "shipped", "candidate": None}
    (trainings._models.root / "aliases.json").write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("live", "end"),
    [
        ("a" * 12, ("done", True, "served from now on; after that: stopped on request")),
        ("b" * 12, ("cancelled", False, "stopped on request")),
    ],
)
def test_stopped_once_its_model_is_served_it_is_done(site, live, end):
    trainings = site("sleep")
    folder = trainings.start("roi")
    until(lambda: state(trainings) == "training")
    change_status(folder, candidate="a" * 12)
    serve(trainings, live)
    _, status = trainings.stop()
    assert (status.state, status.promoted, status.detail) == end


def test_one_that_ends_again_and_again_is_done_if_its_model_is_served(site):
    trainings = site("fail")
    folder = trainings.start("roi")
    until(lambda: state(trainings) == "training")
    trainings._process.wait()
    change_status(folder, candidate="a" * 12)
    serve(trainings, "a" * 12)
    until(lambda: looked(trainings, "done"))
    assert trainings.latest()[1].promoted


def test_the_next_server_goes_on_with_what_a_stopped_one_left(site):
    first = site("sleep")
    first.start("roi")
    until(lambda: state(first) == "training")
    first.close()
    assert state(first) == "training"
    later = site("done")
    until(lambda: looked(later, "done"))


def test_an_orderly_stop_is_no_failure_and_nothing_is_started_again(site):
    for _ in range(training_supervisor.MAX_STARTS + 1):
        trainings = site("sleep")
        if trainings.latest() is None:
            trainings.start("roi")
        trainings.watch()
        trainings.wake()
        until(lambda running=trainings: running._process and state(running) == "training")
        trainings.close()
        trainings._watcher.join(20.0)
        trainings.look()
        assert trainings._process is None
        assert trainings.latest()[1].starts == 0
    last = site("done")
    last.look()
    until(lambda: looked(last, "done"))


def test_a_process_that_the_service_manager_ended_first_was_stopped(site):
    trainings = site("sleep")
    trainings.start("roi")
    until(lambda: state(trainings) == "training")
    trainings._process.terminate()
    trainings._process.wait()
    trainings.close()
    assert trainings.latest()[1].starts == 0


def test_a_damaged_status_or_request_is_of_its_run_alone(site):
    trainings = site("done")
    folder = trainings.start("roi")
    until(lambda: looked(trainings, "done"))
    (folder / "status.json").write_text("")
    assert state(trainings) == "failed"
    task = task_of(*trainings.latest())
    assert (task["status"], task["detail"]) == (
        "ERROR",
        "its status.json is damaged: start a new training",
    )
    later = trainings.start("myo")
    until(lambda: looked(trainings, "done"))
    (later / "request.json").write_text("")
    assert [run for run, _ in trainings.runs()] == [folder]


def test_a_run_begun_after_the_clock_was_set_back_is_the_newest(site):
    trainings = site("done")
    first = trainings.start("roi")
    until(lambda: looked(trainings, "done"))
    ahead = first.with_name(f"{int(first.name[:4]) + 1}{first.name[4:]}")
    first.rename(ahead)
    later = trainings.start("myo")
    assert trainings.latest()[0] == later
    assert run_folders(trainings._models.root) == [ahead, later]


def test_the_next_server_can_stop_the_process_of_one_that_was_killed(site):
    killed = site("sleep")
    killed.start("roi")
    until(lambda: state(killed) == "training")
    later = site("sleep")
    later.stop()
    killed._process.wait(5)
    assert state(later) == "cancelled"


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


def test_several_gpus_train_together(monkeypatch):
    several = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    for gpus, device, by in (
        (4, "cuda", [*several, "4"]),
        (1, "cuda", []),
        (0, "cpu", []),
        (4, "cpu", []),
    ):
        monkeypatch.setattr(training_supervisor.torch.cuda, "device_count", lambda gpus=gpus: gpus)
        assert interpreter(device) == [sys.executable, *by]


def test_at_zero_labels_it_begins_on_request_only(site):
    trainings = site("done", after=0)
    trainings.look()
    assert trainings.latest() is None


def test_clients_see_the_newest_run_with_every_trainer(site):
    trainings = site("sleep")
    listed = trainers(trainings)
    assert list(listed) == ["all", "roi", "myo", "autoencoder", "prior"]
    assert listed["all"].stats() == {}
    listed["roi"]({"epochs": 4, "device": "cpu"})
    until(lambda: state(trainings) == "training")
    for trainer in listed.values():
        stats = trainer.stats()
        assert (stats["epoch"], stats["total_epochs"]) == (1, 4)
    json.dumps([trainer.info() for trainer in listed.values()])


@pytest.mark.parametrize("wrong", [{"epochs": -1}, {"epochs": "x"}, {"device": "abacus"}])
def test_settings_that_there_are_not_are_refused(wrong):
    with pytest.raises(InputError, match=str(next(iter(wrong)))):
        settings_of(wrong)


def test_scans_are_looked_at_anew_where_a_training_begins_and_not_at_every_look(site):
    waiting = site(after=100)
    waiting.look()
    assert site.anew == [False]
    site("done", after=1).look()
    assert site.anew == [False, False, True]
