"""Trainings pause while an inference of the server runs, told by the time of a file."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INFERENCE = "inference"
"""File of a models folder; its time is that until which an inference may run."""

LONGEST_S = 120.0
"""Longest pause of a training, in case the server was killed."""


@contextmanager
def trainings_paused(root: Path) -> Iterator[None]:
    """Pause the trainings of a models folder during an inference and for a while after.

    Does nothing if there never was a training.
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


def wait_for_inference(root: Path, *, quiet_s: float) -> None:
    """Wait until no inference runs, nor ran in the last `quiet_s` seconds.

    A time further ahead than any inference sets it is of before the clock was set back.
    """
    stamp = root / INFERENCE
    while stamp.exists():
        left = stamp.stat().st_mtime + quiet_s - time.time()
        if not 0.0 < left <= LONGEST_S + quiet_s:
            return
        time.sleep(min(left, 1.0))
