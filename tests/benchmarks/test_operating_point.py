import numpy as np
import pytest

from acsnet.stages.myocardium import EnhancementCleanup
from training.threshold_curves import (
    ScarPoint,
    WallPoint,
    best_scar,
    best_wall,
    scar_point,
    scar_score,
    wall_point,
    wall_score,
)

WIDTH = 20


def stack(*pixels):
    """(slice, 1, WIDTH): the first pixels of each slice are in."""
    return np.stack([(np.arange(WIDTH) < n)[None] for n in pixels])


def test_a_wall_is_scored_where_the_expert_drew_it():
    # Slices of 10 and 6 against 10 and 10; the third, of 5, is beyond the expert's.
    score = wall_score(stack(10, 6, 5), stack(10, 10, 0))
    assert score.dice == pytest.approx((1.0 + 12 / 16) / 2)
    assert score.volume_ratio == pytest.approx(16 / 20)


def test_scar_counts_inside_its_wall_and_its_burden_is_a_share_of_that_wall():
    # Scar of 12 is cut to the wall of 8; the expert has 4 of 10 in the first slice, none in the
    # second, where 5 are found in a wall of 10; the third slice is beyond the expert's wall.
    score = scar_score(stack(12, 5, 9), stack(8, 10, 9), stack(4, 0, 0), stack(10, 10, 0))
    assert score.dice == pytest.approx(2 * 4 / (8 + 4))
    assert score.burden_percent == pytest.approx(100 * 13 / 18)
    assert score.expert_burden_percent == pytest.approx(100 * 4 / 20)


def test_a_normal_has_no_dice_of_scar():
    score = scar_score(stack(2), stack(10), stack(0), stack(10))
    assert score.dice is None
    assert (score.burden_percent, score.expert_burden_percent) == (20.0, 0.0)


def test_points_are_means_over_patients():
    walls = [wall_score(stack(10), stack(10)), wall_score(stack(5), stack(10))]
    point = wall_point(0.5, walls)
    assert point.dice == pytest.approx((1.0 + 2 / 3) / 2)
    assert point.bias_percent == pytest.approx(-25.0)
    scars = [
        scar_score(stack(4), stack(10), stack(2), stack(10)),  # 40 % for 20 %
        scar_score(stack(1), stack(10), stack(0), stack(10)),  # 10 % for none
        scar_score(stack(0), stack(10), stack(3), stack(10)),  # none for 30 %
    ]
    found = scar_point(0.5, EnhancementCleanup(), scars)
    assert found.patients == 3
    assert found.dice == pytest.approx((2 * 2 / 6 + 0.0) / 2)
    assert found.bias_points == pytest.approx((20 + 10 - 30) / 3)
    assert found.false_scar_percent == pytest.approx(10.0)
    assert found.missed == 1
    # Means 50 / 3 both; covariance (40 x 20 + 10 x 0 + 0 x 30) / 3 - (50 / 3)^2 = -100 / 9.
    variances = (1600 + 100) / 3 - (50 / 3) ** 2 + (400 + 900) / 3 - (50 / 3) ** 2
    assert found.concordance == pytest.approx(2 * (-100 / 9) / variances)


def test_of_walls_of_like_dice_the_least_biased_is_chosen():
    def at(threshold, dice, bias):
        return WallPoint(threshold=threshold, patients=9, dice=dice, bias_percent=bias)

    points = [at(0.4, 0.850, 9.0), at(0.5, 0.849, 3.0), at(0.55, 0.8475, -1.0), at(0.7, 0.84, 0.0)]
    assert best_wall(points).threshold == 0.55


def test_of_scars_of_like_dice_the_most_concordant_is_chosen():
    def at(threshold, dice, concordance):
        return ScarPoint(
            threshold=threshold,
            cleanup=EnhancementCleanup(),
            patients=9,
            dice=dice,
            bias_points=0.0,
            concordance=concordance,
            false_scar_percent=0.0,
            missed=0,
        )

    points = [at(0.4, 0.60, 0.80), at(0.5, 0.595, 0.90), at(0.9, 0.55, 0.95)]
    assert best_scar(points).threshold == 0.5
