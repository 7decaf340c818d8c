"""What a killed server left is put right, what is in place stays, and it is said so."""

import logging
import os
import shutil
import subprocess
import sys
import time
from contextlib import closing

import pytest

from acsnet.annotations import audit_log
from acsnet.annotations.label_versions import VersionStore
from acsnet.errors import InputError
from acsnet.server.state.owned_folder import OwnedFolder
from acsnet.server.state.repair import alone_on, process_began, repair, scratch_folder


@pytest.fixture
def state(tmp_path):
    for folder in ("studies/x/images", "studies/x/labels/final", "models/x/runs", "app"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def run(state, *, before=None):
    return repair(
        state,
        store=state / "studies" / "x",
        models=state / "models" / "x",
        before=time.time() + 1 if before is None else before,
    )


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
    (state / "models" / "x" / "runs" / "new-abc").mkdir()
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


def test_what_is_newer_than_this_process_is_another_servers(state):
    half = state / "studies" / "x" / "images" / ".abc12_xy"
    half.write_bytes(b"half")
    assert run(state, before=process_began()) == {}
    assert half.exists()


def test_uploads_of_dead_servers_go_and_those_of_living_ones_stay(state):
    scratch = scratch_folder(state)
    dead, reused, alive = (
        scratch / name for name in (f"{2**22 + 1}-a", f"{os.getpid()}-b", f"{os.getpid()}-c")
    )
    for folder in (dead, reused, alive):
        folder.mkdir(parents=True)
    os.utime(reused, (1, 1))  # before this process began: of another one with its number
    assert run(state) == {"folders of dead servers removed": 2}
    assert [folder.name for folder in scratch.iterdir()] == [alive.name]


def test_a_second_server_on_the_same_store_is_refused_until_the_first_ends(tmp_path):
    first = alone_on(tmp_path)
    with pytest.raises(InputError, match=r"another server works on .*: stop it first"):
        alone_on(tmp_path)
    first.release()
    alone_on(tmp_path).release()


def test_a_part_of_a_restore_that_was_killed_goes_at_the_next_start(state, tmp_path):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    gone = tmp_path.parent / f".acsnet-{child.pid}-0123abcd"
    living = tmp_path.parent / f".acsnet-{os.getpid()}-0123abcd"
    for folder in (gone, living):
        folder.mkdir()
        (folder / "label.nii.gz").touch()
    assert run(state) == {"parts of killed restores removed": 1}
    assert (gone.exists(), living.exists()) == (False, True)
    shutil.rmtree(living)


def test_what_others_are_at_stays_though_it_is_older_than_this_process(state):
    """As of a server in another container, whose number nobody has here, and of a backup."""
    store, nobody = state / "studies" / "x", 2**22 + 1
    scratch_folder(state).mkdir()
    with (
        closing(OwnedFolder(scratch_folder(state), prefix="")) as server,
        closing(OwnedFolder(store)) as backup,
    ):
        places = (
            server.path.rename(server.path.with_name(f"{nobody}-0123abcd")),
            backup.path.rename(store / f".acsnet-{nobody}-0123abcd"),
        )
        for place in places:
            os.utime(place, (1, 1))
        assert run(state) == {}
        assert all(place.is_dir() for place in places)


def test_a_folder_of_a_server_that_is_just_being_made_stays(state):
    scratch = scratch_folder(state)
    (scratch / ".abc12_xy").mkdir(parents=True)
    assert run(state, before=process_began()) == {}
    assert run(state) == {"folders of dead servers removed": 1}
