from dataclasses import replace

import numpy as np
import pytest

from acsnet.nets.weights import SHIPPED, read_manifest
from acsnet.quantify.features import compute_features
from acsnet.uncertainty.calibration import read_calibration
from acsnet.uncertainty.change import MEASURES
from acsnet.uncertainty.intervals import SIZES, Rule, intervals

LEVEL = 0.9


@pytest.fixture
def features():
    """LV 100 ml: blood 40, wall 60 of which scar 6, all of it core."""
    labels = np.repeat([1, 2, 4], [40, 54, 6]).astype(np.uint8).reshape(1, 10, 10)
    return compute_features(labels, 1.0)


def intervals_of(features, *, unclear=0.0, **rules):
    rules = {**dict.fromkeys(SIZES, Rule(down=1.0, up=1.0)), **rules}
    return intervals(features, unclear=unclear, rules=rules, level=LEVEL)


def test_the_wall_has_an_interval_of_the_ventricles_size_and_mass_follows(features):
    # Wall 60 of a ventricle of 100 ml.
    rule = Rule(down=0.2, up=0.05)
    found = intervals_of(features, unclear=30.0, myocardium_volume_ml=rule)
    wall, mass = found["myocardium_volume_ml"], found["myocardium_mass_g"]
    assert (wall.low, wall.high, wall.level) == (pytest.approx(40.0), pytest.approx(65.0), LEVEL)
    assert (mass.low, mass.high) == (pytest.approx(42.0), pytest.approx(68.25))


def test_the_unclear_wall_counts_for_scar_in_the_unit_of_the_measure(features):
    # 20 % of the wall of 60 ml are 12 ml, and 20 points of burden; the scar is 6 ml, 10 %.
    rule = Rule(down=0.25, up=0.5)
    found = intervals_of(
        features, unclear=20.0, enhancement_volume_ml=rule, scar_burden_percent=rule
    )
    volume, burden = found["enhancement_volume_ml"], found["scar_burden_percent"]
    assert (volume.low, volume.high) == (pytest.approx(3, abs=0.01), pytest.approx(12, abs=0.01))
    assert (burden.low, burden.high) == (pytest.approx(5, abs=0.02), pytest.approx(20, abs=0.02))


def test_where_nothing_is_unclear_a_hundredth_of_the_wall_is_the_scale(features):
    rule = Rule(down=2.0, up=3.0)
    burden = intervals_of(features, scar_burden_percent=rule)["scar_burden_percent"]
    assert (burden.low, burden.high) == (pytest.approx(8.0), pytest.approx(13.0))


def test_no_volume_is_below_0_and_no_share_above_100(features):
    found = intervals_of(features, unclear=10.0, **dict.fromkeys(SIZES, Rule(down=20.0, up=20.0)))
    assert found["blood_pool_volume_ml"].low == 0.0
    assert (found["scar_burden_percent"].low, found["scar_burden_percent"].high) == (0.0, 100.0)


def test_a_measure_that_the_scan_lacks_has_no_interval(features):
    unknown = replace(features, core_scar_volume_ml=None)
    assert "core_scar_volume_ml" not in intervals_of(unknown)
    assert "core_scar_volume_ml" in intervals_of(features)


def test_the_shipped_calibration_has_a_rule_for_each_measure_and_change():
    shipped = read_calibration()
    assert read_manifest(SHIPPED)["myo"]["sha256"].startswith(shipped.networks)
    assert shipped.rules.keys() == SIZES.keys()
    assert (shipped.level, shipped.change_level) == (0.9, 0.95)
    assert shipped.high_uncertainty > 0.0
    assert all(rule.down > 0 and rule.up > 0 for rule in shipped.rules.values())
    assert {measure for measure, _ in MEASURES.values()} <= shipped.change_rules.keys()
    assert all(rule.floor > 0 for rule in shipped.change_rules.values())
