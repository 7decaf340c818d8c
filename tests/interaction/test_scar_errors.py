import numpy as np
import pytest

from acsnet.interaction.scar_errors import ScarCovariance, draft_log_odds, fading

HERE = np.zeros((1, 4))


def place(*, along=0.0, across=0.0, signal=0.0):
    return np.array([[along, 0.0, across, signal]])


def test_what_is_far_apart_has_nothing_in_common():
    np.testing.assert_allclose(fading(np.array([0.0, 0.5, 1.0, 2.0])), [1.0, 3.0 / 16.0, 0.0, 0.0])


def test_errors_go_together_by_distance_slice_and_signal():
    covariance = ScarCovariance(reach_mm=60.0, along_mm=26.0, signal=0.7)
    assert covariance(HERE, HERE)[0, 0] == 1.0
    assert covariance(HERE, place(across=30.0))[0, 0] == pytest.approx(3.0 / 16.0)
    assert covariance(HERE, place(along=13.0))[0, 0] == pytest.approx(3.0 / 16.0)
    assert covariance(HERE, place(signal=0.7))[0, 0] == pytest.approx(np.exp(-0.5))
    both = place(along=13.0, across=30.0)
    assert covariance(HERE, both)[0, 0] == pytest.approx(9.0 / 256.0)
    assert covariance(HERE, place(across=60.0))[0, 0] == 0.0
    assert covariance(HERE, place(along=26.0))[0, 0] == 0.0


def test_a_draft_is_surer_the_further_from_the_border_of_its_scar():
    scar = np.zeros((1, 30), bool)
    scar[0, :10] = True
    odds = draft_log_odds(np.zeros((1, 30)), scar, (1.0, 1.0))[0]
    assert odds[5] == pytest.approx(3.2 * np.tanh(1.0) - 0.5)  # 5 mm inside
    assert odds[14] == pytest.approx(-3.2 * np.tanh(1.0) - 0.5)  # 5 mm outside
    assert ((odds > 0.0) == scar[0]).all()


def test_a_slice_without_scar_is_sure_of_it_and_less_where_it_is_bright():
    odds = draft_log_odds(np.array([[0.0, 1.0]]), np.zeros((1, 2), bool), (1.0, 1.0))
    np.testing.assert_allclose(odds, [[-3.7, -3.2]])
