"""The layout of a state folder: which it is, and which is refused."""

import json
import shutil

import pytest

from acsnet import __version__
from acsnet.errors import InputError
from acsnet.server.state.backup import write_backup
from acsnet.server.state.paths import state_folder, store_folder
from acsnet.server.state.schema import SCHEMA, schema_of, settle_state


def test_without_its_file_a_layout_is_the_first_unless_there_are_records(studies):
    (state_folder() / "state.json").unlink()
    assert schema_of(state_folder()) == 3
    shutil.rmtree(store_folder(studies) / "records")
    assert schema_of(state_folder()) == 1


def test_a_layout_that_cannot_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    (tmp_path / "state" / "state.json").mkdir(parents=True)
    (tmp_path / "file").touch()
    for state, reason in (
        (tmp_path / "state", r"state\.json cannot be read: Is a directory\. Does it belong to"),
        (tmp_path / "file" / "state", "file/state is no folder: set ACSNET_STATE"),
    ):
        with pytest.raises(InputError, match=reason):
            settle_state(state)
        monkeypatch.setenv("ACSNET_STATE", str(state))
        with pytest.raises(InputError, match=reason):
            write_backup(tmp_path / "b.tar.gz", studies=str(tmp_path))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (f'{{"schema": {SCHEMA + 1}}}', "was written by a newer version"),
        ('{"schema": true}', "was written by a newer version"),
        ("[]", "is damaged: if this version, .* delete that file"),
        ("{", "is damaged: if this version, .* delete that file"),
    ],
)
def test_a_state_of_a_newer_version_is_refused(tmp_path, content, reason):
    (tmp_path / "state.json").write_text(content)
    with pytest.raises(InputError, match=reason):
        settle_state(tmp_path)
    assert (tmp_path / "state.json").read_text() == content


@pytest.mark.parametrize("layout", [3, SCHEMA])
def test_a_state_says_which_software_ran_on_it_last(tmp_path, layout):
    """A layout that only older software had becomes this one, which older software refuses."""
    file = tmp_path / "state.json"
    file.write_text(json.dumps({"schema": layout, "software": "0.2.0"}))
    settle_state(tmp_path)
    assert json.loads(file.read_text()) == {"schema": 4, "software": __version__}
    written = file.stat().st_ino
    settle_state(tmp_path)
    assert file.stat().st_ino == written
