"""Many cases at once: how many may be ticked, and what the work list says of them."""

import re

import pytest

from acsnet.server.inference.batch import MAX_IMAGES
from acsnet.server.pages.batches import progress_of

pytestmark = pytest.mark.slow


@pytest.fixture
def started(web, monkeypatch):
    """What batches were begun with, in a store of 300 cases."""
    batches = []
    monkeypatch.setattr(
        web.app.datastore(), "list_images", lambda: [f"case-{k}" for k in range(300)]
    )
    monkeypatch.setattr(web.app.batch, "start", batches.append)
    return batches


@pytest.mark.parametrize("count", [100, MAX_IMAGES])
def test_a_page_of_ticked_cases_and_as_many_as_a_batch_may_have_are_begun(web, started, count):
    ticked = [f"case-{k}" for k in range(count)]
    answer = web.client.post("/acsnet/batch", data={"image": ticked, "which": "ticked"})
    assert answer.status_code == 303, answer.text
    assert started == [ticked]


@pytest.mark.parametrize("count", [MAX_IMAGES + 1, 300])
def test_more_ticked_cases_than_a_batch_may_have_are_refused_with_both_numbers(web, started, count):
    ticked = [f"case-{k}" for k in range(count)]
    answer = web.client.post("/acsnet/batch", data={"image": ticked, "which": "ticked"})
    assert answer.status_code == 422
    assert f"a batch may have at most 200 cases, got {count}" in answer.text
    assert started == []


def test_a_batch_leads_back_to_the_list_as_it_was_searched(web, started):
    host = str(web.client.base_url).rstrip("/")
    for page in ("/acsnet/?state=new&text=case&page=2", "/acsnet/"):
        answer = web.client.post(
            "/acsnet/batch", data={"image": "case-1"}, headers={"Referer": f"{host}{page}"}
        )
        assert answer.headers["location"] == page
    assert web.client.post("/acsnet/batch/stop").headers["location"] == "/acsnet/"


@pytest.mark.parametrize(
    ("running", "outcomes", "title"),
    [
        (True, ["done", "running", "waiting"], "Batch under way: 1 of 3 segmented"),
        (True, ["refused: x", "running"], "Batch under way: 0 of 2 segmented, 1 refused or failed"),
        (False, ["done", "done"], "Batch ended: 2 of 2 segmented"),
        (
            False,
            ["done", *["stopped"] * 48],
            "Batch stopped: 1 of 49 segmented, 48 not begun",
        ),
        (
            False,
            ["done", "failed: x", "refused: y", "stopped"],
            "Batch stopped: 1 of 4 segmented, 2 refused or failed, 1 not begun",
        ),
    ],
)
def test_the_title_of_a_batch_counts_what_was_segmented_only(running, outcomes, title):
    images = {f"case-{k}": outcome for k, outcome in enumerate(outcomes)}
    assert progress_of({"running": running, "images": images}).title == title


def batch_box(web, monkeypatch, outcomes, *, running=False):
    images = {f"case-{k}": outcome for k, outcome in enumerate(outcomes)}
    monkeypatch.setattr(web.app.batch, "status", lambda: {"running": running, "images": images})
    text = web.client.get("/acsnet/").text
    return re.search(r'<section class="batch".*?</section>', text, re.DOTALL).group()


def test_cases_that_were_not_begun_are_no_items_of_a_list(web, monkeypatch):
    box = batch_box(web, monkeypatch, ["done", *["stopped"] * 48])
    assert '<progress max="49" value="1"' in box
    assert "<li>" not in box


@pytest.mark.parametrize(("count", "folded"), [(5, False), (6, True)])
def test_more_than_five_cases_that_failed_are_folded(web, monkeypatch, count, folded):
    box = batch_box(web, monkeypatch, ["done", *["refused: slices are missing"] * count])
    assert box.count(": refused: slices are missing</li>") == count
    assert ("<details" in box) == folded


def test_the_case_at_hand_is_named(web, monkeypatch):
    box = batch_box(web, monkeypatch, ["done", "running", "waiting"], running=True)
    assert 'Now: <a href="/acsnet/cases/case-1">case-1</a>' in box
    assert "Stop after this case" in box


@pytest.mark.parametrize("running", [True, False])
def test_without_its_script_the_list_is_loaded_anew_while_a_batch_runs(web, monkeypatch, running):
    images = {"case-0": "running" if running else "done"}
    monkeypatch.setattr(web.app.batch, "status", lambda: {"running": running, "images": images})
    while "being checked" in (text := web.client.get("/acsnet/").text):
        pass
    reload = '<noscript><meta http-equiv="refresh" content="3"></noscript>'
    assert (reload in text) == running
    assert text.count("http-equiv") == running
    assert ('<body data-reload="3">' in text) == running
