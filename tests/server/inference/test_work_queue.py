"""One turn at a time, in a round of those who wait, and never more than there is room for."""

import threading
import time
from contextlib import ExitStack

import pytest

from acsnet.server.inference.work_queue import QueueFullError, StoppingError, Turns
from acsnet.settings import Limits


class Readers:
    """Threads that ask for a turn, one after another, and note in which order they got it."""

    def __init__(self, turns):
        self.turns, self.order, self.refused, self.threads = turns, [], [], []

    def ask(self, who, **options):
        before = self.turns.waiting

        def run():
            try:
                with self.turns.turn(who, **options):
                    self.order.append(who)
            except StoppingError:
                self.refused.append(who)

        thread = threading.Thread(target=run)
        thread.start()
        self.threads.append(thread)
        end = time.monotonic() + 10
        while self.turns.waiting == before:
            assert time.monotonic() < end
            time.sleep(0.001)

    def join(self):
        for thread in self.threads:
            thread.join(10)
            assert not thread.is_alive()


def test_a_reader_with_one_scan_does_not_wait_for_the_ten_of_another():
    turns = Turns(Limits())
    readers = Readers(turns)
    with turns.turn("Ana"):
        for who in ("Ana", "Ana", "Ana", "Bo", "Cy", "Bo"):
            readers.ask(who)
        assert turns.running
        assert turns.waiting == 6
    readers.join()
    assert readers.order == ["Ana", "Bo", "Cy", "Ana", "Bo", "Ana"]
    assert not turns.running


def test_beyond_the_places_there_is_a_refusal_that_says_when_to_ask_again():
    turns = Turns(Limits(waiting=2))
    readers = Readers(turns)
    with turns.turn("Ana"):
        readers.ask("Ana")
        readers.ask("Bo")
        with pytest.raises(QueueFullError, match="2 inferences wait already, 0 of them") as caught:
            turns.turn("Cy").__enter__()
        assert caught.value.retry_after_s == 30  # three before it, ten seconds each
        readers.ask("batch", background=True)
    readers.join()
    assert readers.order == ["Ana", "Bo", "batch"]


def test_one_reader_cannot_take_all_places():
    turns = Turns(Limits(waiting=4, waiting_of_one=1))
    readers = Readers(turns)
    with turns.turn("Ana"):
        readers.ask("Ana")
        with pytest.raises(QueueFullError, match="1 of them yours"):
            turns.turn("Ana").__enter__()
        readers.ask("Bo")
    readers.join()


def test_the_turn_goes_on_after_an_error():
    turns = Turns(Limits())
    with pytest.raises(ZeroDivisionError), turns.turn("Ana"):
        raise ZeroDivisionError
    with turns.turn("Bo"):
        assert turns.running


def test_closing_turns_away_who_waits_and_waits_for_who_runs():
    turns = Turns(Limits())
    readers = Readers(turns)
    with ExitStack() as running:
        running.enter_context(turns.turn("Ana"))
        readers.ask("Bo")
        assert not turns.close(limit_s=0.01)
        readers.join()
        assert readers.refused == ["Bo"]
    assert turns.close(limit_s=1)
    with pytest.raises(StoppingError, match="being stopped"):
        turns.turn("Cy").__enter__()


def test_closing_returns_as_soon_as_the_one_that_runs_has_ended():
    turns = Turns(Limits())
    with ExitStack() as running:
        running.enter_context(turns.turn("Ana"))
        threading.Timer(0.2, running.pop_all().close).start()
        begun = time.monotonic()
        assert turns.close(limit_s=30)
    assert time.monotonic() - begun < 10
