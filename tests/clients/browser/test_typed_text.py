"""What a reader typed or marked on the case page: decisions save it, and leaving asks first."""

import numpy as np
import pytest
import requests
from viewer_pages import accepted, headers, infer, label_map

MIDDLE = """() => {
    const { toScreen, toAcquired, scan } = window.seen;
    const canvas = document.getElementById('slice'), box = canvas.getBoundingClientRect();
    const [x, y] = toScreen(toAcquired(scan.rows / 2, scan.columns / 2));
    return [box.left + x * box.width / canvas.width, box.top + y * box.height / canvas.height];
}"""


@pytest.fixture
def case(page, url, samples):
    """The address of a case that is open on its draft, by Kay."""
    series = str(headers(samples / "dicom" / "phantom-1")[0].SeriesInstanceUID)
    infer(url, series)
    page.add_init_script("localStorage.setItem('acsnet.reader', 'Kay')")
    page.add_init_script(
        "addEventListener('acsnet-slices', (event) => { window.seen = event.detail; }, true)"
    )
    opened(page, f"{url}/acsnet/cases/{series}?version=original")
    return f"{url}/acsnet/cases/{series}"


def opened(page, address):
    page.goto(address)
    page.locator("#desk[data-ready]").wait_for()


def shown_slice(page):
    return int(page.locator("#where").inner_text().split()[1])


def click_in_the_middle(page):
    page.mouse.click(*page.evaluate(MIDDLE))


def newest(case):
    return requests.get(f"{case}/versions.json", timeout=60).json()[0]


@pytest.fixture
def asked(page):
    """The dialogs that came up, each of which is answered by staying on the page."""
    dialogs = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.type), dialog.dismiss()))
    return dialogs


def test_accept_saves_what_was_entered_for_the_report_first(page, case, asked, look):
    form = page.locator("form.fields")
    form.get_by_label("Indication").fill("chest pain")
    page.get_by_label("Mark the anterior insertion").check()
    number = shown_slice(page)
    click_in_the_middle(page)
    assert page.locator("#click-said").inner_text() == f"Marked in slice {number}, not saved yet."
    look("typed-marked")
    page.locator("#decide textarea").fill("as drawn")
    page.locator("#accept").click()
    accepted(page)
    assert asked == []
    assert (newest(case)["state"], newest(case)["comment"]) == ("reviewed", "as drawn")
    opened(page, case)
    assert form.get_by_label("Indication").input_value() == "chest pain"
    assert page.locator("#marked-insertion").inner_text() == f"marked in slice {number}"
    look("typed-again")
    form.get_by_role("button", name="Save for the report").click()  # the same once more
    page.wait_for_url(f"{case}#details")
    assert page.locator("#marked-insertion").inner_text() == f"marked in slice {number}"


def test_a_decision_that_did_not_go_on_is_made_again_with_more_for_the_report(page, case, asked):
    indication = page.locator("form.fields").get_by_label("Indication")
    indication.fill("chest pain")
    page.locator("summary", has_text="Withdraw").first.click()
    why = page.locator("td [name=comment]").first
    why.fill("drawn twice")
    with page.expect_event("dialog"):  # and nobody says that the reason may be lost
        page.locator("#accept").click()
    why.fill("")
    indication.fill("chest pain at night")
    page.locator("#accept").click()
    accepted(page)
    opened(page, case)
    assert indication.input_value() == "chest pain at night"


def test_what_somebody_else_saved_is_opened_beside_what_was_typed(page, case):
    shown = page.locator("form.fields [name=saved]").input_value()
    form = {"by": "Bo", "comment": "thin", "saved": shown}
    requests.post(f"{case}/details", data=form, timeout=60).raise_for_status()
    page.locator("form.fields").get_by_label("Indication").fill("chest pain")
    page.locator("#accept").click()
    page.get_by_text("Bo saved other details of it since you opened this case").wait_for()
    with page.expect_popup() as beside:
        page.get_by_role("link", name="Open it beside this page").click()
    assert beside.value.locator("form.fields").get_by_label("Comment").input_value() == "thin"
    assert page.locator("form.fields").get_by_label("Indication").input_value() == "chest pain"


def test_nothing_is_decided_on_while_what_was_entered_cannot_be_saved(page, case, look):
    before = newest(case)
    page.locator("form.fields").get_by_label("Height").fill("1,70m")
    page.locator("#decide textarea").fill("as drawn")
    page.locator("#accept").click()
    page.get_by_text("height must be a number, got '1,70m'").wait_for()
    look("typed-refused")
    assert page.url == f"{case}?version=original"
    assert page.locator("form.fields").get_by_label("Height").input_value() == "1,70m"
    assert page.locator("#decide textarea").input_value() == "as drawn"
    assert page.locator("#accept").is_enabled()
    assert newest(case) == before


