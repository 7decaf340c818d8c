"""The reverse proxy of `deploy/`, a real Caddy, between a client and a real server."""

import json
import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from certificates import certificate

from .conftest import PASSWORD, SAMPLES, add_account, free_port, wait_until_up

CADDYFILE = Path(__file__).parents[2] / "deploy" / "Caddyfile"
TIMEOUT = 120


@pytest.fixture(scope="module")
def caddy():
    """The program; skipped where it is not installed."""
    found = shutil.which("caddy")
    if found is None:
        pytest.skip("Caddy is not installed (Debian: caddy)")
    return found


def settings_of_caddy(folder, certificate_and_key, *, upstream, port):
    """Options and variables for the file as it is deployed, but for places and ports of here."""
    cert, key = certificate_and_key
    text = CADDYFILE.read_text()
    for there, here in (
        ("admin off", "admin off\n\tauto_https disable_redirects"),
        ("/certs/cert.pem /certs/key.pem", f"{cert} {key}"),
        ("acsnet:8000", f"127.0.0.1:{upstream}"),
    ):
        assert there in text
        text = text.replace(there, here)
    config = folder / "Caddyfile"
    config.write_text(text)
    own = {
        "ACSNET_HOSTNAME": f"localhost:{port}",
        "XDG_DATA_HOME": str(folder / "data"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }
    return ("--config", config, "--adapter", "caddyfile"), own


@pytest.fixture(scope="module")
def proxied(caddy, start, tmp_path_factory):
    """A server behind Caddy on this machine. url: of the proxy; cert: that it shows; state."""
    folder = tmp_path_factory.mktemp("proxied")
    cert, key = certificate(folder)
    studies, state = folder / "studies", folder / "state"
    shutil.copytree(SAMPLES, studies)
    add_account(state, "ana", "annotator")
    ports = [free_port(), free_port()]
    process, log = start(
        *("serve", "--studies", studies, "--port", ports[0]),
        *("--login", "--behind-tls-proxy", "--name", "localhost"),
        ACSNET_STATE=str(state),
        ACSNET_SERVER_PROXIES="127.0.0.1",
        ACSNET_LIMITS_UPLOAD_MB="1",
    )
    wait_until_up(f"http://127.0.0.1:{ports[0]}/auth/", process, log)
    options, own = settings_of_caddy(folder, (cert, key), upstream=ports[0], port=ports[1])
    checked = subprocess.run(
        [caddy, "validate", *options],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    url = f"https://localhost:{ports[1]}"
    process, log = start("run", *options, program=(caddy,), **own)
    wait_until_up(f"{url}/auth/", process, log, verify=str(cert))
    return SimpleNamespace(url=url, cert=str(cert), state=state, studies=studies)


@pytest.fixture
def client(proxied):
    """Trusts the certificate of the proxy, whatever the environment trusts."""
    one = requests.Session()
    one.trust_env = False
    one.verify = proxied.cert
    return one


def test_a_page_session_is_one_over_tls_whatever_the_client_claims(proxied, client):
    claimed = {"X-Forwarded-Proto": "http", "X-Forwarded-For": "192.0.2.7", "Origin": proxied.url}
    answer = client.post(
        f"{proxied.url}/acsnet/login",
        data={"name": "ana", "password": PASSWORD},
        headers=claimed,
        allow_redirects=False,
        timeout=TIMEOUT,
    )
    assert answer.status_code == 303
    assert answer.headers["set-cookie"].startswith("__Host-acsnet=")
    assert "Secure" in answer.headers["set-cookie"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    page = client.get(f"{proxied.url}/acsnet/", timeout=TIMEOUT)
    assert "ana (annotator)" in page.text
    events = [json.loads(line) for line in (proxied.state / "audit.jsonl").read_text().splitlines()]
    logins = [event for event in events if event["event"] == "login"]
    assert logins
    assert "192.0.2.7" not in json.dumps(logins)


def test_a_scan_is_segmented_and_a_label_saved(proxied, client):
    form = {"username": "ana", "password": PASSWORD}
    given = client.post(f"{proxied.url}/auth/token", data=form, timeout=TIMEOUT).json()
    client.headers["Authorization"] = f"Bearer {given['access_token']}"
    image = {"image": min(proxied.studies.iterdir()).name.removesuffix(".nii.gz")}
    answer = client.post(
        f"{proxied.url}/infer/acsnet", params={**image, "output": "image"}, timeout=TIMEOUT
    )
    assert answer.status_code == 200
    files = {"label": ("label.nii.gz", answer.content)}
    saved = client.put(f"{proxied.url}/datastore/label", params=image, files=files, timeout=TIMEOUT)
    assert saved.json()["author"] == "ana", saved.text


def test_strangers_other_names_and_large_uploads_are_refused(proxied, client):
    assert client.get(f"{proxied.url}/info/", timeout=TIMEOUT).status_code == 401
    foreign = {"Origin": "https://example.org"}
    assert client.get(f"{proxied.url}/auth/", headers=foreign, timeout=TIMEOUT).status_code == 403
    address = f"{proxied.url}/datastore/image"
    answer = client.put(address, data=bytes(2**21), timeout=TIMEOUT)
    assert (answer.status_code, answer.json()["detail"]) == (
        413,
        "an upload may have at most 1 MB",
    )
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(proxied.url, timeout=TIMEOUT)


def test_the_log_of_the_proxy_names_no_scan(caddy, start, tmp_path):
    """Of a server that does not answer, which Caddy writes a line about for each request."""
    cert, key = certificate(tmp_path)
    port = free_port()
    options, own = settings_of_caddy(tmp_path, (cert, key), upstream=free_port(), port=port)
    process, log = start("run", *options, program=(caddy,), **own)
    url = f"https://localhost:{port}"
    end = time.monotonic() + TIMEOUT
    while time.monotonic() < end and process.poll() is None:
        with suppress(requests.ConnectionError):
            answer = requests.get(
                f"{url}/acsnet/cases/DOE_JOHN",
                params={"image": "DOE_JOHN"},
                headers={"Referer": f"{url}/acsnet/cases/DOE_JOHN"},
                verify=str(cert),
                timeout=TIMEOUT,
            )
            break
        time.sleep(0.1)
    assert answer.status_code == 502
    lines = log.read_text()
    assert '"status":502' in lines
    assert "DOE_JOHN" not in lines
