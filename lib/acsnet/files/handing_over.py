"""What root writes into the state of an account, given to that account.

A server that runs under an account of its own could not read it otherwise.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

from acsnet.files.opened import opened

_STATE: set[Path] = set()


def hand_over_in(folder: Path) -> None:
    """From now on `hand_over` works in this folder, in which a server keeps its state."""
    _STATE.add(folder)


def hand_over(path: Path, target: Path) -> None:
    """As root, give what was made to the owner of what it replaces, or else of the folder.

    Only state is given away, with folders that were made above it: what a command writes elsewhere
    stays root's. So does what has several names: root did not make that.
    """
    if os.name != "posix" or os.geteuid() != 0:
        return
    if not any(path.is_relative_to(state) or state.is_relative_to(path) for state in _STATE):
        return
    before = target.lstat() if os.path.lexists(target) else target.parent.stat()
    if before.st_uid == 0:
        return
    with suppress(OSError):  # a container may have dropped the right to do so
        for descriptor in opened(path):
            status = os.fstat(descriptor)
            if status.st_uid == 0 and (stat.S_ISDIR(status.st_mode) or status.st_nlink == 1):
                os.fchown(descriptor, before.st_uid, before.st_gid)
