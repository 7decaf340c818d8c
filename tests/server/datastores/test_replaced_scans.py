"""A scan whose file was replaced has no labels of before; a copy of the same has all of them."""

import json
import os
import time
from pathlib import Path

import pytest
from saved_labels import keep_draft, save_label
from small_scans import drawn, write_scan, write_studies

from acsnet.active_learning.score_store import ScoreStore
from acsnet.annotations.reading_details import DETAILS_EARLIER, DetailsStore, ReadingDetails
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.quantify.quantification import NOTHING
from acsnet.server.corrections.starts import start_of
from acsnet.server.datastores import scan_contents
from acsnet.server.datastores.label_records import MODEL_DRAFT, READER_DRAFT, REVIEWED
from acsnet.server.datastores.label_reports import entered, given_for
from acsnet.server.datastores.protocol import EARLIER
from acsnet.server.errors import UnknownError
from acsnet.server.learning.image_scores import ScoreBook
from acsnet.server.learning.scoring import AgreementScoring
from acsnet.server.measures_now import measures_of
from acsnet.server.pages import case_reports
from acsnet.server.pages.cases import State, build_case, version_of
from acsnet.server.state.paths import DETAILS

NOT_USED = "what was drawn on an earlier state of the scan is not used: draw it again"


@pytest.fixture
def studies(tmp_path):
    return write_studies(tmp_path / "studies", {"a.nii": 0})


@pytest.fixture
def replace(studies):
    """Puts the scan of another seed in the place of the file: same name, size and grid."""
    size = (studies / "a.nii").stat().st_size

    def replace(seed=1):
        write_scan(studies / "a.nii", seed=seed)
        assert (studies / "a.nii").stat().st_size == size
        os.utime(studies / "a.nii", (1e9 + seed, 1e9 + seed))

    return replace


def checked(store):
    end = time.monotonic() + 60
    while not store.verdict("a").checked:
        assert time.monotonic() < end
        time.sleep(0.01)
    return store


def test_by_a_tag_nothing_of_the_scan_before_is_told(make_store, replace):
    store = make_store()
    version = save_label(store, "a", drawn(2), state="reviewed")
    keep_draft(store, "a", drawn(3))
    replace()
    assert (store.get_labels_by_image_id("a"), store.get_labeled_images()) == ({}, [])
    for tag in (REVIEWED, MODEL_DRAFT):
        assert store.get_label_uri("a", tag) == ""
        assert store.get_label_info("a", tag) == {}
        with pytest.raises(UnknownError, match="no label map"):
            store.withdraw("a", tag, by="Eve")
    assert store.json()["objects"]["a"]["labels"] == {}
    assert store.reviewed() == store.datalist() == []
    assert store.drawn_by("a") == {}
    assert store.status() == {"total": 1, "completed": 0, "label_tags": {}}
    assert not any(record.current for record in store.label_records("a"))
    assert version.id in [record.id for record in store.label_records("a")]


def test_an_earlier_version_is_only_there_for_who_asks_to_look_at_it(make_store, replace):
    store = make_store()
    save_label(store, "a", drawn(2), state="reviewed")
    keep_draft(store, "a", drawn(3))
    replace()
    store.refresh()
    draft, version = sorted(store.label_records("a"), key=lambda record: record.id)
    for record in (draft, version):
        assert record.warnings[0] == EARLIER
        with pytest.raises(InputError, match="drawn on an earlier state of the scan"):
            store.version_uri("a", record)
    assert Path(store.version_uri("a", version, earlier=True)).is_file()
    assert store.version_uri("a", draft, earlier=True) == ""


def test_of_an_earlier_version_there_is_no_report_and_its_measures_say_what_they_are_of(
    make_store, replace
):
    store = make_store()
    version = save_label(store, "a", drawn(2), state="reviewed")
    replace()
    with pytest.raises(InputError, match="drawn on an earlier state of the scan"):
        case_reports._measured(store, "a", version.id, details=ReadingDetails())
    now = measures_of(store).of("a", version_of(store, "a", version.id))
    assert now.warnings == (EARLIER, *version.features["warnings"])
    assert now.features["lv_volume_ml"] == version.features["lv_volume_ml"]
    with pytest.raises(UnknownError, match="no label map 'final'"):
        version_of(store, "a", REVIEWED)


