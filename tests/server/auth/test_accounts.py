"""Accounts: hashes only, one file for its owner's eyes, and no name told from its answer's time."""

import errno
import json
import os
import time
from statistics import median

import pytest

from acsnet.errors import InputError
from acsnet.server.auth.accounts import Accounts, hashed, is_password
from acsnet.server.identity import Role
from acsnet.server.state.schema import RESTORING

PASSWORD = "correct horse battery"


def test_a_password_is_kept_as_a_salted_hash_only(accounts):
    text = accounts.file.read_text()
    assert PASSWORD not in text
    kept = [one["password"] for one in json.loads(text)["accounts"].values()]
    assert len(set(kept)) == 3  # one password, three salts
    assert accounts.file.stat().st_mode & 0o777 == 0o600


def test_the_cost_is_that_which_is_recommended():
    kept = hashed(PASSWORD)
    assert kept.startswith("scrypt$15$8$3$")
    assert is_password(PASSWORD, kept)
    assert not is_password(f"{PASSWORD} ", kept)


def test_the_right_password_opens_and_another_does_not(accounts):
    assert accounts.check("admin", PASSWORD).role is Role.ADMIN
    assert accounts.check("admin", PASSWORD.upper()) is None
    assert accounts.check("admin", "") is None
    assert accounts.check("nobody", PASSWORD) is None


COMPOSED, DECOMPOSED = "p\u00e4ssw\u00f6rd 12345", "pa\u0308sswo\u0308rd 12345"


@pytest.mark.parametrize("kept", [COMPOSED, DECOMPOSED])
@pytest.mark.parametrize("sent", [COMPOSED, DECOMPOSED])
def test_a_password_is_the_same_in_either_form_of_unicode(accounts, kept, sent):
    accounts.put("ana", Role.ANNOTATOR, kept)
    assert accounts.check("ana", sent)
    assert accounts.check("ana", f"{sent}6") is None


def test_a_hash_of_a_password_as_it_was_sent_goes_on_counting(monkeypatch):
    """Earlier versions made no one form of it."""
    with monkeypatch.context() as earlier:
        earlier.setattr("unicodedata.normalize", lambda form, text: text)
        kept = hashed(DECOMPOSED, cost_log2=4, parallel=1)
    assert is_password(DECOMPOSED, kept)
    assert not is_password(COMPOSED, kept)


def test_the_length_of_a_password_is_that_of_its_one_form(accounts):
    with pytest.raises(InputError, match="12 to 200"):
        accounts.put("ana", Role.ANNOTATOR, "a\u0308" * 11)  # 22 as it is sent
    accounts.put("ana", Role.ANNOTATOR, "a\u0308" * 200)
    assert accounts.check("ana", "\u00e4" * 200)
    assert accounts.check("ana", "a\u0308" * 200)


def test_a_name_that_there_is_not_takes_as_long(tmp_path):
    accounts = Accounts(tmp_path / "accounts.json")
    accounts.put("ana", Role.ANNOTATOR, PASSWORD)

    def seconds(name):
        times = []
        for _ in range(3):
            start = time.thread_time()
            accounts.check(name, "another password")
            times.append(time.thread_time() - start)
        return median(times)

    assert seconds("nobody") == pytest.approx(seconds("ana"), rel=0.5)


def test_what_another_process_changes_is_seen_at_once(accounts):
    other = Accounts(accounts.file)
    assert len(other.all()) == 3
    accounts.put("admin", Role.ANNOTATOR, "another password")
    assert other.check("admin", "another password").role is Role.ANNOTATOR
    accounts.remove("admin")
    assert "admin" not in other.all()


