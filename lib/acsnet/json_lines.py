"""Files of JSON lines that only ever grow, whatever happens in the middle of a line."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acsnet.storage import sync_folder


def append(file: Path, entry: Mapping[str, Any]) -> None:
    """Append one entry; it is on the disk when this returns.

    Any number of threads and processes may write to one file: each line is written in one piece.
    A line that a crash cut short is ended first, and so stays on a line of its own.
    """
    line = json.dumps(entry, allow_nan=False).encode() + b"\n"
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = not file.exists()
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        content = line if _ends_whole(descriptor) else b"\n" + line
        if os.write(descriptor, content) != len(content):
            msg = f"{file.name} could not be written: the disk is full"
            raise OSError(msg)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if new:
        sync_folder(file.parent)


def end_whole(file: Path) -> bool:
    """End the last line of a file where a crash cut it short; whether there was one to end."""
    if not file.exists():
        return False
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND)
    try:
        if _ends_whole(descriptor):
            return False
        os.write(descriptor, b"\n")
        os.fsync(descriptor)
        return True
    finally:
        os.close(descriptor)


def read(file: Path) -> list[dict[str, Any]]:
    """All whole entries, oldest first; none where there is no file yet."""
    if not file.exists():
        return []
    return [entry for line in file.read_bytes().splitlines() if (entry := _entry(line)) is not None]


def _ends_whole(descriptor: int) -> bool:
    """Whether the file is empty or ends with a line's end."""
    size = os.lseek(descriptor, 0, os.SEEK_END)
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _entry(line: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None
