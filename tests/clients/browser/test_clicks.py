"""Clicks in headless Chromium: the wall goes where a reader sees it."""

import base64
import json
import re
import zlib
from itertools import product

import numpy as np
import pytest
import requests
from viewer_pages import (
    SCREEN,
    STOCK_IMAGES,
    accepted,
    check_voxels,
    give_name,
    headers,
    infer,
    label_map,
    shown_slices,
)

from acsnet.report.display_orientation import View
from acsnet.server.pages.viewers import stock_folder

KEEP_SLICES = """
addEventListener("acsnet-slices", (event) => { window.seen = event.detail; }, true);
"""


VIEWPORT = "window.cornerstone.getRenderingEngines()[0].getViewports()[0]"


def outer_wall(labels, k):
    """Row and column of a wall pixel at the outside of slice k of a (column, row, slice) map."""
    row = int(np.argwhere(labels[:, :, k] == 1)[:, 1].mean())
    return row, int(np.flatnonzero(labels[:, row, k] > 1)[0]) + 1


@pytest.mark.parametrize("number", [1, 2])
def test_a_click_on_the_case_page_moves_the_wall_where_it_is_seen(page, url, samples, look, number):
    series = str(headers(samples / "dicom" / f"phantom-{number}")[0].SeriesInstanceUID)
    infer(url, series)
    labels = label_map(url, series)
    page.add_init_script(KEEP_SLICES)
    page.goto(f"{url}/acsnet/cases/{series}")
    page.locator('#desk[data-ready="yes"]').wait_for()
    page.locator('input[name="by"]').first.fill("Ada")
    shown = int(page.locator("#where").inner_text().split()[1])
    row, column = outer_wall(labels, shown - 1)
    page.locator("#click-kind").select_option("outside")
    x, y, ratio = page.evaluate(
        "([row, column]) => [...window.seen.toScreen([row, column]), "
        "document.getElementById('slice').width"
        " / document.getElementById('slice').getBoundingClientRect().width]",
        [row, column],
    )
    place = page.locator("#slice").bounding_box()
    with page.expect_response(lambda answer: answer.url.endswith("/click")) as moved:
        page.mouse.click(place["x"] + x / ratio, place["y"] + y / ratio)
    sent = json.loads(moved.value.request.post_data)
    assert sent["clicks"] == [{"slice": shown, "row": row, "column": column, "kind": "outside"}]
    assert moved.value.json()["clicks"][0]["held"]
    assert shown in moved.value.json()["changed_slices"]
    page.get_by_text("Not saved.").wait_for()
    look(f"clicked-{number}")
    with page.expect_response(lambda answer: answer.url.endswith("/click")) as undone:
        page.locator("#click-undo").click()
    assert undone.value.json()["changed_slices"] == []
    page.get_by_text("nothing changed").wait_for()
    with page.expect_response(lambda answer: answer.url.endswith("/click")):
        page.mouse.click(place["x"] + x / ratio, place["y"] + y / ratio)
    page.get_by_text("Not saved.").wait_for()
    page.locator("#click-save").click()
    page.wait_for_url("**version=*")
    kept = label_map(url, series, "draft")
    assert labels[column, row, shown - 1] > 1
    assert kept[column, row, shown - 1] == 0
    newest = requests.get(f"{url}/acsnet/cases/{series}/versions.json", timeout=60).json()[0]
    assert (newest["user"], newest["state"]) == ("Ada", "draft")


def test_another_button_and_two_fingers_are_no_click(browser, url, samples):
    series = str(headers(samples / "dicom" / "phantom-1")[0].SeriesInstanceUID)
    infer(url, series)
    context = browser.new_context(viewport=SCREEN, has_touch=True)
    page, sent = context.new_page(), []
    page.on("request", lambda request: sent.append(request.url.endswith("/click")))
    page.goto(f"{url}/acsnet/cases/{series}")
    page.locator('#desk[data-ready="yes"]').wait_for()
    page.locator("#click-kind").select_option("outside")
    box = page.locator("#stage").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for button in ("right", "middle"):
        page.mouse.click(x, y, button=button)
    page.keyboard.press("Escape")
    touch = context.new_cdp_session(page)
    fingers = [{"x": x - 60, "y": y, "id": 1}, {"x": x + 60, "y": y, "id": 2}]
    for kind, points in (("touchStart", fingers), ("touchEnd", [])):
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    page.wait_for_timeout(500)
    assert not any(sent)
    with page.expect_request("**/click"):
        page.touchscreen.tap(x, y)
    context.close()


