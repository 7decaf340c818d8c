"""What processes that were killed were writing: found by its name or its lock, and removed.

For rooms that lock files themselves: filelock comes with the extras cohort and server.
"""

from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from acsnet.files.temporary import TEMPORARY, discard

OWNER = ".owner"
"""The file in a temporary folder that whoever works there holds a lock on."""


def is_abandoned(path: Path, process: int) -> bool:
    """Whether nobody works any more on what a process, by its number, was writing.

    A folder with the file `OWNER` tells by the lock on it, between containers too: there numbers
    say nothing. Of all else that process must have gone, or be a later one of the same number.
    """
    try:
        if (path / OWNER).exists():
            return _is_free(path / OWNER)
        return psutil.Process(process).create_time() > path.lstat().st_mtime
    except (psutil.NoSuchProcess, FileNotFoundError):
        return True
    except OSError:
        return False  # of another account: it cannot be removed either


def remove_abandoned(folder: Path) -> int:
    """Remove what processes that were killed were writing in a folder; returns how much it was."""
    try:
        entries = [(path, TEMPORARY.fullmatch(path.name)) for path in folder.iterdir()]
    except OSError:
        return 0  # it is not there, or may be passed through but not listed
    return sum(
        discard(path)
        for path, name in entries
        if name and name["process"] and is_abandoned(path, int(name["process"]))
    )


def _is_free(lock: Path) -> bool:
    """Whether nobody holds a lock that is there."""
    try:
        with FileLock(lock, timeout=0):
            return True
    except Timeout:
        return False
