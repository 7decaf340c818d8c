import numpy as np
import pytest

from acsnet.anatomy.checks import Verdict
from acsnet.anatomy.measures import Form, Measures
from acsnet.stages.correction import Action, SliceCorrection, StackCorrection
from acsnet.stages.doubts import HIGH_DISTANCE, LOW_DICE, anatomy_doubts, doubts, is_far
from acsnet.stages.stack import Dropped


@pytest.mark.parametrize(
    ("found", "lv_ml", "words"),
    [
        ([0, 0, 0, 0, 0], 0.0, "no left ventricle was found"),
        ([0, 1, 1, 0, 0], 100.0, "in 2 of 5 slices only"),
        ([1, 1, 0, 0, 1], 100.0, "no segmentation in 2 of the slices between apex and base"),
        ([1, 1, 1, 1, 1], 5.0, "left ventricular volume of 5 ml is implausible"),
        ([1, 1, 1, 1, 1], 900.0, "left ventricular volume of 900 ml is implausible"),
    ],
)
def test_doubtful_segmentations_are_told_in_plain_words(found, lv_ml, words):
    labels = np.array(found, np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    assert any(words in note for note in doubts(labels, lv_ml))


def test_a_plausible_segmentation_raises_no_doubt():
    assert doubts(np.full((5, 2, 2), [[1, 2], [2, 2]], np.uint8), 150.0) == ()


def test_a_heart_with_hardly_any_blood_is_doubted():
    labels = np.full((5, 4, 4), 2, np.uint8)
    labels[:, 0, 0] = 1  # 1 of 15 is 7 %
    assert doubts(labels, 150.0) == (
        "the blood pool has 7% of the wall's volume: too little for a heart",
    )


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
    apex_first = anatomy_doubts(anatomy, reversed_slices=False)
    assert apex_first == (
        "no possible wall was near what the network drew in slice 3",
        "the wall was changed much to make it possible in slice 2",
        "the ventricle's area is unlike its neighbours' in slice 4",
        "slice 5 left out: above the base",
    )
    base_first = anatomy_doubts(anatomy, reversed_slices=True)
    assert base_first[1].endswith("in slice 4")
    assert base_first[3] == "slice 1 left out: above the base"


def test_a_stack_that_was_left_as_it_is_raises_no_doubt():
    assert (
        anatomy_doubts(StackCorrection(slices=(slice_of(),), dropped=()), reversed_slices=False)
        == ()
    )
