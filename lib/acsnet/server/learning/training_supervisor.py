"""Trainings of the server: each in a process of its own, one at a time, gone on with when killed.

What there is to know lies in the run folders (`acsnet.fine_tuning.training_request`), so a server
that is started anew knows as much as the one before: it goes on with a run that was cut short, and
takes care of the process of a server that was killed.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import psutil
import torch
from filelock import FileLock, Timeout

from acsnet.errors import AcsnetError, InputError
from acsnet.fine_tuning.kept_samples import learned_labels
from acsnet.fine_tuning.model_registry import Models
from acsnet.fine_tuning.run_end import end_early
from acsnet.fine_tuning.training_request import Reviewed, read_request, run_folders, write_request
from acsnet.fine_tuning.training_status import (
    CANCELLED,
    DONE,
    FAILED,
    Status,
    change_status,
    read_status,
)
from acsnet.fine_tuning.trigger import Review, waits_for
from acsnet.server.errors import BusyError
from acsnet.settings import Train
from acsnet.train.run import STEPS

logger = logging.getLogger(__name__)

PROGRAM = ("-m", "acsnet.fine_tuning.worker")
LOG = "log.txt"
LOOK_EVERY_S = 10.0
MAX_STARTS = 3
"""A run whose process dies so often without an epoch in between has failed."""


def best_device() -> str:
    """The GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def interpreter(device: str) -> list[str]:
    """What runs the program: Python, by `torchrun` on each GPU where there are several."""
    gpus = torch.cuda.device_count() if device == "cuda" else 0
    several = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(gpus))
    return [sys.executable, *(several if gpus > 1 else ())]


