import json
from dataclasses import replace

import pytest

from acsnet.fine_tuning.promotion import (
    GATE_MEASURES,
    decide,
    decision_from_dict,
    decision_to_dict,
)

SAME = {
    "lv_dice": 0.9,
    "wall_dice": 0.8,
    "enhancement_dice": 0.5,
    "burden_error_points": 4.0,
    "invalid_slices_percent": 10.0,
    "missed_scar_percent": 20.0,
}

EXACT = {
    "lv_dice": 1.0,
    "wall_dice": 1.0,
    "enhancement_dice": 1.0,
    "burden_error_points": 0.0,
    "invalid_slices_percent": 0.0,
    "missed_scar_percent": 0.0,
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


@pytest.mark.parametrize(("changed", "unchanged"), [(5, 0), (5, 1), (5, 15)])
def test_patients_whose_masks_do_not_change_are_not_tested_but_count_in_the_mean(
    changed, unchanged
):
    before = walls(*[0.6] * (changed + unchanged))
    decision = decide(before, walls(*[0.8] * changed, *[0.6] * unchanged))
    row = rows(decision)["wall_dice"]
    assert (decision.promote, row.p) == (True, None)
    assert row.gain == pytest.approx(0.2 * changed / (changed + unchanged))
    # Of 20 patients, one that gains 0.19 is a mean of 0.0095, less than the margin.
    assert not decide(walls(*[0.6] * 20), walls(0.79, *[0.6] * 19)).promote
    assert not decide(before, walls(*[0.8] * (changed - 1), 0.589, *[0.6] * unchanged)).promote


def test_six_patients_that_gain_pass_the_test_beside_others_that_do_not_change():
    gaining = [0.8 + k / 100 for k in range(1, 7)]
    decision = decide(walls(*[0.8] * 20), walls(*gaining, *[0.8] * 14))
    assert rows(decision)["wall_dice"].p == pytest.approx(1 / 64)
    assert decision.promote


def test_a_gain_of_a_tenth_of_the_margin_is_none_in_however_many_patients():
    # The margin of the wall is 0.01. All 12 gain: p = 1 / 4096.
    for gain, is_better in ((0.0011, True), (0.0009, False), (0.00001, False)):
        # The gains differ a little, as equal ones have no ranks; their mean is `gain`.
        after = walls(*(0.8 + gain * (1 + (k - 5.5) / 100) for k in range(12)))
        decision = decide(walls(*[0.8] * 12), after)
        assert rows(decision)["wall_dice"].p == pytest.approx(1 / 4096)
        assert decision.promote is is_better


def test_many_small_gains_do_not_make_up_for_a_large_loss():
    # The test goes by ranks: 210 of 231 are of gains. But the mean is (0.020 - 0.15) / 21.
    changes = [0.001 * (1 + k / 1000) for k in range(20)]
    decision = decide(walls(*[0.8] * 21), walls(*(0.8 + change for change in changes), 0.65))
    row = rows(decision)["wall_dice"]
    assert row.p < 0.05 / 3
    assert row.gain == pytest.approx(-0.0062, abs=1e-4)
    assert (row.verdict, decision.promote) == ("same", False)


@pytest.mark.parametrize(
    ("lost", "words"),
    [
        # The mean gains all the same: (0.060 + 0.061 + ... + 0.072 - 0.6) / 14 = 0.018.
        ({"wall_dice": 0.2}, "myocardium Dice (0.200 instead of 0.800)"),
        ({"lv_dice": 0.79}, "left ventricle Dice (0.790 instead of 0.900)"),
        ({"burden_error_points": 24.1}, "scar burden error, points (24.1 instead of 4.0)"),
    ],
)
def test_one_patient_whom_a_candidate_fails_refuses_it_whatever_the_others_gain(lost, words):
    def gaining(**one):
        return patients(*({"wall_dice": 0.86 + k / 1000} for k in range(13)), one)

    before = patients(*[{}] * 14)
    assert decide(before, gaining(wall_dice=0.71, burden_error_points=23.9)).promote
    assert decide(before, gaining(enhancement_dice=0.27)).promote
    decision = decide(before, gaining(**lost))
    assert not decision.promote
    assert decision.reason == f"one patient loses more than 10 margins: {words}"


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
    after = {"wall_dice": 0.9, "lv_dice": 0.891, "burden_error_points": 6.0}
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
    decision = replace(decide(walls(0.8, 0.7), walls(0.9, 0.8)), accepted=("a scan",))
    assert decision_from_dict(json.loads(json.dumps(decision_to_dict(decision)))) == decision


def test_a_decision_of_an_earlier_release_names_no_accepted_drafts():
    content = decision_to_dict(decide(walls(0.8), walls(0.9)))
    del content["accepted"]
    assert decision_from_dict(content).accepted == ()


def enhancement(value, wall=0.8):
    """Two patients."""
    return patients(*[{"enhancement_dice": value, "wall_dice": wall}] * 2)


def test_losses_within_the_margin_do_not_add_up_over_promotions():
    shipped, live = enhancement(0.60), enhancement(0.585)
    # 0.015 less than the live model, 0.030 less than the shipped networks: the margin is 0.02.
    decision = decide(live, enhancement(0.57, wall=0.9), shipped=shipped)
    assert not decision.promote
    assert decision.reason == (
        "worse than the shipped networks by more than the margin: "
        "enhancement Dice (0.570 instead of 0.600)"
    )
    assert decide(live, enhancement(0.581, wall=0.9), shipped=shipped).promote


def test_a_candidate_that_makes_up_for_a_loss_in_part_is_not_refused_for_the_rest():
    live = enhancement(0.50)
    assert decide(live, enhancement(0.51, wall=0.9), shipped=enhancement(0.60)).promote
    assert decide(live, enhancement(0.50, wall=0.9), shipped=enhancement(0.60)).promote


def test_a_loss_of_a_tenth_of_the_margin_is_none():
    # The margin of the enhancement is 0.02, a tenth 0.002; the live model is 0.025 below.
    shipped, live = enhancement(0.60), enhancement(0.575)
    assert decide(live, enhancement(0.575 - 1e-6, wall=0.9), shipped=shipped).promote
    assert decide(live, enhancement(0.5731, wall=0.9), shipped=shipped).promote
    decision = decide(live, enhancement(0.5729, wall=0.9), shipped=shipped)
    assert not decision.promote
    assert decision.reason.endswith("enhancement Dice (0.573 instead of 0.600)")


def test_a_few_voxels_less_do_not_decide_however_far_the_live_model_is_below():
    # A hundredth of the margin of the enhancement is 0.0002; the live model is 0.1 below.
    shipped, live = enhancement(0.60), enhancement(0.50)
    assert decide(live, enhancement(0.49981, wall=0.9), shipped=shipped).promote
    assert not decide(live, enhancement(0.49979, wall=0.9), shipped=shipped).promote


def test_losses_of_a_tenth_of_the_margin_do_not_add_up_either():
    # A margin and a half of the enhancement is 0.03; each step loses 0.0019.
    shipped, value = enhancement(0.60), 0.60
    while decide(
        enhancement(value), enhancement(value - 0.0019, wall=0.9), shipped=shipped
    ).promote:
        value -= 0.0019
    assert 0.60 - value == pytest.approx(15 * 0.0019)
    assert 16 * 0.0019 > 0.03


def test_a_larger_error_than_that_of_the_shipped_networks_is_a_loss_too():
    def errors(points, wall=0.8):
        return patients(*[{"burden_error_points": points, "wall_dice": wall}] * 2)

    decision = decide(errors(5.0), errors(6.5, wall=0.9), shipped=errors(4.0))
    assert decision.reason == (
        "worse than the shipped networks by more than the margin: "
        "scar burden error, points (6.5 instead of 4.0)"
    )


def test_drafts_accepted_unchanged_are_no_reason_to_refuse_a_better_candidate():
    accepted = (patients(EXACT, EXACT), patients({"lv_dice": 0.95}, {}))
    decision = decide(walls(0.60, 0.62), walls(0.85, 0.86), accepted=accepted)
    assert decision.promote
    assert rows(decision)["wall_dice"].patients == 2


def test_a_candidate_must_do_on_accepted_drafts_what_the_live_model_does_elsewhere():
    # The margin of the wall is 0.01, of the burden 2 points; the live model has 0.8 and 4.
    ruined = patients({"wall_dice": 0.3, "burden_error_points": 6.5})
    decision = decide(walls(0.8, 0.8), walls(0.9, 0.9), accepted=(patients(EXACT), ruined))
    assert not decision.promote
    assert decision.reason == (
        "on labels accepted unchanged worse by more than the margin than the live model there and "
        "on labels that a person drew: myocardium Dice (0.300 instead of 0.800), "
        "scar burden error, points (6.5 instead of 4.0)"
    )
    near = patients({"wall_dice": 0.791, "burden_error_points": 5.9, "enhancement_dice": None})
    assert decide(walls(0.8, 0.8), walls(0.9, 0.9), accepted=(patients(EXACT), near)).promote


def accepting(on_live, on_candidate, *, live=SAME):
    """On a candidate that is better on a drawn label, with the measures on an accepted one."""
    drawn = patients({**live, "wall_dice": 0.80}), patients({**live, "wall_dice": 0.85})
    return decide(*drawn, accepted=(patients(on_live), patients(on_candidate)))


def test_slices_that_are_invalid_in_an_accepted_draft_already_are_no_reason_to_refuse():
    # The margin is 5: of the live model on drawn labels 0 %, on the accepted draft 10 %.
    valid = {**SAME, "invalid_slices_percent": 0.0}
    draft = {**EXACT, "invalid_slices_percent": 10.0}
    assert accepting(draft, draft, live=valid).promote
    assert accepting(draft, {**draft, "invalid_slices_percent": 14.9}, live=valid).promote
    decision = accepting(draft, {**draft, "invalid_slices_percent": 15.1}, live=valid)
    assert not decision.promote
    assert decision.reason.endswith("slices not valid as drawn, % (15.1 instead of 10.0)")


@pytest.mark.parametrize("measure", GATE_MEASURES)
def test_a_candidate_that_does_on_accepted_drafts_what_the_live_model_does_is_not_refused(measure):
    # An earlier model drew them, so that the live one is not exact, and further from them than
    # from drawn labels.
    far = {measure: 0.1 if measure.endswith("dice") else 60.0}
    assert accepting(far, far).promote


def test_scar_of_an_accepted_draft_may_not_be_lost_but_small_scars_have_a_lower_dice():
    # On drawn labels the live model has a Dice of 0.5 and misses 20 %, with a margin of 5.
    assert accepting(EXACT, {**EXACT, "enhancement_dice": 0.3}).promote
    assert accepting(EXACT, {**EXACT, "missed_scar_percent": 24.9}).promote
    decision = accepting(EXACT, {**EXACT, "missed_scar_percent": 25.1})
    assert not decision.promote
    assert decision.reason.endswith("slices with missed scar, % (25.1 instead of 20.0)")


def test_scar_of_accepted_drafts_may_not_be_lost_where_no_drawn_patient_has_any():
    healthy = {"enhancement_dice": None, "missed_scar_percent": None}
    drawn = patients(healthy), patients({**healthy, "wall_dice": 0.85})
    for missed, promote in ((4.9, True), (5.1, False)):  # the margin is 5
        kept = patients({**EXACT, "missed_scar_percent": missed})
        decision = decide(*drawn, accepted=(patients(EXACT), kept))
        assert decision.promote is promote
    assert decision.reason.endswith("slices with missed scar, % (5.1 instead of 0.0)")


def test_both_models_are_measured_on_the_same_accepted_drafts():
    with pytest.raises(ValueError, match="same patients"):
        decide(patients({}), patients({}), accepted=(patients({}), patients({}, {})))


def test_accepted_drafts_alone_promote_nothing():
    decision = decide({}, {}, shipped={}, accepted=(patients({}), patients({})))
    reason = "no label that a person drew or corrected is held out to measure on"
    assert (decision.promote, decision.reason) == (False, reason)
