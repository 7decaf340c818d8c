"""A file, or a folder with all in it, opened one by one without following a link."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def opened(path: Path) -> Iterator[int]:
    """Descriptors of a file, or of a folder and all in it: what is inside first, and no links.

    Whoever owns the folder around them can exchange what has a name, but not what is open.
    On Windows, which opens no folders, nothing of a folder. Raises OSError.
    """
    if os.name == "posix" and path.is_dir():
        for _, _, files, folder in os.fwalk(path, topdown=False, onerror=_fail):
            for name in files:
                with _opened_file(name, folder=folder) as descriptors:
                    yield from descriptors
            yield folder
    else:
        with _opened_file(path) as descriptors:
            yield from descriptors


@contextmanager
def _opened_file(path: Path | str, *, folder: int | None = None) -> Iterator[tuple[int, ...]]:
    """The descriptor of a plain file; none of anything else."""
    status = os.stat(path, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        yield ()
        return
    # Windows and SMB bring to the disk only what is open for writing.
    access = os.O_RDWR if status.st_mode & stat.S_IWUSR else os.O_RDONLY
    never_follow = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    descriptor = os.open(path, access | never_follow, dir_fd=folder)
    try:
        yield (descriptor,)
    finally:
        os.close(descriptor)


def _fail(error: OSError) -> None:
    raise error
