"""What root writes into an account's state is that account's, and nothing else is."""

import os

import pytest

from acsnet.files import handing_over
from acsnet.files.handing_over import hand_over, hand_over_in
from acsnet.storage import append_line, write_bytes, writing_folder

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")

ACCOUNT = (12345, 23456)
ROOT = (0, 0)


def owner(path):
    status = path.lstat()
    return status.st_uid, status.st_gid


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder of another account, with its state in `home / "local" / "state"`."""
    monkeypatch.setattr(handing_over, "_STATE", set())
    folder = tmp_path / "home"
    folder.mkdir()
    os.chown(folder, *ACCOUNT)
    hand_over_in(folder / "local" / "state")
    return folder


@pytest.fixture
def state(home):
    """That state, made by root."""
    append_line(home / "local" / "state" / "audit.jsonl", {})
    return home / "local" / "state"


def test_what_root_writes_into_the_state_is_for_its_owner(home, state):
    assert owner(home / "local") == owner(state) == owner(state / "audit.jsonl") == ACCOUNT
    write_bytes(state / "accounts.json", b"", private=True)
    assert owner(state / "accounts.json") == ACCOUNT
    with writing_folder(state / "version") as new:
        (new / "weights").mkdir()
        (new / "weights" / "roi").touch(mode=0o444)
    made = [state / "version", state / "version" / "weights", state / "version" / "weights" / "roi"]
    assert [owner(path) for path in made] == [ACCOUNT] * 3


def test_what_root_replaces_stays_that_of_its_owner(state):
    (state / "accounts.json").touch()
    os.chown(state / "accounts.json", 777, 888)
    write_bytes(state / "accounts.json", b"")
    assert owner(state / "accounts.json") == (777, 888)


def test_what_root_writes_elsewhere_stays_roots(home, state):
    """A backup, or the results of a scan: the owner of the folder was given nothing."""
    write_bytes(home / "backup.tar.gz", b"", private=True)
    with writing_folder(home / "result") as new:
        (new / "report.pdf").touch()
    assert owner(home / "backup.tar.gz") == ROOT
    assert owner(home / "result") == owner(home / "result" / "report.pdf") == ROOT


def test_links_that_the_account_puts_in_the_place_are_not_followed(tmp_path, state):
    """The account can rename what lies in its folder, at any time."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "shadow").touch()
    (state / "folder").symlink_to(secrets)
    hand_over(state / "folder", state / "final")
    (state / "file").symlink_to(secrets / "shadow")
    hand_over(state / "file", state / "final")
    os.link(secrets / "shadow", state / "hard")
    hand_over(state / "hard", state / "final")
    (state / "made").mkdir()
    (state / "made" / "link").symlink_to(secrets)
    os.link(secrets / "shadow", state / "made" / "hard")
    hand_over(state / "made", state / "final")
    assert owner(state / "made") == ACCOUNT
    assert owner(secrets) == owner(secrets / "shadow") == ROOT


def test_a_link_that_takes_the_place_of_a_folder_meanwhile_is_not_followed(
    tmp_path, state, monkeypatch
):
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "shadow").touch()
    (state / "made" / "inner").mkdir(parents=True)
    (state / "made" / "inner" / "shadow").touch()
    fchown = os.fchown

    def exchanged(descriptor, user, group):
        if not (state / "away").exists():
            (state / "made").rename(state / "away")
            (state / "made").symlink_to(secrets)
        fchown(descriptor, user, group)

    monkeypatch.setattr(os, "fchown", exchanged)
    hand_over(state / "made", state / "final")
    assert owner(state / "away") == owner(state / "away" / "inner" / "shadow") == ACCOUNT
    assert owner(secrets) == owner(secrets / "shadow") == ROOT
