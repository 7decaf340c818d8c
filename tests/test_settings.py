"""Settings from the file and the environment: which holds, what is refused, what is shown."""

import pwd
from pathlib import Path

import pytest

from acsnet.cli.config import shown, sources
from acsnet.errors import InputError
from acsnet.settings import read_settings

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes a settings file and names it to this process; each has a name of its own."""

    def make(text):
        file = tmp_path / f"acsnet-{len(list(tmp_path.iterdir()))}.toml"
        file.write_text(text)
        file.chmod(0o600)
        monkeypatch.setenv("ACSNET_CONFIG", str(file))
        return file

    return make


def test_training_and_picking_are_set_by_variables(monkeypatch):
    monkeypatch.setenv("ACSNET_TRAIN_AFTER", "4")
    monkeypatch.setenv("ACSNET_TRAIN_HOLD_OUT", "0.5")
    monkeypatch.setenv("ACSNET_PICK_AHEAD", "0")
    monkeypatch.setenv("ACSNET_PICK_BUSY_MINUTES", "5")
    train, pick = read_settings().train, read_settings().pick
    assert (train.after, train.hold_out, train.pause_s) == (4, 0.5, 300.0)
    assert (pick.ahead, pick.busy_minutes, pick.quiet_s) == (0, 5.0, 30.0)


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ACSNET_TRAIN_HOLD_OUT", "1.5", "less than 1, got '1.5'"),
        ("ACSNET_PICK_AHEAD", "many", "got 'many'"),
        ("ACSNET_SERVER_PORT", "70000", "less than or equal to 65535"),
        ("ACSNET_LOGIN_REQUIRED", "perhaps", "got 'perhaps'"),
        ("ACSNET_SERVER_PROXIES", "::1, 10.0.0.5/24", "10.0.0.5/24 has host bits set, got"),
        ("ACSNET_SERVER_NAMES", "a.example.org, *.example.org", r"alone, .* got '\*.example.org'"),
        ("ACSNET_SERVER_HOST", "a.example.org:80", "alone, .* got 'a.example.org:80'"),
        ("ACSNET_SERVER_PROXIES", "proxy", "'proxy' does not appear to be an IPv4 or IPv6 network"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_by_name(monkeypatch, name, value, reason):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"{name}: .*{reason}"):
        read_settings()


def test_a_variable_goes_before_the_file(write, monkeypatch):
    file = write(
        'state = "/srv/acsnet"\n[pacs]\nuser = "of the file"\ncache_seconds = 3\n'
        '[server]\nnames = ["one.example.org"]\n'
    )
    monkeypatch.delenv("ACSNET_STATE", raising=False)
    monkeypatch.setenv("ACSNET_PACS_USER", "of the variable")
    monkeypatch.setenv("ACSNET_SERVER_ORIGINS", "https://a.example.org, https://b.example.org")
    found = read_settings()
    assert found.state_folder == Path("/srv/acsnet")
    assert (found.pacs.user, found.pacs.cache_seconds) == ("of the variable", 3.0)
    assert found.server.names == ("one.example.org",)
    assert found.server.origins == ("https://a.example.org", "https://b.example.org")
    where = sources()
    assert where["pacs", "user"] == "ACSNET_PACS_USER"
    assert where["pacs", "cache_seconds"] == where[("state",)] == str(file)
    assert where["train", "after"] == "default"


def test_without_a_home_folder_a_whole_path_is_asked_for(monkeypatch):
    for name in ("HOME", "ACSNET_STATE", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", {}.__getitem__)  # KeyError: not in the list of users
    with pytest.raises(InputError, match=r"no home folder .*~/\.local.*: set ACSNET_STATE to"):
        read_settings().state_folder  # noqa: B018
    monkeypatch.setenv("ACSNET_LOGIN_ACCOUNTS", "~/accounts.json")
    with pytest.raises(InputError, match=r"for ~/accounts\.json: set ACSNET_LOGIN_ACCOUNTS to"):
        read_settings().accounts_file  # noqa: B018


def test_hosts_are_kept_as_browsers_send_them(monkeypatch):
    monkeypatch.setenv("ACSNET_SERVER_HOST", "[::1]")
    monkeypatch.setenv("ACSNET_SERVER_NAMES", "A.example.org, FD00:0::5")
    monkeypatch.setenv("ACSNET_SERVER_ORIGINS", "https://A.example.org:443")
    assert read_settings().server.host == "::1"
    assert read_settings().server.names == ("a.example.org", "fd00::5")
    assert read_settings().server.origins == ("https://a.example.org",)


def test_an_empty_variable_counts_as_none(monkeypatch):
    monkeypatch.setenv("ACSNET_PACS_LGE", "")
    assert read_settings().pacs.lge is None
    assert sources()["pacs", "lge"] == "default"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ACSNET_LOGIN_REQUIERD", "did you mean ACSNET_LOGIN_REQUIRED"),
        ("ACSNET_SERVER", "there is no setting ACSNET_SERVER"),
        ("ACSNET_X", "there is no setting ACSNET_X"),
        ("acsnet_server_port", "setting acsnet_server_port: did you mean ACSNET_SERVER_PORT"),
    ],
)
def test_a_variable_that_is_no_setting_is_refused_by_name(monkeypatch, name, meant):
    monkeypatch.setenv(name, "true")
    with pytest.raises(InputError, match=meant):
        read_settings()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[login]\nrequierd = true", "there is no setting login.requierd"),
        ("[logins]\nrequired = true", "there is no setting logins: did you mean login"),
        (
            "[login]\nidle_minutes = 30\n[Login]\nrequired = true",
            "there is no setting Login: did you mean login",
        ),
        ('State = "/srv"', "there is no setting State: did you mean state"),
        ("[train]\nafter = -1", "train.after: .*got -1"),
        ("[acsnet.login]\nrequired = true", r"there is no setting acsnet$"),
        ("[[", "must be TOML"),
    ],
)
def test_a_file_with_a_slip_is_refused_by_name(write, text, reason):
    file = write(text)
    with pytest.raises(InputError, match=reason) as caught:
        read_settings()
    assert file.name in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('state = ""', "state"),
        ('viewer = " "', "viewer"),
        ('[login]\naccounts = ""', "login.accounts"),
        ('[server]\ntls_cert = ""', "server.tls_cert"),
        ('[server]\ntls_key = ""', "server.tls_key"),
    ],
)
def test_an_empty_path_is_not_the_current_folder(write, monkeypatch, text, name):
    monkeypatch.delenv("ACSNET_STATE", raising=False)
    write(text)
    with pytest.raises(InputError, match=f": {name}: an empty path is none: leave the line out"):
        read_settings()


def test_an_empty_path_of_the_file_is_not_put_down_to_a_variable_that_is_empty(write, monkeypatch):
    monkeypatch.setenv("ACSNET_STATE", "")
    file = write('state = ""')
    with pytest.raises(InputError, match=f"{file.name}: state: an empty path is none"):
        read_settings()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "utf-16"])
def test_a_file_in_another_encoding_is_refused_with_what_to_do(write, encoding):
    file = write("")
    file.write_bytes('viewer = "/srv/Köln"\n'.encode(encoding))
    with pytest.raises(InputError, match=f"{file.name} must be TOML, saved as UTF-8 without a"):
        read_settings()


def test_a_file_that_is_not_there_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("ACSNET_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(InputError, match=r"must name a file, got .*none\.toml"):
        read_settings()


def test_secrets_are_in_no_message_and_in_nothing_that_is_shown(write, monkeypatch):
    write('[pacs]\npassword = ["hush"]\n')
    with pytest.raises(InputError) as caught:
        read_settings()
    write('pacs = "hush"\n')
    with pytest.raises(InputError) as other:
        read_settings()
    assert "hush" not in f"{caught.value} {other.value}"
    write('[pacs]\npassword = "hush"\n')
    assert shown(read_settings().pacs.password) == "***"
    assert "hush" not in repr(read_settings())
    assert shown(read_settings().pacs.token) == ""