def test_a_case_whose_scan_was_replaced_waits_for_a_reader_and_says_why(make_store, replace):
    store = make_store()
    save_label(store, "a", drawn(2), state="reviewed")
    assert (store.get_unlabeled_images(), build_case(checked(store), "a").remarks) == ([], ())
    replace()
    checked(store)
    assert store.get_unlabeled_images() == ["a"]
    case = build_case(store, "a")
    assert (case.state, case.shown, case.remarks) == (State.NEW, None, (NOT_USED,))
    save_label(store, "a", drawn(1) + drawn(1))
    assert build_case(store, "a").remarks == ()


def test_what_was_rejected_on_the_scan_before_rejects_no_other(make_store, replace):
    store = make_store()
    version = save_label(store, "a", drawn(2))
    store.withdraw("a", version.id, by="Eve")
    assert build_case(checked(store), "a").state == State.REJECTED
    assert store.get_unlabeled_images() == []
    replace()
    assert build_case(checked(store), "a").state == State.NEW
    assert store.get_unlabeled_images() == ["a"]


def test_of_a_scan_that_is_put_back_its_own_labels_hold_again(make_store, replace):
    store = make_store()
    first = save_label(store, "a", drawn(2), state="reviewed")
    replace()
    second = save_label(store, "a", drawn(4), state="reviewed")
    assert store.get_label_info("a", REVIEWED)["version"] == second.id
    replace(0)
    store.refresh()
    assert store.get_label_info("a", REVIEWED)["version"] == first.id
    (reviewed,) = store.reviewed()
    assert reviewed.label.name == f"{first.id}.nii.gz"


def test_a_copy_with_another_time_has_all_its_labels_and_is_read_once(
    make_store, studies, monkeypatch
):
    store = make_store()
    save_label(store, "a", drawn(2), state="reviewed")
    keep_draft(store, "a", drawn(3))
    os.utime(studies / "a.nii", (1e9, 1e9))
    store.refresh()
    assert set(store.get_labels_by_image_id("a")) == {REVIEWED, MODEL_DRAFT}
    assert [one.name for one in store.reviewed()] == ["a"]
    assert set(store.drawn_by("a")) == {"Ana"}
    store.close()
    read = []
    monkeypatch.setattr(scan_contents, "content_digest", read.append)
    again = make_store()
    assert set(again.get_labels_by_image_id("a")) == {REVIEWED, MODEL_DRAFT}
    assert read == []


def test_only_scans_with_labels_are_read_for_what_they_hold(make_store, studies, tmp_path):
    checked(make_store())
    assert not (tmp_path / "store" / "contents.jsonl").exists()


def test_labels_that_an_earlier_release_kept_survive_a_copy_too(make_store, studies, tmp_path):
    store = make_store()
    save_label(store, "a", drawn(2), state="reviewed")
    taken, end = tmp_path / "store" / "taken.jsonl", time.monotonic() + 60
    while not (checked(store) and taken.exists()):  # else it is written after it was removed
        assert time.monotonic() < end
        time.sleep(0.01)
    store.close()
    for file in tmp_path.glob("store/*.jsonl"):
        file.unlink()  # as earlier releases left it: they noted no contents
    checked(make_store())
    end, file = time.monotonic() + 60, tmp_path / "store" / "contents.jsonl"
    while not (file.exists() and file.read_text().endswith("\n")):
        assert time.monotonic() < end
        time.sleep(0.01)
    store = make_store()
    os.utime(studies / "a.nii", (1e9, 1e9))
    assert [one.name for one in store.reviewed()] == ["a"]


@pytest.mark.parametrize("line", [b"{", b"[]", b'{"image": "a"}', b'{"image": "a", "size": "x"}'])
def test_a_damaged_line_of_contents_costs_only_itself(make_store, studies, tmp_path, line):
    store = make_store()
    save_label(store, "a", drawn(2))
    file = tmp_path / "store" / "contents.jsonl"
    file.write_bytes(line + b"\n" + file.read_bytes())
    os.utime(studies / "a.nii", (1e9, 1e9))
    assert set(make_store().get_labels_by_image_id("a")) == {READER_DRAFT}


