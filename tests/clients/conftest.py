"""Real programs that these tests talk to, each a process of its own on this machine."""

import importlib.util
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import jwt
import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from orthanc_process import orthanc_binary, orthanc_command

HERE = Path(__file__).parent
SAMPLES = HERE.parents[1] / "sample-data" / "nifti"
CLIENT = Path(sys.prefix) / "monailabel/plugins/slicer/MONAILabel/MONAILabelLib/client.py"
LOGIN = ("reader", "hush hush")
PASSWORD = "correct horse battery"
ISSUER = "https://idp.example.org/realms/heart"
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
"""The identity provider's."""
START_SECONDS = 120
PORTS = 2_000
COMMAND = (sys.executable, "-c", "from acsnet.cli.main import main; main()")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("clients")


class Orthanc(NamedTuple):
    """A running archive. url: of DICOMweb; rest: of its own interface; dicom: port of C-STORE."""

    url: str
    rest: str
    dicom: int
    process: subprocess.Popen

    @property
    def login(self):
        return dict(zip(("user", "password"), LOGIN, strict=True))

    @property
    def environment(self):
        return {"ACSNET_PACS_USER": LOGIN[0], "ACSNET_PACS_PASSWORD": LOGIN[1]}

    def get(self, path):
        return self.send("GET", path).json()

    def send(self, method, path, **options):
        return requests.request(method, f"{self.rest}{path}", auth=LOGIN, timeout=60, **options)

    def store_raw(self, content):
        return self.send("POST", "/instances", data=content)

    def store_files(self, folder):
        for file in folder.iterdir():
            assert self.store_raw(file.read_bytes()).ok


class Server(NamedTuple):
    url: str
    client: Any
    errors: type[Exception]
    studies: Path
    state: Path
    log: Path

    @property
    def labels(self) -> Path:
        (store,) = (self.state / "studies").iterdir()
        return store / "labels"

    @property
    def image(self) -> str:
        """The scan most tests use, as the server calls it."""
        return min(file.name for file in self.studies.glob("*.nii.gz")).removesuffix(".nii.gz")

    @property
    def image_file(self) -> Path:
        return self.studies / f"{self.image}.nii.gz"


