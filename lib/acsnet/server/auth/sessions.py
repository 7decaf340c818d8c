"""Sessions: a random id for the browser's cookie or the client's token, the rest in memory here.

They end when the server stops: people log in again.
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

MAX_SESSIONS = 10_000
Holder = Account | Person
"""An account, or somebody of the identity provider."""


@dataclass
class _Session:
    holder: Holder
    begun: float
    used: float


class Sessions:
    """Ids are kept as hashes only; the oldest session goes where there are too many.

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
        """A new session; its id, always a new one, which is kept nowhere else."""
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._change:
            self._sessions[_key(token)] = _Session(holder, now, now)
            while len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)
        return token

    def find(self, token: str) -> Holder | None:
        """Whose session it is, if it has not ended."""
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
    """Looked up by hash: how long that takes says nothing of the id."""
    return hashlib.sha256(token.encode()).digest()
