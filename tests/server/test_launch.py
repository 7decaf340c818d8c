"""What `acsnet serve` refuses before it loads anything, and where it keeps its files."""

import errno
import hashlib
import platform
import socket
import subprocess
import sys

import pytest
from certificates import certificate

from acsnet.errors import InputError
from acsnet.server import launch
from acsnet.server.launch import serve
from acsnet.server.state.paths import (
    VERSIONS,
    models_folder,
    of_studies,
    state_folder,
    store_folder,
)
from acsnet.server.state.schema import RESTORING
from acsnet.server.web.access_policy import Policy, policy_of
from acsnet.settings import read_settings


@pytest.fixture(autouse=True)
def site(tmp_path, monkeypatch):
    """Sets what the site wants: names as in `acsnet.settings`, joined by `_`."""

    def make(**settings):
        for name, value in settings.items():
            monkeypatch.setenv(f"ACSNET_{name.upper()}", str(value))

    make(state=tmp_path / "state", server_port=0)
    return make


OPEN = {"login_required": True, "server_names": "acsnet.example.org"}


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "example.org", "::"])
def test_an_address_that_others_can_reach_needs_a_login(tmp_path, site, host):
    site(server_host=host)
    with pytest.raises(InputError, match="add --login, or use --insecure-without-login"):
        serve(studies=tmp_path)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({**OPEN, "server_host": "0.0.0.0"}, "--tls-cert and --tls-key, or --behind-tls-proxy"),
        ({"login_required": True, "server_behind_tls_proxy": True}, "add --name"),
        ({"server_behind_tls_proxy": True}, "add --login"),
        ({"server_tls_cert": "cert.pem"}, "belong together"),
        ({"server_origins": "https://a.example.org/page"}, "SERVER_ORIGINS: must be http"),
        ({"oidc_issuer": "https://idp.example.org"}, "nobody has to log in"),
        ({"login_required": True}, "there is no account"),
        (
            {"server_tls_cert": __file__, "server_tls_key": "none.pem"},
            r"cannot be used: none\.pem is not there or may not be read$",
        ),
        (
            {"server_tls_cert": "none.pem", "server_tls_key": __file__},
            r"cannot be used: none\.pem is not there or may not be read$",
        ),
        ({"server_tls_cert": __file__, "server_tls_key": __file__}, "cannot be used: they cannot"),
        ({"server_names": "https://a.example.org"}, "SERVER_NAMES: must be a host name alone"),
    ],
)
def test_half_a_lock_is_refused(tmp_path, site, settings, reason):
    site(**settings)
    with pytest.raises(InputError, match=reason):
        serve(studies=tmp_path)


def test_nothing_is_written_into_a_state_folder_that_is_being_restored(tmp_path):
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / RESTORING).touch()
    with pytest.raises(InputError, match="is under way"):
        serve(studies=tmp_path)
    assert [path.name for path in (tmp_path / "state").iterdir()] == [RESTORING]


def test_what_the_settings_say_is_who_is_answered(site):
    assert policy_of(read_settings()) == Policy(names=frozenset({"127.0.0.1"}))
    site(server_host="0.0.0.0", server_behind_tls_proxy=True, **OPEN)
    open_ = policy_of(read_settings())
    assert (open_.to_others, open_.plain) == (True, False)
    assert open_.names == {"acsnet.example.org"}
    site(server_insecure_without_login=True, login_required=False, server_host="192.168.1.4")
    assert policy_of(read_settings()).names == {"acsnet.example.org", "192.168.1.4"}
    assert policy_of(read_settings()).behind_proxy


def test_a_missing_studies_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"studies must be a folder, or .*nowhere"):
        serve(studies=tmp_path / "nowhere")


def test_a_port_in_use_is_refused(tmp_path, site):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        site(server_port=port)
        with pytest.raises(InputError, match=f"port {port} on 127.0.0.1 is in use"):
            serve(studies=tmp_path)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (PermissionError(errno.EACCES, "Permission denied (while)"), r"denied\. Below 1024 this"),
        (socket.gaierror(-2, "Name or service not known"), ": Name or service not known$"),
        (OSError(errno.EADDRNOTAVAIL, "Cannot assign (while it)"), ": Cannot assign$"),
    ],
)
def test_why_a_port_cannot_be_opened_is_told(tmp_path, monkeypatch, error, reason):
    def refuse(*args, **options):
        raise error

    monkeypatch.setattr(launch.socket, "create_server", refuse)
    with pytest.raises(InputError, match=f"port 0 on 127.0.0.1 cannot be opened.*{reason}"):
        serve(studies=tmp_path)


