"""Change between two scans: its interval, by hand, and what it shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acsnet.uncertainty.change import (
    MEASURES,
    ChangeRule,
    changes,
    segment_changes,
)

SEGMENT = {"segment": 8, "name": "mid anteroseptal"}
RULES = dict.fromkeys(
    (measure for measure, _ in MEASURES.values()), ChangeRule(factor=0.2, floor=0.1)
)


def document(burden, **others):
    return {
        **dict.fromkeys(MEASURES),
        "lv_volume_ml": 200.0,
        "myocardium_volume_ml": 100.0,
        "scar_burden_percent": burden,
        "segments": [{**SEGMENT, "scar_percent": burden, "transmurality_class": "26-50"}],
        **others,
    }


def test_the_interval_of_a_change_by_hand():
    # Mean 24, size 100 %: half width 0.2 x hypot(24, 10) = 5.2.
    burden, *_ = changes(document(22.0), document(26.0), rules=RULES)
    assert (burden.difference, burden.low, burden.high) == (
        4.0,
        pytest.approx(-1.2),
        pytest.approx(9.2),
    )
    assert burden.shown is False
    burden, *_ = changes(document(20.0), document(28.0), rules=RULES)
    assert (burden.low, burden.shown) == (pytest.approx(2.8), True)
    burden, *_ = changes(document(28.0), document(20.0), rules=RULES)
    assert (burden.high, burden.shown) == (pytest.approx(-2.8), True)


def test_scar_volume_has_a_floor_of_the_wall_and_mass_follows_from_volume():
    # Mean 24 ml, wall 100 ml: 5.2 ml. Wall 99.875 ml, ventricle 200 ml: 0.2 x hypot(99.875, 20).
    before = document(20.0, enhancement_volume_ml=23.0, myocardium_mass_g=105.0)
    after = document(
        20.0, enhancement_volume_ml=25.0, myocardium_mass_g=104.7375, myocardium_volume_ml=99.75
    )
    found = {change.measure: change for change in changes(before, after, rules=RULES)}
    scar, mass = found["enhancement_volume_ml"], found["myocardium_mass_g"]
    assert scar.high - scar.difference == pytest.approx(0.2 * (24.0**2 + 9.9875**2) ** 0.5)
    assert mass.difference == pytest.approx(-0.2625)
    assert mass.high - mass.difference == pytest.approx(1.05 * 0.2 * (99.875**2 + 20.0**2) ** 0.5)


def test_unknown_scar_never_becomes_a_change():
    burden, volume, *_ = changes(document(None), document(16.0), rules=RULES)
    assert (burden.before, burden.difference, burden.shown) == (None, None, None)
    assert (volume.difference, volume.shown) == (None, None)


def test_segments_stand_side_by_side():
    (segment,) = segment_changes(document(10.0), document(16.0))
    assert (segment.before, segment.after, segment.name) == (10.0, 16.0, "mid anteroseptal")


@given(before=st.floats(0, 100), after=st.floats(0, 100))
def test_changing_places_mirrors_the_interval(before, after):
    there, *_ = changes(document(before), document(after), rules=RULES)
    back, *_ = changes(document(after), document(before), rules=RULES)
    assert there.low <= after - before <= there.high
    assert (-there.high, -there.low) == pytest.approx((back.low, back.high), abs=1e-9)
