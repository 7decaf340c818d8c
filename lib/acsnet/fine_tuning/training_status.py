"""Status of a training, shared by files."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
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


@dataclass(frozen=True, kw_only=True)
class Status:
    """Status of a run.

    state: one of those above; step: the network in training; epoch, epochs: done and total, over
    all networks; share: of the epoch at hand; time_left_s: estimated; starts: of a process since
    the last epoch; candidate: the resulting version; promoted: whether it went live; detail: reason
    of the decision or error; left_out: scans that could not be used, with reasons.
    """

    state: str = WAITING
    step: str = ""
    epoch: int = 0
    epochs: int = 0
    share: float = 0.0
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
        """Whether the run has not ended."""
        return self.state in UNDER_WAY


def read_status(folder: Path) -> Status:
    """That of a run folder, waiting before its process has begun; failed where it is damaged."""
    if not (folder / STATUS).exists():
        return Status()
    try:
        content = read_json(folder / STATUS)
        return Status(**content | {"left_out": tuple(content.get("left_out", ()))})
    except (InputError, TypeError):
        return Status(state=FAILED, detail=f"its {STATUS} is damaged: start a new training")


def change_status(folder: Path, **entries: Any) -> Status:
    """Change entries of the status of a run; a final state sets the end time."""
    status = replace(read_status(folder), **entries)
    if not status.under_way and not status.ended:
        status = replace(status, ended=now(), time_left_s=None, share=0.0)
    write_json(folder / STATUS, asdict(status))
    return status


SHARE_EVERY_S = 2.0
"""Between two notes of the progress inside an epoch."""


@dataclass(kw_only=True)
class Progress:
    """Writes the progress of a network; done: epochs of previous networks, epochs: of all."""

    folder: Path
    step: str
    done: int
    epochs: int
    begun: float = field(default_factory=time.monotonic)
    noted: float = field(default_factory=time.monotonic)

    def __call__(self, history: Sequence[Epoch]) -> None:
        """Write the progress; called with the network's history after each epoch.

        A run that goes on is told its epochs of before once more, which are no progress.
        """
        epoch = self.done + len(history)
        before = read_status(self.folder)
        pace = sum(row.seconds for row in history) / len(history)
        change_status(
            self.folder,
            state=TRAINING,
            step=self.step,
            epoch=epoch,
            epochs=self.epochs,
            share=0.0,
            time_left_s=round(pace * (self.epochs - epoch), 1),
            starts=1 if epoch > before.epoch else before.starts,
        )

    def within(self, share: float) -> None:
        """Write the share of the epoch at hand that is done, at most every `SHARE_EVERY_S`."""
        current = time.monotonic()
        if current - self.noted < SHARE_EVERY_S:
            return
        self.noted = current
        status = read_status(self.folder)
        left_s = status.time_left_s
        if status.epoch <= self.done:  # the first epoch of a network tells its pace
            pace = (current - self.begun) / share
            left_s = round(pace * (self.epochs - self.done - share), 1)
        change_status(
            self.folder, state=TRAINING, step=self.step, share=round(share, 3), time_left_s=left_s
        )
