"""A real server process: hostile requests, a stop under load, a kill, a backup while it runs."""

import json
import shutil
import signal
import socket
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import nibabel as nib
import numpy as np
import pytest
import requests

SAMPLES = Path(__file__).parents[2] / "sample-data" / "nifti"


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("operated") / "studies"
    shutil.copytree(SAMPLES, folder)
    return folder


@pytest.fixture(scope="module")
def state(studies):
    return studies.parent / "state"


@pytest.fixture(scope="module")
def running(start_server, studies, state):
    """Address and output of one server for the requests of this module."""
    return start_server(studies, ACSNET_STATE=str(state))


def raw(url, text):
    """What a server answers to bytes that no client would send."""
    at = urlsplit(url)
    with socket.create_connection((at.hostname, at.port), timeout=20) as connection:
        connection.sendall(text)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
            if b"\r\n\r\n" in answer:
                break
    return answer


def image_of(studies):
    return min(studies.glob("*.nii.gz")).name.removesuffix(".nii.gz")


def saved(url, studies, folder, *, user="Ana"):
    """Save a label; the version that the server says it is."""
    image = image_of(studies)
    scan = nib.load(studies / f"{image}.nii.gz")
    path = folder / "label.nii.gz"
    nib.save(nib.Nifti1Image(np.ones(scan.shape, np.uint8), scan.affine), path)
    with path.open("rb") as stream:
        answer = requests.put(
            f"{url}/datastore/label",
            params={"image": image, "tag": "final"},
            data={"params": json.dumps({"user": user, "state": "reviewed"})},
            files={"label": stream},
            timeout=120,
        )
    assert answer.status_code == 200, answer.text
    return answer.json()["version"]


def test_an_upload_beyond_the_limit_is_refused_before_it_is_sent(running):
    url, _ = running
    head = b"PUT /datastore/image HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    answer = raw(url, head + b"Content-Length: 600000000\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 413")
    answer = raw(url, head + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n")
    assert answer.startswith(b"HTTP/1.1 411")


def test_nothing_that_is_sent_makes_a_header_or_a_log_line(running):
    url, log = running
    evil = 'x%0d%0aSet-Cookie:%20a=b%0a{"level":"CRITICAL","message":"evil"}'
    for path in (f"/datastore/image?image={evil}", f"/acsnet/cases/{evil}", f"/infer/{evil}"):
        answer = requests.get(f"{url}{path}", headers={"X-Request-ID": "a b{"}, timeout=20)
        assert "set-cookie" not in answer.headers
        assert answer.status_code < 500
    folded = b"GET /info/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-ID: a\r\n evil: b\r\n\r\n"
    assert b"\r\nevil:" not in raw(url, folded)
    lines = [line for line in log.read_text().splitlines() if line.startswith("{")]
    entries = [json.loads(line) for line in lines]
    assert {"route", "status", "request"} <= entries[-1].keys()
    assert "evil" not in "".join(lines)
    assert all(entry["level"] != "CRITICAL" for entry in entries)


def test_a_backup_of_a_running_server_is_restored_by_its_commands(
    running, studies, state, acsnet, tmp_path
):
    url, _ = running
    versions = [saved(url, studies, tmp_path, user=user) for user in ("Ana", "Bo")]
    file, other = tmp_path / "b.tar.gz", tmp_path / "other"
    done = acsnet("backup", "--studies", studies, "--output", file, ACSNET_STATE=str(state))
    assert (done.returncode, done.stderr) == (0, "")
    done = acsnet("restore", file, "--studies", studies, "--state", other)
    assert done.returncode == 0, done.stderr
    listed = acsnet("labels", "list", "--studies", studies, ACSNET_STATE=str(other), COLUMNS="300")
    assert all(version in listed.stdout for version in versions)
    done = acsnet("restore", file, "--studies", studies, "--state", other)
    assert done.returncode == 2
    assert "is not empty" in done.stderr


def test_a_stop_finishes_what_runs_and_refuses_what_comes(start, port, studies, tmp_path):
    process, log = start("serve", "--studies", studies, "--port", port)
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: requests.get(f"{url}/readyz", timeout=60).ok)
    answers = []

    def infer():
        image = image_of(studies)
        answers.append(requests.post(f"{url}/infer/acsnet?image={image}", timeout=300).status_code)

    worker = threading.Thread(target=infer)
    worker.start()
    running = "acsnet_queue_running 1.0"
    wait_for(lambda: running in requests.get(f"{url}/metrics", timeout=60).text)
    process.send_signal(signal.SIGTERM)
    wait_for(lambda: requests.get(f"{url}/readyz", timeout=60).status_code == 503)
    refused = requests.get(f"{url}/info/", timeout=60)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    assert requests.get(f"{url}/healthz", timeout=60).ok
    worker.join(300)
    assert answers == [200]
    process.wait(60)
    assert '"message": "stopped"' in log.read_text()


def test_after_a_kill_everything_that_was_told_is_there_and_the_rest_is_repaired(
    start, port, studies, tmp_path
):
    state = tmp_path / "state"
    url = f"http://127.0.0.1:{port}"
    process, _ = start("serve", "--studies", studies, "--port", port, ACSNET_STATE=str(state))
    wait_for(lambda: requests.get(f"{url}/readyz", timeout=60).ok)
    version = saved(url, studies, tmp_path)
    with (studies / f"{image_of(studies)}.nii.gz").open("rb") as scan:
        assert requests.put(f"{url}/session/", files={"files": scan}, timeout=60).ok
    (uploads,) = state.glob("studies/*/scratch/sessions")
    process.kill()
    process.wait()
    with (state / "audit.jsonl").open("ab") as audit:
        audit.write(b'{"event": "sav')
    process, log = start("serve", "--studies", studies, "--port", port, ACSNET_STATE=str(state))
    wait_for(lambda: requests.get(f"{url}/readyz", timeout=60).ok)
    address = f"{url}/acsnet/cases/{image_of(studies)}/versions.json"
    assert [one["version"] for one in requests.get(address, timeout=60).json()] == [version]
    (repaired,) = [json.loads(line) for line in log.read_text().splitlines() if "repaired" in line]
    assert repaired["uploads of a killed server removed"] == 1
    assert repaired["lines that were cut short ended"] == 1
    assert not uploads.exists()


def wait_for(done, *, seconds=120):
    """Until something is so; a server that does not listen yet is waited for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if done():
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.05)
    pytest.fail("it did not come to pass")
