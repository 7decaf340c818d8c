"""Which scan is chosen and why, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from acsnet.active_learning.acquisition import (
    COMBINED,
    PARTS,
    STRATEGIES,
    Known,
    choose,
    diversity,
    expected_disagreement,
    part_values,
    rank_shares,
    standardised,
)
from acsnet.active_learning.scores import FEATURES, Scores

NAN = np.nan


def known(name, *, at=0.0, uncertainty=0.0, correction=0.0, disagreement=None, shown=0.0):
    """A scored scan; at: its first feature, the only one that differs."""
    features = (at, *[1.0] * (len(FEATURES) - 1))
    scores = Scores(uncertainty=uncertainty, correction=correction, features=features)
    return Known(id=name, scores=scores, disagreement=disagreement, shown=shown)


def ids(choices):
    return [one.id for one in choices]


def test_every_part_is_a_strategy_and_one_has_them_all():
    assert set(STRATEGIES) == {COMBINED, *PARTS}
    assert STRATEGIES[COMBINED] == ("uncertainty", "correction", "disagreement", "diversity")


def test_places_are_shares_and_equal_values_have_equal_ones():
    # Places of 0.1, 0.1, 0.7, 0.9 are 1.5, 1.5, 3, 4 of 4, less half a place.
    shares = rank_shares(np.array([0.7, NAN, 0.1, 0.1, 0.9]))
    np.testing.assert_allclose(shares, [2.5 / 4, 0.5, 1 / 4, 1 / 4, 3.5 / 4])


def test_what_nobody_knows_is_middling():
    np.testing.assert_array_equal(rank_shares(np.full(3, NAN)), [0.5, 0.5, 0.5])
    np.testing.assert_array_equal(rank_shares(np.array([7.0])), [0.5])


@given(arrays.arrays(float, st.integers(1, 9), elements=st.floats(0, 1) | st.just(NAN)))
def test_shares_have_the_mean_one_half(values):
    assert rank_shares(values).mean() == pytest.approx(0.5)


def test_the_novelty_is_the_distance_to_the_nearest_centre():
    points = np.array([[0.0, 0.0], [3.0, 4.0], [NAN, NAN]])
    centres = np.array([[0.0, 1.0], [3.0, 0.0], [NAN, NAN]])
    np.testing.assert_allclose(diversity(points, centres), [1.0, 4.0, NAN])


def test_without_centres_the_most_typical_point_comes_first():
    points = np.array([[0.0], [1.0], [5.0]])
    np.testing.assert_allclose(diversity(points, np.empty((0, 1))), [-2.0, -1.0, -3.0])


def test_expected_disagreement_is_that_of_the_three_nearest():
    reviewed = np.array([[0.0], [1.0], [2.0], [10.0], [NAN]])
    changed = np.array([0.1, 0.2, 0.6, 1.0, 9.0])
    found = expected_disagreement(np.array([[0.9], [9.0], [NAN]]), reviewed, changed)
    np.testing.assert_allclose(found, [0.3, 0.6, NAN])


def test_features_are_standardised_and_a_missing_one_is_the_mean():
    short = Known(id="c", scores=Scores(uncertainty=0, correction=0, features=(None,) * 11))
    table = standardised([known("a", at=1.0), known("b", at=3.0), short, Known(id="d")])
    np.testing.assert_allclose(table[:3, 0], [-1.0, 1.0, 0.0])
    np.testing.assert_allclose(table[:3, 1:], 0.0)
    assert np.isnan(table[3]).all()


def test_features_that_differ_by_rounding_only_tell_no_scans_apart():
    # Pixels of 1.3671875 mm, in one header of 32-bit numbers 1.36718798; the second differs truly.
    features = [(1.3671875, 1.0), (1.36718798, 1.0), (1.3671875, 1.001)]
    scans = [
        Known(id="a", scores=Scores(uncertainty=0, correction=0, features=(*pair, *[0.0] * 9)))
        for pair in features
    ]
    table = standardised(scans)
    np.testing.assert_array_equal(table[:, 0], 0.0)
    np.testing.assert_allclose(table[:, 1], [-(0.5**0.5), -(0.5**0.5), 2**0.5])


def test_single_strategies_go_by_their_part():
    scans = [known("a", uncertainty=0.2, correction=0.9), known("b", uncertainty=0.8)]
    assert ids(choose(scans, [], strategy="uncertainty")) == ["b"]
    assert ids(choose(scans, [], strategy="correction")) == ["a"]


def test_disagreement_looks_at_the_reviewed_scans_most_like_it():
    reviewed = [
        known(f"r{k}", at=at, disagreement=far)
        for k, (at, far) in enumerate([(0.0, 0.05), (0.1, 0.05), (0.2, 0.05), (9.0, 0.4)])
    ] + [known("r4", at=9.1, disagreement=0.5), known("r5", at=9.2, disagreement=0.6)]
    (best,) = choose([known("a", at=0.1), known("b", at=9.0)], reviewed, strategy="disagreement")
    assert best.id == "b"
    assert best.values["disagreement"] == pytest.approx(0.5)
    assert best.reason == (
        "in the scans most like it, the model was further from the reviewers than in those most "
        "like 1 of 1 other scans"
    )


def test_diversity_is_greedy_k_centre():
    scans = [known(name, at=at) for name, at in zip("abcd", (0.0, 1.0, 6.0, 10.0), strict=True)]
    reviewed = [known("r", at=0.0)]
    # Farthest from 0 is 10; then 6 is 4 from 10, 1 is 1 from 0; then 1.
    assert ids(choose(scans, reviewed, strategy="diversity", count=3)) == ["d", "c", "b"]


def test_what_another_reader_has_is_covered():
    scans = [known("a", at=9.0), known("b", at=4.0)]
    assert ids(choose(scans, [known("r", at=0.0)], strategy="diversity")) == ["a"]
    given_out = [known("r", at=0.0), known("x", at=9.0)]
    assert ids(choose(scans, given_out, strategy="diversity")) == ["b"]


def test_without_a_scan_to_be_unlike_the_most_typical_one_is_chosen_and_called_so():
    scans = [known("a", at=0.0), known("b", at=2.0), known("c", at=3.0)]
    # The mean is 5/3: b is nearest to it.
    (best,) = choose(scans, [Known(id="unscored")], strategy="diversity")
    words = "it is nearer to the mean of the open scans than 2 of 2 other scans"
    assert (best.id, best.reason) == ("b", words)
    _, second = choose(scans, [], strategy="diversity", count=2)
    words = "it is less like the scans that are reviewed or being worked on than 1 of 1 other"
    assert second.id == "a"
    assert second.reason.startswith(words)


def test_the_combined_strategy_takes_the_mean_place():
    scans = [
        known("doubtful", uncertainty=0.9, correction=0.0, at=0.0),
        known("both", uncertainty=0.8, correction=1.0, at=1.0),
        known("neither", uncertainty=0.1, correction=0.0, at=0.0),
    ]
    # Shares: doubtful 5/6, 2/6, 1/2, 2/6; both 3/6, 5/6, 1/2, 5/6; neither 1/6, 2/6, 1/2, 2/6.
    (best,) = choose(scans, [known("r", at=0.0)], strategy=COMBINED)
    assert best.id == "both"
    assert set(best.values) == {"uncertainty", "correction", "diversity"}
    assert best.reason == (
        "the anatomical checks moved the wall further than in 2 of 2 other scans; "
        "it is less like the scans that are reviewed or being worked on than 2 of 2 other scans"
    )


def test_a_scan_not_scored_stands_between_the_good_and_the_bad():
    new, low, high = Known(id="new"), known("low", uncertainty=0.1), known("high", uncertainty=0.9)
    assert ids(choose([new, low, high], [], strategy="uncertainty")) == ["high"]
    # Of two that are scored the lower has a share of 1/4, of one 1/2.
    assert ids(choose([low, high, new], [], strategy="uncertainty", count=2)) == ["high", "low"]


def test_nothing_scored_goes_round_by_when_it_was_shown():
    scans = [Known(id="a", shown=20.0), Known(id="b", shown=10.0), Known(id="c", shown=10.0)]
    (best,) = choose(scans, [], strategy=COMBINED)
    assert best.id == "b"
    assert best.values == {}
    assert best.reason == "not scored yet: chosen because it was shown longest ago"


def test_a_scan_that_is_like_all_others_says_so():
    (best,) = choose([known("a"), known("b")], [], strategy=COMBINED)
    assert best.reason == "no other scan is known to tell more; shown longest ago"


def test_nothing_open_gives_nothing():
    assert choose([], [known("r")], strategy=COMBINED) == []


@given(st.permutations(range(6)), st.integers(1, 6))
def test_the_order_of_the_list_does_not_matter(order, count):
    scans = [known(f"s{k}", at=k * k, uncertainty=(k % 3) / 3, correction=k % 2) for k in range(6)]
    mixed = [scans[k] for k in order]
    assert ids(choose(mixed, [], strategy=COMBINED, count=count)) == ids(
        choose(scans, [], strategy=COMBINED, count=count)
    )


def test_part_values_of_unscored_scans_are_unknown():
    values = part_values([Known(id="a")], [known("r", disagreement=0.1)])
    assert all(np.isnan(of).all() for of in values.values())
