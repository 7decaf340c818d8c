"""What a person is told about a label map that was just drawn."""

import numpy as np
import pytest

from acsnet.anatomy.checks import read_limits
from acsnet.annotations.label_checks import drawn_warnings, scar_outside_wall
from acsnet.errors import InputError
from acsnet.labels import Label

SPACING = (1.5, 1.5)


def heart(slices=5):
    """Rings of wall round a pool, alike in all slices."""
    rows, columns = np.indices((64, 64))
    radius = np.hypot(rows - 32, columns - 32)
    slice_ = np.where(radius < 14, Label.LV_BLOOD_POOL, 0) + np.where(
        (radius >= 14) & (radius < 20), Label.LV_MYOCARDIUM, 0
    )
    return np.repeat(slice_[None].astype(np.uint8), slices, axis=0)


def warnings(labels, *, reversed_slices=False):
    return drawn_warnings(labels, SPACING, limits=read_limits(), reversed_slices=reversed_slices)


def test_a_plain_heart_gets_no_warning():
    labels = heart()
    labels[2, 32, 47:51] = Label.CORE_SCAR
    assert warnings(labels) == ()


def test_an_empty_map_is_refused():
    with pytest.raises(InputError, match="empty"):
        warnings(np.zeros((3, 8, 8), np.uint8))


@pytest.mark.parametrize(("reversed_slices", "number"), [(False, 2), (True, 4)])
def test_scar_far_from_the_wall_is_told_by_its_slice_in_the_file(reversed_slices, number):
    labels = heart()
    labels[1, 2:5, 2:5] = Label.GREY_ZONE
    (note,) = warnings(labels, reversed_slices=reversed_slices)
    assert note == f"scar lies outside the wall in slice {number}"


def test_scar_in_the_middle_of_the_pool_is_outside_the_wall():
    labels = heart()[0]
    labels[32, 32] = Label.CORE_SCAR
    assert scar_outside_wall(labels).sum() == 1


def test_a_wall_that_is_all_scar_is_a_wall():
    labels = heart()[0]
    labels[labels == Label.LV_MYOCARDIUM] = Label.CORE_SCAR
    assert not scar_outside_wall(labels).any()


def test_a_slice_left_out_and_a_pool_without_wall_are_told():
    labels = heart()
    labels[2] = 0
    labels[4][labels[4] == Label.LV_MYOCARDIUM] = 0
    gap, bare = warnings(labels)
    assert gap == "nothing is drawn in slice 3, between apex and base"
    assert bare == "there is a blood pool without a wall in slice 5"


def test_an_impossible_wall_names_the_checks_that_failed():
    labels = heart()
    labels[0, 2:8, 2:8] = Label.LV_MYOCARDIUM
    (note,) = warnings(labels)
    assert note.startswith("the wall in slice 1 is not a possible one (objects")
