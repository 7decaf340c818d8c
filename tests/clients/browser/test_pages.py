"""What all our pages share, in headless Chromium: the list that is kept up to date, the way back to
it, forms that are sent once, narrow screens.
"""

import re
import time

import pytest
import requests
from viewer_pages import headers, infer

COUNT = """() => {
    window.sent = 0;
    window.addEventListener('submit', (event) => {
        window.sent += !event.defaultPrevented;
        event.preventDefault();
    });
}"""


@pytest.fixture(scope="module")
def series(url, samples):
    """Ids of the phantoms, of which the first has a draft of the networks."""
    end = time.monotonic() + 120
    while "being checked" in requests.get(f"{url}/acsnet/", timeout=60).text:
        assert time.monotonic() < end
        time.sleep(0.2)
    ids = [str(headers(samples / "dicom" / f"phantom-{k}")[0].SeriesInstanceUID) for k in (1, 2)]
    infer(url, ids[0])
    return ids


def opened(page, address):
    page.goto(address)
    page.locator("#desk[data-ready]").wait_for()


@pytest.fixture
def changing(page, url, series):
    """Opens a work list that asks for itself again and again; what it gets is to be set in `now`:
    how many of six cases of a batch are done and failed, and the state of the second phantom.
    """
    now = {"done": 0, "failed": 0, "state": "new"}
    text = requests.get(f"{url}/acsnet/", timeout=60).text
    assert f'name="image" value="{series[1]}"' in text

    def answer(route):
        failed = "".join(f"<li>case {k}: refused</li>" for k in range(now["failed"]))
        box = (
            f'<section class="batch"><h2>{now["done"]} of 6</h2>'
            f'<details id="failed"><summary>failed</summary><ul>{failed}</ul></details></section>'
        )
        body = text.replace("<body", '<body data-reload="0.1"')
        body = body.replace('id="under-way" data-live>', f'id="under-way" data-live>{box}')
        first, row, rest = body.partition(f'name="image" value="{series[1]}"')
        rest = rest.replace('class="state new">new<', f'class="state">{now["state"]}<', 1)
        route.fulfill(body=first + row + rest, content_type="text/html", headers={})

    page.route(f"{url}/acsnet/", answer)
    page.goto(f"{url}/acsnet/")
    return now


def test_what_was_typed_and_ticked_stays_while_the_list_goes_on(page, changing, series):
    row = page.locator("tr", has=page.locator(f'input[value="{series[1]}"]'))
    box = row.locator("input")
    assert row.locator(".state").inner_text() == "new"
    page.get_by_role("searchbox").fill("PHANTOM")
    page.locator("#counts").select_option("draft")
    page.locator("summary").click()
    box.check()
    assert box.evaluate("box => box === document.activeElement")
    changing.update(done=4, failed=2, state="draft")
    page.get_by_text("4 of 6").wait_for()
    page.get_by_text("case 1: refused").wait_for(state="visible")
    assert row.locator(".state").inner_text() == "draft"
    assert box.is_checked()
    assert box.evaluate("box => box === document.activeElement")
    assert page.get_by_role("searchbox").input_value() == "PHANTOM"
    assert page.locator("#counts").input_value() == "draft"


def test_every_case_can_be_ticked_after_the_list_has_changed(page, changing):
    changing.update(done=6, state="draft")
    page.get_by_text("6 of 6").wait_for()
    page.get_by_label("Tick all cases").check()
    boxes = page.locator('input[name="image"]')
    assert boxes.count() == 2
    assert all(boxes.nth(k).is_checked() for k in range(2))


def test_a_form_is_sent_once_and_shows_that_it_was(page, url, series, look):
    opened(page, f"{url}/acsnet/cases/{series[0]}")
    page.evaluate(COUNT)  # and leave the page as it is while the server would be at work
    page.keyboard.press("s")
    page.locator("#segment:disabled", has_text="Segmenting…").wait_for()
    assert page.locator("#working").inner_text() == "Segmenting…"
    for name in ("accept", "reject"):
        assert page.locator(f"#{name}").is_disabled()
    look("segmenting")
    page.evaluate("document.querySelector('form.run').requestSubmit()")
    assert page.evaluate("window.sent") == 1
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert page.locator("#segment").inner_text() == "Segment again S"
    assert page.locator("#accept").is_enabled()
    assert page.locator("#working").inner_text() == ""


def test_the_button_that_was_pressed_is_sent(page, url, series):
    page.goto(f"{url}/acsnet/")
    page.route("**/batch", lambda route: route.fulfill(body="kept", content_type="text/html"))
    page.locator(f'input[value="{series[1]}"]').check()
    with page.expect_request("**/batch") as request:
        page.get_by_role("button", name="Segment the ticked cases").click()
    assert request.value.post_data == f"which=ticked&image={series[1]}"


def test_the_list_is_searched_as_before_after_a_case(page, url, series):
    query = "?state=draft&text=phantom"
    page.goto(f"{url}/acsnet/{query}")
    page.get_by_role("link", name="PHANTOM-1").click()
    page.locator("#desk[data-ready]").wait_for()
    page.keyboard.press("l")
    page.wait_for_url(f"{url}/acsnet/{query}")
    page.goto(f"{url}/acsnet/?finished=none")  # by the server, not by the reader
    opened(page, f"{url}/acsnet/cases/{series[0]}")
    assert page.locator("#list").get_attribute("href") == f"/acsnet/{query}"
    page.goto(f"{url}/acsnet/cases/{series[0]}/compare?first=original&second=original")
    assert page.locator("#list").get_attribute("href") == f"/acsnet/cases/{series[0]}"


@pytest.mark.parametrize("width", [1280, 820, 640])
def test_colours_are_behind_the_picture_and_nothing_is_cut_off(page, url, series, width, look):
    page.set_viewport_size({"width": width, "height": 900})
    for path in ("", "training", f"cases/{series[0]}", f"cases/{series[1]}"):
        page.goto(f"{url}/acsnet/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
    opened(page, f"{url}/acsnet/cases/{series[0]}")
    tiles, legend = (page.locator(one).bounding_box() for one in ("#tiles", ".legend"))
    assert 0 <= legend["y"] - tiles["y"] - tiles["height"] < 40
    look(f"pages-{width}")
    page.goto(f"{url}/acsnet/")
    warnings = page.locator("tr", has_text="PHANTOM-1").locator(".flags")
    warnings.evaluate("cell => cell.textContent = 'a slice may be missing: check the scan'")
    assert warnings.bounding_box()["width"] > 250


def test_scar_is_on_the_first_screen_before_it_is_accepted(page, url, series):
    page.set_viewport_size({"width": 1280, "height": 720})
    opened(page, f"{url}/acsnet/cases/{series[0]}")
    headline = page.locator("#headline")
    pattern = r"Scar \d+\.\d\s% of the myocardium, obstruction \d+\.\d\sml"
    assert re.fullmatch(pattern, headline.inner_text())
    box, accept = headline.bounding_box(), page.locator("#accept").bounding_box()
    assert box["y"] + box["height"] < accept["y"] < 720
