"""Patients that benchmarks name: a change of the data sets' lists would stop a benchmark."""

import json
import re
from pathlib import Path

import pytest

import shifted_domain
import uncertainty
from clicks_fold import HELD_OUT
from shared.left_out import LEFT_OUT

BENCHMARKS = Path(uncertainty.__file__).parent


@pytest.fixture(scope="module")
def lists(data):
    """ "train", "test" -> names of EMIDEC."""
    return json.loads((data / "splits.json").read_text())["emidec"]


def test_patients_left_out_are_those_of_the_model_card():
    card = (BENCHMARKS.parent / "lib/acsnet/weights/README.md").read_text()
    assert all(name.removeprefix("Case_") in card for name in LEFT_OUT)
    assert len(set(LEFT_OUT)) == 6


def test_every_patient_that_a_benchmark_names_is_in_the_lists(lists):
    named = {
        name: path.name
        for path in BENCHMARKS.rglob("*.py")
        for name in re.findall(r"Case_[NP]\d{3}", path.read_text())
    }
    known = {*lists["train"], *lists["test"]}
    assert not {name: file for name, file in named.items() if name not in known}


@pytest.mark.parametrize("names", [LEFT_OUT, HELD_OUT, shifted_domain.REVIEWED])
def test_patients_left_out_and_reviewed_are_of_the_train_list(lists, names):
    assert set(names) <= set(lists["train"])


def test_no_reviewed_patient_is_one_that_the_gate_measures():
    assert not set(shifted_domain.REVIEWED) & set(LEFT_OUT)
