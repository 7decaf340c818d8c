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
from acsnet.server.corrections.unsaved_edits import MAX_EDITS
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
    assert (opened["unsaved"], opened["others"]) == (None, [])
    assert opened["slices"] == list(case.scan.instance_uids)
    assert [label["colour"] for label in opened["labels"]] == [list(one.colour) for one in LABELS]
    base = {"version": "v1", "saved": "2020-01-01T00:00:00+00:00"}
    assert case.client.put(case.url, json=sent(case, **base)).status_code == 200
    unsaved = case.client.get(case.url, params={"by": READER}).json()["unsaved"]
    assert unsaved["frames"] == case.frames
    assert {name: unsaved[name] for name in base} == base
    assert case.client.get(case.url, params={"by": "Ben"}).json()["unsaved"] is None
    assert case.client.get(f"/acsnet/cases/{case.series}/versions.json").json() == before
    (file,) = edits_folder(str(case.studies)).iterdir()
    assert file.stat().st_mode & 0o077 == 0
    case.client.delete(case.url, params={"by": READER})
    assert case.client.get(case.url, params={"by": READER}).json()["unsaved"] is None


def test_a_save_is_a_draft_of_the_reader_and_ends_the_edit(case):
    kept = case.client.put(case.url, json=sent(case)).json()
    answer = case.client.post(case.url, json=sent(case, revision=kept["revision"]))
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


def drawn_in(case, tab, row, **about):
    """Keep, from a tab, the edit of the case with a row of scar."""
    frames = dict(case.frames)
    uid = case.scan.instance_uids[3]
    stack = case.scan.grid.from_input(case.labels).copy()
    stack[3, row, 62:70] = 4
    frames[uid] = to_frames(case.scan, case.scan.grid.to_input(stack))[uid]
    answer = case.client.put(case.url, json=sent(case, tab=tab, **{"frames": frames, **about}))
    return answer, frames


def edits_of(case, **query):
    return case.client.get(case.url, params={"by": READER, **query}).json()


def test_two_tabs_of_a_reader_keep_an_edit_each(case):
    first, mine = drawn_in(case, "A", 70)
    assert first.status_code == 200
    # Another tab opens the case, which shows the edit, and draws on.
    revision = edits_of(case)["unsaved"]["revision"]
    assert revision == first.json()["revision"]
    second, other = drawn_in(case, "B", 72, revision=revision)
    assert second.status_code == 200
    # The first tab does not know of it: what it sends takes the place of nothing.
    third, longer = drawn_in(case, "A", 74, revision=revision)
    assert third.status_code == 409
    assert "another tab" in third.json()["detail"]
    opened = edits_of(case)
    assert opened["unsaved"]["frames"] == longer
    (waiting,) = opened["others"]
    assert edits_of(case, revision=waiting["revision"])["unsaved"]["frames"] == other
    # From now on each goes on for itself.
    for tab, kept in (("A", third), ("B", second)):
        again, _ = drawn_in(case, tab, 76, revision=kept.json()["revision"])
        assert again.status_code == 200
    assert len(edits_of(case)["others"]) == 1
    assert mine != longer


def test_a_tab_whose_answer_was_lost_goes_on_with_its_own_edit(case):
    drawn_in(case, "A", 70)
    again, frames = drawn_in(case, "A", 72)
    assert again.status_code == 200
    opened = edits_of(case)
    assert (opened["unsaved"]["frames"], opened["others"]) == (frames, [])


def test_a_save_and_a_discard_end_the_edit_of_their_tab_alone(case):
    kept, first = drawn_in(case, "A", 70)
    clashing, second = drawn_in(case, "B", 72)
    assert clashing.status_code == 409
    saved = case.client.post(
        case.url, json=sent(case, frames=second, tab="B", version="original")
    ).json()
    assert saved["state"] == "draft"
    opened = edits_of(case)
    assert (opened["unsaved"]["frames"], opened["others"]) == (first, [])
    drawn_in(case, "C", 76)
    revision = kept.json()["revision"]
    case.client.delete(case.url, params={"by": READER, "revision": revision})
    assert [edits_of(case)["unsaved"]["frames"], edits_of(case)["others"]] != [first, []]
    assert edits_of(case)["others"] == []


