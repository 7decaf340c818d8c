"""Versions of labels: each save stays, whatever happens around it."""

import errno
import itertools
import json
import subprocess
import sys
from datetime import timezone

import pytest

from acsnet.annotations import label_versions
from acsnet.annotations.label_versions import VersionStore, by_author, last_reviewed
from acsnet.errors import InputError


@pytest.fixture
def store(tmp_path):
    return VersionStore(tmp_path / "versions")


@pytest.fixture
def save(store, tmp_path):
    numbers = itertools.count()

    def save(image="case", content=None, **about):
        sent = tmp_path / "sent.nii.gz"
        sent.write_bytes(f"label {next(numbers)}".encode() if content is None else content)
        return store.add(image, sent, **{"author": "ana", **about})

    return save


def test_a_version_says_who_when_and_from_what(save):
    version = save(
        content=b"label", model="v1", scan="abc", tag="final", features={"lv_volume_ml": 100.0}
    )
    assert (version.author, version.model, version.scan, version.state) == (
        "ana",
        "v1",
        "abc",
        "draft",
    )
    assert version.saved.tzinfo == timezone.utc
    assert version.features == {"lv_volume_ml": 100.0}
    assert version.verified().read_bytes() == b"label"


def test_every_save_is_kept_newest_first(store, save):
    saved = [save(content=content) for content in (b"1", b"2", b"3")]
    assert [one.id for one in store.versions("case")] == [one.id for one in saved[::-1]]
    assert [one.file.read_bytes() for one in store.versions("case")] == [b"3", b"2", b"1"]


def test_images_do_not_share_versions(store, save):
    save("one"), save("two")
    assert [one.image for one in store.versions("one")] == ["one"]
    assert [versions[0].image for versions in store.all()] == ["one", "two"]
    assert store.versions("three") == []


def test_an_id_cannot_lead_out_of_the_folder(save, tmp_path):
    version = save("../../etc/passwd")
    assert version.file.is_relative_to(tmp_path / "versions")


def test_a_draft_becomes_reviewed_and_nothing_else_of_it_changes(store, save):
    version = save()
    before = version.file.with_name(f"{version.id}.json").read_bytes()
    reviewed = store.mark("case", version.id, "reviewed", by="bob")
    assert (reviewed.state, reviewed.reviewer, reviewed.author) == ("reviewed", "bob", "ana")
    assert version.file.with_name(f"{version.id}.json").read_bytes() == before
    assert store.mark("case", version.id, "reviewed", by="eve").reviewer == "bob"


def test_only_the_newest_reviewed_version_is_offered_to_training(store, save):
    first, second, _ = save(state="reviewed"), save(state="reviewed"), save()
    save("other")
    assert last_reviewed(store.versions("case")).id == second.id
    assert last_reviewed(store.versions("other")) is None
    store.mark("case", second.id, "withdrawn", by="ana")
    assert last_reviewed(store.versions("case")).id == first.id


def test_a_withdrawn_version_is_kept_and_not_used(store, save):
    first, second = save(), save()
    store.mark("case", second.id, "withdrawn", by="ana")
    assert [one.state for one in store.versions("case")] == ["withdrawn", "draft"]
    assert by_author(store.versions("case")) == {"ana": store.version("case", first.id)}
    assert len(store.versions("case")) == 2
    with pytest.raises(InputError, match="was withdrawn"):
        store.mark("case", second.id, "reviewed", by="bob")


def test_an_unknown_version_is_refused_by_its_id(store):
    with pytest.raises(InputError, match=r"image 'case' has no version '\.\./x'"):
        store.mark("case", "../x", "reviewed", by="bob")


def test_another_process_sees_what_was_added_and_marked(store, save, tmp_path):
    beside = VersionStore(tmp_path / "versions")
    version = save()
    assert [one.id for one in beside.versions("case")] == [version.id]
    beside.mark("case", version.id, "reviewed", by="bob")
    assert store.version("case", version.id).state == "reviewed"


