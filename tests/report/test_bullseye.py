"""Each segment's number stands in its segment."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from acsnet.report.bullseye import bullseye_png, draw_bullseye, hatched_words, segment_values


def drawn(values):
    axes = Figure().add_subplot()
    draw_bullseye(axes, values, "title")
    return axes


@pytest.mark.parametrize(
    ("segment", "x", "y"),
    [
        (1, 0.0, 0.875),  # basal anterior: on top, outside
        (3, -0.758, -0.4375),  # basal inferoseptal: lower left
        (6, 0.758, 0.4375),  # basal anterolateral: upper right
        (10, 0.0, -0.625),  # mid inferior: below
        (14, -0.375, 0.0),  # apical septal: left
        (16, 0.375, 0.0),  # apical lateral: right
        (17, 0.0, 0.0),  # the cap: in the middle
    ],
)
def test_a_number_stands_where_the_heart_has_its_segment(segment, x, y):
    (text,) = (one for one in drawn({segment: 42.0}).texts if one.get_text() == "42")
    assert text.get_position() == pytest.approx((x, y), abs=1e-3)


def test_a_half_is_rounded_up_as_in_the_table_of_segments():
    texts = {one.get_text() for one in drawn({1: 50.5, 2: 0.5}).texts}
    assert {"51", "1"} < texts


def test_there_are_17_and_more_is_darker():
    values = {number: 100.0 * number / 17 for number in range(1, 18)}
    patches = drawn(values).patches
    assert len(patches) == 17
    darkness = [1 - np.dot(one.get_facecolor()[:3], (0.299, 0.587, 0.114)) for one in patches]
    assert sorted(darkness) == pytest.approx(darkness)


def test_what_is_not_known_is_hatched_and_has_no_number():
    axes = drawn(dict.fromkeys(range(1, 18)))
    assert all(one.get_hatch() for one in axes.patches)
    assert {one.get_text() for one in axes.texts} == {"anterior", "inferior", "septal", "lateral"}


def legend(*, absent=(), without_chords=(), scar=12.0):
    """The legend of 17 segments of a wall, but for those."""
    rows = [
        {
            "segment": number,
            "myocardium_volume_ml": None if number in absent else 5.0,
            "scar_percent": None if number in absent else scar,
            "transmurality_mean_percent": None if number in (*absent, *without_chords) else scar,
        }
        for number in range(1, 18)
    ]
    return hatched_words({"segments": rows})


def test_the_legend_says_why_a_segment_is_hatched():
    missing = "the stack has no such segment"
    unknown = "transmurality not known, no radial chord crosses the wall of"
    assert legend() == ""
    assert legend(absent=[17]) == f"Hatched: {missing}."
    assert legend(without_chords=[17]) == f"Hatched: {unknown} 17."
    assert legend(absent=[1], without_chords=[13, 17]) == f"Hatched: {missing}; {unknown} 13, 17."
    assert legend(absent=[17], scar=None) == "Hatched: scar was not assessed."


def test_values_come_from_the_features(measured):
    features = measured.features_dict()
    scar = segment_values(features, "scar_percent")
    assert scar[8] == features["segments"][7]["scar_percent"] > 30
    assert segment_values(features, "transmurality_mean_percent")[17] is None
    assert bullseye_png(features).startswith(b"\x89PNG")
