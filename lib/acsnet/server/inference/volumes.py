"""How many whole scans are unpacked at once beside the networks: the memory must hold them. Ours.

One takes a few times the size of its pixels, as floats, while it is read, measured or drawn.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from acsnet.server.inference.work_queue import LoadError

PLACES = 3
WAIT_S = 30.0
RETRY_S = 15

_places = threading.BoundedSemaphore(PLACES)


class VolumesError(LoadError):
    """A scan for which there is no place in the memory now."""


@contextmanager
def volume_place() -> Iterator[None]:
    """A place for a scan as long as it is worked on. Raises VolumesError after `WAIT_S`."""
    if not _places.acquire(timeout=WAIT_S):
        msg = f"{PLACES} scans are read and measured already: ask again later"
        raise VolumesError(msg, retry_after_s=RETRY_S)
    try:
        yield
    finally:
        _places.release()
