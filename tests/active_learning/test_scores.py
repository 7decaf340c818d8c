"""Scores of a scan, worked out by hand."""

import numpy as np
import pytest

from acsnet.active_learning.scores import (
    FEATURES,
    correction_distance,
    disagreement,
    features_of,
    wall_uncertainty,
)
from acsnet.anatomy.checks import Verdict
from acsnet.anatomy.measures import Form, Measures
from acsnet.labels import Label
from acsnet.scan import InputGrid, ShortAxisScan
from acsnet.stages.correction import Action, SliceCorrection, StackCorrection

POOL, WALL, GREY = Label.LV_BLOOD_POOL, Label.LV_MYOCARDIUM, Label.GREY_ZONE


def test_a_coin_toss_is_one_bit_and_a_certain_pixel_is_none():
    probability = np.zeros((1, 1, 3), np.float32)
    probability[0, 0] = 0.5, 1.0, 0.0
    # 3 mm pixels: the last one is 3 mm from the possible wall, inside the band.
    assert wall_uncertainty(probability, (3.0, 3.0)) == pytest.approx(1 / 3)


def test_what_is_far_from_the_possible_wall_does_not_count():
    probability = np.zeros((2, 1, 4), np.float32)
    probability[0, 0] = 0.5, 0.0, 0.1, 0.1
    probability[1] = 0.2
    # 4 mm pixels: the first two of the first slice are in the band; in the second no wall is.
    assert wall_uncertainty(probability, (4.0, 4.0)) == pytest.approx(0.5)


def test_entropy_of_a_quarter():
    probability = np.full((1, 2, 2), 0.25, np.float32)
    expected = 0.25 * 2 + 0.75 * np.log2(4 / 3)
    assert wall_uncertainty(probability, (1.0, 1.0)) == pytest.approx(expected)


def test_a_scan_without_any_wall_is_as_uncertain_as_can_be():
    assert wall_uncertainty(np.full((3, 4, 4), 0.2, np.float32), (1.0, 1.0)) == 1.0


def stack(*slices):
    verdict = Verdict(
        form=Form.EMPTY, measures=Measures(objects=0, holes=0, border_pixels=0), failures=()
    )
    return StackCorrection(
        slices=tuple(
            SliceCorrection(
                wall=np.zeros((2, 2), bool),
                verdict=verdict,
                failed=(),
                action=action,
                distance=distance,
            )
            for action, distance in slices
        ),
        dropped=(),
    )


def test_correction_is_the_mean_over_the_slices_with_a_wall():
    anatomy = stack(
        (Action.NOTHING, 0.0), (Action.KEPT, 0.0), (Action.MOVED, 1.2), (Action.EMPTIED, 0.0)
    )
    assert correction_distance(anatomy) == pytest.approx((0.0 + 1.2 + 2.0) / 3)


def test_nothing_drawn_is_nothing_corrected():
    assert correction_distance(stack((Action.NOTHING, 0.0))) == 0.0


def test_disagreement_is_the_mean_over_wall_and_enhancement():
    drawn = np.array([[[POOL, WALL, WALL, WALL]]], np.uint8)
    reviewed = np.array([[[POOL, WALL, GREY, 0]]], np.uint8)
    # Wall: 2 of 3 and 2 agree, Dice 4/5. Enhancement: drawn by one only, Dice 0.
    assert disagreement(drawn, reviewed) == pytest.approx(1 - (0.8 + 0.0) / 2)


def test_equal_maps_agree():
    empty = np.zeros((1, 2, 2), np.uint8)
    assert disagreement(empty, empty) == 0.0


def scan_of(pixels):
    grid = InputGrid(shape=pixels.shape, affine=np.diag([10.0, 2.0, 2.0, 1.0]), axes=(0, 1, 2))
    return ShortAxisScan(name="x", pixels=pixels.astype(np.float32), grid=grid)


def test_features_of_a_scan_of_one_row():
    pixels = np.zeros((2, 1, 4))
    pixels[0, 0] = 0.0, 100.0, 50.0, 75.0
    labels = np.zeros((2, 1, 4), np.uint8)
    labels[0, 0] = 0, POOL, WALL, GREY
    found = dict(zip(FEATURES, features_of(scan_of(pixels), labels), strict=True))
    assert found["slice distance, mm"] == 10.0
    assert found["pixel size, mm"] == 2.0
    assert found["slices with left ventricle"] == 1.0
    assert found["left ventricle, log ml"] == pytest.approx(np.log(3 * 0.04))
    assert found["wall, share of the left ventricle"] == pytest.approx(2 / 3)
    assert found["enhancement, share of the wall"] == 0.5
    # The percentiles lie between pixels: 0.5 % and 99.5 % of eight are near, not at, 0 and 100.
    assert found["signal of the blood pool"] == pytest.approx(1.0)
    assert found["signal of the wall without enhancement"] == pytest.approx(0.5, abs=0.01)
    assert found["spread of the signal of the wall"] == 0.0


def test_a_scan_without_a_ventricle_has_what_needs_none():
    pixels = np.arange(8.0).reshape(2, 1, 4)
    found = features_of(scan_of(pixels), np.zeros((2, 1, 4), np.uint8))
    assert [one is None for one in found] == [False] * 3 + [True] * 3 + [False] + [True] * 4