def test_a_save_that_a_crash_cut_short_is_not_there(store, save):
    version = save()
    folder = version.file.parent
    (folder / "20260101T000000000000Z-00000000.nii.gz").write_bytes(b"half")
    (folder / "20260101T000000000000Z-00000000.reviewed").write_bytes(b"{}")
    (folder / ".tmpabc").write_bytes(b"half")
    assert [one.id for one in store.versions("case")] == [version.id]


def test_the_record_of_a_save_is_written_last(save, monkeypatch):
    """It makes the version: one without its label or its review would be there half."""
    written, write = [], label_versions.write_bytes

    def noted(path, content, **how):
        written.append("".join(path.suffixes))
        write(path, content, **how)

    monkeypatch.setattr(label_versions, "write_bytes", noted)
    save(state="reviewed")
    assert written == [".nii.gz", ".reviewed", ".json"]


def test_only_the_owner_may_read_what_is_saved(save):
    version = save(state="reviewed")
    for path in (version.file.parent, *version.file.parent.iterdir()):
        assert path.stat().st_mode & 0o077 == 0


def test_a_damaged_record_costs_only_its_version(store, save):
    version = save()
    broken = version.file.parent / "20260101T000000000000Z-00000000.json"
    broken.write_text("{")
    assert [one.id for one in store.versions("case")] == [version.id]


@pytest.mark.parametrize("content", ["", "{}", "[]", "null"])
def test_a_damaged_review_makes_a_draft_of_its_version_until_it_is_reviewed_again(
    store, save, content
):
    save("other")
    version = save(state="reviewed")
    (review,) = version.file.parent.glob("*.reviewed")
    review.write_text(content)
    fresh = VersionStore(version.file.parent.parent)
    assert (fresh.version("case", version.id).state, fresh.damaged("case")) == (
        "draft",
        (review.name,),
    )
    assert last_reviewed(fresh.versions("case")) is None
    assert (len(fresh.all()), fresh.damaged("other")) == (2, ())
    assert fresh.mark("case", version.id, "reviewed", by="eve").reviewer == "eve"
    assert fresh.damaged("case") == ()


@pytest.mark.parametrize("state", ["reviewed", "withdrawn"])
def test_of_two_who_decide_at_the_same_moment_the_first_is_kept_and_told_to_both(
    store, save, tmp_path, monkeypatch, state
):
    """As a server and a command do, each a process of its own."""
    version, after_all = save(), label_versions._after_all

    def beaten(versions):
        monkeypatch.setattr(label_versions, "_after_all", after_all)
        VersionStore(tmp_path / "versions").mark("case", version.id, state, by="bob")
        return after_all(versions)

    monkeypatch.setattr(label_versions, "_after_all", beaten)
    told = store.mark("case", version.id, state, by="eve")
    kept = VersionStore(tmp_path / "versions").version("case", version.id)
    for one in (told, kept):
        assert (one.state, one.reviewer or one.withdrawn_by) == (state, "bob")


def test_an_empty_withdrawal_still_withdraws(store, save):
    version = save(state="reviewed")
    store.mark("case", version.id, "withdrawn", by="eve")
    (decision,) = version.file.parent.glob("*.withdrawn")
    decision.write_bytes(b"")
    fresh = VersionStore(version.file.parent.parent)
    assert fresh.version("case", version.id).state == "withdrawn"
    assert last_reviewed(fresh.versions("case")) is None


def test_a_save_that_is_repeated_is_one_version(store, save):
    same = {"content": b"label", "model": "v1", "scan": "abc"}
    first = save(**same)
    assert save(**same) == first
    assert save(**same, state="reviewed").id != first.id
    assert save(**same, author="bob").id != first.id
    assert len(store.versions("case")) == 3


def test_the_same_label_reviewed_by_another_is_another_version(store, save):
    same = {"content": b"label", "state": "reviewed"}
    first, other = save(**same, by="bob"), save(**same, by="eve")
    assert [version.reviewer for version in store.versions("case")] == ["eve", "bob"]
    assert (first.reviewer, other.reviewer) == ("bob", "eve")


