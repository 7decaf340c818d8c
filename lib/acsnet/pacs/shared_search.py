"""One search of a PACS for all who ask, and what it last found while the PACS does not answer."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

Found = TypeVar("Found")

PATIENCE_S, GLANCE_S = 5.0, 0.5
"""From its start, how long a search is waited for: after a save, and otherwise. Ours."""

MAX_PAUSE_S = 30.0
PAUSE_SHARE = 0.5
"""After a failure the PACS is left alone for this share of the time that the search took."""


class SharedSearch(Generic[Found]):
    """Runs `search` in a thread of its own, one at a time, and keeps its result for `kept_s`.

    Whoever asks waits for a search that is due, but never long: a PACS that hangs must not hold
    up those who can go on with what was found before.
    """

    def __init__(
        self,
        search: Callable[[], Found],
        *,
        kept_s: float,
        patience_s: float = PATIENCE_S,
        glance_s: float = GLANCE_S,
        pause_share: float = PAUSE_SHARE,
    ) -> None:
        self._search = search
        self._patience_s, self._glance_s = patience_s, glance_s
        self._pause_share = pause_share
        self._kept_s = kept_s
        self._change = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="search")
        self._running: Future[None] | None = None
        self._result: Found | None = None
        self._saves = 0
        self._found_of, self._found_at = -1, 0.0
        self._failed: Exception | None = None
        self._started = self._pause_until = 0.0

    @property
    def has_failed(self) -> bool:
        """Whether the last search ended with an error."""
        return self._failed is not None

    @property
    def fault(self) -> str:
        """Why what is given is old; empty while it is not.

        A search may have failed, or go on for longer than anybody waits for one.
        """
        if self._failed is not None:
            return str(self._failed)
        with self._change:
            running_s = time.monotonic() - self._started
            is_slow = self._running is not None and not self._running.done()
        if is_slow and running_s > self._patience_s:
            return f"a search that began {running_s:.0f} s ago is not answered yet"
        return ""

    def result(self) -> Found:
        """What there is. Raises what the search raised where it never gave anything."""
        asked = time.monotonic()
        while (running := self._due(asked)) is not None:
            left = self._started + self._patience() - time.monotonic()
            if self._result is None:
                wait([running])
            elif left <= 0 or not wait([running], left).done:
                break
        if self._result is None:
            raise self._failed or RuntimeError
        return self._result

    def invalidate(self) -> None:
        """Search again at the next look: something was stored."""
        with self._change:
            self._saves += 1

    def close(self) -> None:
        """Stop after the search that runs."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _patience(self) -> float:
        if self._failed is not None:
            return 0.0
        return self._patience_s if self._found_of != self._saves else self._glance_s

    def _due(self, asked: float) -> "Future[None] | None":
        """The search to wait for; None where what was found is new, or the PACS is left alone."""
        with self._change:
            now = time.monotonic()
            young = now - self._found_at <= self._kept_s or self._found_at >= asked
            if self._found_of == self._saves and young:
                return None
            if self._running is None or self._running.done():
                if now < self._pause_until:
                    return None
                self._started = now
                self._running = self._thread.submit(self._run, self._saves)
            return self._running

    def _run(self, saves: int) -> None:
        begun = time.monotonic()
        try:
            result = self._search()
        except Exception as error:  # noqa: BLE001 # raised again, or told by `fault`
            now = time.monotonic()
            with self._change:
                self._failed = error
                self._pause_until = now + min(MAX_PAUSE_S, self._pause_share * (now - begun))
            return
        with self._change:
            self._failed = None
            self._result, self._found_of, self._found_at = result, saves, begun
