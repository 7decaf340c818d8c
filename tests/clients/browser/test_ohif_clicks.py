"""Clicks in our mode of OHIF between all else that changes what is drawn, in headless Chromium."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
import requests
from viewer_pages import (
    PATIENCE_MS,
    SCREEN,
    STOCK_IMAGES,
    check_voxels,
    headers,
    infer,
    label_map,
    open_case,
    shown_slices,
    stroke,
)

from acsnet.labels import Label
from acsnet.server.pages.viewers import stock_folder

pytestmark = pytest.mark.skipif(
    stock_folder() is None, reason="stock OHIF is not here (make viewer)"
)

READER = "Ege Reader"
KEPT = re.compile("not saved yet: stored on the server")
VIEWPORT = "window.cornerstone.getRenderingEngines()[0].getViewports()[0]"
ON_SCREEN = f"""([column, row]) => {{
    const viewport = {VIEWPORT};
    const place = [column + 0.5, row + 0.5];
    const {{ imageToWorldCoords }} = window.cornerstone.utilities;
    const [x, y] = viewport.worldToCanvas(imageToWorldCoords(viewport.getCurrentImageId(), place));
    const box = viewport.element.getBoundingClientRect();
    return [box.x + x, box.y + y];
}}"""


@pytest.fixture(scope="module")
def mode(browser, url, samples):
    """A case in our mode, whose reader has two unsaved edits: on the screen the one in which the
    first slice is all core scar, in the other it has no label.

    wall: uppermost and lowest pixel of the wall in the middle of the slice shown, (column, row).
    """
    phantom = headers(samples / "dicom" / "phantom-2")
    case = str(phantom[0].SeriesInstanceUID)
    infer(url, case)
    address = f"{url}/acsnet/cases/{case}/edit"
    opened = requests.get(address, params={"by": READER}, timeout=60).json()
    base = {name: opened["shown"][name] for name in ("version", "saved")} | {"by": READER}
    first, size = opened["slices"][0], int(phantom[0].Rows) * int(phantom[0].Columns)
    for tab, runs in (("empty", [Label.BACKGROUND, size]), ("scar", [Label.CORE_SCAR, size])):
        drawing = base | {"frames": {**opened["frames"], first: runs}, "tab": tab}
        requests.put(address, json=drawing, timeout=60)
    context = browser.new_context(viewport=SCREEN)
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MS)
    open_case(page, url, case, reader=READER)
    shown = shown_slices(page, STOCK_IMAGES)
    uid = page.evaluate(f"{VIEWPORT}.getCurrentImageId()").split("/instances/")[1].split("/")[0]
    drawn = shown[uid].reshape(int(phantom[0].Rows), int(phantom[0].Columns)) > Label.LV_BLOOD_POOL
    column = int(np.argwhere(drawn)[:, 1].mean())
    rows = np.flatnonzero(drawn[:, column])
    wall = [(column, int(rows[0])), (column, int(rows[-1]))]
    yield SimpleNamespace(
        page=page, url=url, case=case, address=address, phantom=phantom, first=first, wall=wall
    )
    context.close()


def status(page):
    return page.locator('[data-cy="acsnet-status"]')


def kinds(page):
    return page.locator('[data-cy="acsnet-click"]')


def settled(page):
    status(page).filter(has_not_text="...").wait_for()


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def click(page, place):
    """Click on a pixel; what the page sends then."""
    with page.expect_response(lambda answer: answer.url.endswith("/click")) as moved:
        page.mouse.click(*page.evaluate(ON_SCREEN, place))
    assert moved.value.ok, moved.value.text()
    settled(page)
    return json.loads(moved.value.request.post_data)


def drawn_in(frames):
    """The labels of each slice, as `shown_slices` gives them; of those with a label."""
    labels = {uid: np.repeat(runs[::2], runs[1::2]) for uid, runs in frames.items()}
    return {uid: values for uid, values in labels.items() if values.any()}


def check_same(frames, shown):
    drawn = drawn_in(frames)
    assert set(drawn) == {uid for uid, values in shown.items() if values.any()}
    for uid, values in drawn.items():
        np.testing.assert_array_equal(values, shown[uid])


def check_alone(mode, place):
    """The next click is sent without those before, and with what is on the screen."""
    assert button(mode.page, "Undo click").count() == 0
    before = shown_slices(mode.page, STOCK_IMAGES)
    sent = click(mode.page, place)
    assert [(one["column"], one["row"]) for one in sent["clicks"]] == [place]
    check_same(sent["frames"], before)


def test_a_click_starts_from_what_was_shown_last(mode):
    """Another edit, the version after a discard, the draft of a run."""
    page, (top, bottom) = mode.page, mode.wall
    kinds(page).select_option("outside")
    click(page, top)
    assert len(click(page, bottom)["clicks"]) == 2
    status(page).filter(has_text=KEPT).wait_for()
    with page.expect_response(lambda answer: "revision=" in answer.url):
        button(page, "Other edit").click()
    settled(page)
    assert not shown_slices(page, STOCK_IMAGES)[mode.first].any()
    check_alone(mode, top)
    status(page).filter(has_text=KEPT).wait_for()
    edit = requests.get(mode.address, params={"by": READER}, timeout=60).json()
    revisions = [edit["unsaved"]["revision"], *(one["revision"] for one in edit["others"])]
    asked = [{"by": READER, "revision": revision} for revision in revisions]
    kept = [requests.get(mode.address, params=one, timeout=60).json()["unsaved"] for one in asked]
    painted = [drawn_in(one["frames"]).get(mode.first) for one in kept]
    assert painted[0] is None
    assert set(painted[1]) == {Label.CORE_SCAR}
    button(page, "Discard").click()
    with page.expect_response(lambda answer: "revision=" not in answer.url):
        page.locator("dialog.acsnet").get_by_role("button", name="Discard").click()
    settled(page)
    check_voxels(shown_slices(page, STOCK_IMAGES), label_map(mode.url, mode.case), mode.phantom)
    assert button(page, "Other edit").is_visible()
    check_alone(mode, top)
    with page.expect_response(lambda answer: "tag=original" in answer.url):
        button(page, "Run").click()
    settled(page)
    assert button(page, "Other edit").is_visible()
    check_voxels(shown_slices(page, STOCK_IMAGES), label_map(mode.url, mode.case), mode.phantom)
    check_alone(mode, bottom)


def test_a_click_of_another_button_is_none(mode):
    page, asked = mode.page, []
    page.on("request", lambda request: asked.append(request.url.endswith("/click")))
    kinds(page).select_option("outside")
    for button_of_mouse in ("right", "middle"):
        page.mouse.click(*page.evaluate(ON_SCREEN, mode.wall[0]), button=button_of_mouse)
        page.wait_for_timeout(500)
    page.keyboard.press("Escape")
    assert not any(asked)


def test_a_stroke_drawn_while_a_click_is_answered_stays(mode):
    page, held = mode.page, []
    page.route("**/click", lambda route: held.append(route))
    kinds(page).select_option("outside")
    page.mouse.click(*page.evaluate(ON_SCREEN, mode.wall[0]))
    status(page).filter(has_text="Moving ...").wait_for()
    assert kinds(page).is_disabled()
    page.mouse.click(*page.evaluate(ON_SCREEN, mode.wall[1]))
    page.get_by_text("Wait for the answer, then click again.").first.wait_for()
    page.locator('[data-cy="Brush-btn"]').click()
    stroke(page, right=80, down=-30)
    drawn = shown_slices(page, STOCK_IMAGES)
    held[0].continue_()
    page.get_by_text("You drew meanwhile: click again").first.wait_for()
    page.unroute("**/click")
    for uid, values in shown_slices(page, STOCK_IMAGES).items():
        np.testing.assert_array_equal(values, drawn[uid])
    button(page, "Save").click()
    status(page).filter(has_text=f"draft by {READER}").wait_for()
    check_voxels(drawn, label_map(mode.url, mode.case, "draft"), mode.phantom)


def test_a_tap_with_the_brush_is_no_click(mode):
    page, asked = mode.page, []
    kinds(page).select_option("scar")
    before = shown_slices(page, STOCK_IMAGES)
    page.on("request", lambda request: asked.append(request.url))
    page.locator('[data-cy="Brush-btn"]').click()
    assert kinds(page).input_value() == ""
    column, row = mode.wall[1]
    page.mouse.click(*page.evaluate(ON_SCREEN, (column, row + 12)))
    status(page).filter(has_text="being stored").wait_for()
    status(page).filter(has_text=KEPT).wait_for()
    assert [url for url in asked if url.endswith("/click")] == []
    after = shown_slices(page, STOCK_IMAGES)
    assert any((after[uid] != values).any() for uid, values in before.items())
    kinds(page).select_option("outside")
    check_alone(mode, mode.wall[0])


def test_a_drawing_that_the_server_refuses_stays_and_is_kept_later(mode):
    page, reason = mode.page, "opened by Ana; you are Ben: open the case again"
    refused = {"status": 409, "json": {"detail": reason}}
    page.route("**/edit", lambda route: route.fulfill(**refused))
    kinds(page).select_option("")
    stroke(page, right=-80, down=-30)
    page.get_by_text(f"{reason}. Trying again.").first.wait_for()
    status(page).filter(has_text="NOT stored on the server").wait_for()
    assert status(page).get_attribute("title") == reason
    drawn = shown_slices(page, STOCK_IMAGES)
    page.unroute("**/edit")
    status(page).filter(has_text=KEPT).wait_for()
    stored = requests.get(mode.address, params={"by": READER}, timeout=60).json()["unsaved"]
    check_same(stored["frames"], drawn)


def test_a_case_shows_nothing_of_somebody_who_logged_in_since_it_was_opened(mode):
    page, names = mode.page, ["Ana", "Ben"]

    def logged_in(route):
        edit = route.fetch().json()
        route.fulfill(json={**edit, "login": names.pop(0)})

    page.route("**/edit?*", logged_in)
    page.reload()
    status(page).filter(has_text="Slice").wait_for()
    assert names == ["Ben"]
    shown = shown_slices(page, STOCK_IMAGES)
    button(page, "Run").click()
    page.get_by_text("opened by Ana; you are Ben: open the case again").first.wait_for()
    for uid, values in shown_slices(page, STOCK_IMAGES).items():
        np.testing.assert_array_equal(values, shown[uid])
    page.unroute("**/edit?*")
    page.reload()
    status(page).filter(has_text="Slice").wait_for()


def test_what_is_drawn_while_a_version_is_saved_is_not_accepted_without_it(mode):
    page, held, asked = mode.page, [], []
    page.route("**/edit", lambda route: held.append(route) if is_save(route) else route.continue_())
    page.on("request", lambda request: asked.append(request.url))
    page.locator('[data-cy="Brush-btn"]').click()
    stroke(page, right=-60, down=40)
    button(page, "Accept and next").click()
    status(page).filter(has_text="Saving ...").wait_for()
    stroke(page, right=60, down=40)
    held[0].continue_()
    page.get_by_text("You drew meanwhile: click again").first.wait_for()
    page.unroute("**/edit")
    assert [url for url in asked if url.endswith("/accept")] == []


def is_save(route):
    return route.request.method == "POST"
