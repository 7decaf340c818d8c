from dataclasses import replace

import numpy as np
import pytest

from acsnet.quantify.features import compute_features
from acsnet.uncertainty.intervals import (
    SIZES,
    Calibration,
    Rule,
    intervals,
    read_calibration,
    spreads,
)
from training.conformal import fit_rule

LEVEL = 0.9


@pytest.fixture
def features():
    """LV 100 ml: blood 40, wall 60 of which scar 6, all of it core."""
    labels = np.repeat([1, 2, 4], [40, 54, 6]).astype(np.uint8).reshape(1, 10, 10)
    return compute_features(labels, 1.0)


def calibration_of(**rules):
    every = {name: Rule(factor=1.0, floor=0.1) for name in SIZES}
    return Calibration(level=LEVEL, high_uncertainty=0.5, rules={**every, **rules})


def with_wall(features, ml):
    return replace(features, myocardium_volume_ml=ml)


def test_the_half_width_joins_spread_and_floor():
    assert Rule(factor=2.0, floor=0.1).half_width(3.0, 40.0) == pytest.approx(10.0)  # 2 x 3-4-5


def test_an_interval_is_as_wide_as_its_rule_says_and_mass_follows_from_volume(features):
    # Standard deviation of 54, 60 and 66 is 6, the floor 0.08 x 100 = 8: half width 2 x 10.
    samples = [with_wall(features, ml) for ml in (54.0, 60.0, 66.0)]
    rule = Rule(factor=2.0, floor=0.08)
    found = intervals(features, samples, calibration_of(myocardium_volume_ml=rule))
    wall, mass = found["myocardium_volume_ml"], found["myocardium_mass_g"]
    assert (wall.low, wall.high, wall.level) == (pytest.approx(40.0), pytest.approx(80.0), LEVEL)
    assert (mass.low, mass.high) == (pytest.approx(42.0), pytest.approx(84.0))


def test_no_volume_is_below_0_and_no_share_above_100(features):
    wide = Rule(factor=20.0, floor=1.0)
    found = intervals(features, [features] * 2, calibration_of(**dict.fromkeys(SIZES, wide)))
    assert found["blood_pool_volume_ml"].low == 0.0
    assert (found["scar_burden_percent"].low, found["scar_burden_percent"].high) == (0.0, 100.0)


def test_a_measure_that_the_scan_or_a_sample_lacks_has_no_interval(features):
    unknown = replace(features, core_scar_volume_ml=None)
    assert "core_scar_volume_ml" not in intervals(unknown, [features] * 2, calibration_of())
    assert "core_scar_volume_ml" not in spreads([features, unknown])
    assert "core_scar_volume_ml" in intervals(features, [features] * 2, calibration_of())


def test_a_fitted_rule_holds_what_it_was_fitted_on_and_follows_the_spread():
    rng = np.random.default_rng(0)
    spread = rng.uniform(1.0, 10.0, 400)
    errors = rng.normal(0.0, 2.0 * spread)
    rule = fit_rule(errors, spread, np.full(400, 100.0), level=LEVEL)
    held = np.abs(errors) <= rule.half_width(spread, 100.0) + 1e-9
    assert held.sum() == 361  # the k-th smallest score, k = 401 x 0.9, rounded up
    # Normal errors of twice the spread: 90 % lie within 1.645 x 2 spreads.
    assert rule.factor == pytest.approx(3.29, rel=0.15)
    assert 100.0 * rule.floor < spread.mean() / 2


def test_nine_patients_are_the_fewest_that_90_percent_can_be_told_from():
    errors, spread, size = np.arange(1.0, 10.0), np.zeros(9), np.ones(9)
    assert fit_rule(errors, spread, size, level=LEVEL).half_width(0.0, 1.0) == pytest.approx(9.0)
    with pytest.raises(ValueError, match="8 patients are too few"):
        fit_rule(errors[:8], spread[:8], size[:8], level=LEVEL)


def test_the_shipped_calibration_has_a_rule_for_each_measure():
    shipped = read_calibration()
    assert shipped.rules.keys() == SIZES.keys()
    assert shipped.level == LEVEL
    assert 0.0 < shipped.high_uncertainty < 1.0
    assert all(rule.factor > 0 and rule.floor > 0 for rule in shipped.rules.values())
