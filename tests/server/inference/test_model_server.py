"""One chain for all requests, replaced as a whole."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from acsnet.server.inference.model_server import Chain, MemoryShortError, ServedModels

OLD, NEW = Chain(version="old", pipeline=None), Chain(version="new", pipeline=None)


def test_a_request_keeps_the_chain_it_began_with():
    served = ServedModels(OLD)

    def work(chain):
        assert served.replace(NEW) is OLD
        assert served.current() is NEW
        return chain

    assert served.run(work) is OLD
    assert served.run(lambda chain: chain) is NEW


def test_requests_run_one_at_a_time():
    served, inside = ServedModels(OLD), threading.Semaphore(1)

    def work(_):
        assert inside.acquire(blocking=False)
        threading.Event().wait(0.01)
        inside.release()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: served.run(work), range(8)))


def test_an_error_lets_the_next_request_in():
    served = ServedModels(OLD)
    with pytest.raises(ZeroDivisionError):
        served.run(lambda _: 1 / 0)
    assert served.run(lambda chain: chain) is OLD


def test_what_a_request_held_is_free_after_it_ran_out_of_memory():
    served, gone = ServedModels(OLD), threading.Event()

    class Held:
        def __del__(self):
            gone.set()

    def work(_):
        held = Held()
        held.itself = held  # only the collector of cycles finds it
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(MemoryShortError, match="more memory"):
        served.run(work)
    assert gone.is_set()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_the_gpu_is_empty_after_it_ran_out_of_memory():
    served = ServedModels(OLD)
    before = torch.cuda.memory_reserved()

    def work(_):
        held = []
        while True:
            held.append(torch.empty(2**30, dtype=torch.uint8, device="cuda"))

    with pytest.raises(MemoryShortError):
        served.run(work)
    assert torch.cuda.memory_reserved() == before