class NextError(Exception):
    """What comes after the settings."""


@pytest.fixture
def ends_after_settings(monkeypatch):
    def end_here():
        raise NextError

    monkeypatch.setattr(launch, "_write_app", end_here)


@pytest.mark.usefixtures("ends_after_settings")
def test_a_certificate_that_browsers_refuse_is_told_and_served(tmp_path, site, capsys):
    cert, key = certificate(tmp_path, begins=-2, ends=-1)
    site(server_tls_cert=cert, server_tls_key=key)
    with pytest.raises(NextError):
        serve(studies=tmp_path)
    assert f"{cert}: certificate has expired: browsers refuse it\n" in capsys.readouterr().out


@pytest.mark.usefixtures("ends_after_settings")
def test_a_viewer_that_is_set_and_not_there_is_told_and_the_rest_is_served(tmp_path, site, capsys):
    site(viewer=tmp_path)
    with pytest.raises(NextError):
        serve(studies=tmp_path)
    told = f"No stock OHIF in {tmp_path} (ACSNET_VIEWER): /viewer/ is not served"
    assert f"{told}\n" in capsys.readouterr().out
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "index.html").touch()  # as in `build/viewer` after `make viewer`
    with pytest.raises(NextError):
        serve(studies=tmp_path)
    assert f"{told}; name {tmp_path / 'dist'} instead\n" in capsys.readouterr().out


def test_a_port_that_cannot_be_is_refused(tmp_path, site):
    site(server_port=70000)
    with pytest.raises(InputError, match=r"ACSNET_SERVER_PORT: .*65535, got '70000'"):
        serve(studies=tmp_path)


def test_the_state_folder_can_be_chosen(tmp_path, monkeypatch):
    assert state_folder() == tmp_path / "state"
    monkeypatch.delenv("ACSNET_STATE")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "acsnet"


def test_folders_of_one_name_have_stores_of_their_own(tmp_path):
    one, other = store_folder(tmp_path / "a" / "nifti"), store_folder(tmp_path / "b" / "nifti")
    assert one != other
    assert one.name.startswith("nifti-")
    assert one == store_folder(tmp_path / "a" / ".." / "a" / "nifti")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("http://pacs/dicom-web", "HTTP://PACS:80/dicom-web", True),
        ("https://pacs/dicom-web", "https://Pacs:443/dicom-web", True),
        ("https://pacs/dicom-web", "https://pacs:80/dicom-web", False),
        ("http://pacs/dicom-web", "http://pacs/DICOM-web", False),
        ("http://pacs/dicom-web", "https://pacs/dicom-web", False),
    ],
)
def test_a_pacs_has_one_store_however_its_host_and_port_are_written(one, other, same):
    assert (of_studies(one) == of_studies(other)) is same


def test_a_store_that_an_earlier_version_made_for_another_spelling_stays_in_use():
    url = "http://PACS:80/dicom-web"
    usual = of_studies(url)
    digest = hashlib.sha256(url.encode()).hexdigest()[:10]
    earlier = state_folder() / "pacs" / f"pacs-{digest}"
    earlier.mkdir(parents=True)
    assert (of_studies(url), models_folder(url).name) == (earlier, earlier.name)
    assert of_studies("http://pacs/dicom-web") == usual


def test_studies_that_may_have_moved_are_told_of(tmp_path, capsys):
    """Not where nobody saved anything yet, nor once something is saved for these studies."""
    old, new = (state_folder() / "studies" / name for name in ("lge-1", "lge-2"))
    for store in (old, new):
        (store / VERSIONS).mkdir(parents=True)
    launch._say_what_else_is_kept(new)
    assert capsys.readouterr().out == ""
    (old / VERSIONS / "scan").mkdir()
    launch._say_what_else_is_kept(new)
    told = capsys.readouterr().out
    assert f"{old.parent} holds what people saved for lge-1, and nothing for these" in told
    assert 'see "The studies have moved"' in told
    (new / VERSIONS / "scan").mkdir()
    launch._say_what_else_is_kept(new)
    assert capsys.readouterr().out == ""


