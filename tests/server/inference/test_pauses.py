"""A large scan lets others go first, and what comes of it is the same."""

from dataclasses import replace

import numpy as np
import pytest

from acsnet.server.inference.pauses import PausingNetwork, with_pauses
from acsnet.stages.correction import SLICES_BETWEEN_PAUSES

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
def test_stage_3_pauses_before_each_eight_slices_and_moves_each_wall_as_if_alone(pipeline):
    """Rings with a gap that grows from slice to slice, where only rings will do: some move."""
    rows, columns = np.indices((80, 80)) - 40.0
    radius, angle = 1.3 * np.hypot(rows, columns), np.abs(np.arctan2(rows, columns))
    ring = (radius < 32.0) & (radius > 22.0)
    walls = np.stack([ring & (angle >= 0.06 * k) for k in range(SLICES)])
    pause = Counter()
    corrector = with_pauses(pipeline, pause).corrector
    together = corrector(walls, (1.3, 1.3), closed=np.ones(SLICES, bool))
    assert pause.calls == 3
    assert len({slice_.action for slice_ in together}) > 1
    for wall, slice_ in zip(walls, together, strict=True):
        (alone,) = pipeline.corrector(wall[None], (1.3, 1.3), closed=np.ones(1, bool))
        assert alone.action is slice_.action
        np.testing.assert_array_equal(alone.wall, slice_.wall)


@pytest.mark.slow
def test_the_choice_of_a_client_holds_with_pauses_too(pipeline):
    for keep_valid in (True, False):
        chosen = replace(pipeline, corrector=replace(pipeline.corrector, keep_valid=keep_valid))
        assert with_pauses(chosen, lambda: None).corrector.keep_valid is keep_valid
