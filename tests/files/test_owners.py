"""Root writes into no state of another account, which could not read it then."""

import os
import pwd

import pytest
from typer.testing import CliRunner

from acsnet.cli.main import app
from acsnet.errors import InputError
from acsnet.files.owners import check_owner
from acsnet.server.state.schema import settle_state

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")

STRANGER = 12345


@pytest.fixture
def state(tmp_path, monkeypatch):
    """The state folder of another account, without a scan."""
    folder = tmp_path / "home" / "state"
    folder.mkdir(parents=True)
    monkeypatch.setenv("ACSNET_STATE", str(folder))
    settle_state(folder)
    for path in (folder.parent, folder, *folder.iterdir()):
        os.chown(path, STRANGER, STRANGER)
    return folder


def test_root_is_told_as_whom_to_run(state):
    nobody = pwd.getpwnam("nobody")
    os.chown(state, nobody.pw_uid, nobody.pw_gid)
    with pytest.raises(InputError) as caught:
        check_owner(state)
    assert str(caught.value) == (
        f"{state} belongs to nobody: run this as nobody (runuser -u nobody -- acsnet ...)"
    )


def test_what_is_not_there_yet_would_be_of_the_folder_around_it(state):
    """As ~/.local/state of a user whose HOME sudo keeps."""
    with pytest.raises(InputError, match=f"/home belongs to {STRANGER}"):
        check_owner(state.parent / "local" / "state")
    check_owner(state.parent.parent / "srv" / "state")  # of root, as is what is around it


def test_an_account_is_not_asked_whose_a_folder_is(state, monkeypatch):
    """What it may not do, the system refuses."""
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER + 1)
    check_owner(state)


@pytest.mark.parametrize("command", ["models", "labels", "serve"])
def test_commands_of_root_leave_nothing_in_a_state_of_another_account(state, tmp_path, command):
    studies, before = tmp_path / "studies", sorted(state.rglob("*"))
    studies.mkdir()
    words = [command] if command == "serve" else [command, "list"]
    result = CliRunner().invoke(app, [*words, "--studies", str(studies)])
    assert result.exit_code == 2
    assert f"belongs to {STRANGER}: run this as {STRANGER}" in " ".join(result.output.split())
    assert sorted(state.rglob("*")) == before
