"""A large scan lets others go first, and what comes of it is the same."""

from dataclasses import replace

import numpy as np
import pytest

from acsnet.server.inference.pauses import (
    SLICES_BETWEEN_PAUSES,
    PausingNetwork,
    with_pauses,
)

SLICES = 2 * SLICES_BETWEEN_PAUSES + 1


class Counter:
    """Counts its calls."""

    def __init__(self):
        self.calls = 0

    def __call__(self):
        self.calls += 1


def test_a_network_pauses_before_each_eight_slices():
    pause = Counter()
    network = PausingNetwork(inner=lambda images: images + 1, pause=pause)
    images = np.arange(SLICES, dtype=np.float32)[:, None, None]
    np.testing.assert_array_equal(network(images), images + 1)
    assert pause.calls == 3


@pytest.mark.slow
def test_stage_3_pauses_before_each_eight_slices_and_moves_each_wall_as_it_would(pipeline):
    """Rings with a gap that grows from slice to slice and may be at the base only: some move."""
    rows, columns = np.indices((80, 80)) - 40.0
    radius, angle = 1.3 * np.hypot(rows, columns), np.abs(np.arctan2(rows, columns))
    ring = (radius < 32.0) & (radius > 22.0)
    walls = np.stack([ring & (angle >= 0.06 * k) for k in (*range(SLICES - 1), 0)])
    pause = Counter()
    pausing = with_pauses(pipeline, pause).corrector
    plain = pipeline.corrector.correct_stack(walls, (1.3, 1.3))
    paused = pausing.correct_stack(walls, (1.3, 1.3))
    assert len({slice_.action for slice_ in plain.slices}) > 1
    np.testing.assert_array_equal(paused.wall, plain.wall)
    assert pause.calls >= 3


@pytest.mark.slow
def test_the_choice_of_a_client_holds_with_pauses_too(pipeline):
    for keep_valid in (True, False):
        chosen = replace(pipeline, corrector=replace(pipeline.corrector, keep_valid=keep_valid))
        assert with_pauses(chosen, lambda: None).corrector.keep_valid is keep_valid
