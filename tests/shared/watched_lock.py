"""A lock in the place of a store's, by which a test knows that a thread waits for it."""

import threading

LONG = 60.0


class WatchedLock:
    """A lock that tells when a thread has to wait for it."""

    def __init__(self, lock):
        self._lock = lock
        self._waiting = {}

    def beside(self, threads, act):
        """Let another thread act until it ends or waits for the lock; its result to come.

        threads: an executor.
        """
        stopped = threading.Event()

        def watched():
            self._waiting[threading.get_ident()] = stopped
            try:
                return act()
            finally:
                stopped.set()

        result = threads.submit(watched)
        assert stopped.wait(LONG)
        return result

    def __enter__(self):
        event = self._waiting.get(threading.get_ident())
        if event and not self._lock.acquire(blocking=False):
            event.set()
            self._lock.acquire()
        elif not event:
            self._lock.acquire()

    def __exit__(self, *error):
        self._lock.release()
