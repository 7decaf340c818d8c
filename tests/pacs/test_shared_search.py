"""One search for all who ask: none waits long for a PACS that hangs."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from acsnet.errors import PacsError
from acsnet.pacs.shared_search import SharedSearch


class Pacs:
    """Answers searches with their number, hangs while told to, or fails."""

    def __init__(self):
        self.asked, self.error, self.go_on = 0, None, threading.Event()
        self.go_on.set()

    def search(self):
        self.asked += 1
        answer = self.asked
        assert self.go_on.wait(20)
        if self.error is not None:
            raise self.error
        return answer


@pytest.fixture
def pacs():
    one = Pacs()
    yield one
    one.go_on.set()


@pytest.fixture
def search_of():
    """Makes searches of a PACS that are waited for shortly."""
    made = []

    def make(pacs, **options):
        made.append(
            SharedSearch(pacs.search, kept_s=1000.0, glance_s=0.05, patience_s=0.2, **options)
        )
        return made[-1]

    yield make
    for search in made:
        search.close()


@pytest.fixture
def search(search_of, pacs):
    return search_of(pacs)


def seconds(work):
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def test_what_was_found_is_kept_until_something_is_stored(search, pacs):
    assert [search.result() for _ in range(3)] == [1, 1, 1]
    search.invalidate()
    assert [search.result() for _ in range(3)] == [2, 2, 2]


def test_while_it_hangs_all_get_what_was_found_before_and_it_is_asked_once(search, pacs):
    search.result()
    pacs.go_on.clear()
    search.invalidate()
    with ThreadPoolExecutor(45) as readers:
        assert set(readers.map(lambda _: search.result(), range(45))) == {1}
    assert pacs.asked == 2
    assert seconds(search.result) < 0.1  # its patience is at an end
    pacs.go_on.set()
    end = time.monotonic() + 20
    while search.result() != 2:
        assert time.monotonic() < end


def test_a_search_that_goes_on_for_longer_than_anybody_waits_is_told(search, pacs):
    search.result()
    pacs.go_on.clear()
    search.invalidate()
    search.result()
    time.sleep(0.05)
    assert search.fault == "a search that began 0 s ago is not answered yet"
    assert not search.has_failed
    pacs.go_on.set()
    end = time.monotonic() + 20
    while search.result() != 2:
        assert time.monotonic() < end
    assert search.fault == ""


def test_a_search_that_began_before_a_save_is_not_taken_for_one_after_it(search, pacs):
    search.result()
    pacs.go_on.clear()
    search.invalidate()
    search.result()
    search.invalidate()
    pacs.go_on.set()
    end = time.monotonic() + 20
    while search.result() != 3:
        assert time.monotonic() < end


def test_a_failure_is_told_and_the_old_list_is_given_until_it_answers(search, pacs):
    search.result()
    pacs.error = PacsError("it answered HTTP 503")
    search.invalidate()
    assert search.result() == 1
    assert search.fault == "it answered HTTP 503"
    pacs.error = None
    time.sleep(0.05)
    end = time.monotonic() + 20
    while search.fault:
        assert time.monotonic() < end
        search.result()
    assert search.result() > 1


def test_a_failure_that_took_long_is_remembered_for_a_while(search_of, pacs):
    search = search_of(pacs, pause_share=1000.0)
    pacs.error = PacsError("it did not answer within 60 s")
    pacs.go_on.clear()
    threading.Timer(0.1, pacs.go_on.set).start()
    for _ in range(3):
        with pytest.raises(PacsError, match="did not answer"):
            search.result()
    assert pacs.asked == 1
