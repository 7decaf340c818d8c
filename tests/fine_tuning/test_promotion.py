import json

import pytest

from acsnet.fine_tuning.promotion import (
    MEASURES,
    decide,
    decision_from_dict,
    decision_to_dict,
    mean_measures,
)

SAME = {
    "lv_dice": 0.9,
    "wall_dice": 0.8,
    "enhancement_dice": 0.5,
    "burden_error_points": 4.0,
    "invalid_slices_percent": 10.0,
    "missed_scar_percent": 20.0,
}


def patients(*changes):
    """A patient for each change of `SAME`."""
    return {f"p{index}": {**SAME, **change} for index, change in enumerate(changes)}


def rows(decision):
    return {row.measure: row for row in decision.rows}


def walls(*values):
    return patients(*({"wall_dice": value} for value in values))


def test_a_candidate_that_does_as_well_is_not_promoted():
    decision = decide(patients({}, {}), patients({}, {}))
    assert not decision.promote
    assert decision.reason == "no region is shown to be better"
    assert {row.verdict for row in decision.rows} == {"same"}


def test_few_patients_that_all_gain_are_enough():
    decision = decide(walls(0.80, 0.70, 0.60), walls(0.82, 0.73, 0.61))
    row = rows(decision)["wall_dice"]
    assert decision.promote
    assert (row.patients, row.p, row.verdict) == (3, None, "better")
    assert row.live == pytest.approx(0.70)
    assert row.candidate == pytest.approx(0.72)
    assert row.gain == pytest.approx(0.02)
    assert (
        decision.reason == "nothing is worse than its margin, and these are better: myocardium Dice"
    )


def test_of_few_patients_none_may_lose_more_than_the_margin():
    decision = decide(walls(0.8, 0.8, 0.8), walls(0.9, 0.9, 0.78))
    assert not decision.promote
    assert rows(decision)["wall_dice"].verdict == "same"


def test_six_patients_that_all_gain_pass_the_test():
    # 1 of 64 arrangements of signs is as good: p = 0.0156, below 0.05 / 3 regions.
    gains = (0.011, 0.012, 0.013, 0.014, 0.015, 0.016)
    decision = decide(walls(*[0.8] * 6), walls(*(0.8 + gain for gain in gains)))
    assert rows(decision)["wall_dice"].p == pytest.approx(1 / 64)
    assert decision.promote


def test_six_patients_of_whom_the_second_smallest_change_is_a_loss_do_not():
    # Of 64 arrangements, rank sums of losses up to 2: {}, {1}, {2}: p = 3/64 = 0.047.
    changes = (0.011, -0.012, 0.013, 0.014, 0.015, 0.016)
    decision = decide(walls(*[0.8] * 6), walls(*(0.8 + change for change in changes)))
    assert rows(decision)["wall_dice"].p == pytest.approx(3 / 64)
    assert not decision.promote


@pytest.mark.parametrize(
    ("worse", "heading"),
    [
        ({"lv_dice": 0.889}, "left ventricle Dice"),
        ({"enhancement_dice": 0.479}, "enhancement Dice"),
        ({"burden_error_points": 6.1}, "scar burden error, points"),
        ({"invalid_slices_percent": 15.1}, "slices not valid as drawn, %"),
        ({"missed_scar_percent": 25.1}, "slices with missed scar, %"),
    ],
)
def test_a_gain_in_one_does_not_pay_for_a_loss_beyond_the_margin_in_another(worse, heading):
    decision = decide(walls(0.8, 0.8), patients(*[{"wall_dice": 0.9, **worse}] * 2))
    assert not decision.promote
    assert decision.reason == f"worse than the margin: {heading}"
    assert rows(decision)["wall_dice"].verdict == "better"


def test_a_loss_within_the_margin_is_borne():
    after = {"wall_dice": 0.9, "lv_dice": 0.891, "burden_error_points": 5.9}
    decision = decide(walls(0.8, 0.8), patients(after, after))
    assert decision.promote


def test_only_a_region_counts_as_better():
    decision = decide(
        patients({}, {}), patients({"burden_error_points": 0.0}, {"burden_error_points": 0.0})
    )
    assert rows(decision)["burden_error_points"].verdict == "better"
    assert not decision.promote


def test_patients_without_a_figure_are_left_out_of_its_row():
    healthy = {"enhancement_dice": None, "missed_scar_percent": None}
    decision = decide(patients(healthy, {}), patients(healthy, {"enhancement_dice": 0.6}))
    assert rows(decision)["enhancement_dice"].patients == 1
    assert rows(decision)["wall_dice"].patients == 2
    only_healthy = decide(patients(healthy), patients(healthy))
    assert "enhancement_dice" not in rows(only_healthy)


def test_nobody_to_measure_on_promotes_nothing():
    decision = decide({}, {})
    assert (decision.promote, decision.reason) == (False, "no patient is held out to measure on")


def test_both_models_are_measured_on_the_same_patients():
    with pytest.raises(ValueError, match="same patients"):
        decide(patients({}), patients({}, {}))


def test_a_decision_goes_through_json_as_it_is():
    decision = decide(walls(0.8, 0.7), walls(0.9, 0.8))
    assert decision_from_dict(json.loads(json.dumps(decision_to_dict(decision)))) == decision


def test_the_scans_of_a_patient_count_once():
    mean = mean_measures([{**SAME, "wall_dice": 0.6, "enhancement_dice": None}, SAME])
    assert mean["wall_dice"] == pytest.approx(0.7)
    assert mean["enhancement_dice"] == 0.5
    assert mean.keys() == MEASURES.keys()
