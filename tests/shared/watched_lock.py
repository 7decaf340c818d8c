"""A lock in the place of a store's, by which a test knows that a thread waits for it."""

import threading


class WatchedLock:
    """A lock that tells when a thread has to wait for it."""

    def __init__(self, lock):
        self._lock = lock
        self._waiting = {}

    def tell(self, event):
        """Set an event once the current thread has to wait for the lock."""
        self._waiting[threading.get_ident()] = event

    def __enter__(self):
        event = self._waiting.get(threading.get_ident())
        if event and not self._lock.acquire(blocking=False):
            event.set()
            self._lock.acquire()
        elif not event:
            self._lock.acquire()

    def __exit__(self, *error):
        self._lock.release()
