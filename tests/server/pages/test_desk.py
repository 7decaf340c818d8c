"""What the case page, its script and the pages of long work get, as a browser asks for it."""

import json
import re
import time
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from acsnet.fine_tuning.training_status import Status
from acsnet.io import read_scan
from acsnet.io.label_map import read_labels
from acsnet.server.pages import trainings
from acsnet.server.pages.routes import headline_of
from acsnet.server.web.headers import PAGE_POLICY
from acsnet.train.run import STEPS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def desk(web):
    """The first phantom, checked and segmented once."""
    end = time.monotonic() + 30
    while not web.app.datastore().verdict(web.series).checked:
        assert time.monotonic() < end
        time.sleep(0.05)
    assert web.client.post(f"/acsnet/cases/{web.series}/segment").status_code == 303
    web.case = f"/acsnet/cases/{web.series}"
    return web


def unpacked(answer, kind):
    """The line of JSON, and the voxels as (slice, row, column)."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    line, voxels = answer.content.split(b"\n", 1)
    assert (len(line) + 1) % 4 == 0
    about = json.loads(line)
    shape = about["slices"], about["rows"], about["columns"]
    return about, np.frombuffer(voxels, kind).reshape(shape)


def test_the_script_gets_every_pixel_and_the_label_at_each(desk):
    about, grey = unpacked(desk.client.get(f"{desk.case}/slices.bin"), "<u2")
    scan = read_scan(desk.app.datastore().get_image_uri(desk.series))
    signal = about["low"] + about["step"] * grey
    assert np.abs(signal - scan.pixels).max() <= about["step"]
    assert about["spacing_mm"] == pytest.approx(scan.spacing_mm[1:])
    assert about["numbers"] == [scan.grid.slice_number(k) for k in range(len(grey))]
    known, labels = unpacked(desk.client.get(f"{desk.case}/labels.bin?version=original"), "u1")
    stored = read_labels(Path(desk.app.datastore().get_label_uri(desk.series, "original")))
    np.testing.assert_array_equal(labels, scan.grid.from_input(stored))
    assert known["version"] == "original"


def test_scar_and_obstruction_come_before_the_warnings(desk):
    text = desk.client.get(desk.case).text
    features = desk.app.datastore().get_label_info(desk.series, "original")["features"]
    scar, obstruction = (
        features[key] for key in ("scar_burden_percent", "microvascular_obstruction_volume_ml")
    )
    headline = (
        f"Scar {scar:.1f}\xa0% of the myocardium, obstruction {obstruction:.1f}\xa0ml</strong>"
    )
    assert 0 < text.index(headline) < text.index('id="decide"')


@pytest.mark.parametrize(
    ("burden", "obstruction", "line"),
    [
        (52.25, 26.84, "Scar 52.3 % of the myocardium, obstruction 26.8 ml"),
        (0.0, 0.0, "Scar 0.0 % of the myocardium, obstruction 0.0 ml"),
        (12.0, None, "Scar 12.0 % of the myocardium"),
        (None, 3.0, "Obstruction 3.0 ml"),
        (None, None, ""),
    ],
)
def test_a_headline_has_only_what_has_a_number(burden, obstruction, line):
    features = {"scar_burden_percent": burden, "microvascular_obstruction_volume_ml": obstruction}
    assert headline_of(features).replace("\xa0", " ") == line
    assert headline_of({}) == ""


def test_a_nifti_is_turned_as_its_label_map_is(desk):
    name = "a & <i>b"
    about, grey = unpacked(desk.client.get(f"/acsnet/cases/{name}/slices.bin"), "<u2")
    assert desk.client.post(f"/acsnet/cases/{name}/segment").status_code == 303
    _, labels = unpacked(desk.client.get(f"/acsnet/cases/{name}/labels.bin?version=original"), "u1")
    assert labels.shape == grey.shape
    pool = grey[labels == 1].mean()
    assert pool > grey[labels == 2].mean()  # late enhancement: blood is brighter than healthy wall
    assert len(about["view"]) == 3


@pytest.mark.parametrize("query", ["", "?version=", "?version=../x", "?version=a/b"])
def test_a_version_is_a_plain_name(desk, query):
    assert desk.client.get(f"{desk.case}/labels.bin{query}").status_code in (400, 422)


def test_what_is_not_there_is_not_found(desk):
    for address in (
        f"{desk.case}/labels.bin?version=nobody",
        f"{desk.case}/compare?first=original&second=nobody",
        f"{desk.case}?version=nobody",
        "/acsnet/cases/nobody/slices.bin",
    ):
        assert desk.client.get(address).status_code == 404, address


def test_a_browser_gets_a_page_at_an_unknown_address_and_a_program_json(desk):
    page = desk.client.get("/nowhere", headers={"Accept": "text/html,*/*;q=0.8"})
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-security-policy"] == PAGE_POLICY  # it has the looks of a page
    assert "there is nothing at this address" in page.text
    assert desk.client.get("/nowhere").json() == {"detail": "Not Found"}
    asked = desk.client.get("/acsnet/cases/nobody", headers={"Accept": "application/json"})
    assert "nobody" in asked.json()["detail"]


def test_an_error_page_leads_back_to_the_page_before_it(desk):
    form = {"height_cm": "17 2x", "by": "Eve"}
    own = str(desk.client.base_url).rstrip("/")
    page = {"Referer": f"{own}{desk.case}?version=original"}
    answer = desk.client.post(f"{desk.case}/details", data=form, headers=page)
    assert answer.status_code == 422
    assert f'href="{desk.case}?version=original"' in answer.text
    elsewhere = {"Referer": f"http://evil.example.org{desk.case}"}
    answer = desk.client.post(f"{desk.case}/details", data=form, headers=elsewhere)
    assert "Back to" not in answer.text


def test_a_label_map_compared_with_itself_is_the_same(desk):
    text = desk.client.get(f"{desk.case}/compare?first=original&second=original").text
    assert text.count('<td class="number">1.000</td>') == 7
    assert re.search(r"Microvascular obstruction</th>\s*<td class=.number.>in neither", text)
    assert "data-second" in text


def test_a_case_is_shown_before_it_was_segmented(web):
    store = web.app.datastore()
    other = next(
        image
        for image in store.list_images()
        if store.get_image_info(image).get("PatientID") == "PHANTOM-2"
    )
    end = time.monotonic() + 30
    while not store.verdict(other).checked:
        assert time.monotonic() < end
        time.sleep(0.05)
    text = web.client.get(f"/acsnet/cases/{other}").text
    assert 'data-scan="' in text
    assert web.client.get(f"/acsnet/cases/{other}/montage.png?tag=none").status_code == 200


def test_what_a_reader_enters_is_there_again(desk):
    form = {
        "by": "Eve",
        "height_cm": "172,5",
        "weight_kg": "80",
        "indication": "chest pain",
        "comment": "two\r\nlines",
        "rv_insertion": '{"3": [60, 41]}',
        "remote_region": '{"4": [89, 79]}',
    }
    assert desk.client.post(f"{desk.case}/details", data=form).status_code == 303
    text = desk.client.get(desk.case).text
    assert 'value="172.5"' in text
    assert 'value="80"' in text
    assert "chest pain" in text
    assert "marked in slice 3" in text
    assert "marked in slice 4" in text
    assert 'value="{"3": [60, 41]}"' in unescape(text)
    assert 'value="{"' not in text  # which ends the attribute
    assert "saved by Eve" in text
    refused = desk.client.post(f"{desk.case}/details", data={**form, "weight_kg": ""})
    assert refused.status_code == 422
    assert "height and weight are needed together" in refused.text
    for off, reason in (
        ({"remote_region": '{"4": [5, 5]}'}, "at least 20 voxels of myocardium, got 0"),
        ({"rv_insertion": '{"3": [60, 41], "40": [60, 41]}'}, "slice 40, which has no blood pool"),
    ):
        refused = desk.client.post(f"{desk.case}/details", data={**form, **off})
        assert refused.status_code == 422
        assert reason in refused.text
    assert "marked in slice 3" in desk.client.get(desk.case).text
    assert "enter your name" in desk.client.post(f"{desk.case}/details", data={"by": ""}).text
    refused = desk.client.post(f"{desk.case}/details", data={"by": "Eve", "height_cm": "tall"})
    assert "height must be a number" in refused.text


def hidden_of(page):
    """The hidden fields of the form for the report."""
    form = re.search(r'<form class="fields".*?</form>', page.text, re.DOTALL).group()
    return dict(re.findall(r'<input type="hidden" name="(scan|saved)" value="(.*?)">', form))


def test_of_two_readers_with_a_case_open_the_second_takes_nothing_from_the_first(desk):
    shown = hidden_of(desk.client.get(desk.case))
    first = {"by": "Ana", "height_cm": "180", "weight_kg": "80", "indication": "stress positive"}
    assert desk.client.post(f"{desk.case}/details", data={**first, **shown}).status_code == 303
    second = {"by": "Bo", "comment": "thin apex"}
    for sent in (shown, {}):  # {}: of a program that says nothing of what it was shown
        refused = desk.client.post(f"{desk.case}/details", data={**second, **sent})
        assert refused.status_code == 409
        assert "Ana saved other details of it since you opened this case" in refused.text
    page = desk.client.get(desk.case)
    assert "stress positive" in page.text
    again = desk.client.post(f"{desk.case}/details", data={**second, **hidden_of(page)})
    assert again.status_code == 303
    assert "thin apex" in desk.client.get(desk.case).text


def test_what_was_entered_on_the_page_of_another_scan_is_not_saved(desk):
    shown = hidden_of(desk.client.get(desk.case))
    form = {"by": "Ana", "comment": "of the scan before", **shown, "scan": "another state"}
    refused = desk.client.post(f"{desk.case}/details", data=form)
    assert refused.status_code == 409
    assert "the files of this scan were replaced or changed" in refused.text
    assert "of the scan before" not in desk.client.get(desk.case).text


@pytest.mark.parametrize("height", ["1_80", "nan", "1e999", "0x10"])
def test_what_people_do_not_type_for_a_number_is_none(desk, height):
    form = {"by": "Ana", "height_cm": height, "weight_kg": "80"}
    refused = desk.client.post(f"{desk.case}/details", data=form)
    assert refused.status_code == 422
    assert f"height must be a number, got '{height}'" in unescape(refused.text)


def test_ticked_cases_are_segmented_in_the_background(desk):
    answer = desk.client.post("/acsnet/batch", data={"image": [desk.series], "which": "ticked"})
    assert answer.status_code == 303
    end = time.monotonic() + 60
    while desk.app.batch.status()["running"]:
        assert time.monotonic() < end
        time.sleep(0.1)
    assert desk.app.batch.status()["images"] == {desk.series: "done"}
    assert "Batch ended: 1 of 1 segmented" in desk.client.get("/acsnet/").text
    assert desk.client.post("/acsnet/batch", data={"which": "ticked"}).status_code == 422
    assert desk.client.post("/acsnet/batch", data={"image": "nobody"}).status_code == 404
    assert desk.client.post("/acsnet/batch/stop").status_code == 303


def test_a_training_is_told_by_epoch_and_share(desk, monkeypatch, tmp_path):
    status = Status(state="training", step="myo", epoch=3, epochs=24, share=0.4, time_left_s=754.0)
    monkeypatch.setattr(desk.app.trainings, "runs", lambda: [(tmp_path, status)])
    monkeypatch.setattr(trainings, "read_request", lambda folder: status_request())
    text = desk.client.get("/acsnet/training").text
    assert "network <strong>MYO (segments wall and scar)</strong>, epoch 3 of 24" in text
    assert "Time left: 13 min" in text
    assert 'value="3.4"' in text
    assert "Stop this training" in text


@pytest.mark.parametrize("step", STEPS["all"])
def test_each_network_is_told_in_words(step):
    assert step in trainings.NETWORKS


def status_request():
    class Request:
        trainer = "all"

    return Request()


def test_without_a_training_the_page_says_what_is_served(desk):
    text = desk.client.get("/acsnet/training").text
    assert "Model in use: <strong>shipped</strong>" in text
    assert "<p>None.</p>" in text
    assert desk.client.post("/acsnet/training/stop").status_code == 303
    assert desk.client.post("/acsnet/training/start", data={"trainer": "x"}).status_code == 404


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "not known yet"), (20, "less than a minute"), (754, "13 min"), (7500, "2 h 5 min")],
)
def test_a_duration_is_said_as_people_say_it(seconds, words):
    assert trainings.duration(seconds) == words