SHOWN = """addEventListener("acsnet-slices", ({ detail }) => {
    const show = detail.show;
    detail.show = (labels, clicks) => { window.shown = Array.from(labels); show(labels, clicks); };
}, true);"""


def test_a_click_is_on_the_pixel_that_is_seen_in_all_eight_views(page, url, samples):
    """The case page with made pixels, rows and columns of different size, and a made answer; the
    slices of every other view are numbered from the other end.
    """
    series = str(headers(samples / "dicom" / "phantom-1")[0].SeriesInstanceUID)
    infer(url, series)
    numbered = np.arange(20 * 28).reshape(20, 28)
    wall = np.zeros((3, 20, 28), np.uint8)
    wall[1, 5:12, 8:20] = 2
    answer = np.random.default_rng(0).integers(0, 5, wall.shape).astype(np.uint8)  # file order
    row, column = 7, 17
    page.add_init_script(KEEP_SLICES + SHOWN)
    for exchanged, rows_reversed, columns_reversed in product((False, True), repeat=3):
        turns = exchanged + rows_reversed + columns_reversed
        numbers = [3, 2, 1] if turns % 2 else [1, 2, 3]
        view = View(
            exchanged=exchanged, rows_reversed=rows_reversed, columns_reversed=columns_reversed
        )
        rows, columns = view.of(numbered).shape
        about = {
            "slices": 3,
            "rows": rows,
            "columns": columns,
            "numbers": numbers,
            "spacing_mm": view.spacing_of((1.2, 1.9)),
            "window": [0, 600],
            "low": 0,
            "step": 1,
            "view": [exchanged, rows_reversed, columns_reversed],
        }
        pixels = np.stack([view.of(numbered)] * 3).astype("<u2")
        drawn = np.stack([view.of(plane) for plane in wall])
        told = {
            "label_map": {
                "shape": list(answer.shape),
                "data": base64.b64encode(zlib.compress(answer.tobytes())).decode(),
            },
            "clicks": [],
            "changed_slices": [2],
            "measurements": {"scar_burden_percent": None},
        }
        page.unroute_all()
        page.route("**/slices.bin", answering(voxels_of(about, pixels)))
        page.route("**/labels.bin?*", answering(voxels_of(about, drawn)))
        page.route("**/click", answering(json.dumps(told).encode()))
        page.goto(f"{url}/acsnet/cases/{series}?version=original")
        page.locator('#desk[data-ready="yes"]').wait_for()
        page.locator("#click-kind").select_option("wall")
        ((down, across),) = np.argwhere(view.of(numbered) == row * 28 + column)
        x, y = page.evaluate(WHERE_SHOWN, [int(down), int(across)])
        with page.expect_request("**/click") as asked:
            page.mouse.click(x, y)
        (sent,) = json.loads(asked.value.post_data)["clicks"]
        assert sent == {"slice": 2, "row": row, "column": column, "kind": "wall"}, view
        page.get_by_text("Not saved.").wait_for()
        shown = np.reshape(page.evaluate("window.shown"), (3, rows, columns))
        expected = np.stack([view.of(answer[number - 1]) for number in numbers])
        np.testing.assert_array_equal(shown, expected)


WHERE_SHOWN = """([down, across]) => {
    const { scan, toAcquired, toScreen } = window.seen;
    const canvas = document.getElementById("slice"), box = canvas.getBoundingClientRect();
    const [first, other] = [[0, 0], [scan.rows - 1, scan.columns - 1]]
        .map(corner => toScreen(toAcquired(...corner)));
    const share = [across / (scan.columns - 1), down / (scan.rows - 1)];
    const [x, y] = share.map((part, axis) => first[axis] + part * (other[axis] - first[axis]));
    if (first[0] > other[0] || first[1] > other[1]) throw new Error("shown upside down");
    return [box.left + x * box.width / canvas.width, box.top + y * box.height / canvas.height];
}"""
"""Where on the page a pixel of the shown slice lies, by the places of its corners."""


def voxels_of(about, stack):
    """An answer as the routes of the slices give it."""
    line = json.dumps(about).encode()
    return line + b" " * (-(len(line) + 1) % 4) + b"\n" + stack.tobytes()


def answering(body):
    return lambda route: route.fulfill(body=body)