@pytest.mark.parametrize("source", [None, "accepted", "draft", "own"])
def test_clicks_start_from_a_new_run_and_never_from_the_scan_before(make_store, replace, source):
    store = make_store()
    version = save_label(store, "a", drawn(2), state="reviewed")
    keep_draft(store, "a", drawn(3))
    replace()
    scan = read_scan(store.get_image_uri("a"))
    start = start_of(store, "a", scan, "Ana", run=lambda: drawn(4), source=source)
    assert (start.source, start.labels.max()) == ("draft", 4)
    with pytest.raises(InputError, match="drawn on an earlier state of the scan"):
        start_of(store, "a", scan, "Ana", run=lambda: drawn(4), source=version.id)


def test_what_was_entered_for_the_scan_before_is_not_entered_for_this_one(make_store, replace):
    store = make_store()
    details = ReadingDetails(height_cm=190.0, weight_kg=110.0, body_size_source="entered")
    DetailsStore(store.folder / DETAILS).save(
        "a", details, reader="Ana", scan=store.state_to_keep("a")
    )
    replace()
    scan = store.drawn_state_now("a")
    assert entered(store.folder, "a", scan=scan) == (ReadingDetails(), (DETAILS_EARLIER,))
    assert given_for(store.folder, "a", scan=scan) == NOTHING
    replace(0)  # put back
    scan = store.drawn_state_now("a")
    assert given_for(store.folder, "a", scan=scan).height_cm == 190.0


def test_what_was_entered_holds_for_a_copy_with_another_time(make_store, studies):
    store = make_store()
    DetailsStore(store.folder / DETAILS).save(
        "a", ReadingDetails(comment="kept"), reader="Ana", scan=store.state_to_keep("a")
    )
    os.utime(studies / "a.nii", (1e9, 1e9))
    kept, faults = entered(store.folder, "a", scan=store.drawn_state_now("a"))
    assert (kept.comment, faults) == ("kept", ())


def test_a_draft_of_the_scan_before_scores_no_model(make_store, replace, tmp_path):
    store = make_store()
    keep_draft(store, "a", drawn(3))
    replace()
    save_label(store, "a", drawn(2), state="reviewed")
    score = AgreementScoring(tmp_path / "scores.jsonl")({}, store)
    assert (score["n"], score["left_out"]) == (0, 0)


def test_a_review_of_the_scan_before_is_compared_with_no_model(
    make_store, replace, tmp_path, monkeypatch
):
    store = make_store()
    scores = ScoreStore(tmp_path / "scores")
    monkeypatch.setattr(scores, "get", lambda stamp: object())  # the new scan has scores
    book = ScoreBook(store, scores, model=lambda: "m1")
    version = save_label(store, "a", drawn(2), state="reviewed")
    assert book._review("a")[1] == version.id
    replace()
    assert book._review("a") is None


def test_a_line_says_what_a_scan_with_labels_held(make_store, studies, tmp_path):
    store = make_store()
    save_label(store, "a", drawn(2))
    (line,) = (tmp_path / "store" / "contents.jsonl").read_text().splitlines()
    noted = json.loads(line)
    assert (noted["image"], noted["size"]) == ("a", (studies / "a.nii").stat().st_size)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_a_scan_that_comes_after_another_of_its_name_went_has_none_of_its_labels(
    make_store, studies, ending
):
    store = make_store()
    save_label(store, "a", drawn(2), state="reviewed")
    keep_draft(store, "a", drawn(3))
    (studies / "a.nii").unlink()
    store.refresh()
    assert store.list_images() == []
    write_scan(studies / f"a{ending}", seed=1)
    for later in (store, make_store()):
        later.refresh()
        assert later.list_images() == ["a"]
        assert (later.get_labels_by_image_id("a"), later.get_labeled_images()) == ({}, [])
        assert not any(record.current for record in later.label_records("a"))


def test_a_scan_that_comes_back_has_its_labels(make_store, studies, tmp_path):
    store = make_store()
    save_label(store, "a", drawn(2), state="reviewed")
    keep_draft(store, "a", drawn(3))
    (studies / "a.nii").rename(tmp_path / "away.nii")
    store.refresh()
    (tmp_path / "away.nii").rename(studies / "a.nii")
    store.refresh()
    assert store.get_labels_by_image_id("a").keys() == {REVIEWED, MODEL_DRAFT}
    assert all(record.current for record in store.label_records("a"))