def test_more_edits_than_a_reader_can_have_open_are_refused(case):
    for number in range(MAX_EDITS):
        assert drawn_in(case, f"tab {number}", 70)[0].status_code in (200, 409)
    answer, _ = drawn_in(case, "one more", 72)
    assert answer.status_code == 422
    assert "unsaved edits on this case" in answer.text
    assert drawn_in(case, "tab 3", 72)[0].status_code == 200


def test_a_save_tells_of_a_version_that_was_saved_since_the_one_it_began_from(case):
    keep_draft(case.app.datastore(), case.series, case.labels)
    _, first = drawn_in(case, "A", 70)
    base = case.client.post(case.url, json=sent(case, frames=first, version="original")).json()
    _, second = drawn_in(case, "B", 72)
    theirs = {"frames": second, "version": base["version"]}
    assert not case.client.post(case.url, json=sent(case, by="Ben", **theirs)).json()["remarks"]
    _, third = drawn_in(case, "A", 74)
    mine = {"frames": third, "version": base["version"]}
    saved = case.client.post(case.url, json=sent(case, **mine)).json()
    (remark,) = saved["remarks"]
    assert remark.startswith("Ben has saved another version since the one that you began from")
    assert saved["warnings"][-1] == remark


def test_a_case_that_has_a_draft_of_the_networks_opens_with_it(case):
    store = case.app.datastore()
    keep_draft(store, case.series, case.labels)
    opened = case.client.get(case.url, params={"tag": "original"}).json()
    assert opened["frames"] == case.frames
    assert opened["shown"]["version"] == "original"


def test_a_save_names_the_model_that_its_drawing_began_from(case):
    store = case.app.datastore()
    keep_draft(store, case.series, case.labels, model="first")
    began = case.client.get(case.url, params={"tag": "original"}).json()["shown"]
    first = case.client.post(case.url, json=sent(case, by="Jo", **asked(began))).json()
    keep_draft(store, case.series, case.labels, model="second")
    anew = case.client.get(case.url, params={"tag": "original"}).json()["shown"]
    stale = {"version": "original", "saved": "2026-01-02T03:04:05+00:00"}
    for by, start, model in (
        ("Kim", asked(first), "first"),
        ("Lou", asked(anew), "second"),
        ("Max", stale, ""),
        ("Nia", {}, ""),
    ):
        saved = case.client.post(case.url, json=sent(case, by=by, **start)).json()
        newest = store.label_records(case.series)[0]
        assert (newest.id, newest.author) == (saved["version"], by)
        assert newest.model == model


def asked(shown):
    return {name: shown[name] for name in ("version", "saved")}


@pytest.mark.parametrize(
    ("change", "status", "reason"),
    [
        ({"frames": {}}, 422, "nothing is drawn"),
        ({"frames": {"1.2.3": [1, 160 * 176]}}, 422, "not a slice of the scan"),
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


def test_an_edit_that_an_earlier_release_kept_is_offered(case):
    """0.2.0 also names the images of the tab."""
    case.client.put(case.url, json=sent(case))
    (file,) = edits_folder(str(case.studies)).glob("*.json")
    seen = list(case.scan.instance_uids)
    file.write_text(json.dumps({**json.loads(file.read_text()), "seen": seen}))
    assert edits_of(case)["unsaved"]["frames"] == case.frames


def test_images_that_a_page_of_an_earlier_release_could_not_show_stay_as_in_the_label_map(case):
    case.client.post(case.url, json=sent(case))
    shown = edits_of(case)["frames"]
    first, *others = shown
    case.client.put(case.url, json=sent(case, frames={}))
    (file,) = edits_folder(str(case.studies)).glob("*.json")
    file.write_text(json.dumps({**json.loads(file.read_text()), "seen": [first]}))
    assert edits_of(case)["unsaved"]["frames"] == {uid: shown[uid] for uid in others}


def test_a_damaged_edit_is_set_aside(case):
    case.client.put(case.url, json=sent(case))
    (file,) = edits_folder(str(case.studies)).glob("*.json")
    file.write_text('{"image": 1')
    assert case.client.get(case.url, params={"by": READER}).json()["unsaved"] is None
    assert [one for one in file.parent.iterdir() if ".damaged-" in one.name]
