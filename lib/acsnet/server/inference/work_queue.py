"""Whose turn it is: one inference at a time, a bounded number that wait, and nobody in the way.

Those who wait are served one each in a round, so a reader who asks for one scan does not wait for
the ten of another. Ours.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import fmean

from acsnet.errors import AcsnetError
from acsnet.settings import Limits

USUAL_S = 10.0
"""An inference, while none has been timed yet."""

MAX_RETRY_S = 120


class LoadError(AcsnetError):
    """What cannot be done now and may be asked for again; retry_after_s: when."""

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QueueFullError(LoadError):
    """An inference for which there is no place to wait."""


class StoppingError(LoadError):
    """A request to a server that is being stopped."""


def stopping() -> StoppingError:
    """What every request gets from then on."""
    msg = "the server is being stopped: ask again in a minute"
    return StoppingError(msg, retry_after_s=60)


class Turns:
    """One turn at a time; the others wait in a round of their owners."""

    def __init__(self, limits: Limits) -> None:
        self._most, self._of_one = limits.waiting, limits.waiting_of_one
        self._change = threading.Condition()
        self._waiting: dict[str, deque[object]] = {}
        self._holder: object | None = None
        self._closed = False
        self._seconds: deque[float] = deque(maxlen=20)

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return sum(map(len, self._waiting.values()))

    @property
    def running(self) -> bool:
        """Whether somebody has the turn."""
        return self._holder is not None

    @contextmanager
    def turn(self, who: str, *, background: bool = False) -> Iterator[None]:
        """Wait for the turn of `who`, a reader or an address, and have it.

        background: work that waits for however long, and is not refused for a full queue. Raises
        QueueFullError, and StoppingError also while it waits.
        """
        ticket = object()
        with self._change:
            self._admit(who, background=background)
            self._waiting.setdefault(who, deque()).append(ticket)
            self._pass_on()
            while self._holder is not ticket:
                self._change.wait()
                if self._closed and self._holder is not ticket:
                    self._waiting.clear()
                    raise stopping()
        start = time.monotonic()
        try:
            yield
        finally:
            with self._change:
                self._seconds.append(time.monotonic() - start)
                self._holder = None
                self._pass_on()
                self._change.notify_all()

    def close(self, *, limit_s: float) -> bool:
        """Turn away all who wait, and wait for the one that runs; whether it ended in time."""
        with self._change:
            self._closed = True
            self._change.notify_all()
            return self._change.wait_for(lambda: not self.running, limit_s)

    def _admit(self, who: str, *, background: bool) -> None:
        if self._closed:
            raise stopping()
        own = len(self._waiting.get(who, ()))
        if background or (self.waiting < self._most and own < self._of_one):
            return
        usual_s = fmean(self._seconds) if self._seconds else USUAL_S
        retry_s = min(max(round(usual_s * (self.waiting + 1)), 1), MAX_RETRY_S)
        msg = f"{self.waiting} inferences wait already, {own} of them yours: ask again later"
        raise QueueFullError(msg, retry_after_s=retry_s)

    def _pass_on(self) -> None:
        """Give a free turn to the owner at the head of the round, who goes to its end."""
        if self._holder is not None or not self._waiting or self._closed:
            return
        who = next(iter(self._waiting))
        tickets = self._waiting.pop(who)
        self._holder = tickets.popleft()
        if tickets:
            self._waiting[who] = tickets
