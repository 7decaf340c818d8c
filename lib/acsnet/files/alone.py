"""One run at a time in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from acsnet.errors import InputError


@contextmanager
def alone_in(folder: Path, *, lock: str) -> Iterator[None]:
    """Hold the lock of an output folder, a file in it; that of a killed process is free.

    Raises InputError while another run holds it.
    """
    held = FileLock(folder / lock, timeout=0)
    try:
        held.acquire()
    except Timeout:
        msg = f"another run writes to {folder}: wait for its end, or take another folder"
        raise InputError(msg) from None
    try:
        yield
    finally:
        held.release()
