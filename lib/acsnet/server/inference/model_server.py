"""The models that are served: one chain of networks for all tasks, replaced as a whole."""

import gc
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import torch

from acsnet.errors import AcsnetError
from acsnet.pipeline import Pipeline
from acsnet.server.inference.one_thread import OneThread

Answer = TypeVar("Answer")


class MemoryShortError(AcsnetError):
    """A scan for which the accelerator has not enough memory just now."""


@dataclass(frozen=True, kw_only=True)
class Chain:
    """All networks of the method and their version; version: as on record of the site."""

    version: str
    pipeline: Pipeline


class ServedModels:
    """Holds the one chain that is served.

    A request takes the chain once and keeps it to its end: it sees the old chain or the new one,
    never a mix, and a replaced chain goes when its last request has.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._running = threading.Lock()
        self._thread = OneThread()
        self._used = -math.inf

    def current(self) -> Chain:
        """The chain that a request from now on gets."""
        return self._chain

    def replace(self, chain: Chain) -> Chain:
        """Serve another chain from now on; gives the one before. Does not wait for requests."""
        before, self._chain = self._chain, chain
        return before

    def run(self, work: Callable[[Chain], Answer]) -> Answer:
        """Give the current chain to `work`, one request at a time.

        Raises MemoryShortError where the accelerator runs out of memory; the memory is free again
        by then, for the next request.
        """
        with self._running:
            try:
                return self._thread.run(lambda: self._work(work))
            finally:
                self._used = time.monotonic()

    def when_idle(self, work: Callable[[Chain], Answer], *, quiet_s: float) -> Answer | None:
        """As `run`, for work that nobody waits for; None where somebody needs the networks.

        quiet_s: so long after a request it may follow.
        """
        quiet = time.monotonic() - self._used >= quiet_s
        if not quiet or not self._running.acquire(blocking=False):
            return None
        try:
            return self._thread.run(lambda: self._work(work))
        finally:
            self._running.release()

    def _work(self, work: Callable[[Chain], Answer]) -> Answer:
        try:
            return work(self.current())
        except torch.OutOfMemoryError:
            pass  # what the error holds on to is released only once it is handled
        gc.collect()
        torch.cuda.empty_cache()
        msg = "the scan needs more memory than the accelerator has free just now: try again later"
        raise MemoryShortError(msg)
