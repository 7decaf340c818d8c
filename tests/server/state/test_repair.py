"""What a killed server left is put right, what is in place stays, and it is said so."""

import logging
import os
import time

import pytest

from acsnet.annotations import audit_log
from acsnet.annotations.label_versions import VersionStore
from acsnet.errors import InputError
from acsnet.server.state.repair import alone_on, repair, scratch_folder

HOUR_S = 3600


@pytest.fixture
def state(tmp_path):
    for folder in ("studies/x/images", "studies/x/labels/final", "models/x/runs", "app"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def run(state):
    return repair(state, store=state / "studies" / "x", models=state / "models" / "x")


def aged(path, *, hours):
    """A file or folder that last changed so long ago."""
    changed = time.time() - hours * HOUR_S
    os.utime(path, (changed, changed))
    return path


def test_a_state_that_is_whole_is_left_as_it_is(state, caplog):
    label = state / "label.nii.gz"
    label.write_bytes(b"label")
    store = VersionStore(state / "studies" / "x" / "versions")
    version = store.add("scan", label, author="Ana", state="reviewed")
    audit_log.record(state / "audit.jsonl", "save")
    (state / "studies" / "x" / "images" / ".lock").touch()
    files = sorted(state.rglob("*"))
    assert run(state) == {}
    assert sorted(state.rglob("*")) == files
    assert store.versions("scan") == [version]
    assert not caplog.records


def test_leftovers_go_and_the_log_says_how_many(state, caplog):
    store = state / "studies" / "x"
    left = [
        store / "images" / ".abc12_xy",
        store / "labels" / "final" / ".k3j4h5g6",
        state / "app" / ".main-12.py",
        state / "models" / "x" / "aliases.json.tmp",
    ]
    for file in left:
        file.write_bytes(b"half")
    left.append(state / "models" / "x" / "runs" / "new-abc")
    left[-1].mkdir()
    for file in left:
        aged(file, hours=25)
    with caplog.at_level(logging.WARNING):
        done = run(state)
    assert done == {"temporary files removed": 5}
    assert not any(file.exists() for file in left)
    (record,) = caplog.records
    assert record.fields == done


@pytest.mark.parametrize("place", ["uploads", "images", "labels/final", "seg/final"])
@pytest.mark.parametrize("name", ["new-scan.nii.gz", "new-patient", "lge.tmp", "acsnet-1-abcdefgh"])
def test_a_scan_or_label_of_any_name_stays(state, place, name):
    file = state / "studies" / "x" / place / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"whole")
    aged(file, hours=25)
    assert run(state) == {}
    assert file.read_bytes() == b"whole"


def test_a_label_nobody_was_told_is_saved_goes_and_the_others_stay(state):
    folder = state / "studies" / "x" / "versions"
    label = state / "label.nii.gz"
    label.write_bytes(b"label")
    store = VersionStore(folder)
    kept = store.add("scan", label, author="Ana")
    place = kept.file.parent
    for name in (
        "20260101T000000000000Z-00000000.nii.gz",
        "20260101T000000000000Z-00000000.reviewed",
    ):
        (place / name).write_bytes(b"{}")
    assert run(state) == {"labels without a record removed": 2}
    assert VersionStore(folder).versions("scan") == [kept]


def test_a_line_that_was_cut_short_is_ended(state):
    log = state / "audit.jsonl"
    audit_log.record(log, "save")
    with log.open("ab") as stream:
        stream.write(b'{"event": "sa')
    assert run(state) == {"lines that were cut short ended": 1}
    assert log.read_bytes().endswith(b'{"event": "sa\n')
    audit_log.record(log, "review")
    assert [event["event"] for event in audit_log.read(log)] == ["save", "review"]


@pytest.mark.parametrize("name", [".acsnet-0123abcd", ".acsnet-12-0123abcd", ".abc12_xy"])
def test_what_may_be_of_others_at_work_goes_once_it_is_a_day_old(state, name):
    """A backup pins files in the store; commands and servers of other stores write in the state."""
    for place in (state, state / "studies" / "x"):
        (place / name).mkdir()
        aged(place / name, hours=23)
    assert run(state) == {}
    for place in (state, state / "studies" / "x"):
        aged(place / name, hours=25)
    assert run(state) == {"temporary files removed": 2}
    assert not (state / name).exists()


def test_uploads_of_a_server_that_was_killed_go_at_once_and_those_of_other_stores_stay(state):
    ours, others = scratch_folder(state / "studies" / "x"), scratch_folder(state / "studies" / "y")
    for scratch in (ours, others):
        (scratch / "sessions" / "1").mkdir(parents=True)
        (scratch / "tmpabc").touch()
    assert run(state) == {"uploads of a killed server removed": 2}
    assert list(ours.iterdir()) == []
    assert sorted(path.name for path in others.iterdir()) == ["sessions", "tmpabc"]


def test_uploads_that_an_earlier_release_left_go_once_they_are_a_day_old(state):
    """It had one folder for the servers of all stores."""
    old, new = (scratch_folder(state) / name for name in ("12-0123abcd", "13-0123abcd"))
    for folder in (old, new):
        folder.mkdir(parents=True)
    aged(old, hours=25)
    assert run(state) == {"temporary files removed": 1}
    assert (old.exists(), new.exists()) == (False, True)


def test_a_second_server_on_the_same_store_is_refused_until_the_first_ends(tmp_path):
    first = alone_on(tmp_path)
    with pytest.raises(InputError, match=r"another server works on .*: stop it first"):
        alone_on(tmp_path)
    first.release()
    alone_on(tmp_path).release()
