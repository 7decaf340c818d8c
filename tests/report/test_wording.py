"""Numbers are rounded so that they can be read, and what is missing is named."""

from dataclasses import replace

import numpy as np
import pytest

from acsnet.measure import measure_labels
from acsnet.quantify.quantification import quantify
from acsnet.quantify.sampling import SAMPLING
from acsnet.report.case_page import case_page
from acsnet.report.wording import (
    MEASURES,
    doubt_sentences,
    has_scar_number,
    interval_sentences,
    measure_lines,
    measure_rows,
    method_lines,
    number,
    scar_was_not_looked_for,
    signal_decimals,
    signed,
    slices_to_look_at,
)


@pytest.mark.parametrize(
    ("signals", "decimals"),
    [((230.4, 99.0), 1), ((1250.0,), 0), ((30000.0,), 0), ((0.25, None), 4), ((-12.0, 3.0), 2)],
)
def test_signals_have_four_digits_whatever_their_scale(signals, decimals):
    assert signal_decimals(signals) == decimals


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (13.25, 1, "13.3"),  # as the toFixed of a browser, which counts clicks
        (13.35, 1, "13.3"),  # the float lies below the half
        (12.5, 0, "13"),
        (-2.5, 0, "-3"),
        (0.0, 9, "0.000000000"),
        (3, 0, "3"),
        (1e30, 1, "1000000000000000019884624838656.0"),
        (-0.04, 1, "0.0"),
        (None, 1, "not known"),
    ],
)
def test_halves_are_rounded_up_and_numbers_written_out(value, decimals, text):
    assert number(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "+0.3"), (-0.25, "-0.3"), (10, "+10.0"), (0.04, "0.0"), (-0.04, "0.0"), (0.0, "0.0")],
)
def test_a_change_is_rounded_as_numbers_are_and_none_has_no_sign(value, text):
    assert signed(value, 1) == text


def test_without_signals_there_is_nothing_to_round():
    assert signal_decimals([None, 0.0]) == 0


def test_intervals_stand_beside_their_measures(measured):
    features = measured.features_dict()
    features["intervals"] = {"scar_burden_percent": {"low": 10.04, "high": 20.0, "level": 0.9}}
    lines = {line.name: line for line in measure_lines(features)}
    assert lines["Scar burden"].interval == "10.0 to 20.0"
    assert lines["Scar mass"].interval == ""
    assert interval_sentences(features) == [
        "Scar burden: 90 % interval 10.0 to 20.0 % of myocardium"
    ]
    assert interval_sentences({**features, "intervals": None}) == []


def test_what_needs_a_scar_says_that_there_is_none(measured):
    features = {**measured.features_dict(), "scar_transmurality_percent": None}
    told = {line.name: line.value for line in measure_lines(features)}
    assert told["Depth of the scar, share of the wall"] == "not known"
    features["enhancement_volume_ml"] = 0.0
    told = {line.name: line.value for line in measure_lines(features)}
    assert told["Depth of the scar, share of the wall"] == "no scar"


def test_a_heart_that_was_not_found_is_none_without_scar(measured):
    labels = np.zeros_like(measured.labels)
    nothing = replace(measured, labels=labels, quantification=quantify(measured.scan, labels))
    features = nothing.features_dict()
    assert {line.value for line in measure_lines(features)} == {"not known"}
    assert {line.unit for line in measure_lines(features)} == {""}
    noted = {**features, "enhancement_volume_ml": 0.0, "myocardium_volume_ml": 0.0}
    assert "no scar" not in {line.value for line in measure_lines(noted)}
    rows = {row.name: row.values for row in measure_rows([features])}
    assert rows["Scar burden"] == rows["LV cavity and wall"] == ["not known"]


def test_a_page_says_of_scar_that_it_was_not_assessed(measured):
    labels = np.where(measured.labels > 1, 2, 3 * measured.labels)
    unlooked = measure_labels(measured.scan, measured.scan.grid.to_input(labels), truth="acdc")
    rows = {row.name: row.values for row in measure_rows([unlooked.features_dict()])}
    assert rows["Scar burden"] == rows["Core scar"] == ["not assessed"]
    assert rows["Myocardium"] != ["not assessed"]
    page = case_page(unlooked, ())
    assert "<p>Scar: not assessed: these labels hold no scar.</p>" in page
    assert "<p>Scar:" not in case_page(measured, ())


