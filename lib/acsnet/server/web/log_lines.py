"""Log lines as JSON objects with the id of the request and no patient data.

Our own messages name no scan. Those of other libraries may, and so may the text of an exception:
of these a line holds only what it is and where it comes from.
"""

import json
import logging
import traceback
from contextvars import ContextVar
from datetime import datetime, timezone

from acsnet.errors import WeightsError

OWN = ("acsnet", "uvicorn")
"""Loggers whose messages are known to name nobody."""

TOLD = (WeightsError,)
"""Errors whose text is about our own files."""

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that is being answered."""


class JsonLines(logging.Formatter):
    """A record as one line of JSON; `extra={"fields": {...}}` adds to it."""

    def format(self, record: logging.LogRecord) -> str:
        """The line. Characters that end lines or move cursors are escaped by JSON itself."""
        when = datetime.fromtimestamp(record.created, timezone.utc)
        ours = record.name.partition(".")[0] in OWN
        entry = {
            "time": when.isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage() if ours else f"see {record.module}:{record.lineno}",
            **getattr(record, "fields", {}),
        }
        if identifier := request_id.get():
            entry["request"] = identifier
        if record.exc_info and record.exc_info[1] is not None:
            entry |= error_fields(record.exc_info[1])
        return json.dumps(entry)


def error_fields(error: BaseException) -> dict[str, object]:
    """What an exception is and where it comes from; its text only where that names no scan."""
    steps = traceback.extract_tb(error.__traceback__)
    found: dict[str, object] = {
        "error": type(error).__name__,
        "at": [f"{step.filename.rpartition('/')[2]}:{step.lineno} {step.name}" for step in steps],
    }
    if isinstance(error, TOLD):
        found["reason"] = str(error)
    return found
