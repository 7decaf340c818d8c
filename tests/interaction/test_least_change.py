import numpy as np
import pytest

from acsnet.interaction.least_change import multipliers

HALF = np.array([[1.0, 0.5], [0.5, 1.0]])


def test_a_demand_that_another_meets_weighs_nothing():
    # 2 at the first place brings 1 to the second.
    assert multipliers(HALF, np.array([2.0, 0.5])) == pytest.approx([2.0, 0.0], abs=1e-3)


def test_demands_that_go_together_share_the_weight():
    assert multipliers(HALF, np.array([1.0, 1.0])) == pytest.approx([2 / 3, 2 / 3], abs=1e-3)


def test_what_is_met_as_it_is_needs_no_change():
    assert (multipliers(HALF, np.array([-1.0, 0.0])) == 0.0).all()
