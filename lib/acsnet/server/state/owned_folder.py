"""Temporary folders that nobody takes for abandoned while their owner lives.

Numbers of processes say nothing between containers, so a lock on a file in the folder tells.
"""

import os
import secrets
import shutil
import tempfile
import weakref
from pathlib import Path

from filelock import FileLock

from acsnet.files.abandoned import OWNER
from acsnet.files.temporary import discard
from acsnet.storage import give_name


class OwnedFolder:
    """A private folder in `parent` that goes when it is closed, or this process ends.

    prefix: of its name, before the number of this process.
    """

    def __init__(self, parent: Path, *, prefix: str = ".acsnet-") -> None:
        # It gets the name by which others find it once it is locked.
        new = Path(tempfile.mkdtemp(prefix=".", dir=parent))
        lock = FileLock(new / OWNER, thread_local=False)
        try:
            lock.acquire()
            self.path = parent / f"{prefix}{os.getpid()}-{secrets.token_hex(4)}"
            give_name(new, self.path)
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        self._end = weakref.finalize(self, _end, self.path, lock)

    def close(self) -> None:
        """Remove the folder and all in it."""
        self._end()


def _end(folder: Path, lock: FileLock) -> None:
    discard(folder)
    lock.release()
