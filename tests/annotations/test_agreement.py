"""Agreement of two label maps, worked out by hand."""

import numpy as np
import pytest

from acsnet.annotations.agreement import compare, compare_all


def stack(*values):
    return np.array(values, np.uint8).reshape(1, 1, -1)


def test_the_same_map_agrees_with_itself_in_all_it_has():
    found = compare(stack(1, 2, 3, 4), stack(1, 2, 3, 4))
    assert found.label_dice == {
        "lv_blood_pool": 1.0,
        "lv_myocardium": 1.0,
        "grey_zone": 1.0,
        "core_scar": 1.0,
        "microvascular_obstruction": None,
    }
    assert found.burden_difference == 0


def test_dice_of_labels_and_regions_and_the_difference_of_burdens():
    found = compare(stack(1, 2, 2, 4, 0), stack(1, 2, 2, 2, 2))
    assert found.label_dice["lv_myocardium"] == pytest.approx(2 * 2 / (2 + 4))
    assert found.label_dice["core_scar"] == 0
    assert found.region_dice["myocardium"] == pytest.approx(2 * 3 / (3 + 4))
    assert found.region_dice["lv"] == pytest.approx(2 * 4 / (4 + 5))
    assert found.burden_difference == pytest.approx(100 / 3)


def test_without_a_wall_there_is_no_burden():
    assert compare(stack(1, 0), stack(2, 4)).burden_difference is None


def test_every_two_annotators_are_compared_once():
    drawn = {"ana": stack(1), "bob": stack(1), "eve": stack(2)}
    assert [(one, other) for one, other, _ in compare_all(drawn)] == [
        ("ana", "bob"),
        ("ana", "eve"),
        ("bob", "eve"),
    ]


def test_maps_of_two_shapes_are_refused():
    with pytest.raises(ValueError, match="one shape"):
        compare(stack(1), stack(1, 2))
