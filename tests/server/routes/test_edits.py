"""A reader's edit from the browser: opened, kept while it is drawn, saved as a version."""

import json
from pathlib import Path

import numpy as np
import pytest
from saved_labels import keep_draft

from acsnet.annotations import audit_log
from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.labels import LABELS
from acsnet.server.corrections.frame_labels import to_frames
from acsnet.server.state.paths import audit_log_file, edits_folder

READER = "Ana"


@pytest.fixture
def case(web):
    """url: of the edit of the first phantom; scan; frames: of the heart, drawn by hand."""
    scan = read_scan(web.studies / "phantom-1")
    stack = np.zeros(scan.pixels.shape, np.uint8)
    stack[2:6, 60:90, 60:90] = 2
    stack[2:6, 68:82, 68:82] = 1
    stack[3, 62:66, 62:70] = 4
    web.scan, web.labels = scan, scan.grid.to_input(stack)
    web.frames = to_frames(scan, web.labels)
    web.url = f"/acsnet/cases/{web.series}/edit"
    yield web
    web.client.delete(web.url, params={"by": READER})


def sent(web, **about):
    return {"frames": web.frames, "by": READER, **about}


def test_an_edit_is_kept_for_its_reader_alone_and_is_no_version(case):
    before = case.client.get(f"/acsnet/cases/{case.series}/versions.json").json()
    opened = case.client.get(case.url, params={"by": READER}).json()
    assert opened["unsaved"] is None
    assert opened["slices"] == list(case.scan.instance_uids)
    assert [label["colour"] for label in opened["labels"]] == [list(one.colour) for one in LABELS]
    assert case.client.put(case.url, json=sent(case, version="v1")).status_code == 200
    unsaved = case.client.get(case.url, params={"by": READER}).json()["unsaved"]
    assert (unsaved["frames"], unsaved["version"]) == (case.frames, "v1")
    assert case.client.get(case.url, params={"by": "Ben"}).json()["unsaved"] is None
    assert case.client.get(f"/acsnet/cases/{case.series}/versions.json").json() == before
    (file,) = edits_folder(str(case.studies)).iterdir()
    assert file.stat().st_mode & 0o077 == 0
    case.client.delete(case.url, params={"by": READER})
    assert case.client.get(case.url, params={"by": READER}).json()["unsaved"] is None


def test_a_save_is_a_draft_of_the_reader_and_ends_the_edit(case):
    case.client.put(case.url, json=sent(case))
    answer = case.client.post(case.url, json=sent(case))
    assert answer.status_code == 200, answer.text
    saved = answer.json()
    assert (saved["state"], saved["author"], saved["tag"]) == ("draft", READER, "draft")
    assert saved["warnings"]
    opened = case.client.get(case.url, params={"by": READER}).json()
    assert opened["unsaved"] is None
    assert opened["frames"] == case.frames
    assert opened["shown"]["version"] == saved["version"]
    store = case.app.datastore()
    file = Path(store.get_label_uri(case.series, "draft"))
    kept = read_client_labels(file, grid=case.scan.grid)
    np.testing.assert_array_equal(kept, case.labels)
    lines = [one for one in audit_log.read(audit_log_file()) if one["event"] == "save"]
    assert lines[-1]["version"] == saved["version"]
    again = case.client.post(case.url, json=sent(case)).json()
    assert again["version"] == saved["version"]
    after = [one for one in audit_log.read(audit_log_file()) if one["event"] == "save"]
    assert len(after) == len(lines)


def test_a_case_that_has_a_draft_of_the_networks_opens_with_it(case):
    store = case.app.datastore()
    keep_draft(store, case.series, case.labels)
    opened = case.client.get(case.url, params={"tag": "original"}).json()
    assert opened["frames"] == case.frames
    assert opened["shown"]["version"] == "original"


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"frames": {}}, 422, "nothing is drawn"),
        ({"frames": {"1.2.3": [1, 160 * 176]}}, 422, "no slice of the scan"),
        ({"frames": {"1.2.3": ["x"]}}, 422, ""),
        ({"by": "x" * 65}, 422, "at most 64"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_the_edit_stays(case, change, status, reason):
    case.client.put(case.url, json=sent(case))
    answer = case.client.post(case.url, json=sent(case, **change))
    assert answer.status_code == status
    assert reason in json.dumps(answer.json())
    unsaved = case.client.get(case.url, params={"by": READER}).json()["unsaved"]
    assert unsaved["frames"] == case.frames


def test_unknown_cases_and_volume_files_are_told(case):
    assert case.client.get("/acsnet/cases/none/edit").status_code == 404
    assert case.client.put("/acsnet/cases/none/edit", json=sent(case)).status_code == 404
    answer = case.client.get("/acsnet/cases/a & <i>b/edit", headers={"Accept": "application/json"})
    assert answer.status_code == 422
    assert "3D Slicer" in answer.text
    assert case.client.get(case.url, params={"tag": "none"}).status_code == 404


def test_a_damaged_edit_is_set_aside(case):
    case.client.put(case.url, json=sent(case))
    (file,) = edits_folder(str(case.studies)).glob("*.json")
    file.write_text('{"image": 1')
    assert case.client.get(case.url, params={"by": READER}).json()["unsaved"] is None
    assert [one for one in file.parent.iterdir() if ".damaged-" in one.name]
