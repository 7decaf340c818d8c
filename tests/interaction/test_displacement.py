import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acsnet.interaction.displacement import Border, Covariance, Demand, likeliest

EPI_OUT = ((Border.EPI, 1.0),)
HERE = Covariance()


def demand(least_mm, *, angle=0.0, terms=EPI_OUT, at=0.0):
    return Demand(position_mm=at, angle=angle, terms=terms, least_mm=least_mm)


def moved(movement, border=Border.EPI, *, angle=0.0, at=0.0):
    return float(movement.at(at, border, np.array([angle]))[0])


def test_nothing_is_asked_and_nothing_moves():
    assert moved(likeliest([], HERE)) == 0.0
    assert moved(likeliest([demand(-3.0)], HERE)) == 0.0  # met as it is


def test_a_demand_is_met_and_not_more():
    assert moved(likeliest([demand(4.0)], HERE)) == pytest.approx(4.0, abs=0.01)


def test_the_rest_moves_by_its_correlation():
    out = likeliest([demand(4.0)], HERE)
    assert moved(out, Border.ENDO) == pytest.approx(4.0 * HERE.together, abs=0.01)
    opposite = 0.15 + 0.85 * (1 + 2 * np.sqrt(3) / np.pi * 4) * np.exp(-2 * np.sqrt(3) / np.pi * 4)
    assert moved(out, angle=np.pi) == pytest.approx(4.0 * opposite, abs=0.01)
    beside = 0.55 * np.exp(-10.0 / 22.0)
    assert moved(out, at=10.0) == pytest.approx(4.0 * beside, abs=0.01)


def test_two_opposite_demands_hold_a_border_still():
    still = [demand(1.0), demand(-1.0, terms=((Border.EPI, -1.0),))]
    assert moved(likeliest(still, HERE)) == pytest.approx(1.0, abs=0.01)


def test_a_wall_is_kept_thick_by_moving_both_borders():
    thick = ((Border.EPI, 1.0), (Border.ENDO, -1.0))
    out = likeliest([demand(5.0, terms=((Border.ENDO, 1.0),)), demand(-1.0, terms=thick)], HERE)
    assert moved(out, Border.ENDO) == pytest.approx(5.0, abs=0.02)
    assert moved(out, Border.EPI) >= 4.0 - 0.02


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-6, 6), st.floats(-np.pi, np.pi), st.sampled_from([0.0, 8.0, 16.0])),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from([45.0, 76.5, 135.0]),
)
def test_every_set_of_outward_demands_is_met(asked, local_deg):
    demands = [demand(mm, angle=angle, at=at) for mm, angle, at in asked]
    out = likeliest(demands, Covariance(local_deg=local_deg))
    for one in demands:
        # As far as the jitter lets near places differ.
        assert moved(out, angle=one.angle, at=one.position_mm) >= one.least_mm - 0.3
