"""`acsnet accounts` with a password from a pipe."""

import pytest
from typer.testing import CliRunner

from acsnet.cli.main import app
from acsnet.server.auth import accounts
from acsnet.settings import read_settings

PASSWORD = "correct horse batt\u00e4ry"


@pytest.fixture
def add(tmp_path, monkeypatch):
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))

    def add(piped):
        return CliRunner().invoke(app, ["accounts", "add", "ana", "--role", "admin"], input=piped)

    return add


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\nsecond line\n"])
def test_the_first_line_is_the_password_without_what_some_shells_put_around_it(add, start, end):
    result = add(start + PASSWORD.encode() + end)
    assert (result.exit_code, result.output) == (0, "ana may log in as admin\n")
    assert accounts.Accounts(read_settings().accounts_file).check("ana", PASSWORD)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le"])
def test_a_password_in_another_encoding_is_refused_in_one_sentence(add, encoding):
    result = add(f"{PASSWORD}\n".encode(encoding))
    assert (result.exit_code, result.output) == (2, "error: the password must come as UTF-8\n")
    assert not read_settings().accounts_file.exists()
