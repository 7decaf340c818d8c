from dataclasses import replace

import numpy as np
import pytest

from acsnet.anatomy.checks import Verdict
from acsnet.anatomy.measures import Form, Measures
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.stages.correction import Action, SliceCorrection, StackCorrection
from acsnet.stages.quality_flags import (
    HIGH_DISTANCE,
    LOW_DICE,
    anatomy_doubts,
    apex_share,
    base_growth,
    contrast,
    doubts,
    is_far,
    location_doubts,
    messages,
    pool_share,
    slices_above_base,
    small_part_doubts,
    white_share,
)
from acsnet.stages.volumetric_checks import Dropped


def image_of(labels, *, blood=2.0, wall=0.0):
    """Signal of blood and wall, alternately one more and one less: a spread of 1; 10 around it."""
    checkers = np.where(np.indices(labels.shape).sum(axis=0) % 2, 1.0, -1.0)
    return np.where(labels == 0, 10.0, np.where(labels == 1, blood, wall) + checkers)


def scan_of(pixels, signal=None):
    """A scan with these pixels; signal: False where nothing was measured."""
    grid = InputGrid(shape=pixels.shape, affine=np.eye(4), axes=(0, 1, 2))
    return ShortAxisScan(name="scan", pixels=pixels, grid=grid, signal=signal)


def stack_of(areas):
    """One row a slice, four voxels for each of its area: half of them blood, half wall.

    There is one voxel more than the largest fills.
    """
    rows = [[2] * 2 * a + [1] * 2 * a + [0] * (4 * (max(areas) - a) + 1) for a in areas]
    return np.array(rows, np.uint8)[:, None]


