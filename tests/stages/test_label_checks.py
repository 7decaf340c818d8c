"""What a person is told about a label map that was just drawn."""

from collections import Counter

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acsnet.anatomy.measures import MEASURE_NAMES
from acsnet.label_conventions import CONVENTIONS
from acsnet.labels import Label
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.stages.label_checks import (
    FAULTS,
    all_scar,
    filled_walls,
    label_flags,
    scar_in_cavity,
    scar_outside_wall,
)
from acsnet.train.data.lists import training_names

pytestmark = pytest.mark.slow

SPACING = (1.5, 1.5)
ROWS, COLUMNS = np.indices((64, 64))
RADIUS = np.hypot(ROWS - 32, COLUMNS - 32)


def heart(slices=5):
    """Rings of wall round a pool, alike in all slices: 609 pixels of pool, 636 of wall."""
    slice_ = np.where(RADIUS < 14, Label.LV_BLOOD_POOL, 0) + np.where(
        (RADIUS >= 14) & (RADIUS < 20), Label.LV_MYOCARDIUM, 0
    )
    return np.repeat(slice_[None].astype(np.uint8), slices, axis=0)


def flags(labels, *, reversed_slices=False):
    """Name of each flag -> its message."""
    scan = scan_of(labels, SPACING, reversed_slices=reversed_slices)
    return {flag.flag: flag.message for flag in label_flags(labels, scan)}


def scan_of(labels, spacing_mm, *, reversed_slices=False):
    """A scan, without any signal, on which labels are drawn."""
    grid = InputGrid(
        shape=labels.shape,
        affine=np.diag([8.0, *spacing_mm, 1.0]),
        axes=(0, 1, 2),
        reversed_slices=reversed_slices,
    )
    return ShortAxisScan(name="drawn", pixels=np.zeros(labels.shape, np.float32), grid=grid)


def test_a_plain_heart_gets_no_warning():
    labels = heart()
    labels[2, 32, 47:51] = Label.CORE_SCAR
    assert flags(labels) == {}


@pytest.mark.parametrize(("reversed_slices", "number"), [(False, 2), (True, 4)])
def test_scar_far_from_the_wall_is_told_by_its_slice_in_the_file(reversed_slices, number):
    labels = heart()
    labels[1, 2:5, 2:5] = Label.GREY_ZONE
    assert flags(labels, reversed_slices=reversed_slices) == {
        "scar_outside_wall": f"scar lies outside the wall in slice {number}"
    }


@pytest.mark.parametrize(("reversed_slices", "number"), [(False, 2), (True, 4)])
@pytest.mark.parametrize(
    ("rows", "columns"),
    [(slice(2, 5), slice(2, 5)), (slice(31, 34), slice(52, 55))],  # the wall ends at column 51
    ids=["far", "touching"],
)
@pytest.mark.parametrize("erased", [False, True])
def test_pool_outside_the_wall_is_told_by_its_slice_in_the_file(
    reversed_slices, number, rows, columns, erased
):
    labels = heart()
    if erased:
        labels[1][labels[1] == Label.LV_BLOOD_POOL] = 0
    labels[1, rows, columns] = Label.LV_BLOOD_POOL
    assert flags(labels, reversed_slices=reversed_slices) == {
        "pool_outside_wall": f"blood pool lies outside the wall in slice {number}"
    }


def test_a_pool_that_papillary_muscles_split_gets_no_warning():
    labels = heart()
    labels[1, 31:33, 18:46] = 0
    assert flags(labels) == {}


def test_scar_in_the_middle_of_the_pool_is_outside_the_wall():
    labels = heart()[0]
    labels[32, 32] = Label.CORE_SCAR
    assert scar_outside_wall(labels).sum() == 1


def test_scar_joined_to_the_wall_by_corners_is_not_outside_it():
    labels = np.zeros((4, 4), np.uint8)
    labels[0, 0] = Label.LV_MYOCARDIUM
    labels[1, 1] = labels[2, 2] = labels[3, 3] = Label.CORE_SCAR
    assert not scar_outside_wall(labels).any()


def test_a_wall_that_is_all_scar_is_a_wall():
    labels = heart()[0]
    labels[labels == Label.LV_MYOCARDIUM] = Label.CORE_SCAR
    assert not scar_outside_wall(labels).any()


def test_a_slice_left_out_and_a_pool_without_wall_are_told():
    labels = heart()
    labels[2] = 0
    labels[4][labels[4] == Label.LV_MYOCARDIUM] = 0
    assert flags(labels) == {
        "undrawn_slices": "nothing is drawn in slice 3, between apex and base",
        "wall_missing": "there is a blood pool without a wall in slice 5",
    }


def test_an_impossible_wall_names_the_checks_that_failed():
    labels = heart()
    labels[0, 2:8, 2:8] = Label.LV_MYOCARDIUM
    assert flags(labels)["wall_impossible"].startswith(
        "the wall in slice 1 is anatomically impossible (in several parts): a click of the kind"
    )


def test_a_reader_is_told_of_each_measure_in_words():
    assert tuple(FAULTS) == MEASURE_NAMES


def test_a_slice_without_cavity_between_slices_with_one_is_told():
    labels = heart()
    labels[2][labels[2] == Label.LV_BLOOD_POOL] = 0
    assert flags(labels) == {
        "cavity_missing": "there is no blood pool in slice 3, where the wall is a ring or the "
        "slices on both sides have one"
    }


