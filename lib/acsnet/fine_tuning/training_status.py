"""How far a training is, where a server and its readers can see it; and how it makes room."""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from acsnet.errors import InputError
from acsnet.storage import write_json
from acsnet.train.checkpoint import Epoch
from acsnet.train.run_record import now, read_json

STATUS = "status.json"
WAITING, TRAINING, MEASURING = "waiting", "training", "measuring"
DONE, FAILED, CANCELLED = "done", "failed", "cancelled"
UNDER_WAY = (WAITING, TRAINING, MEASURING)

INFERENCE = "inference"
"""File of a models folder whose time says until when an inference may be running."""

LONGEST_S = 120.0
"""A training waits no longer than this for an inference whose server was killed."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """One run.

    state: of those above; step: the network in training; epoch, epochs: done and to be done, over
    all networks; time_left_s: of the training, at the present pace; starts: of a process since
    the last epoch; candidate: the version that came of it; promoted: whether it went live; detail:
    what the gate or an error said; left_out: scans that could not be read, and why.
    """

    state: str = WAITING
    step: str = ""
    epoch: int = 0
    epochs: int = 0
    time_left_s: float | None = None
    starts: int = 0
    started: str = ""
    ended: str = ""
    candidate: str | None = None
    promoted: bool = False
    detail: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def under_way(self) -> bool:
        """Whether there is still something to do."""
        return self.state in UNDER_WAY


def read_status(folder: Path) -> Status:
    """That of a run folder, waiting before its process has begun; failed where it is damaged."""
    if not (folder / STATUS).exists():
        return Status()
    try:
        content = read_json(folder / STATUS)
        return Status(**content | {"left_out": tuple(content.get("left_out", ()))})
    except (InputError, TypeError):
        return Status(state=FAILED, detail=f"its {STATUS} is damaged: start a training anew")


def change_status(folder: Path, **entries: Any) -> Status:
    """Put it in place with these entries changed; a state that ends the run notes the time."""
    status = replace(read_status(folder), **entries)
    if not status.under_way and not status.ended:
        status = replace(status, ended=now(), time_left_s=None)
    write_json(folder / STATUS, asdict(status))
    return status


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Tells of the epochs of one network; done: epochs of those before, epochs: of all."""

    folder: Path
    step: str
    done: int
    epochs: int

    def __call__(self, history: Sequence[Epoch]) -> None:
        """To be told the whole history of the network after each epoch."""
        epoch = self.done + len(history)
        pace = sum(row.seconds for row in history) / len(history)
        left = pace * (self.epochs - epoch)
        change_status(
            self.folder,
            state=TRAINING,
            step=self.step,
            epoch=epoch,
            epochs=self.epochs,
            time_left_s=round(left, 1),
            starts=1,
        )


@contextmanager
def inference(root: Path) -> Iterator[None]:
    """Around an inference: trainings of this models folder rest meanwhile, and for a while after.

    Does nothing where there never was a training.
    """
    stamp = root / INFERENCE
    if not root.is_dir():
        yield
        return
    stamp.touch()
    until = time.time() + LONGEST_S
    os.utime(stamp, (until, until))
    try:
        yield
    finally:
        stamp.touch()


def rest(root: Path, *, quiet_s: float) -> None:
    """Return once no inference runs, nor ran in the last `quiet_s` seconds."""
    stamp = root / INFERENCE
    while stamp.exists():
        left = stamp.stat().st_mtime + quiet_s - time.time()
        if left <= 0.0:
            return
        time.sleep(min(left, 1.0))
