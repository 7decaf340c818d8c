"""A restore fills a state folder whole, or leaves what is there."""

import json
import os

import pytest

from acsnet import __version__
from acsnet.annotations import audit_log
from acsnet.errors import InputError
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.state import restore as restoring
from acsnet.server.state.backup import LOCK, write_backup
from acsnet.server.state.paths import audit_log_file, of_studies, state_folder, store_folder
from acsnet.server.state.schema import RESTORING, settle_state


def test_a_disk_that_is_mounted_as_the_state_folder_is_filled_where_it_is(
    backup, tmp_path, restored
):
    """Its folder cannot be replaced, and nothing can be written beside it."""
    state = tmp_path / "other" / "state"
    (state / "lost+found").mkdir(parents=True)
    place = state.stat().st_ino
    restored(backup.file, backup.studies)
    assert state.stat().st_ino == place
    assert {path.name for path in state.iterdir()} == {
        "audit.jsonl",
        "edits",
        "lost+found",
        "models",
        "state.json",
        "studies",
    }


def test_what_was_restored_says_its_layout_so_that_older_software_refuses_it(backup, restored):
    restored(backup.file, backup.studies)
    layout = json.loads((state_folder() / "state.json").read_text())
    assert layout == {"schema": 4, "software": __version__}


def test_studies_that_have_moved_have_their_labels_again(studies, tmp_path, restored):
    moved = studies.rename(tmp_path / "moved")
    write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    restored(tmp_path / "b.tar.gz", moved)
    store = StudiesDatastore(studies=moved, store=store_folder(moved))
    assert store.get_labels_by_image_id("a").keys() == {"original", "final", "draft"}
    assert [record.author for record in store.label_records("a") if record.id] == ["Bo", "Ana"]
    store.close()


def test_a_restore_that_was_killed_halfway_is_no_state(backup, tmp_path, restored, monkeypatch):
    moved, put_in_place = [], restoring.put_in_place

    def killed(path, target):
        if moved:
            raise KeyboardInterrupt
        moved.append(target)
        put_in_place(path, target)

    monkeypatch.setattr(restoring, "put_in_place", killed)
    with pytest.raises(KeyboardInterrupt):
        restored(backup.file, backup.studies)
    assert moved[0].exists()
    with pytest.raises(InputError, match="was cut short: remove all that is in it"):
        settle_state(state_folder())


def test_a_fault_of_the_disk_is_not_blamed_on_the_backup(backup, tmp_path, restored):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "state").touch()
    with pytest.raises(InputError, match=r"b\.tar\.gz cannot .*/state: Not a directory"):
        restored(backup.file, backup.studies)
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(backup.file.read_bytes()[:-100])
    (tmp_path / "other" / "state").unlink()
    with pytest.raises(InputError, match=r"cut\.tar\.gz cannot .*: .*damaged or no backup"):
        restored(cut, backup.studies)
    assert list((tmp_path / "other").iterdir()) == []


def test_what_was_written_into_the_state_during_a_restore_stays(
    backup, tmp_path, restored, monkeypatch
):
    unpack = restoring._unpack

    def meanwhile(*args):
        summary = unpack(*args)
        audit_log.record(audit_log_file(), "save", user="Ana", image="a")
        return summary

    monkeypatch.setattr(restoring, "_unpack", meanwhile)
    with pytest.raises(InputError, match=r"audit\.jsonl was written during the restore: stop what"):
        restored(backup.file, backup.studies)
    assert [line["user"] for line in audit_log.read(audit_log_file())] == ["Ana"]
    assert [path.name for path in state_folder().iterdir()] == ["audit.jsonl"]


def test_no_server_starts_on_a_state_folder_while_it_is_restored(
    backup, tmp_path, restored, monkeypatch
):
    unpack, seen = restoring._unpack, []

    def meanwhile(*args):
        with pytest.raises(InputError, match="is under way, wait for its end"):
            settle_state(state_folder())
        seen.extend(path.name for path in state_folder().iterdir() if path.name[0] != ".")
        return unpack(*args)

    monkeypatch.setattr(restoring, "_unpack", meanwhile)
    restored(backup.file, backup.studies)
    assert seen == [RESTORING]
    settle_state(state_folder())


def test_a_restore_that_was_killed_before_anything_was_in_place_can_be_made_again(
    backup, tmp_path, restored
):
    (tmp_path / "other" / "state").mkdir(parents=True)
    (tmp_path / "other" / "state" / RESTORING).touch()
    restored(backup.file, backup.studies)
    assert not (state_folder() / RESTORING).exists()
    (state_folder() / RESTORING).touch()
    with pytest.raises(InputError, match="was cut short: remove all that is in it, hidden files"):
        restored(backup.file, backup.studies)
    assert (state_folder() / RESTORING).exists()


def test_what_a_killed_restore_left_is_named(backup, tmp_path, restored):
    """Its part begins with a dot: `rm state/*` leaves it there."""
    state = tmp_path / "other" / "state"
    (state / ".acsnet-0123abcd").mkdir(parents=True)
    with pytest.raises(InputError, match=r"is not empty \(\.acsnet-0123abcd\): restore into"):
        restored(backup.file, backup.studies)
    (state / ".acsnet-0123abcd").rmdir()
    restored(backup.file, backup.studies)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_may_back_up_but_not_restore_the_state_of_another_account(studies, tmp_path, restored):
    """A backup as root, as by its cron, is root's and leaves nothing of root in the state."""
    state = state_folder()
    of_studies(str(studies)).joinpath(LOCK).unlink()  # beside a PACS there is none
    for path in (state, *state.rglob("*")):
        os.chown(path, 12345, 12345, follow_symlinks=False)
    write_backup(tmp_path / "b.tar.gz", studies=str(studies))
    assert (tmp_path / "b.tar.gz").stat().st_uid == 0
    assert {path.lstat().st_uid for path in state.rglob("*")} == {12345}
    (tmp_path / "other").mkdir()
    os.chown(tmp_path / "other", 12345, 12345)
    with pytest.raises(InputError, match="/other belongs to 12345: run this as 12345"):
        restored(tmp_path / "b.tar.gz", studies)
    assert list((tmp_path / "other").iterdir()) == []
