"""A thread for all work of one kind, whichever thread asks for it.

The memory allocator keeps what was freed for each thread by itself, and OpenMP a team of threads
for each that ever computed. Were networks run by the threads that answer requests, up to forty of
them, memory would grow until each had run the largest scan.
"""

import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import Context, copy_context
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

Answer = TypeVar("Answer")
Jobs = SimpleQueue[Callable[[], None] | None]


class OneThread:
    """Runs what it is given in a thread of its own, in order; the thread ends with this object.

    It is a daemon, as those of `ThreadPoolExecutor` are not: a server that is told to stop at once
    does not wait for it.
    """

    def __init__(self) -> None:
        self._jobs: Jobs = SimpleQueue()
        threading.Thread(target=_work_off, args=(self._jobs,), daemon=True).start()
        weakref.finalize(self, self._jobs.put, None)

    def run(self, work: Callable[[], Answer]) -> Answer:
        """What `work` gives or raises, with the context variables of the caller."""
        done: Future[Answer] = Future()
        self._jobs.put(partial(_do, work, done, copy_context()))
        try:
            return done.result()
        finally:
            del done  # an error and the frame that it is raised in would hold each other


def _do(work: Callable[[], Answer], done: Future[Answer], context: Context) -> None:
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
