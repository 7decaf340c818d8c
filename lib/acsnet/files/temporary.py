"""Files and folders that have no lasting name yet: how they are called, and their removal."""

import os
import re
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

TEMPORARY = re.compile(r"\.[a-z0-9_]{8}|\.?acsnet-(?P<process>\d+)-[a-z0-9_]{8}")
"""Names under which files and folders are written before they are put in place, or once were."""


def temporary_name() -> str:
    """A new name that says which process it is of; see `acsnet.files.abandoned`."""
    return f".acsnet-{os.getpid()}-{secrets.token_hex(4)}"


def discard(path: Path) -> bool:
    """Remove a file, or a folder with all in it; whether it has gone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
    return not os.path.lexists(path)
