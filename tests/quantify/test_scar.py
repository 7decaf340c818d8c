import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from acsnet.errors import AcsnetError
from acsnet.quantify.scar import classify_enhancement, gap_doubt, scar_threshold


def wall(*values, enhanced):
    """A wall of one row: its values, the first `enhanced` of them enhanced."""
    intensity = np.array(values, dtype=np.float32)[None, None]
    myocardium = np.ones(intensity.shape, dtype=bool)
    enhancement = np.arange(len(values))[None, None] < enhanced
    return intensity, myocardium, enhancement


def test_remote_reading_is_halfway_from_the_remote_median_to_the_peak():
    # Remote 10, 20, 30: median 20. Peak 100. Threshold 20 + 80 / 2 = 60.
    zones = classify_enhancement(*wall(100, 60, 59, 10, 20, 30, enhanced=3), peak_percentile=100)
    assert zones.threshold.remote == 20.0
    assert zones.threshold.peak == 100.0
    assert zones.threshold.value == 60.0
    assert zones.threshold.method == "remote"
    assert zones.core.tolist() == [[[True, True, False, False, False, False]]]
    assert zones.grey_zone.tolist() == [[[False, False, True, False, False, False]]]
    assert zones.threshold.warnings == ()


def test_half_max_reading_is_half_of_the_peak():
    zones = classify_enhancement(
        *wall(100, 60, 50, 49, 20, enhanced=4), method="half_max", peak_percentile=100
    )
    assert zones.threshold.value == 50.0
    assert zones.core.sum() == 3


def test_voxels_outside_the_wall_play_no_part():
    intensity, myocardium, enhancement = wall(100, 70, 20, 900, -900, enhanced=2)
    myocardium[..., 3:] = False
    zones = classify_enhancement(intensity, myocardium, enhancement, peak_percentile=100)
    assert (zones.threshold.remote, zones.threshold.value) == (20.0, 60.0)


def test_one_threshold_serves_all_slices():
    intensity = np.array([[[100, 0]], [[40, 0]]], dtype=np.float32)
    enhancement = intensity > 0
    zones = classify_enhancement(
        intensity, np.ones_like(enhancement), enhancement, peak_percentile=100
    )
    assert zones.core.tolist() == [[[True, False]], [[False, False]]]
    assert zones.grey_zone.tolist() == [[[False, False]], [[True, False]]]


@pytest.mark.parametrize("size", [5, 50, 500])
def test_one_hot_voxel_does_not_take_the_core_away(size):
    enhanced = np.full(size, 100.0)
    enhanced[0] = 5000.0
    threshold = scar_threshold(enhanced, np.full(9, 20.0))
    assert (threshold.peak, threshold.value) == (100.0, 60.0)


def test_negative_values_of_phase_sensitive_images_suit_the_remote_reading_only():
    # Remote -60, peak 40: threshold -60 + 100 / 2 = -10.
    scan = wall(40, -10, -11, -60, enhanced=3)
    assert classify_enhancement(*scan, peak_percentile=100).threshold.value == -10.0
    with pytest.raises(AcsnetError, match=r"negative values .lowest -60.: use the 'remote'"):
        classify_enhancement(*scan, method="half_max")


def test_no_enhancement_is_no_scar_and_no_warning():
    zones = classify_enhancement(*wall(10, 20, 30, enhanced=0))
    assert not zones.core.any()
    assert not zones.grey_zone.any()
    assert (zones.threshold.value, zones.threshold.remote) == (None, 20.0)
    assert zones.threshold.warnings == ()


def test_a_wall_enhanced_all_over_falls_back_to_half_of_the_maximum_and_says_so():
    zones = classify_enhancement(*wall(100, 50, 49, enhanced=3), peak_percentile=100)
    assert (zones.threshold.method, zones.threshold.value) == ("half_max", 50.0)
    assert zones.core.sum() == 2
    assert zones.threshold.warnings == (
        "the whole myocardium is enhanced, so there is no remote intensity: core scar was taken at "
        "half of the maximum",
    )