@pytest.mark.parametrize(
    ("name", "password", "reason"),
    [
        ("", PASSWORD, "name must be"),
        ("../ana", PASSWORD, "name must be"),
        ("ana\nadmin", PASSWORD, "name must be"),
        ("a" * 65, PASSWORD, "name must be"),
        ("ana", "short", "password must have 12 to 200"),
        ("ana", "x" * 201, "password must have 12 to 200"),
    ],
)
def test_names_and_passwords_of_no_use_are_refused(accounts, name, password, reason):
    with pytest.raises(InputError, match=reason) as caught:
        accounts.put(name, Role.ANNOTATOR, password)
    assert len(password) == 0 or password not in str(caught.value)
    assert len(accounts.all()) == 3


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"accounts": {"ana": {"role": "root", "password": "x"}}}']
)
def test_a_damaged_file_lets_nobody_in(tmp_path, text):
    file = tmp_path / "accounts.json"
    file.write_text(text)
    with pytest.raises(InputError, match=r"accounts\.json cannot be read"):
        Accounts(file).check("ana", PASSWORD)


def test_on_a_full_disk_no_account_changes_and_the_file_is_named(accounts, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    said = f"no account was changed: {accounts.file} cannot be written: No space left on device"
    with pytest.raises(InputError) as caught:
        accounts.put("ana", Role.ANNOTATOR, PASSWORD)
    assert str(caught.value) == said
    with pytest.raises(InputError) as caught:
        accounts.remove("admin")
    assert str(caught.value) == said
    assert "ana" not in accounts.all()
    assert "admin" in accounts.all()


def test_no_account_changes_in_a_state_that_is_being_restored(tmp_path, monkeypatch):
    state = tmp_path / "state"
    monkeypatch.setenv("ACSNET_STATE", str(state))
    for folder in (state, tmp_path / "etc"):
        accounts = Accounts(folder / "accounts.json", cost_log2=4, parallel=1)
        accounts.put("ana", Role.ADMIN, PASSWORD)
    (state / RESTORING).touch()
    before = sorted(state.iterdir())
    restored = Accounts(state / "accounts.json")
    with pytest.raises(InputError, match=r"a restore into .* is under way"):
        restored.put("eve", Role.ADMIN, PASSWORD)
    with pytest.raises(InputError, match=r"a restore into .* is under way"):
        restored.remove("ana")
    assert (list(restored.all()), sorted(state.iterdir())) == (["ana"], before)
    accounts.remove("ana")  # of another folder
    assert accounts.all() == {}


def test_without_a_file_there_is_nobody(tmp_path):
    assert Accounts(tmp_path / "accounts.json").all() == {}
    with pytest.raises(InputError, match="there is no account 'ana'"):
        Accounts(tmp_path / "accounts.json").remove("ana")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_adds_no_account_that_a_server_of_another_account_could_not_read(
    tmp_path, monkeypatch
):
    """In a folder of root, as /etc/acsnet, the server's account is told that it is not its own."""
    state, file = tmp_path / "state", tmp_path / "etc" / "accounts.json"
    for folder in (state, file.parent):
        folder.mkdir()
    os.chown(state, 12345, 23456)
    monkeypatch.setenv("ACSNET_STATE", str(state))
    with pytest.raises(InputError, match="/state belongs to 12345: run this as 12345"):
        Accounts(file, cost_log2=4, parallel=1).put("ana", Role.ADMIN, PASSWORD)
    assert list(file.parent.iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_changes_no_accounts_of_another_account(tmp_path):
    """Also where `login.accounts` lies outside the state folder, in a folder of root or not."""
    file = tmp_path / "etc" / "accounts.json"
    accounts = Accounts(file, cost_log2=4, parallel=1)
    accounts.put("ana", Role.ADMIN, PASSWORD)
    os.chown(file, 12345, 23456)
    with pytest.raises(InputError, match=r"accounts\.json belongs to 12345: run this as 12345"):
        accounts.put("bo", Role.ADMIN, PASSWORD)
    with pytest.raises(InputError, match="belongs to 12345"):
        accounts.remove("ana")
    file.unlink()
    os.chown(file.parent, 12345, 23456)
    with pytest.raises(InputError, match="/etc belongs to 12345"):
        accounts.put("bo", Role.ADMIN, PASSWORD)
    assert not file.exists()
    file.touch()
    with pytest.raises(InputError, match="/etc belongs to 12345"):
        accounts.put("bo", Role.ADMIN, PASSWORD)
