"""Threads for logins only: hashing a password is slow, and pages do not wait for it."""

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import anyio
import anyio.to_thread
from starlette.exceptions import HTTPException

from acsnet.server.web.access_policy import address_group

T = TypeVar("T")

AT_ONCE = max(1, min(4, (os.cpu_count() or 1) // 2))
"""Threads, each of which keeps a processor busy, so that half of them are for pages and inferences,
and 32 MiB."""
MAX_WAITING, MAX_OF_ONE = 16, 4
"""Logins that wait, and of one address; an address of which none waits has a place all the same."""
MOST = 32
"""In all: the last one waits some seconds."""
RETRY_S = 5


class HashingPlaces:
    """Runs what hashes a password, so much at once and so much of one address."""

    def __init__(self) -> None:
        self._limiter: anyio.CapacityLimiter | None = None
        self._waiting: Counter[str] = Counter()

    async def run(
        self, work: Callable[..., T], *arguments: object, address: str, **options: object
    ) -> T:
        """The result of `work`, with `address` among its options. Raises HTTPException 429."""
        group = address_group(address)
        own, total = self._waiting[group], self._waiting.total()
        if own >= MAX_OF_ONE or total >= MOST or (own and total >= MAX_WAITING):
            headers = {"Retry-After": str(RETRY_S)}
            raise HTTPException(429, f"too many logins at the moment: wait {RETRY_S} s", headers)
        if self._limiter is None:  # belongs to the event loop that it is made in
            self._limiter = anyio.CapacityLimiter(AT_ONCE)
        self._waiting[group] += 1
        try:
            job = partial(work, *arguments, address=address, **options)
            return await anyio.to_thread.run_sync(job, limiter=self._limiter)
        finally:
            self._waiting[group] -= 1
            if not self._waiting[group]:
                del self._waiting[group]
