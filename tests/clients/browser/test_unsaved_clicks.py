"""Clicks on the case page that are not saved: decisions wait for them, and nothing is lost."""

import re

import numpy as np
import pytest
import requests
from viewer_pages import accepted, headers, infer, label_map

SENTENCE = "Save or undo your clicks first."
PICTURE = "document.getElementById('slice').toDataURL()"


@pytest.fixture
def case(page, url, samples):
    """A case that is open on its draft, by Kay; k, row, column: of its wall, at the outside."""
    series = str(headers(samples / "dicom" / "phantom-1")[0].SeriesInstanceUID)
    infer(url, series)
    labels = label_map(url, series)
    k = labels.shape[2] // 2
    row = int(np.argwhere(labels[:, :, k] == 1)[:, 1].mean())
    column = int(np.flatnonzero(labels[:, row, k] > 1)[0]) + 1
    page.add_init_script("localStorage.setItem('acsnet.reader', 'Kay')")
    opened(page, f"{url}/acsnet/cases/{series}?version=original")
    return series, (column, row, k)


def opened(page, address):
    page.goto(address)
    page.locator('#desk[data-ready="yes"]').wait_for()


def point_at(page, at):
    """Say that a voxel lies outside; the phantom is shown as it was acquired."""
    column, row, k = at
    page.locator("#click-kind").select_option("outside")
    page.evaluate(
        "detail => document.getElementById('desk')"
        ".dispatchEvent(new CustomEvent('acsnet-pixel', { detail }))",
        {"slice": k + 1, "pixel": [row, column]},
    )


def click(page, at):
    """Point at a voxel; the answer."""
    with page.expect_response(lambda answer: answer.url.endswith("/click")) as answer:
        point_at(page, at)
    page.get_by_text("Not saved.").wait_for()
    page.locator("h1").click()  # keys are for the page again
    return answer.value.json()


def records(url, series):
    return requests.get(f"{url}/acsnet/cases/{series}/versions.json", timeout=60).json()


def test_accept_accepts_what_is_on_the_screen_and_nothing_else_is_decided_on(page, url, case, look):
    series, at = case
    before = records(url, series)
    click(page, at)
    assert page.get_by_text("before your clicks").first.is_visible()
    look("unsaved")
    page.locator("textarea[name=comment]").first.fill("apex is missing")
    page.locator("summary", has_text="Withdraw").first.click()
    for button in ("#reject", "#segment", "details form button", "form.fields button:text('Save')"):
        page.locator("#click-said").evaluate("line => { line.textContent = ''; }")
        page.locator(button).first.click()
        page.get_by_text(SENTENCE).wait_for()
    look("unsaved-stopped")
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.locator("h1").click()
    page.keyboard.press("l")
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    assert records(url, series) == before
    page.keyboard.press("a")
    accepted(page)
    newest = records(url, series)[0]
    assert (newest["user"], newest["reviewer"], newest["state"]) == ("Kay", "Kay", "reviewed")
    assert newest["comment"] == "apex is missing"
    assert label_map(url, series)[at] > 1
    assert label_map(url, series, "final")[at] == 0


def test_clicks_are_saved_after_the_report_and_later_ones_go_on_from_them(page, url, case):
    """And in the name of a reader, who is asked for it in the one field that is in sight."""
    series, at = case
    before = records(url, series)
    click(page, at)
    report = page.locator("form.fields")
    report.get_by_label("Height").fill("1,70m")
    page.locator("#accept").click()
    page.get_by_text("height must be a number, got '1,70m'").wait_for()
    assert records(url, series) == before
    report.get_by_label("Height").fill("170")
    report.get_by_label("Weight").fill("70")
    page.locator("summary", has_text="Withdraw").first.click()
    why = page.locator("td [name=comment]").first
    why.fill("drawn twice")
    page.once("dialog", lambda dialog: dialog.dismiss())  # nobody says that it may be lost
    page.locator("#accept").click()
    page.get_by_text("Saved.", exact=True).wait_for()
    saved = records(url, series)[0]
    assert (saved["user"], saved["state"]) == ("Kay", "draft")
    assert page.get_by_text("before your clicks").first.is_visible()
    picture = page.evaluate(PICTURE)
    told = click(page, (at[0] + 1, *at[1:]))
    assert (told["started_from"]["version"], len(told["clicks"])) == (saved["version"], 1)
    page.keyboard.press("u")
    page.get_by_text("0 clicks: nothing changed").wait_for()
    assert page.evaluate(PICTURE) == picture
    why.fill("")
    page.locator("#accept").click()
    accepted(page)
    newest = records(url, series)
    assert (newest[0]["version"], newest[0]["state"]) == (saved["version"], "reviewed")
    assert len(newest) == len(before) + 1
    assert label_map(url, series, "final")[at] == 0

    opened(page, f"{url}/acsnet/cases/{series}")
    report.get_by_label("Reader").fill(" ")
    click(page, (at[0] + 1, *at[1:]))
    page.keyboard.press("v")
    page.get_by_text("Enter your name as reader, then save again.").wait_for()
    assert records(url, series) == newest
    page.keyboard.press("Backspace")
    page.keyboard.type("Bo")
    page.locator("#click-save").click()
    page.wait_for_url(re.compile(r"version=\d"))
    assert records(url, series)[0]["user"] == "Bo"