def test_a_case_is_corrected_and_accepted_with_the_keyboard_alone(page, url, samples, look):
    series = str(headers(samples / "dicom" / "phantom-2")[0].SeriesInstanceUID)
    infer(url, series)
    labels = label_map(url, series)
    page.add_init_script("localStorage.setItem('acsnet.reader', 'Kay')")
    page.goto(f"{url}/acsnet/cases/{series}?version=original")
    page.locator('#desk[data-ready="yes"]').wait_for()
    for _ in range(2):
        page.keyboard.press("k")
    assert page.locator("#click-kind").input_value() == "outside"
    shown = int(page.locator("#where").inner_text().split()[1])
    row, column = outer_wall(labels, shown - 1)
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Shift+ArrowRight")
    with page.expect_response(lambda answer: answer.url.endswith("/click")) as first:
        page.keyboard.press("Enter")
    (middle,) = json.loads(first.value.request.post_data)["clicks"]
    page.get_by_text("Not saved.").wait_for()
    with page.expect_response(lambda answer: answer.url.endswith("/click")):
        page.keyboard.press("u")
    page.get_by_text("nothing changed").wait_for()
    # The phantom is shown as it was acquired: a step of the cursor is a row or a column.
    for count, keys in (
        (row - middle["row"], ("Shift+ArrowUp", "Shift+ArrowDown")),
        (column - middle["column"], ("Shift+ArrowLeft", "Shift+ArrowRight")),
    ):
        for _ in range(abs(count)):
            page.keyboard.press(keys[count > 0])
    with page.expect_response(lambda answer: answer.url.endswith("/click")) as moved:
        page.keyboard.press("Enter")
    (sent,) = json.loads(moved.value.request.post_data)["clicks"]
    assert sent == {"slice": shown, "row": row, "column": column, "kind": "outside"}
    page.get_by_text("Not saved.").wait_for()
    look("clicked-with-keys")
    page.keyboard.press("v")
    page.wait_for_url(re.compile(r"version=\d"))  # what was saved, in place of the original
    page.locator('#desk[data-ready="yes"]').wait_for()
    page.keyboard.press("a")
    accepted(page)
    newest = requests.get(f"{url}/acsnet/cases/{series}/versions.json", timeout=60).json()[0]
    assert (newest["user"], newest["state"]) == ("Kay", "reviewed")


@pytest.mark.skipif(stock_folder() is None, reason="stock OHIF is not here (make viewer)")
def test_a_click_in_our_mode_of_ohif_moves_the_wall_where_it_is_seen(page, url, samples, look):
    phantom = headers(samples / "dicom" / "phantom-2")
    series = str(phantom[0].SeriesInstanceUID)
    infer(url, series)
    labels = label_map(url, series)
    page.goto(f"{url}/viewer/acsnet?case={series}")
    give_name(page, "Ana Reader")
    check_voxels(shown_slices(page, STOCK_IMAGES), labels, phantom)
    uid = page.evaluate(f"{VIEWPORT}.getCurrentImageId()").split("/instances/")[1].split("/")[0]
    (image,) = [one for one in phantom if one.SOPInstanceUID == uid]
    normal = np.cross(*np.reshape(image.ImageOrientationPatient, (2, 3)).astype(float))
    along = [normal @ np.array(one.ImagePositionPatient, float) for one in phantom]
    k = int(np.argsort(np.argsort(along))[phantom.index(image)])
    row, column = outer_wall(labels, k)
    cosines = np.reshape(image.ImageOrientationPatient, (2, 3)).astype(float)
    row_mm, column_mm = (float(step) for step in image.PixelSpacing)
    place = np.array(image.ImagePositionPatient, float)
    place = place + column * column_mm * cosines[0] + row * row_mm * cosines[1]
    x, y = page.evaluate(f"place => {VIEWPORT}.worldToCanvas(place)", place.tolist())
    box = page.evaluate(f"(({{ x, y }}) => [x, y])({VIEWPORT}.element.getBoundingClientRect())")
    page.locator('[data-cy="acsnet-click"]').select_option("outside")
    with page.expect_response(lambda answer: answer.url.endswith("/click")) as moved:
        page.mouse.click(box[0] + x, box[1] + y)
    assert moved.value.status == 200, moved.value.text()
    (sent,) = json.loads(moved.value.request.post_data)["clicks"]
    assert sent == {"instance": uid, "row": row, "column": column, "kind": "outside"}
    page.get_by_role("button", name="Undo click").wait_for()
    look("mode-clicked")
    shown = np.reshape(shown_slices(page, STOCK_IMAGES)[uid], (image.Rows, image.Columns))
    assert labels[column, row, k] > 1
    assert shown[row, column] == 0
    with page.expect_response(lambda answer: answer.url.endswith("/click")):
        page.get_by_role("button", name="Undo click").click()
    page.get_by_role("button", name="Undo click").wait_for(state="detached")
    check_voxels(shown_slices(page, STOCK_IMAGES), labels, phantom)
