"""Change between two scans: the interval of a difference, by hand, and what it shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acsnet.quantify.change import changes, difference_interval, segment_changes

SEGMENT = {"segment": 8, "name": "mid anteroseptal"}


def document(burden, interval=None, **others):
    names = (
        "enhancement_volume_ml",
        "core_scar_volume_ml",
        "grey_zone_volume_ml",
        "myocardium_mass_g",
        "blood_pool_volume_ml",
    )
    intervals = None
    if interval is not None:
        low, high = interval
        intervals = {"scar_burden_percent": {"low": low, "high": high, "level": 0.9}}
    return {
        **dict.fromkeys(names),
        "scar_burden_percent": burden,
        "intervals": intervals,
        "segments": [{**SEGMENT, "scar_percent": burden, "transmurality_class": "26-50"}],
        **others,
    }


def test_the_interval_of_a_difference_by_hand():
    # 10 (7 to 14) and 20 (16 to 23): down by hypot(4, 4), up by hypot(3, 3).
    low, high = difference_interval(10.0, 20.0, of_before=(7.0, 14.0), of_after=(16.0, 23.0))
    assert low == pytest.approx(10 - 32**0.5)
    assert high == pytest.approx(10 + 18**0.5)


def test_a_change_that_the_intervals_cannot_bear_is_not_shown():
    burden, *_ = changes(document(10.0, (6.0, 14.0)), document(13.0, (9.0, 17.0)))
    assert (burden.difference, burden.shown) == (3.0, False)
    burden, *_ = changes(document(10.0, (8.0, 12.0)), document(16.0, (14.0, 18.0)))
    assert (burden.difference, burden.shown) == (6.0, True)
    burden, *_ = changes(document(16.0, (14.0, 18.0)), document(10.0, (8.0, 12.0)))
    assert (burden.difference, burden.shown) == (-6.0, True)


def test_without_intervals_a_difference_shows_nothing():
    burden, volume, *_ = changes(document(10.0), document(16.0, (14.0, 18.0)))
    assert (burden.difference, burden.low, burden.shown) == (6.0, None, None)
    assert (volume.difference, volume.shown) == (None, None)


def test_unknown_scar_never_becomes_a_change():
    burden, *_ = changes(document(None), document(16.0, (14.0, 18.0)))
    assert (burden.before, burden.difference, burden.shown) == (None, None, None)


def test_segments_stand_side_by_side():
    (segment,) = segment_changes(document(10.0), document(16.0))
    assert (segment.before, segment.after, segment.name) == (10.0, 16.0, "mid anteroseptal")


spans = st.tuples(*[st.floats(0, 50)] * 2)


@given(before=st.floats(0, 100), after=st.floats(0, 100), first=spans, second=spans)
def test_changing_places_mirrors_the_interval(before, after, first, second):
    one = (before - first[0], before + first[1])
    two = (after - second[0], after + second[1])
    low, high = difference_interval(before, after, of_before=one, of_after=two)
    back = difference_interval(after, before, of_before=two, of_after=one)
    assert low <= after - before <= high
    assert (-high, -low) == pytest.approx(back, abs=1e-9)