@pytest.mark.parametrize(
    ("found", "lv_ml", "flag", "words"),
    [
        ([0, 0, 0, 0, 0], 0.0, "no_ventricle", "no left ventricle was found"),
        ([0, 1, 1, 1, 0], 100.0, "few_slices", "in 3 slices only, of 5"),
        ([1, 1, 0, 0, 1], 100.0, "missing_slices", "in 2 of the slices between apex and base"),
        ([1, 1, 1, 1, 1], 5.0, "implausible_volume", "cavity and wall, has 5 ml: implausible"),
        ([1, 1, 1, 1, 1], 900.0, "implausible_volume", "cavity and wall, has 900 ml: implausible"),
    ],
)
def test_doubtful_segmentations_are_told_by_name_and_in_plain_words(found, lv_ml, flag, words):
    labels = np.array(found, np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    told = {one.flag: one.message for one in doubts(labels, scan_of(image_of(labels)), lv_ml)}
    assert words in told[flag]


def test_one_voxel_of_the_ventricle_without_signal_is_told():
    labels = stack_of([8, 10, 12, 12])  # 42 x 4 voxels
    signal = np.ones(labels.shape, bool)
    signal[labels == 0] = False
    signal[..., -1] = True
    assert doubts(labels, scan_of(image_of(labels), signal), 150.0) == ()
    signal[1, 0, 0] = False
    (flag,) = doubts(labels, scan_of(image_of(labels), signal), 150.0)
    assert flag.flag == "no_signal"
    assert flag.message.startswith("1 of 168 voxels of the left ventricle have no signal")


def test_what_fills_voxels_without_signal_has_no_part_in_the_contrast():
    labels = stack_of([8, 10, 12, 12])
    pixels, signal = image_of(labels), np.ones(labels.shape, bool)
    pixels[2, 0, :3], signal[2, 0, :3] = -1000.0, False
    told = [one.flag for one in doubts(labels, scan_of(pixels, signal), 150.0)]
    assert told == ["no_signal"]


@pytest.mark.parametrize(
    ("areas", "flags"),
    [
        ([8, 10, 12, 12], []),
        ([10, 12, 12, 12], ["apex_missing"]),  # 10 of 12 is 83 %
        ([0, 10, 12, 12, 12], []),  # the stack goes on below
        ([2, 8, 10, 12], []),  # 12 of 10 is 20 % more
        ([2, 8, 10, 14], ["base_missing"]),  # 40 % more
        ([2, 8, 10, 14, 0], []),  # the stack goes on above
    ],
)
def test_a_stack_that_ends_within_the_ventricle_is_told(areas, flags):
    labels = stack_of(areas)
    assert [one.flag for one in doubts(labels, scan_of(image_of(labels)), 150.0)] == flags


def test_measures_of_a_stack_are_those_worked_out_by_hand():
    labels = stack_of([3, 10, 8, 12])
    assert (apex_share(labels), base_growth(labels)) == (0.25, 1.5)  # 3 of 12, 12 of 8
    labels[:, :, 0] = 0  # one of the wall's 6, 20, 16 and 24
    assert pool_share(labels) == 66 / 62
    assert contrast(labels, image_of(labels, blood=3.0)) == pytest.approx(3.0, rel=0.05)


def test_measures_of_what_is_not_there_raise_no_flag():
    pool = np.ones((1, 2, 2), np.uint8)
    assert (apex_share(pool), base_growth(pool)) == (0.0, 0.0)
    assert pool_share(pool) == contrast(pool, np.ones(pool.shape)) == np.inf
    both = np.array([[[1, 2]]], np.uint8)
    assert contrast(both, np.array([[[5.0, 5.0]]])) == np.inf  # no spread
    assert contrast(both, np.array([[[4.0, 5.0]]])) == -np.inf


@pytest.mark.parametrize(("step", "flags"), [(0.71, []), (0.69, ["low_contrast"])])
def test_blood_hardly_brighter_than_the_wall_is_told(step, flags):
    labels = stack_of([8, 12, 12, 12])
    pixels = image_of(labels, blood=step)
    assert [one.flag for one in doubts(labels, scan_of(100.0 * pixels), 150.0)] == flags


@pytest.mark.parametrize(
    ("steps", "above", "number"),
    [
        ([2.0, 2.0, 2.0, 2.0, 1.4], [], ""),  # 0.7 of the median
        ([2.0, 2.0, 2.0, 2.0, 1.2], ["above_base"], "5"),  # 0.6
        ([2.0, 2.0, 2.0, 0.5, 1.2], ["above_base"], "4, 5"),
        ([2.0, 2.0, 2.0, 0.5, 2.0], [], ""),  # not up to the highest
        ([0.5, 2.0, 2.0, 2.0, 2.0], [], ""),  # the apex
    ],
)
def test_highest_slices_whose_wall_is_hard_to_tell_from_blood_may_lie_above_the_base(
    steps, above, number
):
    labels = stack_of([8, 12, 12, 12, 12])
    pixels = image_of(labels, blood=np.array(steps)[:, None, None])
    flags = doubts(labels, scan_of(pixels), 150.0)
    assert [one.flag for one in flags] == above
    assert [one.message.split(" may ")[0] for one in flags] == [f"slice {number}" for _ in above]


def test_in_fewer_slices_than_a_ventricle_has_none_is_held_to_lie_above_the_base():
    pixels = np.array([2.0, 2.0, 1.0])[:, None, None]
    labels = stack_of([12, 12, 12])
    assert slices_above_base(labels, image_of(labels, blood=pixels)) == ()


def test_where_no_slice_has_contrast_none_is_held_to_lie_above_the_base():
    labels = stack_of([8, 12, 12, 12])
    assert slices_above_base(labels, image_of(labels, blood=-1.0)) == ()
    assert slices_above_base(np.full((4, 1, 3), 1, np.uint8), np.ones((4, 1, 3))) == ()


@pytest.mark.parametrize(("white", "flags"), [(15, []), (16, ["clipped_signal"])])
def test_a_ventricle_that_is_clipped_to_white_is_told(white, flags):
    labels = stack_of([5, 5, 7, 8])  # 100 voxels, in slices of 20, 20, 28 and 32
    pixels = image_of(labels, blood=4.0) * np.array([1.0, 1.1, 1.2, 1.3])[:, None, None]
    pixels[2, 0, 28 - white : 28] = pixels[2].max()  # 12, where the next slice has 13
    told = doubts(labels, scan_of(pixels), 150.0)
    assert [one.flag for one in told] == flags
    assert white_share(labels, pixels) == white / 100
    assert all(one.message.startswith("16 % of the left ventricle") for one in told)


def test_a_heart_with_hardly_any_blood_is_doubted():
    labels = np.full((5, 4, 4), 2, np.uint8)
    labels[0, 2:] = 0
    labels[:, 0, 0] = 1  # 5 of 67 is 7 %
    (flag,) = (
        one for one in doubts(labels, scan_of(image_of(labels)), 150.0) if "pool" in one.flag
    )
    assert flag.message == "the blood pool has 7 % of the wall's volume: too little for a heart"


def slice_of(action=Action.KEPT, **changes):
    verdict = Verdict(
        form=Form.RING, measures=Measures(objects=1, holes=0, border_pixels=0), failures=()
    )
    return SliceCorrection(
        wall=np.ones((2, 2), bool), verdict=verdict, failed=(), action=action, **changes
    )


@pytest.mark.parametrize(
    ("changes", "far"),
    [
        ({}, False),
        ({"distance": HIGH_DISTANCE}, False),
        ({"distance": HIGH_DISTANCE + 0.01}, True),
        ({"dice": LOW_DICE}, False),
        ({"dice": LOW_DICE - 0.01}, True),
    ],
)
def test_a_long_way_or_little_in_common_needs_a_look(changes, far):
    assert is_far(slice_of(Action.MOVED, **changes)) is far


def grid_of(slices):
    return InputGrid(shape=(slices, 8, 8), affine=np.eye(4), axes=(0, 1, 2))


def test_what_stage_3_did_is_told_by_slices_of_the_file():
    anatomy = StackCorrection(
        slices=(
            slice_of(),
            slice_of(Action.MOVED, distance=5.0),
            slice_of(Action.EMPTIED, dice=0.0),
            slice_of(),
            slice_of(),
        ),
        dropped=(Dropped(index=4, reason="above the base"),),
        odd=(3,),
    )
    flags = anatomy_doubts(anatomy, grid_of(5))
    apex_first = messages(flags)
    assert [one.flag for one in flags] == [
        "no_possible_wall",
        "large_correction",
        "odd_area",
        "slices_left_out",
    ]
    assert apex_first == (
        "no possible wall was near that of the network in slice 3",
        "the wall was changed much to make it possible in slice 2",
        "the ventricle's area is unlike its neighbours' in slice 4",
        "slice 5 left out: above the base",
    )
    base_first = messages(anatomy_doubts(anatomy, replace(grid_of(5), reversed_slices=True)))
    assert base_first[1].endswith("in slice 4")
    assert base_first[3] == "slice 1 left out: above the base"


def test_more_than_one_object_that_may_be_the_ventricle_is_told():
    assert location_doubts(0) == ()
    (flag,) = location_doubts(2)
    assert (flag.flag, flag.message) == (
        "other_object",
        "3 objects look like a ventricle: the likeliest one was taken, see that it is the heart",
    )


def test_much_enhancement_left_out_in_small_parts_is_told():
    wall, small = np.ones((2, 10, 10), bool), np.zeros((2, 10, 10), bool)
    small[0, 0, :4] = True  # 2 % of 200 voxels
    assert small_part_doubts(small, wall, enhanced=True) == ()
    small[1, 0, 0] = True
    (flag,) = small_part_doubts(small, wall, enhanced=True)
    assert (flag.flag, flag.message) == (
        "small_parts",
        "enhancement of 2.5 % of the wall was left out, in parts too small for a scar",
    )
    assert small_part_doubts(small & False, wall & False, enhanced=False) == ()


def test_enhancement_that_was_left_out_whole_is_told_however_little():
    wall, small = np.ones((2, 10, 10), bool), np.zeros((2, 10, 10), bool)
    assert small_part_doubts(small, wall, enhanced=False) == ()
    small[0, 0, 0] = True
    (flag,) = small_part_doubts(small, wall, enhanced=False)
    assert flag.message.startswith("enhancement of 0.5 % of the wall was left out")


def test_a_stack_that_was_left_as_it_is_raises_no_doubt():
    assert anatomy_doubts(StackCorrection(slices=(slice_of(),), dropped=()), grid_of(1)) == ()
