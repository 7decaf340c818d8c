"""Clicks in headless Chromium: the wall goes where a reader sees it."""

import json

import numpy as np
import pytest
import requests
from viewer_pages import (
    STOCK_IMAGES,
    check_voxels,
    give_name,
    headers,
    infer,
    label_map,
    shown_slices,
)

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
