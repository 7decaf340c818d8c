"""Trainings of a small site in processes of their own, as the server does them.

They are not forked from the process of the tests: threads that earlier tests have begun, of torch
or OpenVINO, are not in a fork, and the first that waits for one waits for ever. They are forked
from one that has only imported what a training needs: to import it anew takes each of them seconds.
"""

import multiprocessing
import os
import signal
from contextlib import redirect_stdout
from dataclasses import replace
from unittest.mock import patch

import torch
from small_site import small_schedule

from acsnet.fine_tuning import worker
from acsnet.fine_tuning.promotion import Decision, Row
from acsnet.train import checkpoint, loop

QUICK = replace(small_schedule(), images_an_epoch=32, learning_rate=1e-2, average_decay=0.5)
MOST_S = 300.0
APART = multiprocessing.get_context("forkserver")
APART.set_forkserver_preload(
    ["acsnet.fine_tuning.worker", "torch._dynamo", "mlflow.store.tracking.sqlalchemy_store"]
)


def begun(work, *args):
    """A process that does the work, which has a name to be imported by."""
    process = APART.Process(target=work, args=args)
    with patch.dict(os.environ, MLFLOW_DISABLE_TELEMETRY="true"):  # or it would begin a thread
        process.start()
    return process


def ended(process):
    """The signal that ended a process, or 0; its work must not fail, nor take too long."""
    process.join(MOST_S)
    if process.exitcode is None:
        process.kill()
        process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return -process.exitcode


def in_a_child(work, *args):
    """The signal that ended a process that did the work, or 0."""
    return ended(begun(work, *args))


def passes(*args, **options):
    """The decision of a gate that lets every model through."""
    row = Row(
        measure="wall_dice", patients=1, live=0.5, candidate=0.6, gain=0.1, p=None, verdict="better"
    )
    return Decision(promote=True, reason="for this test", rows=(row,))


def perform(folder, schedule=QUICK):
    """A whole run, with the gate that it has."""
    torch.set_num_threads(1)
    worker.perform(folder, schedule=schedule)


def perform_and_pass(folder):
    """A whole run whose model is let through."""
    worker.compare = passes
    perform(folder)


def perform_and_die(folder, after):
    """Killed once it has saved so many checkpoints."""
    save, left = checkpoint.State.save, after

    def dying(self, path):
        nonlocal left
        save(self, path)
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoint.State.save = dying
    perform_and_pass(folder)


def go_on_and_die(folder):
    """Killed before the next epoch ends."""

    def dying(*args, **options):
        os.kill(os.getpid(), signal.SIGKILL)

    loop._epoch = dying
    perform_and_pass(folder)


def take_part(folder, lock, log, rank, port):
    """One of the two processes of a run, as `torchrun` starts them; writes `said-` and its rank."""
    common = {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    os.environ.update(common, MASTER_PORT=f"{port}", RANK=rank, LOCAL_RANK=rank)
    with lock.with_name(f"said-{rank}").open("w") as said, redirect_stdout(said):
        assert worker.main(folder, lock, log, schedule=QUICK) == 0
