"""`Next sample` of a server, under the name of each strategy."""

import shutil
import time

import pytest
from in_process import app_over, application_of, client_of

pytestmark = pytest.mark.slow

STRATEGIES = ("acsnet", "random", "uncertainty", "correction", "disagreement", "diversity")


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    """A client of a server without any scan."""
    folder = tmp_path_factory.mktemp("empty")
    (folder / "studies").mkdir()
    with app_over(folder, folder / "studies") as app:
        yield client_of(application_of(app))


@pytest.fixture(scope="module")
def scored(tmp_path_factory, samples):
    """A client of a server with two scans, which it scores at once and gives to anybody."""
    folder = tmp_path_factory.mktemp("scored")
    shutil.copytree(samples / "nifti", folder / "studies")
    settings = {"ACSNET_PICK_QUIET_S": "0", "ACSNET_PICK_BUSY_MINUTES": "0"}
    with app_over(folder, folder / "studies", **settings) as app:
        app.on_init_complete()
        yield client_of(application_of(app))


def ask(client, strategy, reader="ann"):
    return client.post(f"/activelearning/{strategy}", json={"client_id": reader})


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_empty_store_gives_a_clear_answer(empty, strategy):
    answer = ask(empty, strategy)
    assert answer.status_code == 200
    assert answer.json() == {"reason": "nothing to pick from: no scans"}


def test_every_strategy_is_listed(empty):
    listed = empty.get("/info/").json()["strategies"]
    assert set(listed) == set(STRATEGIES)
    assert all(one["description"] for one in listed.values())


def test_a_strategy_that_is_not_there(empty):
    answer = ask(empty, "oracle")
    assert answer.status_code == 422
    assert "there is no strategy 'oracle'; there is acsnet" in answer.json()["detail"]


def test_scans_are_scored_while_nobody_works(scored):
    end, scan = time.monotonic() + 120, ask(scored, "random").json()
    while "1 of 1 other scans" not in scan["reason"]:  # both have scores
        assert time.monotonic() < end, scan
        time.sleep(0.1)
        scan = ask(scored, "random").json()
    assert 0.0 < scan["scores"]["uncertainty"] < 1.0


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_strategy_gives_a_scan_and_its_reason(scored, strategy):
    found = ask(scored, strategy, reader=strategy).json()
    assert found["id"].startswith("phantom-")
    assert found["reason"]
    own_name = "acsnet" if strategy == "random" else strategy
    assert found["strategy"][own_name]["client_id"] == strategy
    assert found["strategy"][own_name]["reason"] == found["reason"]
    assert "random" not in found["strategy"]


def test_the_case_page_says_why(scored):
    found = ask(scored, "acsnet").json()
    page = scored.get(f"/acsnet/cases/{found['id']}").text
    assert f"Why: {found['reason']}" in page


def test_a_reader_without_a_name_and_a_body_is_answered(scored):
    answer = scored.post("/activelearning/random")
    assert answer.status_code == 200
    assert answer.json()["reason"]


def test_a_scan_that_was_replaced_has_another_name_of_its_copy(tmp_path, samples):
    (tmp_path / "studies").mkdir()
    scan = tmp_path / "studies" / "a.nii.gz"
    shutil.copy(samples / "nifti" / "phantom-1.nii.gz", scan)
    with app_over(tmp_path, tmp_path / "studies", ACSNET_PICK_BUSY_MINUTES="0") as app:
        client = client_of(application_of(app))
        first, again = (ask(client, "random").json()["name"] for _ in range(2))
        assert first == again
        assert first.startswith("a-")
        assert first.endswith(".nii.gz")
        shutil.copy(samples / "nifti" / "phantom-2.nii.gz", scan)
        other = ask(client, "random").json()["name"]
        assert other not in ("", first)
        shutil.rmtree(tmp_path / "studies")
        shutil.copytree(samples / "dicom" / "phantom-1", tmp_path / "studies" / "b")
        series = ask(client, "random").json()
        assert series["name"].startswith(f"{series['id'][:50]}-")
        assert series["name"].endswith(".nii.gz")
