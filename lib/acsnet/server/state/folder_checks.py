"""Whether a folder can be read from and written to at this moment."""

import os
from contextlib import suppress
from pathlib import Path

from acsnet.files.temporary import temporary_name


def is_readable(folder: Path) -> bool:
    """Whether the entries of a folder can be listed."""
    try:
        with os.scandir(folder) as entries:
            next(entries, None)
    except OSError:
        return False
    return True


def is_empty(folder: Path) -> bool:
    """Whether a folder has no entry, as where a disk is not mounted; one that is gone has none."""
    return next(folder.glob("*"), None) is None


def is_writable(folder: Path) -> bool:
    """Whether a file can be written, found out by writing one: rights say nothing of a full disk,
    of one without inodes, over its quota or mounted to be read only.
    """
    temporary = folder / temporary_name()
    try:
        temporary.write_bytes(b"acsnet")
    except OSError:
        return False
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    return True
