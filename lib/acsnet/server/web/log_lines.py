"""Log lines as JSON objects with the id of the request and no patient data.

Our own messages name no scan. Those of other libraries may, and so may the text of an exception:
of these a line holds only what it is and where it comes from.
"""

import json
import logging
import re
import sys
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from datetime import datetime, timezone
from logging.handlers import RotatingFileHandler

from acsnet.errors import DeviceError, WeightsError

OWN = ("acsnet", "uvicorn")
"""Loggers whose messages are known to name nobody."""

TOLD = (WeightsError, DeviceError)
"""Errors whose text is about our own files or this machine."""

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""Of the request that is being answered."""


UID = re.compile(r"\b\d+(?:\.\d+){4,}")
"""In a message: of a study, a series or an image, hence of a patient. Addresses have four parts."""

FREE_REPEATS = 20
REPEAT_S = 60.0
MAX_KINDS = 1000


class Repeats(logging.Filter):
    """Lets so many lines of one kind pass a minute; the next one says how many there were.

    Else whoever is refused often enough rolls the log away. Requests that were answered pass.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._seen: OrderedDict[tuple[object, ...], tuple[float, int]] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written."""
        fields = getattr(record, "fields", {})
        status = fields.get("status", 0)
        if record.levelno < logging.WARNING and status < 400:
            return True
        key = record.name, record.msg, fields.get("route"), fields.get("method"), status
        now = self._clock()
        since, count = self._seen.get(key, (now, 0))
        if now - since > REPEAT_S:
            left_out = max(count - FREE_REPEATS, 0)
            since, count = now, 0
            if left_out:
                record.fields = {**fields, "left_out": left_out}
        self._seen[key] = since, count + 1
        self._seen.move_to_end(key)
        while len(self._seen) > MAX_KINDS:
            self._seen.popitem(last=False)
        return count < FREE_REPEATS


class Reticent(logging.Handler):
    """Says at most once a minute, and by its kind alone, that a line could not be written.

    The standard handlers print the line and the error, with the names in both, each time.
    """

    clock = staticmethod(time.monotonic)
    _told: float | None = None

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 # logging calls it
        """Say on the console that a line could not be written, unless that was just said."""
        now = self.clock()
        error = sys.exc_info()[0]
        if error is None or (self._told is not None and now - self._told < REPEAT_S):
            return
        self._told = now
        with suppress(OSError, ValueError):  # the console may be what cannot be written
            sys.stderr.write(f"log lines cannot be written: {error.__name__}\n")


class ConsoleLines(Reticent, logging.StreamHandler):  # type: ignore[type-arg] # 3.10 takes none
    """Log lines on standard error."""


class FileLines(Reticent, RotatingFileHandler):
    """Log lines in files, of which the oldest goes when the newest is full."""


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
            "message": UID.sub("[UID]", record.getMessage())
            if ours
            else f"see {record.module}:{record.lineno}",
            **getattr(record, "fields", {}),
        }
        if identifier := request_id.get():
            entry["request"] = identifier
        if record.exc_info and record.exc_info[1] is not None:
            entry |= error_fields(record.exc_info[1])
        return json.dumps(entry)


class PlainLines(logging.Formatter):
    """A record as a sentence, for a person who started the server and looks at its console."""

    def format(self, record: logging.LogRecord) -> str:
        """The line; what an exception was and where is in the file of the log."""
        ours = record.name.partition(".")[0] in OWN
        text = record.getMessage() if ours else f"see {record.module}:{record.lineno} in the log"
        when = datetime.fromtimestamp(record.created).astimezone()
        line = f"{when:%H:%M:%S} {record.levelname.lower()}: {UID.sub('[UID]', text)}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f" ({type(record.exc_info[1]).__name__}; the log says where)"
        return line.encode("unicode_escape").decode()


class NoRequests(logging.Filter):
    """Lets all pass but requests that were answered."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is written."""
        return record.levelno >= logging.WARNING or not hasattr(record, "fields")


def error_fields(error: BaseException) -> dict[str, object]:
    """What an exception is and where it comes from; its text only where that names no scan."""
    steps = traceback.extract_tb(error.__traceback__)
    fields: dict[str, object] = {
        "error": type(error).__name__,
        "at": [f"{step.filename.rpartition('/')[2]}:{step.lineno} {step.name}" for step in steps],
    }
    if isinstance(error, TOLD):
        fields["reason"] = str(error)
    return fields
