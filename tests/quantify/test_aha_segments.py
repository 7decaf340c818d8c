"""Which segment a voxel of the wall belongs to, and the scar in it."""

import numpy as np
import pytest

from acsnet.quantify.aha_segments import measure_segments, segment_map, slice_levels
from acsnet.quantify.rv_insertion import Insertion
from acsnet.quantify.scar_shape.transmurality import radial_chords


@pytest.mark.parametrize(
    ("count", "levels"),
    [
        (4, [0, 1, 1, 2]),  # middles at 1, 3, 5 and 7 eighths of the length
        (5, [0, 0, 1, 2, 2]),
        (7, [0, 0, 1, 1, 1, 2, 2]),
    ],
)
def test_the_middle_of_a_slice_decides_its_third(count, levels):
    assert slice_levels(np.ones((count, 1, 1), np.uint8)).tolist() == levels


def test_angles_are_those_around_the_cavity_also_where_it_lies_aside():
    """The third of three slices is basal: 60 degrees each, from the insertion at 7 degrees on."""
    rows, columns = np.indices((41, 61))
    heart = np.hypot(rows - 20, columns - 24) <= 18
    cavity = np.hypot(rows - 20, columns - 30) <= 9
    labels = np.repeat(np.where(cavity, 1, np.where(heart, 2, 0))[None], 3, 0).astype(np.uint8)
    insertion = Insertion(angle=np.deg2rad(7), turn=1, source="given", side="header")
    degrees = np.rad2deg(np.arctan2((rows - 20) * 2.0, columns - 30)) - 7
    expected = np.array([2, 3, 4, 5, 6, 1])[(degrees % 360 // 60).astype(int)]
    found = segment_map(labels, insertion, (2.0, 1.0))
    np.testing.assert_array_equal(found[2], np.where(labels[2] == 2, expected, 0))


def test_core_scar_of_a_segment_is_a_share_of_its_wall():
    """24 voxels of wall round a cavity of 5 x 5: 3 are core scar and 3 grey zone."""
    labels = np.zeros((1, 9, 9), np.uint8)
    labels[0, 1:8, 1:8], labels[0, 2:7, 2:7] = 2, 1
    labels[0, 1, 1:7] = 4, 4, 4, 3, 3, 3
    wall = np.where(labels > 1, 7, 0).astype(np.uint8)
    chords = radial_chords(labels, (1.0, 1.0))
    segment = measure_segments(labels, wall, chords, None, voxel_ml=0.5)[6]
    assert (segment.segment, segment.myocardium_volume_ml, segment.scar_volume_ml) == (7, 12.0, 3.0)
    assert (segment.scar_percent, segment.core_scar_percent) == (25.0, 12.5)
