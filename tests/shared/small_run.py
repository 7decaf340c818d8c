"""`acsnet.fine_tuning.worker` for a small site: seconds in place of minutes."""

import os
import signal
import sys
from pathlib import Path

from small_site import small_schedule

from acsnet.fine_tuning import worker
from acsnet.fine_tuning.model_registry import Models

DIE = "die"
"""File of a models folder: the process is killed once it has promoted, before all else."""


def promote(self, *args, **options):
    aliases = promoted(self, *args, **options)
    if (self.root / DIE).exists():
        (self.root / DIE).unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return aliases


if __name__ == "__main__":
    worker.NICENESS = 0
    promoted, Models.promote = Models.promote, promote
    sys.exit(worker.main(*map(Path, sys.argv[1:]), schedule=small_schedule()))