class Trainings:
    """At most one training at a time.

    models: where versions and runs are kept; lock, audit: files that all servers of this machine's
    state share; reviewed: the labels there are to train on, `anew` as of a `StudyStore`.
    """

    def __init__(
        self,
        models: Models,
        *,
        lock: Path,
        audit: Path,
        reviewed: Callable[..., Sequence[Reviewed]],
        settings: Train,
        program: Sequence[str] = PROGRAM,
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._models = models
        self._program, self._look_every_s = program, look_every_s
        self._shared = lock, audit
        self._reviewed = reviewed
        self._settings = settings
        self._change = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._refused: dict[str, Review] | None = None
        self._warning = ""
        self._end = threading.Event()
        self._called = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="trainings", daemon=True)

    def watch(self) -> None:
        """Look after trainings from now on, and begin one when it is time."""
        self._watcher.start()

    def runs(self) -> list[tuple[Path, Status]]:
        """All runs and how far they are, the newest last."""
        return [(folder, read_status(folder)) for folder in run_folders(self._models.root)]

    def latest(self) -> tuple[Path, Status] | None:
        """The newest run."""
        folders = run_folders(self._models.root)
        return (folders[-1], read_status(folders[-1])) if folders else None

    def start(self, trainer: str, *, epochs: int | None = None, device: str | None = None) -> Path:
        """Begin to train, from the live version; the run folder.

        Raises BusyError while a training is under way, and InputError as `write_request`.
        """
        with self._change:
            latest = self.latest()
            if latest is not None and latest[1].under_way:
                msg = "a training is under way: wait for it or stop it"
                raise BusyError(msg)
            self._models.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = write_request(
                self._models.root,
                self._reviewed(anew=True),
                trainer=trainer,
                base=self._models.aliases().live,
                device=device or best_device(),
                threads=self._settings.threads,
                quiet_s=self._settings.quiet_s,
                epochs=epochs,
                share=self._settings.hold_out,
            )
            if not self._is_locked():
                self._spawn(folder)
            return folder

    def stop(self) -> tuple[Path, Status] | None:
        """Stop the training that is under way for good; its run, or None.

        One whose model is served by now is done.
        """
        with self._change:
            latest = self.latest()
            if latest is None or not latest[1].under_way:
                return None
            folder, _ = latest
            self._kill(folder)
            # It may have come to its end before it was killed.
            status = read_status(folder)
            if status.under_way:
                status = end_early(
                    folder, self._models, state=CANCELLED, detail="stopped on request"
                )
            return folder, status

    def look(self) -> None:
        """Once: what became of the process, and whether it is time to begin a training."""
        with self._change:
            if self._end.is_set():
                return
            latest = self.latest()
            if latest is not None and latest[1].under_way:
                self._look_after(*latest)
            elif self._settings.after:
                self._begin_if_due()

    def wake(self) -> None:
        """A label was reviewed: look at once."""
        self._called.set()

    def close(self) -> None:
        """End the process of a training; the next server goes on with it."""
        self._end.set()
        self._called.set()
        with self._change:
            process, self._process = self._process, None
            if process is None or process.poll() not in (None, -signal.SIGTERM):
                return
            process.terminate()
            process.wait()
            latest = self.latest()
            if latest is not None and latest[1].under_way:  # stopped, which is not failed
                change_status(latest[0], starts=max(0, latest[1].starts - 1))

    def _look_after(self, folder: Path, status: Status) -> None:
        runs = self._process is not None and self._process.poll() is None
        if runs or self._is_locked():
            return
        if status.starts >= MAX_STARTS:
            times = f"its process ended {status.starts} times, see {LOG}"
            end_early(folder, self._models, state=FAILED, detail=times)
        else:
            self._spawn(folder)

    def _begin_if_due(self) -> None:
        """Begin a training where enough labels were reviewed since the newest that is done.

        One that failed or was stopped, or was of other networks, has not learned its labels; but
        none is begun anew before others are reviewed. A label that is left out is tried once more.
        """
        settings = self._settings
        runs = run_folders(self._models.root)
        steps = STEPS[settings.trainer]
        # Each has the labels of all scans: no more are read than count.
        done = list(islice((run for run in reversed(runs) if self._trained(run, steps)), 2))
        asked = read_request(runs[-1]).labels if runs else {}
        trained = read_request(done[1]).labels if len(done) > 1 else {}
        trained |= learned_labels(done[0]) if done else {}
        reviews = {label.name: label.review() for label in self._reviewed()}
        are_known = all(asked.get(name) == review.sha256 for name, review in reviews.items())
        if reviews == self._refused or are_known:
            return
        reason = waits_for(
            reviews, trained, now=time.time(), labels=settings.after, pause_s=settings.pause_s
        )
        if reason is None:
            try:
                self.start(settings.trainer)
            except InputError:
                self._refused = reviews
                raise
            logger.info("training %s begins: enough labels were reviewed", settings.trainer)

    def _trained(self, run: Path, steps: Sequence[str]) -> bool:
        """Whether a run came to its end and was of these networks, among others."""
        done = read_status(run).state == DONE
        return done and set(steps) <= set(STEPS[read_request(run).trainer])

    def _spawn(self, folder: Path) -> None:
        """Start the process of a run."""
        device = read_request(folder).device
        command = [*interpreter(device), *self._program, folder, *self._shared]
        change_status(folder, starts=read_status(folder).starts + 1)
        with (folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 # nothing in it comes from a request
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": str(self._settings.threads)},
                start_new_session=True,
            )

    def _is_locked(self) -> bool:
        """Whether another training is under way, or the process that a killed server left."""
        try:
            with FileLock(self._shared[0], timeout=0):
                return False
        except Timeout:
            return True

    def _kill(self, folder: Path) -> None:
        """All processes of a run, those that a server left which was killed among them."""
        for process in psutil.process_iter(["cmdline"]):
            if str(folder) in (process.info["cmdline"] or ()):
                with suppress(psutil.NoSuchProcess):
                    process.kill()
                    process.wait(10)
        if self._process is not None:
            self._process.wait()
            self._process = None

    def _watch(self) -> None:
        while not self._end.is_set():
            self._called.wait(self._look_every_s)
            self._called.clear()
            try:
                self.look()
                self._warning = ""
            except (AcsnetError, OSError) as error:
                if str(error) != self._warning:  # once, and not at every look
                    logger.warning("no training begins: %s", error)
                self._warning = str(error)
