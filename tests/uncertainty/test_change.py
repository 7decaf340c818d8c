"""Change between two scans: its interval, by hand, and what it shows."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acsnet.uncertainty.appearance import Appearance
from acsnet.uncertainty.change import (
    MEASURES,
    ChangeRule,
    ScanMeasures,
    changes,
    segment_changes,
)

SEGMENT = {"segment": 8, "name": "mid anteroseptal"}
RULES = dict.fromkeys(
    (measure for measure, _ in MEASURES.values()),
    ChangeRule(floor=0.02, unclear=0.2, contrast=0.4, wall_level=0.3),
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


def scan(burden, unclear=12.0, contrast=1.5, wall_level=0.2, half_signal_ml=None, **others):
    return ScanMeasures(
        features=document(burden, **others),
        unclear=unclear,
        appearance=Appearance(contrast=contrast, wall_level=wall_level),
        half_signal_ml=half_signal_ml,
    )


def test_the_interval_of_a_change_by_hand():
    # Unclear 12 and 16 points, 20 together; floor 0.02 x 100 %: half width hypot(4, 2) = 4.472.
    half = 20**0.5
    burden, *_ = changes(scan(22.0, 12.0), scan(26.0, 16.0), rules=RULES)
    assert (burden.difference, burden.low, burden.high) == (
        4.0,
        pytest.approx(4.0 - half),
        pytest.approx(4.0 + half),
    )
    assert burden.shown is False
    burden, *_ = changes(scan(20.0, 12.0), scan(28.0, 16.0), rules=RULES)
    assert (burden.low, burden.shown) == (pytest.approx(8.0 - half), True)
    burden, *_ = changes(scan(28.0, 12.0), scan(20.0, 16.0), rules=RULES)
    assert (burden.high, burden.shown) == (pytest.approx(half - 8.0), True)


def test_unclear_wall_counts_in_millilitres_for_scar_and_not_for_the_ventricle():
    # 12 % of 100 ml and of 50 ml are 12 and 6 ml, the mean wall 75 ml. Mass: ventricle 200 ml.
    before = scan(20.0, enhancement_volume_ml=23.0, myocardium_mass_g=105.0)
    after = scan(
        20.0, enhancement_volume_ml=25.0, myocardium_mass_g=52.5, myocardium_volume_ml=50.0
    )
    found = {change.measure: change for change in changes(before, after, rules=RULES)}
    scar, mass = found["enhancement_volume_ml"], found["myocardium_mass_g"]
    assert scar.high - scar.difference == pytest.approx((0.2**2 * (144 + 36) + 1.5**2) ** 0.5)
    assert mass.difference == pytest.approx(-52.5)
    assert mass.high - mass.difference == pytest.approx(1.05 * 4.0)


def test_scar_of_another_brightness_widens_the_interval_of_scar_only():
    # Twice the contrast of a burden of 24 on average: 0.4 x 24 x (ln 2 - 0.1), 5.7 points.
    before = scan(22.0, 12.0, contrast=0.8, myocardium_mass_g=105.0)
    after = scan(26.0, 16.0, contrast=1.6, myocardium_mass_g=105.0)
    found = {change.measure: change for change in changes(before, after, rules=RULES)}
    burden, mass = found["scar_burden_percent"], found["myocardium_mass_g"]
    half = (20 + (9.6 * (math.log(2.0) - 0.1)) ** 2) ** 0.5
    assert burden.high - burden.difference == pytest.approx(half)
    assert mass.high - mass.difference == pytest.approx(1.05 * 4.0)


def test_what_is_alike_counts_for_the_zones_that_the_signal_splits_only():
    volumes = {"enhancement_volume_ml": 20.0, "core_scar_volume_ml": 20.0}
    before, after = scan(20.0, contrast=1.0, **volumes), scan(20.0, contrast=1.05, **volumes)
    found = {change.measure: change for change in changes(before, after, rules=RULES)}
    alike = (4.0 + 0.2**2 * 2 * 12.0**2) ** 0.5
    assert found["enhancement_volume_ml"].high == pytest.approx(alike)
    core = (alike**2 + (0.4 * 20.0 * math.log(1.05)) ** 2) ** 0.5
    assert found["core_scar_volume_ml"].high == pytest.approx(core)


def test_a_wall_of_another_level_widens_the_interval_of_scar():
    # From 10 to 40 % of the blood: 0.3 x 24 x (ln 4 - 0.1), 9.3 points.
    (burden, *_) = changes(
        scan(22.0, wall_level=0.1), scan(26.0, 16.0, wall_level=0.4), rules=RULES
    )
    half = (20 + (7.2 * (math.log(4.0) - 0.1)) ** 2) ** 0.5
    assert burden.high - burden.difference == pytest.approx(half)


def test_the_interval_of_scar_lies_around_the_change_at_half_signal():
    # Half widths: burden hypot(4, 2), volume the same in ml. At half signal 20 and 28 of 100 ml.
    half = 20**0.5
    before = scan(18.0, 12.0, half_signal_ml=20.0, enhancement_volume_ml=18.0)
    after = scan(22.0, 16.0, half_signal_ml=28.0, enhancement_volume_ml=22.0)
    burden, volume, *_ = changes(before, after, rules=RULES)
    for change in (burden, volume):
        assert (change.difference, change.estimate, change.shown) == (4.0, 8.0, True)
        assert (change.low, change.high) == (pytest.approx(8.0 - half), pytest.approx(8.0 + half))


def test_where_the_drawn_scar_shrinks_growth_at_half_signal_is_not_shown():
    before = scan(22.0, 12.0, half_signal_ml=20.0)
    after = scan(21.0, 16.0, half_signal_ml=28.0)
    (burden, *_) = changes(before, after, rules=RULES)
    assert (burden.low, burden.shown) == (-1.0, False)
    assert burden.high == pytest.approx(8.0 + 20**0.5)


def test_a_heart_that_was_not_found_is_no_change():
    volumes = {"enhancement_volume_ml": 20.0, "myocardium_mass_g": 105.0}
    nothing = dict.fromkeys((*volumes, "myocardium_volume_ml", "lv_volume_ml"), 0.0)
    for measure in changes(scan(20.0, **volumes), scan(None, unclear=0.0, **nothing), rules=RULES):
        assert (measure.low, measure.high, measure.shown) == (None, None, None)


def test_a_scan_without_half_signal_is_compared_by_what_is_drawn():
    (burden, *_) = changes(scan(0.0, 12.0), scan(9.0, 16.0, half_signal_ml=11.0), rules=RULES)
    assert (burden.estimate, burden.low) == (9.0, pytest.approx(9.0 - 20**0.5))


def test_zones_of_the_scar_are_compared_by_what_is_drawn():
    before = scan(20.0, half_signal_ml=20.0, core_scar_volume_ml=10.0)
    after = scan(20.0, half_signal_ml=30.0, core_scar_volume_ml=11.0)
    found = {change.measure: change for change in changes(before, after, rules=RULES)}
    assert found["core_scar_volume_ml"].estimate == 1.0


def test_a_wall_of_another_volume_widens_the_interval_of_scar():
    # Unclear 12 points of 100 and of 110 ml; 0.5 x a burden of 24 x (ln 1.1 - 0.03).
    rules = dict.fromkeys(RULES, ChangeRule(floor=0.02, unclear=0.2, wall_volume=0.5))
    (burden, *_) = changes(
        scan(22.0, 12.0), scan(26.0, 16.0, myocardium_volume_ml=110.0), rules=rules
    )
    half = (20 + (12.0 * (math.log(1.1) - 0.03)) ** 2) ** 0.5
    assert burden.high - burden.difference == pytest.approx(half)
    (burden, *_) = changes(
        scan(22.0, 12.0), scan(26.0, 16.0, myocardium_volume_ml=103.0), rules=rules
    )
    assert burden.high - burden.difference == pytest.approx(20**0.5)


def test_new_scar_has_no_brightness_to_compare():
    (burden, *_) = changes(scan(0.0, 2.0, None), scan(12.0, 2.0), rules=RULES)
    assert burden.shown is True


def test_unknown_scar_never_becomes_a_change():
    burden, volume, *_ = changes(scan(None), scan(16.0), rules=RULES)
    assert (burden.before, burden.difference, burden.shown) == (None, None, None)
    assert (volume.difference, volume.shown) == (None, None)


def test_labels_of_a_person_have_a_difference_without_an_interval():
    burden, *_ = changes(scan(10.0), scan(30.0, None), rules=RULES)
    assert (burden.difference, burden.low, burden.shown) == (20.0, None, None)


def test_no_more_goes_than_was_there_and_a_burden_ends_at_100():
    # Unclear 60 points of either scan: half width hypot(0.02 x 100, 0.2 x 60 x sqrt 2), 17.1.
    half = 292.0**0.5
    wide = {"unclear": 60.0, "enhancement_volume_ml": 10.0}
    burden, volume, *_ = changes(scan(10.0, **wide), scan(4.0, **wide), rules=RULES)
    assert (burden.low, burden.high) == (-10.0, pytest.approx(half - 6.0))
    assert (volume.low, volume.high) == (-10.0, pytest.approx(half))
    (burden, *_) = changes(scan(95.0, **wide), scan(97.0, **wide), rules=RULES)
    assert (burden.low, burden.high) == (pytest.approx(2.0 - half), 5.0)


def test_the_limits_of_a_change_are_the_wider_of_drawn_and_half_signal():
    wide = {"unclear": 60.0}
    before, after = scan(10.0, half_signal_ml=14.0, **wide), scan(4.0, half_signal_ml=6.0, **wide)
    (burden, *_) = changes(before, after, rules=RULES)
    assert (burden.difference, burden.low, burden.shown) == (-6.0, -14.0, False)
    # The drawn scar grows by more than the scar at half signal may: 10 to 90, and 40 to 45 of 100.
    before, after = scan(10.0, half_signal_ml=40.0), scan(90.0, half_signal_ml=45.0)
    (burden, *_) = changes(before, after, rules=RULES)
    assert (burden.difference, burden.high, burden.shown) == (80.0, 80.0, True)


def test_segments_stand_side_by_side():
    (segment,) = segment_changes(document(10.0), document(16.0))
    assert (segment.before, segment.after, segment.name) == (10.0, 16.0, "mid anteroseptal")


@given(
    before=st.floats(0, 100),
    after=st.floats(0, 100),
    signal=st.none() | st.tuples(st.floats(0, 100), st.floats(0, 100)),
)
def test_the_limits_of_a_change_leave_the_difference_inside(before, after, signal):
    first, second = signal or (None, None)
    one, other = scan(before, half_signal_ml=first), scan(after, 3.0, half_signal_ml=second)
    burden, *_ = changes(one, other, rules=RULES)
    # As worked out from volumes, which rounds: the percent that was drawn may differ by a bit.
    at_half = one.at_half_signal("scar_burden_percent")
    starts = (before, before if signal is None else at_half)
    assert -max(starts) <= burden.low <= after - before <= burden.high <= 100.0 - min(starts)


INSIDE = st.floats(10, 90)
"""Burdens whose changes end at no limit: no half width is above 5."""


@given(before=INSIDE, after=INSIDE, signal=st.none() | st.tuples(INSIDE, INSIDE))
def test_changing_places_mirrors_the_interval(before, after, signal):
    first, second = signal or (None, None)
    one, other = scan(before, half_signal_ml=first), scan(after, 3.0, half_signal_ml=second)
    there, *_ = changes(one, other, rules=RULES)
    back, *_ = changes(other, one, rules=RULES)
    assert (-there.high, -there.low) == pytest.approx((back.low, back.high), abs=1e-9)