def test_rings_of_wall_in_which_nobody_drew_the_blood_are_told():
    labels = heart()
    labels[labels == Label.LV_BLOOD_POOL] = 0
    assert flags(labels) == {
        "cavity_missing": "there is no blood pool in slice 1, 2, 3, 4, 5, where the wall is a ring "
        "or the slices on both sides have one"
    }


def test_a_cavity_may_end_before_the_stack_does():
    labels = heart()
    labels[0] = np.where(RADIUS < 8, Label.LV_MYOCARDIUM, 0)  # 197 of 1245 pixels: an apex
    assert flags(labels) == {}


@pytest.mark.parametrize(("rows", "told"), [(25, []), (26, [2])])
def test_scar_that_fills_a_cavity_is_told_from_a_fifth_of_it(rows, told):
    labels = heart()
    pool = labels[2] == Label.LV_BLOOD_POOL
    labels[2][pool & (rows > ROWS)] = Label.CORE_SCAR
    # 106 and 131 of 609 pixels: 17 and 22 %.
    assert scar_in_cavity(labels) == told


def test_scar_in_a_cavity_counts_where_both_neighbours_have_blood():
    labels = np.zeros((3, 1, 15), np.uint8)
    labels[0, :, :10] = labels[2, :, 5:] = Label.LV_BLOOD_POOL  # 5 pixels are blood in both
    labels[1, :, :5] = Label.CORE_SCAR
    assert scar_in_cavity(labels) == []
    labels[1, :, 8:10] = Label.CORE_SCAR
    assert scar_in_cavity(labels) == [1]


def test_scar_in_a_cavity_is_told_in_words():
    labels = heart()
    labels[2][(labels[2] == Label.LV_BLOOD_POOL) & (ROWS < 32)] = Label.GREY_ZONE
    assert flags(labels)["cavity_scarred"] == (
        "scar fills the cavity in slice 3, where the slices next to it have blood"
    )


@pytest.mark.parametrize("slice_", [0, 4])
def test_a_disc_in_place_of_a_wall_is_told_at_either_end(slice_):
    labels = heart()
    labels[slice_][labels[slice_] == Label.LV_BLOOD_POOL] = Label.LV_MYOCARDIUM
    assert filled_walls(labels, SPACING) == [slice_]
    assert flags(labels)["wall_filled"] == (
        f"the wall in slice {slice_ + 1} is a disc without a cavity, too large for the apex"
    )


@pytest.mark.parametrize(("radius", "slices"), [(13, []), (15, [0])])
def test_a_disc_of_less_than_half_the_largest_slice_is_a_cap(radius, slices):
    """517 and 697 pixels beside the 1245 of a heart."""
    labels = heart()
    labels[0] = np.where(radius > RADIUS, Label.LV_MYOCARDIUM, 0)
    assert filled_walls(labels, SPACING) == slices


def test_a_ring_in_which_nobody_drew_the_blood_is_no_disc():
    labels = heart()
    labels[4][labels[4] == Label.LV_BLOOD_POOL] = 0
    assert filled_walls(labels, SPACING) == []


def test_a_wall_all_scar_beside_walls_without_any_is_told():
    labels = heart()
    labels[2][labels[2] == Label.LV_MYOCARDIUM] = Label.CORE_SCAR
    assert flags(labels) == {
        "wall_all_scar": "all of the wall is scar in slice 3, and far less of it in the slices "
        "next to it"
    }
    labels[3][(labels[3] == Label.LV_MYOCARDIUM) & (ROWS < 33)] = Label.CORE_SCAR  # over a half
    assert all_scar(labels) == []


def test_a_single_slice_has_no_neighbours_to_be_unlike():
    labels = heart(1)
    labels[labels == Label.LV_MYOCARDIUM] = Label.CORE_SCAR
    assert flags(labels) == {}


def test_a_slice_filled_with_core_scar_is_told_in_every_respect():
    labels = heart()
    labels[2][labels[2] > 0] = Label.CORE_SCAR
    assert set(flags(labels)) == {
        "scar_outside_wall",
        "cavity_missing",
        "cavity_scarred",
        "wall_filled",
        "wall_all_scar",
    }


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_order_of_the_slices_changes_only_their_numbers(seed, slices):
    rng = np.random.default_rng(seed)
    labels = heart(slices)
    for _ in range(rng.integers(1, 4)):
        k, (row, column) = rng.integers(slices), rng.integers(0, 52, 2)
        labels[k, row : row + 12, column : column + 12] = rng.integers(0, 6)
    assert flags(labels[::-1], reversed_slices=True) == flags(labels)


def expert_labels(data, name, case):
    """(slice, row, column) labels of an expert of a train list, and the distance of the pixels."""
    image = nib.load(data / name / "labels" / f"{case}.nii.gz")
    values = np.moveaxis(np.asarray(image.dataobj), 2, 0)
    labels = np.zeros(values.shape, np.uint8)
    for value, label in CONVENTIONS[name].labels.items():
        labels[values == value] = label
    return labels, tuple(image.header.get_zooms()[:2])


@pytest.mark.parametrize(("name", "stacks", "impossible"), [("emidec", 57, 0), ("acdc", 140, 3)])
def test_next_to_no_expert_gets_a_warning(data, name, stacks, impossible):
    cases = training_names(data, name)
    names = Counter()
    for case in cases:
        labels, spacing = expert_labels(data, name, case)
        names.update(flag.flag for flag in label_flags(labels, scan_of(labels, spacing)))
    assert (len(cases), names) == (stacks, Counter(wall_impossible=impossible))
