import threading

import numpy as np

from acsnet.threads import slice_by_slice, thread_count


def test_as_many_threads_as_are_asked_for(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert thread_count() == 3


def test_no_number_of_threads_is_one_for_each_core(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "0")
    by_cores = thread_count()
    monkeypatch.delenv("OMP_NUM_THREADS")
    assert thread_count() == by_cores >= 1


def test_slices_are_worked_on_side_by_side_and_stay_in_order(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    together = threading.Barrier(2, timeout=60.0)

    def doubled(plane):
        together.wait()  # passes only where two slices are at work at once
        return 2 * plane

    stack = np.arange(4, dtype=np.float32)[:, None, None]
    assert slice_by_slice(doubled, stack).ravel().tolist() == [0, 2, 4, 6]


def test_one_thread_is_the_callers_own(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    names = []
    slice_by_slice(
        lambda plane: names.append(threading.current_thread()) or plane, np.zeros((3, 1, 1))
    )
    assert names == [threading.current_thread()] * 3