def test_a_pacs_with_a_password_in_its_address_is_refused():
    with pytest.raises(InputError, match="ACSNET_PACS_PASSWORD") as caught:
        serve(studies="http://reader:hush@127.0.0.1/dicom-web")
    assert "hush" not in str(caught.value)


def test_a_log_that_cannot_be_written_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "state" / "app" / "logs" / "app.log").mkdir(parents=True)
    with pytest.raises(InputError, match=r"app\.log cannot be written: Is a directory$"):
        serve(studies=tmp_path)


@pytest.mark.parametrize(
    ("settings", "address"),
    [
        ({}, "http://127.0.0.1:8000"),
        ({"server_behind_tls_proxy": True, **OPEN}, "https://acsnet.example.org"),
        ({"server_names": "acsnet.example.org"}, "http://127.0.0.1:8000"),
        ({"server_host": "192.168.1.4", **OPEN}, "http://acsnet.example.org:8000"),
        ({"server_host": "192.168.1.4"}, "http://192.168.1.4:8000"),
    ],
)
def test_people_are_told_the_address_that_is_theirs(tmp_path, site, capsys, settings, address):
    site(**settings)
    server = read_settings().server
    url = f"http://{server.host}:8000"
    launch._say_where(url, studies="/srv/studies", scans=2, store=tmp_path, server=server)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:5] == [
        f"Listening on {url}",
        f"In a browser: {address}/",
        f"In 3D Slicer: MONAI Label module, server {address}",
    ]


FREED = """
import numpy as np
import psutil
from acsnet.server import launch

launch._return_freed_memory()
np.ones(31 << 20, bool)  # freed: without limits, the library now keeps what is as large
before = psutil.Process().memory_info().rss
large, small = [], []
for mb in (24,) * 4 + (12,) * 8:
    large.append(np.ones(mb << 20, bool))
    small.append(np.ones(100_000, bool))  # stays in use between large ones
large.clear()
print((psutil.Process().memory_info().rss - before) >> 20)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library has limits")
def test_the_system_has_back_what_a_large_scan_took():
    run = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 16  # MB, of 192


SIGNALLED = """
import signal, sys
from acsnet.cli import serve
from acsnet.server import launch

def run_server(**_):
    {then}
    sys.exit("not ended")

launch.serve = run_server
{before}
serve.serve(studies=".")
"""


def signalled(*, before, then):
    """Exit code and errors of `acsnet serve` with `then` in the place of the server."""
    program = SIGNALLED.format(before=before, then=then)
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    return run.returncode, run.stderr


@pytest.mark.parametrize(
    ("name", "before"),
    [
        # The kernel ignores it for the first process of a container, which has no handler.
        ("SIGTERM", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"),
        ("SIGHUP", "signal.signal(signal.SIGHUP, signal.SIG_DFL)"),
    ],
)
def test_a_server_that_is_still_loading_can_be_ended(name, before):
    assert signalled(before=before, then=f"signal.raise_signal(signal.{name})") == (0, "")


def test_a_terminal_that_closes_stops_a_server_once_as_sigterm_does():
    then = """
    signal.signal(signal.SIGTERM, lambda *_: print("stopping", file=sys.stderr))
    signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)"""
    before = "signal.signal(signal.SIGHUP, signal.SIG_DFL)"
    assert signalled(before=before, then=then) == (1, "stopping\nnot ended\n")


def test_a_server_under_nohup_outlives_its_terminal():
    then = "signal.raise_signal(signal.SIGHUP)"
    before = "signal.signal(signal.SIGHUP, signal.SIG_IGN)"
    assert signalled(before=before, then=then) == (1, "not ended\n")


@pytest.mark.slow
def test_a_server_starts_without_what_only_trainings_need_and_can_import_it_later():
    program = """
import importlib, sys
from acsnet.server.monailabel_settings import NOT_FOR_SERVING, lean_import
with lean_import():
    import acsnet.server.app
print([name for name in NOT_FOR_SERVING if name in sys.modules])
print([importlib.import_module(name).__name__ for name in NOT_FOR_SERVING])
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300
    )
    early, later = run.stdout.splitlines()[-2:]
    assert early == "[]"
    assert later == "['ignite', 'matplotlib.pyplot', 'mlflow', 'pandas', 'scipy.signal', 'sklearn']"
