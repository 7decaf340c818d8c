"""A fixture of all tests of a folder that trains."""

import pytest


@pytest.fixture(autouse=True)
def one_thread():
    """PyTorch computes in one thread: the same numbers on every machine."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
