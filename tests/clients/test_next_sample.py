"""`Next sample` of a real server process, under the name of each strategy."""

import shutil
import time
from pathlib import Path

import pytest
import requests

SAMPLES = Path(__file__).parents[2] / "sample-data" / "nifti"
STRATEGIES = ("acsnet", "random", "uncertainty", "correction", "disagreement", "diversity")


@pytest.fixture(scope="module")
def empty(start_server, tmp_path_factory):
    """A server without any scan."""
    return start_server(tmp_path_factory.mktemp("empty"))[0]


@pytest.fixture(scope="module")
def server(start_server, tmp_path_factory):
    """A server with two scans, which it scores at once and gives to anybody at any time."""
    studies = tmp_path_factory.mktemp("studies")
    for file in SAMPLES.glob("phantom-*.nii.gz"):
        shutil.copy(file, studies)
    settings = {"ACSNET_PICK_QUIET_S": "0", "ACSNET_PICK_BUSY_MINUTES": "0"}
    return start_server(studies, **settings)[0]


def ask(url, strategy, reader="ann"):
    address = f"{url}/activelearning/{strategy}"
    return requests.post(address, json={"client_id": reader}, timeout=60)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_empty_store_gives_a_clear_answer(empty, strategy):
    answer = ask(empty, strategy)
    assert answer.status_code == 200
    assert answer.json() == {"reason": "nothing to pick from: no scans"}


def test_every_strategy_is_listed(empty):
    listed = requests.get(f"{empty}/info/", timeout=60).json()["strategies"]
    assert set(listed) == set(STRATEGIES)
    assert all(one["description"] for one in listed.values())


def test_a_strategy_that_is_not_there(empty):
    answer = ask(empty, "oracle")
    assert answer.status_code == 422
    assert "there is no strategy 'oracle'; there is acsnet" in answer.json()["detail"]


def test_scans_are_scored_while_nobody_works(server):
    end = time.monotonic() + 120
    while "uncertainty" not in (found := ask(server, "uncertainty").json())["scores"]:
        assert time.monotonic() < end, found
        time.sleep(1)
    assert 0.0 < found["scores"]["uncertainty"] < 1.0


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_strategy_gives_a_scan_and_its_reason(server, strategy):
    found = ask(server, strategy, reader=strategy).json()
    assert found["id"].startswith("phantom-")
    assert found["reason"]
    assert found["strategy"][strategy]["client_id"] == strategy
    assert found["strategy"][strategy]["reason"] == found["reason"]


def test_the_case_page_says_why(server):
    found = ask(server, "acsnet").json()
    page = requests.get(f"{server}/acsnet/cases/{found['id']}", timeout=60).text
    assert f"Why: {found['reason']}" in page


def test_a_reader_without_a_name_and_a_body_is_answered(server):
    answer = requests.post(f"{server}/activelearning/random", timeout=60)
    assert answer.status_code == 200
    assert answer.json()["reason"]