@pytest.mark.parametrize(
    ("wall_ml", "scar_ml", "not_looked_for", "has_number"),
    [
        (90.0, 9.0, False, True),
        (90.0, 0.0, False, True),
        (90.0, None, True, False),
        (0.0, None, False, False),
    ],
    ids=["scar", "none", "cine", "no wall"],
)
def test_a_scan_without_wall_has_no_number_of_scar_though_it_was_looked_for(
    wall_ml, scar_ml, not_looked_for, has_number
):
    features = {"myocardium_volume_ml": wall_ml, "enhancement_volume_ml": scar_ml}
    assert scar_was_not_looked_for(features) is not_looked_for
    assert has_scar_number(features) is has_number


def test_where_scar_was_not_assessed_one_line_says_so(measured):
    features = measured.features_dict()
    features |= {key: None for _, key, _, _ in MEASURES if "scar" in key or "grey_zone" in key}
    features |= {"enhancement_volume_ml": None, "enhancement_mass_g": None}
    features |= {"microvascular_obstruction_volume_ml": None}
    lines = measure_lines(features)
    assert lines[0] == ("Scar burden", "not assessed", "", "")
    assert "not known" not in {line.value for line in lines}
    assert "Myocardium" in {line.name for line in lines}


def test_a_method_that_has_no_threshold_has_a_dash(measured):
    features = measured.features_dict()
    for one in features["methods"]:
        if one["method"] == "otsu":
            one["threshold"] = one["scar_volume_ml"] = None
    lines = {line[0]: line for line in method_lines(features)}
    assert lines["Otsu"][1:3] == ("\N{EN DASH}", "\N{EN DASH}")
    assert lines["as segmented"][1] == ""


def test_doubts_are_warnings_and_flags_each_once():
    flags = [{"flag": "few_slices", "message": "few slices"}, {"flag": "x", "message": "a warning"}]
    features = {"warnings": ["a warning"], "quality": flags}
    assert doubt_sentences(features) == ["a warning", "few slices"]
    assert doubt_sentences({"warnings": [], "quality": None}) == []


def test_that_it_is_no_such_scan_is_said_first_and_what_most_scans_have_last():
    sampling = f"{SAMPLING}core scar by 21 %: compare with care"
    of_file = ("1 voxel is NaN and taken as no signal", "uneven slices", "this looks like cine")
    flags = [{"flag": "few_slices", "message": "few slices"}]
    features = {"warnings": [*of_file, sampling, "open wall"], "quality": flags}
    assert doubt_sentences(features) == [
        "this looks like cine",
        "uneven slices",
        "open wall",
        "few slices",
        "1 voxel is NaN and taken as no signal",
        sampling,
    ]


def test_numbers_that_are_not_known_are_said_to_be():
    table = {row.name: row for row in measure_rows([{"scar_burden_percent": 12.34}, {}])}
    assert table["Scar burden"].values == ["12.3", "not known"]
    assert table["Myocardial mass"].values == ["not known", "not known"]


def test_doubts_are_told_slice_by_slice():
    slices = [
        {
            "slice": 1,
            "failed_checks": [],
            "action": "nothing",
            "needs_a_look": False,
            "dropped": None,
        },
        {
            "slice": 2,
            "failed_checks": ["holes", "area"],
            "action": "moved",
            "needs_a_look": True,
            "dropped": None,
        },
        {
            "slice": 3,
            "failed_checks": [],
            "action": "kept",
            "needs_a_look": False,
            "dropped": "below the apex",
        },
    ]
    assert slices_to_look_at({"anatomy": {"slices": slices}}) == [
        "Slice 2: failed holes, area; moved; moved far: please check",
        "Slice 3: dropped: below the apex",
    ]
    assert slices_to_look_at({}) == []
