"""Inference queue: one at a time, bounded, fair between readers, closable.

Those who wait are served one each in a round, so that a reader who asks for one scan does not wait
for the ten of another. Not from the paper.
"""

import gc
import math
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager
from contextvars import Context, copy_context
from functools import partial
from queue import SimpleQueue
from statistics import fmean
from typing import TypeVar

import torch

from acsnet.server.errors import (
    MAX_RETRY_S,
    GoneError,
    MemoryShortError,
    QueueFullError,
    StoppingError,
    VolumesError,
)
from acsnet.server.identity import logged_in
from acsnet.settings import Limits

T = TypeVar("T")
Jobs = SimpleQueue[Callable[[], None] | None]

LOOK_S = 0.5
"""Between two looks whether who waits is still there, and the server goes on."""

USUAL_S = 10.0
"""An inference, while none has been timed yet."""

VOLUMES = 3
"""Whole scans in memory at once beside the networks. One takes a few times the size of its pixels,
as floats, while it is read, measured or drawn."""
VOLUME_WAIT_S = 30.0
VOLUME_RETRY_S = 15

NO_MEMORY = "not enough memory"
"""In what PyTorch says, as a plain RuntimeError, where the processor's memory is short."""

_volumes = threading.BoundedSemaphore(VOLUMES)
_persons = threading.Condition()
_reading: set[str] = set()
"""Names of those for whom a scan is in memory."""


class InferenceQueue:
    """Runs one inference at a time, in a thread of its own; the others wait."""

    def __init__(self, limits: Limits, *, look_s: float = LOOK_S) -> None:
        self._look_s = look_s
        self._most, self._of_one = limits.waiting, limits.waiting_of_one
        self._change = threading.Condition(threading.RLock())
        self._waiting: dict[str, deque[object]] = {}
        self._holder: object | None = None
        self._idle_work: object | None = None
        self._closed = self._given_up = False
        self._seconds: deque[float] = deque(maxlen=20)
        self._ended = -math.inf
        self._thread = WorkerThread()

    @property
    def waiting(self) -> int:
        """Number of inferences that wait now."""
        return sum(map(len, self._waiting.values()))

    @property
    def running(self) -> bool:
        """Whether an inference that somebody asked for runs now."""
        return self._holder is not None and self._holder is not self._idle_work

    def run(
        self,
        work: Callable[[], T],
        *,
        owner: str,
        background: bool = False,
        gone: Callable[[], bool] = lambda: False,
    ) -> T:
        """The result of `work`, when it is the turn of `owner`, a reader or an address.

        background: wait for however long, whatever the length of the queue; gone: whether nobody
        waits for it any more, asked while it waits. Raises QueueFullError, StoppingError and
        GoneError (also while it waits), and MemoryShortError where the accelerator runs out of
        memory, which is free again by then.
        """
        with self.turn(owner, background=background, gone=gone):
            within = partial(_within_memory, work)
            return self._thread.run(within, given_up=lambda: self._given_up)

    def when_idle(self, work: Callable[[], T], *, quiet_s: float) -> T | None:
        """The result of work that nobody waits for; None where somebody needs the networks.

        quiet_s: least time since the end of the last inference.
        """
        with self._change:
            if self._holder or self._waiting or time.monotonic() - self._ended < quiet_s:
                return None
            self._holder = self._idle_work = object()
        try:
            return self._thread.run(partial(_within_memory, work))
        finally:
            self._release()

    @contextmanager
    def turn(
        self, owner: str, *, background: bool = False, gone: Callable[[], bool] = lambda: False
    ) -> Iterator[None]:
        """Wait for the turn of `owner`, and have it. Options and errors are those of `run`."""
        ticket = object()
        with self._change:
            self._admit(owner, background=background)
            self._waiting.setdefault(owner, deque()).append(ticket)
            self._pass_on()
        try:
            waits = True
            while waits:
                waits = not self._has_turn(ticket)
                _check_there(gone)
        except BaseException:
            self._leave(owner, ticket)
            raise
        start = time.monotonic()
        try:
            yield
        finally:
            self._ended = time.monotonic()
            self._seconds.append(self._ended - start)
            self._release()

    def _has_turn(self, ticket: object) -> bool:
        """Whether it is the turn of a ticket, now or soon. Raises StoppingError."""
        with self._change:
            if self._holder is not ticket:
                self._change.wait(self._look_s)
            if self._closed and self._holder is not ticket:
                self._waiting.clear()
                raise StoppingError
            return self._holder is ticket

    def _leave(self, owner: str, ticket: object) -> None:
        """Give back a place in the queue, or the turn."""
        with self._change:
            if self._holder is ticket:
                self._release()
            elif ticket in self._waiting.get(owner, ()):
                self._waiting[owner].remove(ticket)
                if not self._waiting[owner]:
                    del self._waiting[owner]

    def close(self, *, limit_s: float) -> bool:
        """Turn away all that wait, and wait for the one that runs; whether it ended in time.

        Who waits for one that did not gets a StoppingError, whatever the thread still does.
        """
        with self._change:
            self._closed = True
            self._change.notify_all()
            is_over = self._change.wait_for(lambda: not self.running, limit_s)
            self._given_up = not is_over
            return is_over

    def _admit(self, owner: str, *, background: bool) -> None:
        if self._closed:
            raise StoppingError
        own = len(self._waiting.get(owner, ()))
        if background or (self.waiting < self._most and own < self._of_one):
            return
        usual_s = fmean(self._seconds) if self._seconds else USUAL_S
        retry_s = min(max(round(usual_s * (self.waiting + 1)), 1), MAX_RETRY_S)
        msg = f"{self.waiting} inferences wait already, {own} of them yours: ask again later"
        raise QueueFullError(msg, retry_after=retry_s)

    def _release(self) -> None:
        with self._change:
            self._holder = None
            self._pass_on()
            self._change.notify_all()

    def _pass_on(self) -> None:
        """Give a free turn to the owner at the head of the round, who goes to its end."""
        if self._holder is not None or not self._waiting or self._closed:
            return
        owner = next(iter(self._waiting))
        tickets = self._waiting.pop(owner)
        self._holder = tickets.popleft()
        if tickets:
            self._waiting[owner] = tickets


