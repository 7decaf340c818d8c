"""A reader's day on our own pages, in headless Chromium: keys alone, clicks alone, what axe says.

Actions and seconds are printed. axe-core is fetched by npm where that can be done, else its test
is skipped.
"""

import re
import shutil
import subprocess
import sys
import time

import pytest
import requests
from viewer_pages import accepted

AXE = "axe-core@4.10.3"
SERIOUS = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
    .filter(one => ['serious', 'critical'].includes(one.impact))
    .map(one => [one.id, ...one.nodes.map(node => node.html.slice(0, 150))])"""


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The text of axe-core."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("axe")
    command = ["npm", "pack", "--silent", "--ignore-scripts", AXE]
    done = subprocess.run(command, cwd=folder, check=False, capture_output=True, timeout=120)
    if done.returncode:
        pytest.skip("axe-core cannot be fetched")
    (packed,) = folder.glob("*.tgz")
    shutil.unpack_archive(packed, folder)
    return (folder / "package" / "axe.min.js").read_text()


@pytest.fixture(scope="module")
def cases(url):
    """Address of the pages; both phantoms have a draft of the networks."""
    address = f"{url}/acsnet"
    end = time.monotonic() + 120
    while "being checked" in requests.get(f"{address}/", timeout=60).text:
        assert time.monotonic() < end
        time.sleep(0.2)
    images = requests.get(f"{url}/datastore/?output=all", timeout=60).json()["objects"]
    for image in images:
        assert requests.post(f"{address}/cases/{image}/segment", timeout=300).ok
    return address


def ready(page):
    page.locator("#desk[data-ready]").wait_for(timeout=60_000)


def slice_of(page):
    return int(re.search(r"slice (\d+) of", page.locator("#where").inner_text())[1])


def test_slices_turn_by_keys_wheel_tiles_and_touch_and_the_overlay_goes(page, cases, look):
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{cases}/?sort=case")
    page.get_by_role("link", name="PHANTOM-2").click()
    ready(page)
    look("desk-1280")
    box = page.locator("#stage").bounding_box()
    assert box["height"] > 400
    assert box["y"] + box["height"] < 720
    first = slice_of(page)
    page.keyboard.press("ArrowDown")
    assert slice_of(page) == first + 1
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.wheel(0, -100)
    page.wait_for_function(f"document.getElementById('where').textContent.includes('{first} of')")
    page.get_by_title("slice 2", exact=True).click()
    assert slice_of(page) == 2
    page.keyboard.press("End")
    assert slice_of(page) == 8
    page.keyboard.press("Home")
    shown = "document.getElementById('slice').toDataURL()"
    for key in ("o", "o", "f", "[", "-", ",", "0", "z"):
        before = page.evaluate(shown)
        page.keyboard.press(key)
        assert page.evaluate(shown) != before, key
    page.keyboard.press("?")
    assert page.get_by_role("dialog").is_visible()
    page.keyboard.press("Escape")
    assert not page.get_by_role("dialog").is_visible()


def test_without_its_script_the_page_still_shows_all_slices(browser, cases):
    context = browser.new_context(java_script_enabled=False)
    window = context.new_page()
    window.goto(f"{cases}/?text=phantom-2")
    window.get_by_role("link", name="PHANTOM-2").click()
    window.locator("img.montage").wait_for()
    assert window.get_by_role("button", name=re.compile("^Accept")).is_visible()
    assert not window.locator("#stage").is_visible()
    context.close()


def test_from_the_work_list_to_the_next_case_with_the_keyboard_alone(page, cases, look, capsys):
    """Both cases: the second time the reader's name is known."""
    page.set_viewport_size({"width": 1280, "height": 720})
    page.goto(f"{cases}/")
    began = time.monotonic()
    actions = 1
    page.keyboard.press("n")
    ready(page)
    first = page.url
    page.keyboard.press("a")  # nobody has said who reads: the browser asks for the name
    assert page.url == first
    page.keyboard.type("Eve Reader")
    page.keyboard.press("Enter")
    page.keyboard.press("a")
    accepted(page)
    actions += 2
    assert page.url != first
    ready(page)
    tell(capsys, f"work list to accepted, first time: {actions} actions", began)
    page.goto(f"{cases}/")
    began = time.monotonic()
    page.keyboard.press("n")
    ready(page)
    page.keyboard.press("a")
    accepted(page)
    tell(capsys, "work list to accepted, name known: 2 actions", began)
    assert "There is no next case" in page.content()
    look("desk-finished")