@pytest.mark.parametrize("values", [(40, -50, -49), (0, 0, 0)])
def test_a_wall_enhanced_all_over_without_a_scale_gives_no_threshold(values):
    zones = classify_enhancement(*wall(*values, enhanced=3))
    assert zones.threshold.value is None
    assert not zones.core.any()
    assert "cannot be told apart" in zones.threshold.warnings[0]


@pytest.mark.parametrize("method", ["remote", "half_max"])
def test_enhancement_no_brighter_than_the_remote_wall_gives_no_threshold(method):
    zones = classify_enhancement(*wall(20, 15, 20, 20, enhanced=2), method=method)
    assert zones.threshold.value is None
    assert zones.grey_zone.sum() == 2
    assert "not brighter than the remote myocardium" in zones.threshold.warnings[0]


def test_half_of_a_peak_that_the_remote_wall_exceeds_gives_way_to_the_remote_reading():
    # Half of 100 is 50, the remote median 60: all scar would be core. From 60 + 40 / 2 = 80 it is.
    zones = classify_enhancement(
        *wall(100, 80, 79, 55, 60, enhanced=4), method="half_max", peak_percentile=100
    )
    assert (zones.threshold.method, zones.threshold.value) == ("remote", 80.0)
    assert (zones.core.sum(), zones.grey_zone.sum()) == (2, 2)
    assert zones.threshold.warnings == (
        "half of the peak (50) is not above the remote wall (60): core scar was taken half way "
        "between remote wall and peak",
    )


def test_values_that_are_no_numbers_are_refused():
    with pytest.raises(AcsnetError, match=r"1 of .* values .* not finite"):
        classify_enhancement(*wall(100, np.nan, 20, enhanced=1))


def test_an_unknown_method_and_unequal_shapes_are_refused():
    with pytest.raises(ValueError, match="must be one of remote, half_max, got 'otsu'"):
        scar_threshold(np.ones(3), np.zeros(3), method="otsu")
    intensity, myocardium, enhancement = wall(100, 20, enhanced=1)
    with pytest.raises(ValueError, match="must have one shape"):
        classify_enhancement(intensity[..., :1], myocardium, enhancement)


@given(
    values=st.lists(st.integers(0, 400), min_size=2, max_size=30),
    shift=st.integers(-200, 200),
    data=st.data(),
)
def test_zones_part_the_enhancement_and_ignore_an_added_constant(values, shift, data):
    scan = wall(*values, enhanced=data.draw(st.integers(0, len(values) - 1)))
    zones = classify_enhancement(*scan)
    assert not (zones.core & zones.grey_zone).any()
    assert np.array_equal(zones.core | zones.grey_zone, scan[2])
    shifted = classify_enhancement(scan[0] + np.float32(shift), *scan[1:])
    assert np.array_equal(shifted.core, zones.core)


def test_a_slice_without_scar_between_others_is_told_by_its_number_in_the_file():
    wall = np.ones((5, 1, 2), bool)
    scar = np.zeros_like(wall)
    numbers = [5, 4, 3, 2, 1]  # the file runs from the base to the apex
    assert gap_doubt(scar, wall, numbers) == ()
    scar[[1, 2], 0, 0] = True
    assert gap_doubt(scar, wall, numbers) == ()
    scar[4, 0, 1] = True
    (note,) = gap_doubt(scar, wall, numbers)
    assert note.startswith("slice 2 has no scar, between slices that have some")
    scar[2] = False
    (note,) = gap_doubt(scar, wall, numbers)
    assert note.startswith("slices 2, 3 have no scar")
    wall[2] = False  # without wall there is nothing to look at
    (note,) = gap_doubt(scar, wall, numbers)
    assert note.startswith("slice 2 has no scar")
