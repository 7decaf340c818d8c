import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_ind

from acsnet.evaluate.cases import CaseScores, RegionScores
from acsnet.evaluate.summary import summarise
from acsnet.evaluate.tertiles import TERTILES, spread, tertile_rows, tertiles_of


def region(expert_ml, predicted_ml):
    one = np.ones(1)
    return RegionScores(
        expert_drew=one > 0,
        predicted_drew=one > 0,
        dice=one,
        balanced_accuracy=one,
        hausdorff_mm=one,
        expert_ml=expert_ml,
        predicted_ml=predicted_ml,
        volume_dice=1.0,
    )


def case(name, lv, wall, enhancement):
    """Expert and predicted ml of each."""
    return CaseScores(
        name=name,
        spacing_mm=(8.0, 1.0, 1.0),
        thirds=("middle",),
        regions={
            "lv": region(*lv),
            "myocardium": region(*wall),
            "enhancement": region(*enhancement),
        },
    )


CASES = [
    case("large", (400.0, 380.0), (200.0, 220.0), (20.0, 10.0)),
    case("small", (100.0, 120.0), (100.0, 90.0), (0.0, 9.0)),
    case("medium", (200.0, 200.0), (100.0, 110.0), (10.0, 11.0)),
    case("larger", (500.0, 450.0), (200.0, 180.0), (40.0, 36.0)),
]


def row(rows, region, tertile):
    (found,) = [row for row in rows if (row.region, row.tertile) == (region, tertile)]
    return found


def test_tertiles_are_by_rank_and_the_lower_takes_what_is_left_over():
    assert tertiles_of(np.array([400.0, 100.0, 200.0, 500.0])) == (
        "middle",
        "lower",
        "lower",
        "upper",
    )
    assert tertiles_of(np.array([3.0, 2.0])) == ("middle", "lower")


def test_equal_volumes_keep_their_order():
    assert tertiles_of(np.full(3, 7.0)) == TERTILES


@given(st.lists(st.floats(0.0, 1000.0), max_size=20))
def test_tertiles_differ_in_size_by_one_at_most_and_never_overlap(volumes):
    found = np.array(tertiles_of(np.array(volumes)), dtype=object)
    sizes = [int((found == tertile).sum()) for tertile in TERTILES]
    assert sum(sizes) == len(volumes)
    assert max(sizes) - min(sizes) <= 1
    groups = [np.array(volumes)[found == tertile] for tertile in TERTILES]
    full = [group for group in groups if len(group)]
    assert all(below.max() <= above.min() for below, above in itertools.pairwise(full))


def test_every_region_is_grouped_by_the_left_ventricle():
    rows = tertile_rows(CASES, ("lv", "myocardium", "enhancement"))
    lower = row(rows, "myocardium", "lower")
    assert (lower.patients, lower.expert_ml.mean, lower.predicted_ml.mean) == (2, 100.0, 100.0)
    assert (lower.predicted_ml.low, lower.predicted_ml.high) == (90.0, 110.0)
    assert lower.normalised_mae_percent.mean == pytest.approx(10.0)
    # LV errors: 5, 20, 0 and 10 %.
    total = row(rows, "lv", "total").normalised_mae_percent
    assert (total.n, total.low, total.high) == (4, 0.0, 20.0)
    assert total.mean == pytest.approx(8.75)


def test_who_has_no_region_counts_in_its_volume_but_not_in_its_error():
    lower = row(tertile_rows(CASES, ("lv", "enhancement")), "enhancement", "lower")
    assert (lower.patients, lower.expert_ml.mean, lower.predicted_ml.mean) == (2, 5.0, 10.0)
    assert lower.normalised_mae_percent.n == 1
    assert lower.normalised_mae_percent.mean == pytest.approx(10.0)


def test_welch_needs_two_patients():
    rows = tertile_rows(CASES, ("lv",))
    assert row(rows, "lv", "upper").welch_p is None
    assert row(rows, "lv", "lower").welch_p == pytest.approx(
        ttest_ind([120.0, 200.0], [100.0, 200.0], equal_var=False).pvalue
    )


def test_a_tertile_without_patients_has_no_numbers():
    upper = row(tertile_rows(CASES[:2], ("lv",)), "lv", "upper")
    assert (upper.patients, upper.expert_ml.mean, upper.welch_p) == (0, None, None)
    assert spread(np.array([])).n == 0


def test_limits_of_agreement_are_1_96_standard_deviations_about_the_bias():
    # Burdens: 10 and 4.545 %; 0 and 10 %; 10 and 10 %; 20 and 20 %.
    burden = summarise(CASES, "emidec").burden
    differences = np.array([1000 / 220 - 10.0, 10.0, 0.0, 0.0])
    reach = 1.96 * differences.std(ddof=1)
    assert burden.bias_points == pytest.approx(differences.mean())
    assert burden.limits_points == pytest.approx(
        (differences.mean() - reach, differences.mean() + reach)
    )
    assert summarise(CASES[:1], "emidec").burden.limits_points is None
