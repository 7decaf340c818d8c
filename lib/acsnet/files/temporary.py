"""Files and folders that have no lasting name yet: how they are called, and their removal."""

import os
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

TEMPORARY = re.compile(r"\.(acsnet-(\d+-)?)?[a-z0-9_]{8}")
"""Names under which files and folders are written before they are put in place, or once were."""

LONGEST_S = 24 * 3600.0
"""Nobody writes for longer without a change of the file or folder itself."""


def temporary_name() -> str:
    """A new name of these."""
    return f".acsnet-{secrets.token_hex(4)}"


def is_left_behind(path: Path) -> bool:
    """Whether what has a temporary name is there, and nobody is at work on it any more."""
    try:
        return path.lstat().st_mtime < time.time() - LONGEST_S
    except FileNotFoundError:
        return False


def discard(path: Path) -> bool:
    """Remove a file, or a folder with all in it; whether it has gone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    return not os.path.lexists(path)
