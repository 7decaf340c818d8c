import hypothesis.strategies as st
import pytest
from hypothesis import given

from acsnet.errors import InputError
from acsnet.fine_tuning.holdout import (
    HoldOut,
    digest,
    extended,
    number,
    read_holdout,
    regrouped,
    taken_for,
    write_holdout,
)

NAMES = [f"patient {index}" for index in range(40)]


def test_the_first_time_the_share_is_held_out_those_with_the_smallest_numbers():
    holdout = extended(HoldOut(), NAMES[:8], share=0.25)
    by_number = sorted(NAMES[:8], key=lambda name: number(digest(name)))
    assert [name for name in by_number if holdout.holds(name)] == by_number[:2]
    assert len(holdout.held) == 2
    assert len(holdout.trained) == 6


@pytest.mark.parametrize(("count", "held"), [(2, 1), (3, 1), (10, 2)])
def test_one_at_least_is_held_out_and_one_at_least_is_trained_on(count, held):
    holdout = extended(HoldOut(), NAMES[:count], share=0.2)
    assert len(holdout.held) == held


def test_one_is_left_to_train_on_whatever_the_share():
    for before in (HoldOut(), extended(HoldOut(), NAMES[:4])):
        after = extended(before, ["a", "b"], share=0.9)
        assert sum(map(after.holds, "ab")) == 1


def test_where_those_held_out_are_gone_a_new_patient_is_held_out():
    before = extended(HoldOut(), NAMES[:4])
    trained = [name for name in NAMES[:4] if not before.holds(name)]
    # None would be held out by their own number.
    new = [name for name in NAMES[4:] if number(digest(name)) >= 0.25][:6]
    after = extended(before, [*trained, *new], share=0.25)
    by_number = sorted(new, key=lambda name: number(digest(name)))
    assert [name for name in by_number if after.holds(name)] == by_number[:2]
    assert not any(map(after.holds, trained))
    with pytest.raises(InputError, match="review labels of a new one to measure on"):
        extended(before, trained)
    with pytest.raises(InputError, match="at least 2 patients, got 1"):
        extended(before, new[:1])


def test_one_patient_alone_is_refused():
    with pytest.raises(InputError, match="at least 2 patients, got 1"):
        extended(HoldOut(), ["only one", "only one"])


def test_later_patients_are_held_out_by_their_own_number():
    holdout = extended(extended(HoldOut(), NAMES[:4]), NAMES, share=0.25)
    for name in NAMES[4:]:
        assert holdout.holds(name) == (number(digest(name)) < 0.25)


@given(
    st.lists(st.lists(st.text(max_size=5), min_size=2, max_size=6, unique=True), max_size=4),
    st.floats(0.05, 0.95),
)
def test_nobody_ever_changes_sides(visits, share):
    holdout = extended(HoldOut(), ["a", "b"])
    for patients in visits:
        try:
            later = extended(holdout, patients, share=share)
        except InputError:
            assert not any(map(holdout.holds, patients))
            continue
        assert any(map(later.holds, patients))
        assert holdout.held <= later.held
        assert holdout.trained <= later.trained
        assert not later.held & later.trained
        holdout = later


def test_scans_that_were_a_patient_each_are_joined_and_never_measured_on_after_training():
    before = HoldOut(
        held=frozenset(map(digest, ("p/1", "q/1", "r"))),
        trained=frozenset(map(digest, ("p/2", "s/1", "t"))),
    )
    scans = [("p/1", "p"), ("p/2", "p"), ("q/1", "q"), ("q/2", "q"), ("r", "r"), ("s/1", "s")]
    after = regrouped(before, scans)
    assert [name for name in "pqrst" if after.holds(name)] == ["q", "r"]
    assert set(map(digest, "pst")) <= after.trained
    assert not after.held & after.trained
    assert after.held == set(map(digest, "qr"))  # no scan stands for a patient any more
    assert regrouped(after, scans) == after


SIDES = HoldOut(
    held=frozenset({digest("2021")}),
    trained=frozenset({digest("2022")}),
).with_scans(held=["2021_P1", "2021_P2"], trained=["2022_P1", "2022_P2"])


def test_patients_in_a_folder_that_was_one_patient_stay_on_the_side_of_their_scans():
    scans = [(name, name.replace("_", "/")) for name in ("2021_P1", "2021_P2", "2022_P1")]
    after = extended(regrouped(SIDES, scans), ["2021/P1", "2021/P2", "2022/P1"], share=0.99)
    assert [after.holds(patient) for _, patient in scans] == [True, True, False]


def test_a_patient_whose_scans_were_on_both_sides_is_trained_on():
    after = regrouped(SIDES, [("2021_P1", "corrected"), ("2022_P1", "corrected")])
    assert digest("corrected") in after.trained - after.held
    assert after.with_scans(held=[], trained=["2021_P1"]).held_scans == {digest("2021_P2")}


def test_a_patient_who_was_held_out_is_not_measured_on_after_training_on_a_scan_of_theirs():
    after = regrouped(SIDES, [("2021_P1", "2021"), ("2022_P2", "2021")])
    assert (after.held, digest("2021") in after.trained) == (frozenset(), True)


def test_a_scan_that_was_trained_on_is_so_whichever_of_its_marks_tells():
    before = HoldOut().with_scans(held=["a", "content a"], trained=["b", "content b"])
    for marks, is_held in (
        (["a", "content a"], True),
        (["renamed", "content a"], True),
        (["renamed", "content b"], False),
        (["a", "content b"], False),  # the name is used again for another scan
        (["b", "content a"], False),
    ):
        after = regrouped(before, [(mark, "p") for mark in marks])
        assert (after.holds("p"), digest("p") in after.trained) == (is_held, not is_held)


def test_patients_with_a_scan_in_common_are_one_and_those_unread_are_not():
    scans = [("b", "x"), ("c", ""), ("a", "x"), ("d", ""), ("e", "y"), ("a", "y"), ("f", "z")]
    assert taken_for(scans) == {"b": "a", "c": "c", "a": "a", "d": "d", "e": "a", "f": "f"}


def test_where_all_have_been_trained_on_a_new_patient_is_held_out_or_asked_for():
    trained = HoldOut(trained=frozenset(map(digest, NAMES[:3])))
    after = extended(trained, NAMES[:4])
    assert after.held == {digest(NAMES[3])}
    with pytest.raises(InputError, match="review labels of a new one to measure on"):
        extended(trained, NAMES[:3])


def test_one_of_an_earlier_release_is_read(tmp_path):
    (tmp_path / "holdout.json").write_text('{"held": ["aa"], "trained": ["bb"]}')
    assert read_holdout(tmp_path) == HoldOut(held=frozenset({"aa"}), trained=frozenset({"bb"}))


def test_it_is_read_as_it_was_written_and_holds_no_patient_id(tmp_path):
    assert read_holdout(tmp_path) == HoldOut()
    holdout = extended(HoldOut(), NAMES).with_scans(held=["patient 1/a"], trained=["patient 2/b"])
    write_holdout(tmp_path, holdout)
    assert read_holdout(tmp_path) == holdout
    assert "patient" not in (tmp_path / "holdout.json").read_text()


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", '{"held": 3, "trained": []}', '{"held": [], "trained": [], "held_scans": 3}'],
)
def test_a_broken_one_is_refused_and_never_made_anew(tmp_path, content):
    (tmp_path / "holdout.json").write_text(content)
    with pytest.raises(InputError, match="broken"):
        read_holdout(tmp_path)
