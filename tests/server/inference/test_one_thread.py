"""Work of many threads in one: its results, its errors, and whose context it has."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from acsnet.server.inference.one_thread import OneThread

reader = ContextVar("reader", default="nobody")


def test_all_work_is_done_in_one_thread_which_is_not_the_callers():
    alone = OneThread()
    with ThreadPoolExecutor(4) as pool:
        seen = set(pool.map(lambda _: alone.run(threading.get_ident), range(20)))
    assert len(seen) == 1
    assert threading.get_ident() not in seen


def test_work_has_the_context_of_who_asks():
    alone, token = OneThread(), reader.set("Ana")
    assert alone.run(reader.get) == "Ana"
    reader.reset(token)
    assert alone.run(reader.get) == "nobody"


def test_an_error_is_raised_where_it_is_waited_for_and_the_thread_goes_on():
    alone = OneThread()
    for error in (KeyError, SystemExit):

        def fail(error=error):
            raise error

        with pytest.raises(error):
            alone.run(fail)
    assert alone.run(lambda: 1) == 1


def test_the_thread_ends_with_its_owner():
    alone = OneThread()
    thread = alone.run(threading.current_thread)
    assert thread.daemon
    del alone
    thread.join(10)
    assert not thread.is_alive()
