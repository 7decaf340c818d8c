"""The fit of the intervals, by hand and on draws whose distribution is known."""

import numpy as np
import pytest

from acsnet.uncertainty.change import Spread
from calibration.fit import Patients, fit_change, fit_rule

LEVEL = 0.9


def patients(error, *, scale=2.0, value=1000.0):
    """Far from 0 and from the largest value."""
    return Patients(
        value=np.full(len(error), value),
        expert=value + np.asarray(error, float),
        scale=np.zeros(len(error)) + scale,
        most=np.inf,
    )


ERRORS = np.arange(-9.0, 31.0)
"""Of 40 patients the end is that of the 39th, (40 + 1) x 0.95 rounded up: 8 down and 29 up."""


def test_the_ends_of_a_rule_by_hand():
    rule = fit_rule(patients(ERRORS), level=LEVEL)
    assert (rule.down, rule.up) == (4.0, 14.5)
    low, high = patients([0.0], scale=3.0).ends(rule)
    assert (low[0], high[0]) == (988.0, 1043.5)


def test_intervals_end_at_zero():
    low, high = patients([0.0], value=5.0).ends(fit_rule(patients(ERRORS), level=LEVEL))
    assert (low[0], high[0]) == (0.0, 34.0)


def test_a_rule_holds_nine_of_ten_more_on_either_side_alike():
    rng = np.random.default_rng(0)
    low, high = [], []
    for _ in range(1000):
        scale = rng.uniform(1.0, 3.0, 58)
        error = rng.normal(0.5, 2.0, 58) * scale
        rule = fit_rule(patients(error[:57], scale=scale[:57]), level=LEVEL)
        ends = patients(error[57:], scale=scale[57:]).ends(rule)
        low.append(1000.0 + error[57] < ends[0][0])
        high.append(1000.0 + error[57] > ends[1][0])
    # At most 5 % beyond either end, and at least that less one patient of 58.
    for missed in (np.mean(low), np.mean(high)):
        assert 0.05 - 1 / 58 - 0.015 < missed < 0.05 + 0.015


def test_a_bias_larger_than_the_scatter_leaves_the_value_in_its_interval():
    rule = fit_rule(patients([8.0] * 200), level=LEVEL)
    assert (rule.down, rule.up) == (0.0, 4.0)


def test_eighteen_patients_tell_no_90_percent():
    with pytest.raises(ValueError, match="18 patients are too few for intervals of 90%"):
        fit_rule(patients([1.0] * 18), level=LEVEL)
    fit_rule(patients([1.0] * 19), level=LEVEL)


def spread(unclear, contrast=0.0):
    unclear = np.asarray(unclear, float)
    contrast = np.broadcast_to(np.asarray(contrast, float), unclear.shape)
    return Spread(
        size=np.full(unclear.shape, 100.0),
        unclear=unclear,
        contrast=contrast,
        wall_level=np.zeros(unclear.shape),
    )


def test_a_rule_of_changes_holds_what_it_was_fitted_on_and_follows_the_unclear():
    rng = np.random.default_rng(0)
    unclear = rng.uniform(5.0, 50.0, 399)
    difference = rng.normal(0.0, 0.1 * unclear)
    rule = fit_change(difference, spread(unclear), level=0.95)
    held = np.abs(difference) <= rule.half_width(spread(unclear)) + 1e-9
    assert held.sum() >= 380  # the 380th smallest score, (399 + 1) x 0.95
    assert float(rule.half_width(spread(40.0))) == pytest.approx(1.96 * 4.0, rel=0.2)
    assert float(rule.half_width(spread(5.0))) < 2.5


def test_scans_whose_scar_is_unlike_widen_their_own_intervals_only():
    rng = np.random.default_rng(0)
    unclear, contrast = np.full(400, 10.0), np.tile([0.0, 0.0, 0.0, 20.0], 100)
    difference = rng.normal(0.0, np.where(contrast > 0, 10.0, 1.0))
    rule = fit_change(difference, spread(unclear, contrast), level=0.95)
    held = np.abs(difference) <= rule.half_width(spread(unclear, contrast)) + 1e-9
    assert held.sum() >= 381
    assert float(rule.half_width(spread(10.0))) < 4.0
    assert float(rule.half_width(spread(10.0, 20.0))) > 14.0


def test_no_interval_is_narrower_than_a_hundredth_of_the_size():
    rule = fit_change(np.full(40, 0.2), spread(np.full(40, 5.0)), level=0.95)
    assert float(rule.half_width(spread(5.0))) == pytest.approx(1.0)


def test_a_measure_with_nothing_but_its_size_gets_a_share_of_it():
    # 40 pairs of size 100; the 39th smallest difference, (40 + 1) x 0.95, is 3.9.
    rule = fit_change(0.1 * np.arange(1.0, 41.0), spread(np.zeros(40)), level=0.95)
    assert float(rule.half_width(spread(0.0))) == pytest.approx(3.9)


def test_eighteen_pairs_tell_no_95_percent():
    with pytest.raises(ValueError, match="18 pairs are too few"):
        fit_change(np.ones(18), spread(np.ones(18)), level=0.95)