def test_whatever_else_leaves_the_page_asks_before_what_was_typed_is_lost(page, case, asked):
    for typed in ("#decide textarea", "form.fields [name=indication]"):
        page.locator(typed).fill("took a while")
        page.locator("h1").click()
        for key, kind in (("n", "beforeunload"), ("l", "beforeunload"), ("s", "confirm")):
            page.keyboard.press(key)
            page.wait_for_timeout(300)
            assert asked == [kind], (typed, key)
            asked.clear()
        assert page.locator(typed).input_value() == "took a while"
        assert page.locator("#segment").is_enabled()
        page.locator(typed).fill("")


def test_a_form_that_is_sent_does_not_ask_about_its_own_text(page, case, asked):
    form = page.locator("form.fields")
    form.get_by_label("Comment").fill("thin apex")
    form.get_by_role("button", name="Save for the report").click()
    page.wait_for_url(f"{case}#details")
    page.locator("#desk[data-ready]").wait_for()
    assert form.get_by_label("Comment").input_value() == "thin apex"
    opened(page, f"{case}?version=original")
    page.locator("#decide textarea").fill("no heart in it")
    page.locator("#reject").click()
    page.get_by_text("Last:").wait_for()
    assert asked == []


def test_a_click_on_the_slice_is_what_was_chosen_last(page, case):
    box, kind = page.locator("#tool-remote"), page.locator("#click-kind")
    box.check()
    kind.select_option("scar")
    assert not box.is_checked()
    with page.expect_request("**/click"):
        click_in_the_middle(page)
    assert page.locator("#remote_region").input_value() == ""
    box.check()
    assert kind.input_value() == ""
    page.locator("#stage").focus()
    page.keyboard.press("k")
    assert (box.is_checked(), kind.input_value()) == (False, "wall")


def test_a_mark_is_not_lost_on_the_way_back_and_no_box_is_ticked_then(page, case):
    page.get_by_label("Mark the anterior insertion").check()
    number = shown_slice(page)
    click_in_the_middle(page)
    page.locator("#list").click()  # and nobody says no
    page.wait_for_url("**/acsnet/")
    page.go_back()
    page.locator("#desk[data-ready]").wait_for()
    assert not page.get_by_label("Mark the anterior insertion").is_checked()
    field = page.locator("#rv_insertion").input_value()
    marked = page.locator("#marked-insertion").inner_text()
    assert (marked == f"marked in slice {number}") == bool(field)


def test_colours_are_seen_where_the_system_forces_its_own(page, case, look):
    page.emulate_media(forced_colors="active")
    colours = page.locator(".legend .swatch").evaluate_all(
        "all => all.map(one => getComputedStyle(one).backgroundColor)"
    )
    assert len(set(colours)) == 5
    look("forced-colours")


def test_regions_have_borders_where_they_are_filled_and_the_grey_zone_dashes(page, case, look):
    labels = label_map(page.url.partition("/acsnet")[0], case.rpartition("/")[2])
    k = int(np.argmax((labels == 3).sum((0, 1))))
    page.get_by_title(f"slice {k + 1}", exact=True).click()
    page.evaluate("""() => {
        window.dashes = [];
        const pen = CanvasRenderingContext2D.prototype, dash = pen.setLineDash;
        pen.setLineDash = function (lengths) {
            window.dashes.push(lengths.length);
            dash.call(this, lengths);
        };
    }""")
    page.locator("#tool-style").select_option("fill")
    assert page.evaluate("window.dashes").count(2) == 1
    look("filled")


def test_a_label_map_is_accepted_by_a_press_of_its_own_once_it_is_on_the_screen(page, case):
    sent, held = [], []
    page.on("request", lambda request: sent.append(request.method))
    page.route("**/labels.bin?*", lambda route: held.append(route))
    with page.expect_request("**/labels.bin?*"):
        page.reload()
    page.keyboard.press("a")
    page.get_by_text("Wait until the label map is on the screen, then accept it.").wait_for()
    held[0].abort()
    page.get_by_text("The label map cannot be shown: the server cannot be reached").wait_for()
    page.keyboard.down("a")
    page.unroute_all()
    opened(page, page.url)
    page.keyboard.down("a")  # the key is still held down
    page.wait_for_timeout(300)
    assert "POST" not in sent
    page.keyboard.up("a")
    page.keyboard.press("a")
    accepted(page)