def test_unsaved_clicks_are_there_after_a_reload_and_go_on_from_their_own_draft(
    page, url, case, look
):
    series, at = case
    told = click(page, at)
    infer(url, series)  # somebody else has the draft drawn anew
    opened(page, page.url)
    assert not page.get_by_text("before your clicks").first.is_visible()
    look("unsaved-offered")
    with page.expect_response(lambda answer: answer.url.endswith("/click")) as again:
        page.get_by_role("button", name="Go on with your 1 unsaved click").click()
    page.get_by_text("Not saved.").wait_for()
    assert again.value.json()["label_map"] == told["label_map"]
    look("unsaved-again")
    page.locator("h1").click()
    page.keyboard.press("v")
    page.wait_for_url(re.compile(r"version=\d"))
    page.locator('#desk[data-ready="yes"]').wait_for()
    assert label_map(url, series, "draft")[at] == 0
    assert records(url, series)[0]["user"] == "Kay"
    page.wait_for_load_state("networkidle")
    assert not page.locator("#click-again").is_visible()


def test_clicks_are_offered_on_the_label_map_that_they_began_on_only(page, url, case):
    series, at = case
    told = click(page, at)
    began_on = page.url
    body = {"clicks": [{**told["clicks"][0], "kind": "wall"}], "start": "original", "save": True}
    requests.post(
        f"{url}/acsnet/cases/{series}/click", json={**body, "user": "Ben"}, timeout=120
    ).raise_for_status()
    for address, offered in ((f"{url}/acsnet/cases/{series}", False), (began_on, True)):
        with page.expect_response(lambda answer: answer.url.endswith("/click?user=Kay")) as so_far:
            opened(page, address)
        assert so_far.value.json()["clicks"]
        page.wait_for_load_state("networkidle")
        assert page.locator("#click-again").is_visible() == offered


def test_clicks_on_a_draft_of_a_pacs_are_offered_on_the_one_that_was_drawn_anew(page, case):
    _, at = case
    click(page, at)

    def of_the_draft_before(route):
        told = route.fetch().json()
        route.fulfill(json={**told, "started_from": {"source": "draft", "version": "1.2.3"}})

    page.route("**/click?user=Kay", of_the_draft_before)
    opened(page, page.url)
    page.get_by_role("button", name="Go on with your 1 unsaved click").wait_for()


def test_a_click_while_another_is_answered_is_told_to_wait(page, case):
    _, at = case
    held = []
    page.route("**/click", lambda route: held.append(route))
    point_at(page, at)
    page.wait_for_function("document.getElementById('click-said').textContent === 'Moving…'")
    point_at(page, at)
    page.get_by_text("Wait for the answer, then click again.").wait_for()
    assert len(held) == 1
    held[0].continue_()
    page.get_by_text("1 click: ").wait_for()
    page.get_by_text("What you clicked meanwhile was not taken").wait_for()


def test_a_decision_an_undo_and_a_save_while_a_click_is_answered_are_told_to_wait(page, url, case):
    series, at = case
    before = records(url, series)
    held = []
    page.route("**/click", lambda route: held.append(route))
    point_at(page, at)
    page.wait_for_function("document.getElementById('click-said').textContent === 'Moving…'")
    page.locator("h1").click()
    for key in "auv":
        page.locator("#click-said").evaluate("line => { line.textContent = ''; }")
        page.keyboard.press(key)
        page.get_by_text("Wait for the answer, then press again.").wait_for()
    held[0].continue_()
    page.get_by_text("1 click: ").wait_for()
    page.get_by_text("What you pressed meanwhile was not taken: press it again.").wait_for()
    assert (len(held), records(url, series)) == (1, before)


def test_who_accepts_clicks_is_told_first_of_a_version_that_was_saved_since(page, url, case):
    series, at = case
    clicked = click(page, at)["clicks"][0]
    body = {"clicks": [{**clicked, "kind": "wall"}], "start": "original", "save": True}
    requests.post(
        f"{url}/acsnet/cases/{series}/click", json={**body, "user": "Cyd"}, timeout=120
    ).raise_for_status()
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.keyboard.press("a")
    page.wait_for_url(re.compile(r"version=\d"))
    (question,) = asked
    assert question.startswith("Saved. Cyd has saved another version since the one that you began")
    newest = records(url, series)[0]
    assert (newest["user"], newest["state"]) == ("Kay", "draft")


def test_a_click_that_is_not_fulfilled_is_named(page, case):
    _, at = case

    def missed(route):
        told = route.fetch().json()
        told["clicks"][0]["held"] = False
        route.fulfill(json=told)

    page.route("**/click", missed)
    click(page, at)
    said = f"not fulfilled: outside the heart in slice {at[2] + 1}, as no possible wall"
    assert said in page.locator("#click-said").inner_text()


def test_downloads_come_without_a_question_beside_unsaved_clicks(page, case):
    _, at = case
    click(page, at)
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    for name in ("NIfTI", "report (PDF)"):
        with page.expect_download():
            page.get_by_role("link", name=name, exact=True).first.click()
    assert asked == []


def test_a_click_says_why_it_was_not_answered(page, case):
    _, at = case
    click(page, at)
    for answer, why in (
        (lambda route: route.abort(), "the server cannot be reached"),
        (
            lambda route: route.fulfill(status=401, json={"detail": "log in first"}),
            "in another tab",
        ),
    ):
        page.unroute_all()
        page.route("**/click", answer)
        page.locator("#click-undo").click()
        page.get_by_text(why).wait_for()
        assert "your clicks are kept here" in page.locator("#click-said").inner_text()
    column, row, k = at
    point_at(page, (column + 1, row, k))
    page.get_by_text("this click is not kept, those before it are").wait_for()
    page.unroute_all()
    page.locator("#click-undo").click()
    page.get_by_text("0 clicks: nothing changed").wait_for()