def test_a_save_with_other_warnings_is_another_version(store, save):
    same = {"content": b"label", "model": "v1", "scan": "abc"}
    plain = save(**same, features={"warnings": []})
    told = save(**same, features={"warnings": ["a segment has the code of core_scar"]})
    assert told.id != plain.id
    assert told.features["warnings"] == ["a segment has the code of core_scar"]
    assert save(**same, features={"warnings": ["a segment has the code of core_scar"]}) == told
    assert len(store.versions("case")) == 2


def test_a_save_that_newer_software_words_otherwise_is_the_same(store, save):
    same = {"content": b"label", "model": "v1", "scan": "abc"}
    before = {"warnings": ["1 voxels are NaN"], "software": {"acsnet": "0.2.0"}}
    now = {"warnings": ["1 voxel is NaN"], "software": {"acsnet": "0.3.0"}}
    first = save(**same, features=before)
    assert save(**same, features=now) == first


def test_of_a_save_for_which_the_disk_has_no_room_nothing_is_left(store, save, monkeypatch):
    kept = save()

    def full(path, content, *, private):
        if path.suffix == ".json":
            raise OSError(errno.ENOSPC, "No space left on device")
        path.write_bytes(content)

    monkeypatch.setattr(label_versions, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        save(content=b"other", state="reviewed")
    assert {file.name for file in kept.file.parent.iterdir()} == {
        kept.file.name,
        f"{kept.id}.json",
    }


def test_a_label_altered_on_the_disk_is_refused(save):
    version = save()
    version.file.write_bytes(b"other")
    with pytest.raises(InputError, match="altered after it was saved"):
        version.verified()


def test_the_newest_stays_newest_where_the_clock_went_back(store, save):
    version = save()
    record = version.file.with_name(f"{version.id}.json")
    later = version.id.replace(version.id[:4], "2999")
    about = json.loads(record.read_text())
    about.update(id=later, saved="2999" + about["saved"][4:])
    record.with_name(f"{later}.json").write_text(json.dumps(about))
    newest = save()
    assert store.versions("case")[0].id == newest.id


@pytest.mark.parametrize("at_once", [True, False])
def test_the_newest_review_is_the_newest_where_the_clock_went_back(store, save, at_once):
    first = save(author="ana", state="reviewed")
    decision = first.file.with_name(f"{first.id}.reviewed")
    said = json.loads(decision.read_text())
    decision.write_text(json.dumps(said | {"time": "2999" + said["time"][4:]}))
    second = save(author="bob", state="reviewed" if at_once else "draft")
    store.mark("case", second.id, "reviewed", by="bob")
    assert last_reviewed(store.versions("case")).id == second.id


def test_of_each_person_the_newest_version_counts(store, save):
    save(author="ana"), save(author="bob")
    newest = save(author="ana")
    found = by_author(store.versions("case"))
    assert set(found) == {"ana", "bob"}
    assert found["ana"].id == newest.id


SAVE_FOR_EVER = """
import sys
from pathlib import Path
from acsnet.annotations.label_versions import VersionStore
store = VersionStore(Path(sys.argv[1]))
while True:
    version = store.add("case", Path(sys.argv[2]), author="ana", state="reviewed")
    print(version.id, flush=True)
"""


def test_what_a_client_was_told_is_saved_survives_a_kill(store, tmp_path):
    sent = tmp_path / "sent.nii.gz"
    sent.write_bytes(b"label" * 10_000)
    command = [sys.executable, "-c", SAVE_FOR_EVER, str(tmp_path / "versions"), str(sent)]
    for saves in (1, 4):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            told = [process.stdout.readline().strip() for _ in range(saves)]
            process.kill()
        found = {one.id: one for one in store.versions("case")}
        assert set(told) <= set(found)
        assert {one.state for one in found.values()} == {"reviewed"}
        assert all(one.verified() for one in found.values())
