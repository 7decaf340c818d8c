import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import ttest_ind

from acsnet.evaluate.metrics import (
    concordance_correlation,
    mean_95,
    normalised_mae_percent,
    slice_balanced_accuracy,
    slice_hausdorff_mm,
    thirds_of_heart,
    welch_p,
)
from acsnet.masks import dice, slice_dice

stacks = arrays(bool, (3, 5, 6))


def square(top, left, *, side=4, size=10):
    mask = np.zeros((1, size, size), dtype=bool)
    mask[0, top : top + side, left : left + side] = True
    return mask


def disc(radius, *, size=41):
    row, column = np.mgrid[:size, :size] - size // 2
    return (row**2 + column**2 <= radius**2)[None]


EMPTY = np.zeros((1, 10, 10), dtype=bool)


def test_dice_of_squares_that_share_half_is_one_half():
    assert slice_dice(square(2, 2), square(2, 4)).tolist() == [0.5]


def test_dice_is_one_where_both_are_empty_and_zero_where_one_is():
    assert slice_dice(EMPTY, EMPTY).tolist() == [1.0]
    assert slice_dice(EMPTY, square(2, 2)).tolist() == [0.0]
    assert slice_dice(square(2, 2), EMPTY).tolist() == [0.0]


def test_volume_dice_weighs_voxels_not_slices():
    predicted = np.concatenate([square(2, 2), EMPTY])
    expert = np.concatenate([square(2, 2), square(0, 0, side=8)])
    assert dice(predicted, expert) == pytest.approx(2 * 16 / (16 + 16 + 64))


def test_balanced_accuracy_is_the_mean_of_sensitivity_and_specificity():
    # Half of the 16 expert pixels found; 8 of the 84 others wrongly marked.
    expected = (8 / 16 + 76 / 84) / 2
    assert slice_balanced_accuracy(square(2, 4), square(2, 2)).tolist() == pytest.approx([expected])


def test_balanced_accuracy_needs_drawn_and_undrawn_pixels():
    assert np.isnan(slice_balanced_accuracy(square(2, 2), EMPTY)).all()
    assert np.isnan(slice_balanced_accuracy(square(2, 2), ~EMPTY)).all()


def test_hausdorff_of_a_shift_is_its_length_in_mm():
    assert slice_hausdorff_mm(square(2, 2), square(2, 5), (1.0, 1.0)).tolist() == [3.0]
    assert slice_hausdorff_mm(square(2, 2), square(2, 5), (1.0, 2.0)).tolist() == [6.0]
    assert slice_hausdorff_mm(square(2, 2), square(5, 2), (1.5, 2.0)).tolist() == [4.5]
    diagonal = slice_hausdorff_mm(square(1, 1), square(4, 3), (1.0, 2.0))
    assert diagonal.tolist() == pytest.approx([5.0])  # 3 rows of 1 mm, 2 columns of 2 mm


def test_hausdorff_of_concentric_discs_is_the_difference_of_their_radii():
    distances = slice_hausdorff_mm(disc(15), disc(9), (1.5, 1.5))
    assert distances.tolist() == pytest.approx([9.0], abs=1.5)  # discs of pixels


def test_hausdorff_takes_the_worse_direction():
    speck = square(2, 2)
    speck[0, 2, 9] = True  # 4 columns from the square, which lies wholly inside
    assert slice_hausdorff_mm(square(2, 2), speck, (1.0, 1.0)).tolist() == [4.0]
    assert slice_hausdorff_mm(speck, square(2, 2), (1.0, 1.0)).tolist() == [4.0]


def test_hausdorff_sees_a_boundary_at_the_image_border():
    assert slice_hausdorff_mm(~EMPTY, square(0, 0, side=9), (1.0, 1.0)).tolist() == pytest.approx(
        [np.sqrt(2.0)]
    )


def test_hausdorff_measures_between_boundaries_so_a_hole_counts():
    # A wall two pixels thick: its outer pixels are boundary in both, its inner ones, which touch
    # the hole, in one only, and these are one pixel away.
    solid = square(1, 1, side=8)
    wall = solid & ~square(3, 3)
    assert slice_hausdorff_mm(wall, solid, (1.0, 1.0)).tolist() == [1.0]


