"""The inference queue: one at a time, fair, bounded, closable, in one thread."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import ContextVar

import pytest
import torch

from acsnet.server.errors import GoneError, MemoryShortError, QueueFullError, StoppingError
from acsnet.server.inference.work_queue import InferenceQueue, WorkerThread
from acsnet.settings import Limits


class Readers:
    """Threads that ask for a turn, one after another, and note in which order they got it."""

    def __init__(self, queue):
        self.queue, self.order, self.refused, self.threads = queue, [], [], []

    def ask(self, who, **options):
        before = self.queue.waiting

        def run():
            try:
                with self.queue.turn(who, **options):
                    self.order.append(who)
            except StoppingError:
                self.refused.append(who)

        thread = threading.Thread(target=run)
        thread.start()
        self.threads.append(thread)
        end = time.monotonic() + 10
        while self.queue.waiting == before:
            assert time.monotonic() < end
            time.sleep(0.001)

    def join(self):
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()


def test_a_reader_with_one_scan_does_not_wait_for_the_ten_of_another():
    queue = InferenceQueue(Limits())
    readers = Readers(queue)
    with queue.turn("Ana"):
        for who in ("Ana", "Ana", "Ana", "Bo", "Cy", "Bo"):
            readers.ask(who)
        assert queue.running
        assert queue.waiting == 6
    readers.join()
    assert readers.order == ["Ana", "Bo", "Cy", "Ana", "Bo", "Ana"]
    assert not queue.running


def test_beyond_the_places_there_is_a_refusal_that_says_when_to_ask_again():
    queue = InferenceQueue(Limits(waiting=2))
    readers = Readers(queue)
    with queue.turn("Ana"):
        readers.ask("Ana")
        readers.ask("Bo")
        with pytest.raises(QueueFullError, match="2 inferences wait already, 0 of them") as caught:
            queue.turn("Cy").__enter__()
        assert caught.value.retry_after == 30  # three before it, ten seconds each
        readers.ask("batch", background=True)
    readers.join()
    assert readers.order == ["Ana", "Bo", "batch"]


def test_who_has_gone_leaves_place_and_turn_to_those_who_wait():
    queue = InferenceQueue(Limits(), look_s=0.01)
    readers = Readers(queue)
    left = []

    def leave():
        with pytest.raises(GoneError), queue.turn("Bo", gone=lambda: True):
            left.append("worked for nobody")

    with queue.turn("Ana"):
        goners = [threading.Thread(target=leave) for _ in range(8)]
        for goner in goners:
            goner.start()
        for goner in goners:
            goner.join(10)
        assert queue.waiting == 0
        readers.ask("Cy")
    readers.join()
    leave()  # also where it is their turn at once
    assert (readers.order, left, queue.running) == (["Cy"], [], False)


def test_one_reader_cannot_take_all_places():
    queue = InferenceQueue(Limits(waiting=4, waiting_of_one=1))
    readers = Readers(queue)
    with queue.turn("Ana"):
        readers.ask("Ana")
        with pytest.raises(QueueFullError, match="1 of them yours"):
            queue.turn("Ana").__enter__()
        readers.ask("Bo")
    readers.join()


def test_the_turn_goes_on_after_an_error():
    queue = InferenceQueue(Limits())
    with pytest.raises(ZeroDivisionError), queue.turn("Ana"):
        raise ZeroDivisionError
    with queue.turn("Bo"):
        assert queue.running


def test_closing_turns_away_who_waits_and_waits_for_who_runs():
    queue = InferenceQueue(Limits())
    readers = Readers(queue)
    with ExitStack() as running:
        running.enter_context(queue.turn("Ana"))
        readers.ask("Bo")
        assert not queue.close(limit_s=0.01)
        readers.join()
        assert readers.refused == ["Bo"]
    assert queue.close(limit_s=1)
    with pytest.raises(StoppingError, match="being stopped"):
        queue.turn("Cy").__enter__()


def test_closing_returns_as_soon_as_the_one_that_runs_has_ended():
    queue = InferenceQueue(Limits())
    with ExitStack() as running:
        running.enter_context(queue.turn("Ana"))
        threading.Timer(0.2, running.pop_all().close).start()
        begun = time.monotonic()
        assert queue.close(limit_s=30)
    assert time.monotonic() - begun < 10


def test_idle_work_runs_only_while_nobody_uses_or_wants_the_networks():
    queue = InferenceQueue(Limits())
    assert queue.when_idle(lambda: "scored", quiet_s=60) == "scored"
    with queue.turn("Ana"):
        assert queue.when_idle(lambda: "scored", quiet_s=0) is None
    assert queue.when_idle(lambda: "scored", quiet_s=60) is None
    assert queue.when_idle(lambda: queue.running, quiet_s=0) is False  # nobody asked for it


def test_a_reader_waits_for_idle_work_that_has_begun():
    queue, order = InferenceQueue(Limits()), []
    readers = Readers(queue)

    def score():
        readers.ask("Ana")
        order.append("idle work")

    queue.when_idle(score, quiet_s=0)
    readers.join()
    assert order == ["idle work"]
    assert readers.order == ["Ana"]


def test_requests_run_one_at_a_time():
    queue, inside = InferenceQueue(Limits()), threading.Semaphore(1)

    def work():
        assert inside.acquire(blocking=False)
        threading.Event().wait(0.01)
        inside.release()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: queue.run(work, owner="Ana"), range(8)))


def test_an_error_lets_the_next_request_in():
    queue = InferenceQueue(Limits())
    with pytest.raises(ZeroDivisionError):
        queue.run(lambda: 1 / 0, owner="Ana")
    assert queue.run(lambda: 1, owner="Ana") == 1


def test_what_a_request_held_is_free_after_it_ran_out_of_memory():
    queue, gone = InferenceQueue(Limits()), threading.Event()

    class Held:
        def __del__(self):
            gone.set()

    def work():
        held = Held()
        held.itself = held  # only the collector of cycles finds it
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(MemoryShortError, match="more memory"):
        queue.run(work, owner="Ana")
    assert gone.is_set()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_is_empty_after_it_ran_out_of_memory():
    queue = InferenceQueue(Limits())
    before = torch.cuda.memory_reserved()

    def work():
        held = []
        while True:
            held.append(torch.empty(2**30, dtype=torch.uint8, device="cuda"))

    with pytest.raises(MemoryShortError):
        queue.run(work, owner="Ana")
    assert torch.cuda.memory_reserved() == before


reader = ContextVar("reader", default="nobody")


def test_all_work_is_done_in_one_thread_which_is_not_the_callers():
    alone = WorkerThread()
    with ThreadPoolExecutor(4) as pool:
        seen = set(pool.map(lambda _: alone.run(threading.get_ident), range(20)))
    assert len(seen) == 1
    assert threading.get_ident() not in seen


def test_work_has_the_context_of_who_asks():
    alone, token = WorkerThread(), reader.set("Ana")
    assert alone.run(reader.get) == "Ana"
    reader.reset(token)
    assert alone.run(reader.get) == "nobody"


def test_an_error_is_raised_where_it_is_waited_for_and_the_thread_goes_on():
    alone = WorkerThread()
    for error in (KeyError, SystemExit):

        def fail(error=error):
            raise error

        with pytest.raises(error):
            alone.run(fail)
    assert alone.run(lambda: 1) == 1


def test_the_thread_ends_with_its_owner():
    alone = WorkerThread()
    thread = alone.run(threading.current_thread)
    assert thread.daemon
    del alone
    thread.join(10)
    assert not thread.is_alive()
