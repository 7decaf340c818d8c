"""Audit log of people, models and scans: one JSON line for each event, only ever appended.

A line holds ids, never names of patients. A site may rotate the log by giving it another name in
the same folder: `audit.jsonl.1`, and higher numbers to what is older. Those files belong to it.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

from acsnet.storage import append_line, read_lines

Event = Literal[
    "infer",
    "upload",
    "remove",
    "edit",
    "save",
    "review",
    "withdraw",
    "train",
    "promote",
    "rollback",
    "login",
    "login_refused",
    "logout",
    "view",
    "list",
    "session",
    "next",
    "batch",
    "score",
    "refused",
]

ROTATED = re.compile(r"\.([1-9][0-9]{0,8})")
"""End of the name of a file that the log was rotated to; no time, as others write there."""


def record(
    log: Path,
    event: Event,
    *,
    user: str = "",
    model: str = "",
    image: str = "",
    seconds: float | None = None,
    details: Mapping[str, str | int | float | bool | None] | None = None,
) -> None:
    """Append one event to the file `log`; it is on the disk when this returns.

    user: who asked, empty if unknown; model: version that ran or changed; image: id of the scan;
    seconds: how long it took; details: whatever else belongs to the event, ids and numbers only.
    Any number of threads and processes may write to one log.
    """
    entry = {
        "time": datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
        "event": event,
        "user": user,
        "model": model,
        "image": image,
        "seconds": None if seconds is None else round(seconds, 3),
        **(details or {}),
    }
    append_line(log, entry)


def files_of(log: Path) -> list[Path]:
    """The files that a log was rotated to, oldest first, and the log itself, there or not."""
    rotated = {
        int(number[1]): file
        for file in log.parent.glob(f"{log.name}.*")
        if (number := ROTATED.fullmatch(file.suffix)) and file.is_file()
    }
    return [*(rotated[number] for number in sorted(rotated, reverse=True)), log]


def read(log: Path) -> list[dict[str, Any]]:
    """All whole events, oldest first, also of files it was rotated to; none without a log."""
    return [entry for file in files_of(log) for entry in read_lines(file)]
