"""Login sessions, kept in memory by the hash of a random id, and the limit on failed logins.

Sessions end when the server stops: people log in again.
"""

import hashlib
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from acsnet.server.auth.accounts import Account
from acsnet.server.identity import Person
from acsnet.server.web.access_policy import address_group

MAX_SESSIONS = 10_000
Holder = Account | Person
"""An account, or somebody of the identity provider."""

LIMITS = {"both": 5, "address": 20, "user": 50}
"""Failures that cost nothing, for a name from one address, an address, a name from anywhere.

A name alone has many, so that a stranger cannot easily keep its owner out.
"""
MAX_WAIT_S = 900.0
FORGET_S = 3600.0
MAX_KEYS = 10_000
MAX_NAME = 64

AttemptKey = tuple[str, ...]


@dataclass
class _Session:
    holder: Holder
    begun: float
    used: float


class Sessions:
    """Sessions by the hash of their id; the oldest is dropped where there are too many.

    hours: a session ends so long after the login; idle_minutes: or when it is not used so long.
    """

    def __init__(
        self, *, hours: float, idle_minutes: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._longest_s, self._idle_s = hours * 3600, idle_minutes * 60
        self._clock = clock
        self._change = threading.Lock()
        self._sessions: OrderedDict[bytes, _Session] = OrderedDict()

    def begin(self, holder: Holder) -> str:
        """Begin a session; returns its id, which is not stored."""
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._change:
            self._sessions[_key(token)] = _Session(holder, now, now)
            while len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)
        return token

    def find(self, token: str) -> Holder | None:
        """The holder of a session; None if it has ended."""
        now = self._clock()
        with self._change:
            session = self._sessions.get(_key(token))
            if session is None:
                return None
            if now - session.begun > self._longest_s or now - session.used > self._idle_s:
                del self._sessions[_key(token)]
                return None
            session.used = now
            return session.holder

    def end(self, token: str) -> None:
        """End a session, if there is one."""
        with self._change:
            self._sessions.pop(_key(token), None)


def _key(token: str) -> bytes:
    """Hash of an id: looking it up takes a time that tells nothing of the id."""
    return hashlib.sha256(token.encode()).digest()


@dataclass
class _Tally:
    failures: int
    last: float


class Attempts:
    """Counts attempts by name and address, in memory; at most 10 000 keys, the oldest forgotten."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._change = threading.Lock()
        self._tallies: OrderedDict[AttemptKey, _Tally] = OrderedDict()

    def begin(self, user: str, address: str) -> float:
        """Count an attempt as failed until it succeeds; returns seconds to wait instead, or 0.

        It is counted before the password is looked at: many at once are no way round the limit.
        """
        now = self._clock()
        with self._change:
            wait = max(self._wait(kind, key, now) for kind, key in _attempt_keys(user, address))
            if wait <= 0:
                for _, key in _attempt_keys(user, address):
                    tally = self._tallies.setdefault(key, _Tally(0, now))
                    if now - tally.last > FORGET_S:
                        tally.failures = 0
                    tally.failures, tally.last = tally.failures + 1, now
                    self._tallies.move_to_end(key)
                while len(self._tallies) > MAX_KEYS:
                    self._tallies.popitem(last=False)
            return max(wait, 0.0)

    def succeeded(self, user: str, address: str) -> None:
        """Take back the failure that `begin` counted."""
        with self._change:
            for kind, key in _attempt_keys(user, address):
                tally = self._tallies.get(key)
                if tally is not None:
                    tally.failures = 0 if kind == "both" else max(tally.failures - 1, 0)

    def _wait(self, kind: str, key: AttemptKey, now: float) -> float:
        tally = self._tallies.get(key)
        if tally is None or tally.failures < LIMITS[kind] or now - tally.last > FORGET_S:
            return 0.0
        over = min(tally.failures - LIMITS[kind], 10)
        return tally.last + min(2.0**over, MAX_WAIT_S) - now


def _attempt_keys(user: str, address: str) -> tuple[tuple[str, AttemptKey], ...]:
    user, address = user[:MAX_NAME], address_group(address)
    return (
        ("both", ("both", user, address)),
        ("address", ("address", address)),
        ("user", ("user", user)),
    )
