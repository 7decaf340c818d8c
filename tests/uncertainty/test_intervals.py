from dataclasses import replace

import numpy as np
import pytest

from acsnet.quantify.features import compute_features
from acsnet.uncertainty.calibration import read_calibration
from acsnet.uncertainty.change import MEASURES
from acsnet.uncertainty.intervals import SIZES, Rule, intervals, spreads

LEVEL = 0.9


@pytest.fixture
def features():
    """LV 100 ml: blood 40, wall 60 of which scar 6, all of it core."""
    labels = np.repeat([1, 2, 4], [40, 54, 6]).astype(np.uint8).reshape(1, 10, 10)
    return compute_features(labels, 1.0)


def intervals_of(features, samples, **rules):
    every = {name: Rule(down=1.0, up=1.0, floor=0.1) for name in SIZES}
    return intervals(features, samples, rules={**every, **rules}, level=LEVEL)


def with_wall(features, ml):
    return replace(features, myocardium_volume_ml=ml)


def test_an_interval_ends_where_its_rule_says_and_mass_follows_from_volume(features):
    # Standard deviation of 54, 60 and 66 is 6, the floor 0.08 x 100 = 8: scale 10.
    samples = [with_wall(features, ml) for ml in (54.0, 60.0, 66.0)]
    rule = Rule(down=2.0, up=0.5, floor=0.08)
    found = intervals_of(features, samples, myocardium_volume_ml=rule)
    wall, mass = found["myocardium_volume_ml"], found["myocardium_mass_g"]
    assert (wall.low, wall.high, wall.level) == (pytest.approx(40.0), pytest.approx(65.0), LEVEL)
    assert (mass.low, mass.high) == (pytest.approx(42.0), pytest.approx(68.25))


def test_no_volume_is_below_0_and_no_share_above_100(features):
    wide = Rule(down=20.0, up=20.0, floor=1.0)
    found = intervals_of(features, [features] * 2, **dict.fromkeys(SIZES, wide))
    assert found["blood_pool_volume_ml"].low == 0.0
    assert (found["scar_burden_percent"].low, found["scar_burden_percent"].high) == (0.0, 100.0)


def test_a_measure_that_the_scan_or_a_sample_lacks_has_no_interval(features):
    unknown = replace(features, core_scar_volume_ml=None)
    assert "core_scar_volume_ml" not in intervals_of(unknown, [features] * 2)
    assert "core_scar_volume_ml" not in spreads([features, unknown])
    assert "core_scar_volume_ml" in intervals_of(features, [features] * 2)


def test_the_shipped_calibration_has_a_rule_for_each_measure_and_change():
    shipped = read_calibration()
    assert shipped.rules.keys() == SIZES.keys()
    assert (shipped.level, shipped.change_level) == (0.9, 0.95)
    assert shipped.high_uncertainty > 0.0
    assert all(rule.down + rule.up > 0 and rule.floor > 0 for rule in shipped.rules.values())
    assert {measure for measure, _ in MEASURES.values()} <= shipped.change_rules.keys()
    assert all(rule.floor > 0 for rule in shipped.change_rules.values())