class WorkerThread:
    """Runs what it is given in one thread, in order; the thread ends with this object.

    The memory allocator keeps freed memory for each thread by itself, and OpenMP a team of threads
    for each that ever computed. Were networks run by the threads that answer requests, up to forty
    of them, memory would grow until each had run the largest scan. It is a daemon, as those of
    `ThreadPoolExecutor` are not: a server that is told to stop at once does not wait for it.
    """

    def __init__(self) -> None:
        self._jobs: Jobs = SimpleQueue()
        threading.Thread(target=_work_off, args=(self._jobs,), daemon=True).start()
        weakref.finalize(self, self._jobs.put, None)

    def run(self, work: Callable[[], T], *, given_up: Callable[[], bool] = lambda: False) -> T:
        """What `work` gives or raises, with the context variables of the caller.

        given_up: whether it is waited for no longer, asked now and then. Raises StoppingError then.
        """
        done: Future[T] = Future()
        self._jobs.put(partial(_do, work, done, copy_context()))
        try:
            while not wait((done,), timeout=LOOK_S).done:
                if given_up():
                    raise StoppingError
            return done.result()
        finally:
            del done  # an error and the frame that it is raised in would hold each other


@contextmanager
def volume_place(*, wait_s: float = VOLUME_WAIT_S, personal: bool = True) -> Iterator[None]:
    """A place in memory for a scan while it is worked on.

    Raises VolumesError where none is free in time.

    personal: one person has one place at a time. Not in the thread of the networks: there nobody
    may wait for what one person does beside.
    """
    person = logged_in() if personal else None
    with ExitStack() as places:
        if person is not None:
            places.enter_context(_one_of(person.name, wait_s=wait_s))
        if not _volumes.acquire(timeout=wait_s):
            msg = f"{VOLUMES} scans are read and measured already: ask again later"
            raise VolumesError(msg, retry_after=VOLUME_RETRY_S)
        try:
            yield
        finally:
            _volumes.release()


@contextmanager
def _one_of(name: str, *, wait_s: float) -> Iterator[None]:
    """The one place of a person."""
    with _persons:
        if not _persons.wait_for(lambda: name not in _reading, wait_s):
            msg = "another scan is read and measured for you already: ask again later"
            raise VolumesError(msg, retry_after=VOLUME_RETRY_S)
        _reading.add(name)
    try:
        yield
    finally:
        with _persons:
            _reading.discard(name)
            _persons.notify_all()


def _check_there(gone: Callable[[], bool]) -> None:
    if gone():
        raise GoneError


def _within_memory(work: Callable[[], T]) -> T:
    try:
        return work()
    except (MemoryError, torch.OutOfMemoryError):
        pass  # what the error holds on to is released only once it is handled
    except RuntimeError as error:
        if NO_MEMORY not in str(error):
            raise
    gc.collect()
    torch.cuda.empty_cache()
    msg = "the scan needs more memory than the server has free just now: try again later"
    raise MemoryShortError(msg)


def _do(work: Callable[[], T], done: Future[T], context: Context) -> None:
    try:
        done.set_result(context.run(work))
    except BaseException as error:  # noqa: BLE001 # raised again where it is waited for
        done.set_exception(error)
    finally:
        del done


def _work_off(jobs: Jobs) -> None:
    while (job := jobs.get()) is not None:
        job()
        del job  # it holds on to scan and result, and would until the next one
