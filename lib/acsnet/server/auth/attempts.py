"""How often somebody may try to log in: after some failures each further one has to wait longer."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

LIMITS = {"both": 5, "address": 20, "user": 50}
"""Ours: failures that cost nothing, for a name from one address, an address, a name from anywhere.

A name alone has many, so that a stranger cannot easily keep its owner out.
"""
MAX_WAIT_S = 900.0
FORGET_S = 3600.0
MAX_KEYS = 10_000
MAX_NAME = 64

Key = tuple[str, ...]


@dataclass
class _Tally:
    failures: int
    last: float


class Attempts:
    """Counts attempts by name and address, in memory; at most 10 000 keys, the oldest forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._change = threading.Lock()
        self._tallies: OrderedDict[Key, _Tally] = OrderedDict()

    def begin(self, user: str, address: str) -> float:
        """Count an attempt as failed until it has succeeded; the seconds to wait instead, or 0.

        It is counted before the password is looked at: many at once are no way round the limit.
        """
        now = self._clock()
        with self._change:
            wait = max(self._wait(kind, key, now) for kind, key in _keys(user, address))
            if wait <= 0:
                for _, key in _keys(user, address):
                    tally = self._tallies.setdefault(key, _Tally(0, now))
                    if now - tally.last > FORGET_S:
                        tally.failures = 0
                    tally.failures, tally.last = tally.failures + 1, now
                    self._tallies.move_to_end(key)
                while len(self._tallies) > MAX_KEYS:
                    self._tallies.popitem(last=False)
            return max(wait, 0.0)

    def succeeded(self, user: str, address: str) -> None:
        """The attempt that was counted last was none of a stranger."""
        with self._change:
            for kind, key in _keys(user, address):
                tally = self._tallies.get(key)
                if tally is not None:
                    tally.failures = 0 if kind == "both" else max(tally.failures - 1, 0)

    def _wait(self, kind: str, key: Key, now: float) -> float:
        tally = self._tallies.get(key)
        if tally is None or tally.failures < LIMITS[kind] or now - tally.last > FORGET_S:
            return 0.0
        over = min(tally.failures - LIMITS[kind], 10)
        return tally.last + min(2.0**over, MAX_WAIT_S) - now


def _keys(user: str, address: str) -> tuple[tuple[str, Key], ...]:
    user = user[:MAX_NAME]
    return (
        ("both", ("both", user, address)),
        ("address", ("address", address)),
        ("user", ("user", user)),
    )
