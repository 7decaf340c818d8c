"""A patient small enough to count, for the tests of the benchmarks' own modules."""

import pytest
from labelled_stack import expert_labels, save_label_map


@pytest.fixture
def labels():
    return expert_labels()


@pytest.fixture
def save():
    return save_label_map