def slicer_client() -> ModuleType:
    spec = importlib.util.spec_from_file_location("slicer_monailabel_client", CLIENT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def free_port():
    """Of a range that no other process of the test run has, below what the system gives out."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = 20_000 + PORTS * worker
    for number in random.sample(range(first, first + PORTS), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", number)):
            return number
    pytest.fail(f"no port from {first} on is free")


def wait_until_up(url, process, log, **options):
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            if requests.get(url, timeout=START_SECONDS, **options).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    pytest.fail(f"{url} did not come up:\n{log.read_text()}")


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def add_account(state, name, role):
    done = subprocess.run(
        [*COMMAND, "accounts", "add", name, "--role", role],
        input=f"{PASSWORD}\n",
        env={**os.environ, "ACSNET_STATE": str(state)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == f"{name} may log in as {role}\n"


@pytest.fixture(scope="module")
def site(start, tmp_path_factory):
    """A server behind its login. session: makes a client with the token of an account; folder: all
    of it, with its state, studies, home and temporary files.
    """
    from acsnet.server.auth.accounts import Accounts
    from acsnet.server.identity import Role

    folder = tmp_path_factory.mktemp("site")
    state, studies = folder / "state", folder / "studies"
    shutil.copytree(SAMPLES, studies)
    for name in ("home", "tmp"):
        (folder / name).mkdir()
    accounts = Accounts(state / "accounts.json")
    for name, role in (("ana", Role.ANNOTATOR), ("rea", Role.REVIEWER), ("ada", Role.ADMIN)):
        accounts.put(name, role, PASSWORD)
    key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key()))
    (folder / "jwks.json").write_text(json.dumps({"keys": [{**key, "kid": "one"}]}))
    port = free_port()
    settings = folder / "acsnet.toml"
    settings.write_text(
        f'state = "{state}"\n[login]\nrequired = true\n[server]\nport = {port}\n'
        'origins = ["https://viewer.example.org"]\n'
        f'[oidc]\nissuer = "{ISSUER}"\naudience = "acsnet"\nkeys = "{folder / "jwks.json"}"\n'
    )
    process, log = start(
        "--config",
        settings,
        "serve",
        "--studies",
        studies,
        ACSNET_STATE="",
        HOME=str(folder / "home"),
        TMPDIR=str(folder / "tmp"),
        MPLCONFIGDIR=str(folder / "tmp" / "matplotlib"),
    )
    url = f"http://127.0.0.1:{port}"
    wait_until_up(f"{url}/auth/", process, log)

    def session(name):
        one = requests.Session()
        form = {"username": name, "password": PASSWORD, "grant_type": "password"}
        answer = one.post(f"{url}/auth/token", data=form, timeout=START_SECONDS)
        one.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return one

    return SimpleNamespace(
        url=url,
        session=session,
        state=state,
        studies=studies,
        folder=folder,
        log=log,
        process=process,
    )


@pytest.fixture(scope="module")
def people(site):
    """A client for each account of the site."""
    return {name: site.session(name) for name in ("ana", "rea", "ada")}


@pytest.fixture(scope="session")
def slicer():
    """The module of the client that 3D Slicer ships."""
    return slicer_client()


@pytest.fixture
def port():
    """A port of this machine that is free."""
    return free_port()


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory):
    """An empty Orthanc with its DICOMweb plug-in; skipped where it is not installed."""
    if orthanc_binary() is None:
        pytest.skip("Orthanc is not installed (Debian: orthanc, orthanc-dicomweb)")
    folder = tmp_path_factory.mktemp("orthanc")
    http, dicom = free_port(), free_port()
    command = orthanc_command(folder, http=http, dicom=dicom, login=LOGIN)
    log = folder / "log.txt"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    rest = f"http://127.0.0.1:{http}"
    try:
        wait_until_up(f"{rest}/system", process, log, auth=LOGIN)
        yield Orthanc(f"{rest}/dicom-web", rest, dicom, process)
    finally:
        stop(process)


@pytest.fixture(scope="module")
def acsnet():
    """Runs the `acsnet` command in a process of its own; gives what it printed and its code."""

    def run(*arguments, **environment):
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """Starts an `acsnet` command that goes on until it is stopped; gives it and its output."""
    started = []

    def run(*arguments, program=COMMAND, **environment):
        folder = tmp_path_factory.mktemp("acsnet")
        log = folder / "output.txt"
        with log.open("w") as output:
            process = subprocess.Popen(
                [*program, *map(str, arguments)],
                cwd=folder,
                env={
                    **os.environ,
                    "ACSNET_STATE": str(folder / "state"),
                    "PYTHONUNBUFFERED": "1",
                    **environment,
                },
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        started.append(process)
        return process, log

    yield run
    for process in started:
        stop(process)


@pytest.fixture(scope="module")
def start_process(start):
    """Starts `acsnet serve` on studies; gives its process, address and the file of its output."""

    def run(studies, **options):
        port = free_port()
        process, log = start("serve", "--studies", studies, "--port", port, **options)
        wait_until_up(f"http://127.0.0.1:{port}/info/", process, log)
        return process, f"http://127.0.0.1:{port}", log

    return run


@pytest.fixture(scope="module")
def start_server(start_process):
    """Starts `acsnet serve` on studies; gives its address and the file of its output."""
    return lambda studies, **environment: start_process(studies, **environment)[1:]


@pytest.fixture(scope="module")
def server(start_server, slicer, tmp_path_factory):
    """A server on a copy of the sample scans, and the client of 3D Slicer's own module."""
    folder = tmp_path_factory.mktemp("server")
    studies, downloads, state = folder / "studies", folder / "downloads", folder / "state"
    shutil.copytree(SAMPLES, studies)
    downloads.mkdir()
    url, log = start_server(studies, ACSNET_STATE=str(state))
    (log.parent / "studies").symlink_to(studies)  # in the server's working directory
    client = slicer.MONAILabelClient(url, tmpdir=str(downloads))
    return Server(url, client, slicer.MONAILabelClientException, studies, state, log)
