"""SIGTERM, of a batch system or a service manager, stops a run as Ctrl-C does."""

import signal
import threading
from typing import NoReturn

_told = threading.Event()
"""Not an error of its own: where Ray waits, it raises a KeyboardInterrupt instead of any other."""


def stop_on_sigterm() -> None:
    """From now on SIGTERM calls `stop` in the main thread."""
    _told.clear()
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, stop)


def stop(*_: object) -> NoReturn:
    """Stop the run as SIGTERM does. Raises KeyboardInterrupt."""
    _told.set()
    raise KeyboardInterrupt


def is_told_to_stop() -> bool:
    """Whether SIGTERM has come, not Ctrl-C."""
    return _told.is_set()
