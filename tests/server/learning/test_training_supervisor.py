"""The server's side of trainings; a script stands for the process, which takes minutes."""

import json
import sys
from types import SimpleNamespace

import psutil
import pytest
from filelock import FileLock
from supervised import looked, state, until

from acsnet.annotations import audit_log
from acsnet.errors import InputError
from acsnet.fine_tuning.training_request import run_folders
from acsnet.fine_tuning.training_status import change_status
from acsnet.server.learning import training_supervisor
from acsnet.server.learning.trainers import settings_of, task_of, trainers
from acsnet.server.learning.training_supervisor import BusyError, interpreter
from acsnet.server.state.paths import audit_log_file


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


def test_clients_see_the_newest_run_with_every_trainer(site, monkeypatch, tmp_path):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path))
    trainings = site("sleep")
    served = SimpleNamespace(current=lambda: SimpleNamespace(name="v7"))
    listed = trainers(trainings, served)
    assert list(listed) == ["all", "roi", "myo", "autoencoder", "prior"]
    assert listed["all"].stats() == {}
    run = listed["roi"]({"epochs": 4, "device": "cpu", "user": "ana"})["id"]
    (line,) = audit_log.read(audit_log_file())
    assert (line["event"], line["user"], line["model"]) == ("train", "ana", "v7")
    assert (line["trainer"], line["run"], line["state"]) == ("roi", run, "asked for")
    until(lambda: state(trainings) == "training")
    for trainer in listed.values():
        stats = trainer.stats()
        assert (stats["epoch"], stats["total_epochs"]) == (1, 4)
    json.dumps([trainer.info() for trainer in listed.values()])


@pytest.mark.parametrize("wrong", [{"epochs": -1}, {"epochs": "x"}, {"device": "abacus"}])
def test_settings_that_there_are_not_are_refused(wrong):
    with pytest.raises(InputError, match=str(next(iter(wrong)))):
        settings_of(wrong)
