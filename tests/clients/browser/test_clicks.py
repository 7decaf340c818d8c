"""Clicks in headless Chromium: the wall goes where a reader sees it."""

import json

import numpy as np
import pytest
import requests
from viewer_pages import headers, infer, label_map

KEEP_SLICES = """
addEventListener("acsnet-slices", (event) => { window.seen = event.detail; }, true);
"""


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
