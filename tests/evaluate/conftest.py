"""A patient small enough to count: an expert's label map of 10 x 12 pixels and 4 slices."""

import pytest
from labelled_stack import case_of, expert_labels, labels_of, save_label_map


@pytest.fixture
def labels():
    return expert_labels()


@pytest.fixture
def save():
    return save_label_map


@pytest.fixture
def case():
    return case_of(labels_of())