def test_hausdorff_is_not_defined_against_nothing():
    predicted = np.concatenate([EMPTY, square(2, 2), square(2, 2), EMPTY])
    expert = np.concatenate([EMPTY, EMPTY, square(2, 3), square(2, 2)])
    distances = slice_hausdorff_mm(predicted, expert, (1.0, 1.0))
    assert np.isnan(distances).tolist() == [True, True, False, True]
    assert distances[2] == 1.0


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        (1, "m"),
        (2, "ab"),
        (3, "amb"),
        (4, "ammb"),
        (6, "aammbb"),
        (7, "aammmbb"),
        (10, "aaammmmbbb"),
    ],
)
def test_thirds_cut_the_distance_between_first_and_last_slice(slices, expected):
    thirds = thirds_of_heart(np.ones((slices, 2, 2), dtype=bool))
    assert "".join(third[0] for third in thirds) == expected


def test_slices_beyond_the_expert_belong_to_the_near_end():
    lv = np.zeros((8, 2, 2), dtype=bool)
    lv[2:5] = True
    assert "".join(third[0] for third in thirds_of_heart(lv)) == "aaambbbb"


def test_thirds_need_a_left_ventricle():
    with pytest.raises(ValueError, match="no left ventricle"):
        thirds_of_heart(np.zeros((3, 2, 2), dtype=bool))


def test_mean_and_interval_leave_out_what_is_not_defined():
    # 1, 2, 3: mean 2, sd 1, half-width 1.96 / sqrt(3).
    mean = mean_95(np.array([1.0, np.nan, 2.0, 3.0]))
    assert (mean.n, mean.value) == (3, 2.0)
    assert mean.half_width_95 == pytest.approx(1.96 / np.sqrt(3))


def test_one_value_has_no_interval_and_none_has_no_mean():
    one, none = mean_95(np.array([4.0])), mean_95(np.array([np.nan]))
    assert (one.n, one.value, one.half_width_95) == (1, 4.0, None)
    assert (none.n, none.value, none.half_width_95) == (0, None, None)


def test_concordance_falls_with_scatter_and_with_bias():
    expert = np.array([1.0, 2.0, 3.0])
    assert concordance_correlation(expert, expert) == pytest.approx(1.0)
    # A bias of 1: 2 * 2/3 / (2/3 + 2/3 + 1) = 4/7.
    assert concordance_correlation(expert + 1, expert) == pytest.approx(4 / 7)
    assert concordance_correlation(expert[::-1], expert) == pytest.approx(-1.0)
    assert concordance_correlation(expert[:1], expert[:1]) is None
    assert concordance_correlation(np.ones(3), np.ones(3)) is None
    thrice = np.full(3, 103.9)  # whose mean is 103.90000000000002, so their variance is not 0
    assert concordance_correlation(thrice, thrice) is None
    assert concordance_correlation(thrice, thrice + 0.5) is None


def test_welch_of_equal_lists_is_one_and_of_distant_lists_near_zero():
    values = np.array([10.0, 11.0, 12.0, 13.0])
    assert welch_p(values, values) == pytest.approx(1.0)
    assert welch_p(values + 100, values) < 1e-6
    scipys = ttest_ind(values * 2, values, equal_var=False).pvalue
    assert welch_p(values * 2, values) == pytest.approx(scipys)
    assert welch_p(values[:1], values[:1]) is None
    assert welch_p(np.zeros(3), np.zeros(3)) is None


def test_normalised_error_leaves_out_patients_without_the_region():
    # 10 % and 30 %; the third patient has nothing to normalise by.
    error = normalised_mae_percent(np.array([90.0, 13.0, 5.0]), np.array([100.0, 10.0, 0.0]))
    assert error == pytest.approx(20.0)
    assert normalised_mae_percent(np.array([5.0]), np.array([0.0])) is None


@settings(max_examples=40, deadline=None)
@given(one=stacks, other=stacks, row_mm=st.floats(0.5, 3.0))
def test_agreement_is_symmetric_bounded_and_free_of_slice_order(one, other, row_mm):
    dice = slice_dice(one, other)
    assert np.array_equal(dice, slice_dice(other, one))
    assert ((dice >= 0) & (dice <= 1)).all()
    assert np.array_equal(slice_dice(one[::-1], other[::-1]), dice[::-1])
    distance = slice_hausdorff_mm(one, other, (row_mm, 1.0))
    assert np.array_equal(distance, slice_hausdorff_mm(other, one, (row_mm, 1.0)), equal_nan=True)
    assert np.array_equal(
        slice_hausdorff_mm(one[::-1], other[::-1], (row_mm, 1.0)), distance[::-1], equal_nan=True
    )
    accuracy = slice_balanced_accuracy(one, other)
    assert ((accuracy >= 0) & (accuracy <= 1) | np.isnan(accuracy)).all()
    lv = one | other
    if lv.any():
        swapped = {"apex": "base", "middle": "middle", "base": "apex"}
        turned = thirds_of_heart(lv[::-1])[::-1]
        assert tuple(swapped[third] for third in turned) == thirds_of_heart(lv)
