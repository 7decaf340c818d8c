"""Audit log of people, models and scans: one JSON line for each event, only ever appended.

A line holds ids, never names of patients.
"""

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


def read(log: Path) -> list[dict[str, Any]]:
    """All whole events, oldest first; none where there is no log yet."""
    return read_lines(log)
