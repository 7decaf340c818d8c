"""Pattern of scar by its depth: each name where it belongs, and how sure it is."""

import numpy as np
import pytest

from acsnet.quantify.quantification import quantify
from acsnet.quantify.scar_shape.pattern import (
    PATTERNS,
    chord_patterns,
    main_pattern,
    pattern_shares,
    scar_pattern,
)
from acsnet.quantify.scar_shape.transmurality import Chords

WALL_MM = 10.0


def chords(*ends_mm, wall_mm=WALL_MM):
    """One slice; ends_mm: where scar begins and ends along each chord, None for no scar."""
    inner = np.array([[np.nan if ends is None else ends[0] for ends in ends_mm]])
    outer = np.array([[np.nan if ends is None else wall_mm - ends[1] for ends in ends_mm]])
    scar_mm = np.array([[0.0 if ends is None else ends[1] - ends[0] for ends in ends_mm]])
    return Chords(
        transmurality_percent=100 * scar_mm / wall_mm,
        wall_mm=np.full(inner.shape, wall_mm),
        endocardium_mm=np.full(inner.shape, 20.0),
        inner_gap_mm=inner,
        outer_gap_mm=outer,
    )


@pytest.mark.parametrize(
    ("ends", "name"),
    [
        ((0, 4), "subendocardial"),
        ((1.9, 6), "subendocardial"),
        ((0, 8), "transmural"),
        ((1, 9), "transmural"),
        ((2.1, 7.9), "mid-wall"),
        ((6, 10), "epicardial"),
        ((5, 8.1), "epicardial"),
        ((0.5, 7.5), "subendocardial"),
    ],
)
def test_a_chord_has_the_pattern_of_where_its_scar_lies(ends, name):
    assert PATTERNS[chord_patterns(chords(ends))[0, 0]] == name


def test_a_chord_without_scar_or_wall_has_no_pattern():
    without = chords(None)
    assert chord_patterns(without)[0, 0] == -1
    nothing = np.full((1, 1), np.nan)
    assert chord_patterns(Chords(**dict.fromkeys(vars(without), nothing)))[0, 0] == -1


def test_in_a_thin_wall_a_third_of_it_is_near():
    # 3 mm of wall: near is 1 mm. Scar from 1.2 mm to 1.8 mm touches neither side.
    assert PATTERNS[chord_patterns(chords((1.2, 1.8), wall_mm=3.0))[0, 0]] == "mid-wall"


def test_shares_count_the_scar_and_not_the_chords():
    # 2 mm + 2 mm below the endocardium, 4 mm below the epicardium.
    shares = pattern_shares(chords((0, 2), (0, 2), (6, 10), None), np.ones((1, 4), bool))
    assert shares == pytest.approx(
        {"subendocardial": 50.0, "transmural": 0.0, "mid-wall": 0.0, "epicardial": 50.0}
    )
    assert main_pattern(shares) == "mixed"


def test_less_than_three_fifths_of_the_scar_is_mixed():
    assert main_pattern({"subendocardial": 60.0, "transmural": 40.0}) == "subendocardial"
    assert main_pattern({"subendocardial": 59.9, "transmural": 40.1}) == "mixed"
    assert main_pattern(None) is None


def test_a_pattern_that_a_pixel_would_change_is_uncertain():
    assert scar_pattern(chords((0, 4))).scar_pattern_certain
    # It begins 1.5 mm from the endocardium: mid-wall, if it is 1 mm that counts.
    found = scar_pattern(chords((1.5, 5)))
    assert (found.scar_pattern, found.scar_pattern_certain) == ("subendocardial", False)


def test_no_scar_and_unknown_scar_have_no_pattern():
    for found in (scar_pattern(chords(None)), scar_pattern(chords((0, 4)), scar_known=False)):
        assert set(vars(found).values()) == {None}


@pytest.mark.parametrize(("depth", "name"), [(0.4, "subendocardial"), (1.0, "transmural")])
def test_a_wedge_from_the_endocardium_has_its_pattern_also_by_segment(shell, depth, name):
    scan, labels = shell(extent_deg=150, depth=depth, centre_deg=200, spacing_mm=(8.0, 0.7, 0.7))
    found = quantify(scan, labels)
    assert found.pattern.scar_pattern == name
    assert found.pattern.scar_pattern_percent[name] > 95.0
    assert found.segments[7].pattern == name
    assert found.segments[10].pattern is None


def test_scar_drawn_in_the_cavity_gives_a_segment_without_scar_neither_depth_nor_pattern(shell):
    scan, labels = shell()
    middle = labels.shape[1] // 2
    labels[2, middle, middle] = 4  # one voxel, where the rays of its slice begin
    segments = quantify(scan, labels).segments[:16]
    (scarred,) = [part for part in segments if part.scar_volume_ml]
    assert (scarred.transmurality_class, scarred.pattern) == ("1-25", "subendocardial")
    for part in segments:
        if part is not scarred:
            depth = part.transmurality_mean_percent, part.transmurality_max_percent
            assert (*depth, part.transmurality_class, part.pattern) == (0.0, 0.0, "0", None)