def test_in_a_pacs_a_draft_is_accepted_with_two_keys_and_rejected_ones_stay(page, pacs_url, capsys):
    uids = list(requests.get(f"{pacs_url}/datastore/?output=all", timeout=60).json()["objects"])
    for uid in uids:
        assert requests.post(f"{pacs_url}/acsnet/cases/{uid}/segment", timeout=300).ok
    page.goto(f"{pacs_url}/acsnet/")
    page.evaluate("localStorage.setItem('acsnet.reader', 'Eve Reader')")
    page.reload()
    began = time.monotonic()
    page.keyboard.press("n")
    ready(page)
    case = page.url
    page.keyboard.press("a")
    accepted(page)
    tell(capsys, "PACS, work list to accepted, name known: 2 actions", began)
    page.goto(case)
    page.get_by_text("drawn by the networks, accepted unchanged").wait_for()
    record = requests.get(f"{case.partition('?')[0]}/versions.json", timeout=60).json()[0]
    assert (record["state"], record["reviewer"]) == ("reviewed", "Eve Reader")
    form = {"version": record["version"], "by": "Eve Reader", "comment": "too early"}
    kept = requests.post(f"{case.partition('?')[0]}/reject", json=form, timeout=60).json()
    assert kept["state"] == "withdrawn"
    page.goto(case)
    page.get_by_role("heading", name="draft").wait_for()


def tell(capsys, what, began):
    with capsys.disabled():
        sys.stdout.write(f"\n{what}, {time.monotonic() - began:.1f} s\n")


def test_a_rejection_asks_for_its_reason_and_every_version_can_be_opened_and_compared(
    page, cases, look
):
    page.goto(f"{cases}/?text=phantom-1")
    page.get_by_role("link", name="PHANTOM-1").first.click()
    ready(page)
    row = page.get_by_role("row", name=re.compile("draft by the networks"))
    row.get_by_role("link", name="compare").click()
    ready(page)
    look("desk-compare")
    assert page.get_by_role("row", name=re.compile(r"Left ventricle 1\.000")).count() == 1
    page.get_by_role("link", name="draft by the networks").click()
    ready(page)
    page.locator("#decide input[name=by]").fill("Eve Reader")
    page.locator("#stage").focus()
    page.keyboard.press("r")
    page.get_by_text("Enter the reason as comment").wait_for()
    page.keyboard.type("apex is missing")
    page.keyboard.press("Escape")
    with page.expect_navigation():
        page.keyboard.press("r")
    page.get_by_text("Last:").wait_for()
    page.get_by_text("Last:").get_by_role("link").click()
    page.get_by_text("apex is missing").wait_for()
    assert page.get_by_role("row", name=re.compile("withdrawn, drawn by the networks")).count() == 1


def test_the_insertion_of_the_right_ventricle_is_a_click_on_the_slice(page, cases):
    page.goto(f"{cases}/?text=phantom-2")
    page.get_by_role("link", name="PHANTOM-2").first.click()
    ready(page)
    page.get_by_label("Mark the anterior insertion").check()
    number = slice_of(page)
    page.locator("#stage").click()
    assert page.locator("#marked-insertion").inner_text() == f"marked in slice {number}"
    form = page.locator("form.fields")
    form.locator("input[name=by]").fill("Eve Reader")
    form.get_by_label("Height").fill("172")
    form.get_by_label("Weight").fill("80")
    form.get_by_role("button", name="Save for the report").click()
    page.get_by_text("saved by Eve Reader").wait_for()
    assert page.locator("#marked-insertion").inner_text() == f"marked in slice {number}"


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (820, 1180)])
def test_pages_have_no_serious_fault_for_who_needs_help(page, cases, axe, look, size):
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{cases}/")
    addresses = [f"{cases}/", f"{cases}/training"]
    addresses += [
        f"{cases}/cases/{image.rpartition('/')[2]}"
        for image in page.locator("th a[href*='/cases/']").evaluate_all(
            "all => all.map(a => a.href)"
        )
    ]
    addresses += [f"{addresses[-1]}/compare?first=original&second=original", f"{cases}/cases/none"]
    for number, address in enumerate(addresses):
        page.goto(address)
        if page.locator("#desk").count():
            ready(page)
        page.evaluate("document.fonts.ready")
        page.evaluate(axe)
        assert page.evaluate(SERIOUS) == [], address
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], address
        look(f"axe-{size[0]}-{number}")
