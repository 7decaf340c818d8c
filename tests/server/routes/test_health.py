"""Alive, ready or not and why, and metrics that name nobody."""

import asyncio
import errno
import json
import shutil
import tempfile
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
import requests
from fastapi.testclient import TestClient

from acsnet.pacs.dicomweb import Answer
from acsnet.server.errors import LoadError
from acsnet.server.inference.work_queue import InferenceQueue
from acsnet.server.routes import health
from acsnet.server.web.load_limits import CountTraffic, Traffic
from acsnet.settings import Limits


def test_it_lives_and_is_ready(web):
    assert web.client.get("/healthz").json()["status"] == "ok"
    answer = web.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


def test_it_is_not_ready_while_its_disk_is_full(web, monkeypatch):
    monkeypatch.setattr(health, "free_bytes", lambda: 10)
    answer = web.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["less than 1 GB of disk are free"]


def test_it_is_not_ready_without_its_folders_or_its_model(web, monkeypatch, tmp_path):
    monkeypatch.setattr(web.app, "studies", str(tmp_path / "gone"))
    monkeypatch.setattr(web.app.served, "refused", "0123456789ab")
    reasons = web.client.get("/readyz").json()["reasons"]
    assert reasons == [
        "model 0123456789ab is live and its weights cannot be loaded",
        "the studies folder cannot be read",
        # that of a studies folder nobody served
        "the state folder cannot be written: is its disk full?",
    ]


def test_an_empty_studies_folder_is_told_once_its_scans_were_worked_on(web):
    store, aside = web.app.datastore(), web.studies.with_name("not mounted")
    store.update_image_info(web.series, {"looked": "at"})
    web.studies.rename(aside)
    web.studies.mkdir()
    try:
        answer = web.client.get("/readyz").json()
    finally:
        web.studies.rmdir()
        aside.rename(web.studies)
    assert answer["reasons"] == ["the studies folder is empty, and was not: is its disk mounted?"]
    assert web.client.get("/readyz").json()["ready"]


def test_without_its_temporary_folder_it_says_so_and_blames_no_client(web, samples):
    """All temporary files are there: a form that is longer than the memory for it, a label map."""
    assert tempfile.gettempdir() == str(web.app.scratch)
    aside = web.app.scratch.with_name("aside")
    scan = (samples / "nifti" / "phantom-2.nii.gz").read_bytes()
    label = (samples / "truth" / "phantom-1.nii.gz").read_bytes()
    web.app.scratch.rename(aside)
    try:
        ready, metrics = (web.client.get(path) for path in ("/readyz", "/metrics"))
        sent = [
            web.client.put("/datastore/image?image=z", files={"file": ("z.nii.gz", scan)}),
            web.client.put(
                "/datastore/label",
                params={"image": "a & <i>b"},
                data={"params": json.dumps({"user": "Ana"})},
                files={"label": ("l.nii.gz", label)},
            ),
        ]
    finally:
        aside.rename(web.app.scratch)
    assert ready.json()["reasons"] == ["the state folder cannot be written: is its disk full?"]
    assert metrics.status_code == 200
    for answer in sent:
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "120")
        assert "state folder cannot be reached: ask again later" in answer.json()["detail"]
    assert web.client.get("/readyz").json()["ready"]


def test_it_is_not_ready_where_no_file_can_be_made_though_there_is_room(web, monkeypatch):
    def no_inodes(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", no_inodes)
    reasons = web.client.get("/readyz").json()["reasons"]
    assert reasons == ["the state folder cannot be written: is its disk full?"]


def test_it_is_not_ready_while_the_list_of_scans_cannot_be_read(web, monkeypatch):
    def unreadable():
        raise PermissionError

    monkeypatch.setattr(web.app.datastore(), "status", unreadable)
    assert web.client.get("/readyz").json()["reasons"] == ["the list of scans cannot be read"]


@pytest.mark.parametrize(
    ("status", "kind", "content", "answers"),
    [
        (200, "application/dicom+json", b"[]", True),
        (204, "application/dicom+json", b"[]", True),
        (200, "text/html", b"<html>maintenance</html>", False),
        (200, "application/json", b"<html>", False),
        (200, "application/json", b"{}", False),
        (200, "application/json", b'[{"error": "overloaded"}]', False),
        (500, "application/json", b"[]", False),
    ],
)
def test_a_pacs_is_ready_that_answers_a_search_in_dicom_json(status, kind, content, answers):
    response = requests.Response()
    response.status_code, response.raw = status, BytesIO(content)
    response.headers["Content-Type"] = kind
    service = SimpleNamespace(fetch=lambda *_, **__: Answer(response))
    assert health._answers(SimpleNamespace(service=service)) is answers


def test_without_its_folders_it_asks_to_come_back(web, monkeypatch, tmp_path):
    def gone():
        raise FileNotFoundError(tmp_path)

    monkeypatch.setattr(web.app.datastore(), "status", gone)
    monkeypatch.setattr(web.app, "studies", str(tmp_path / "gone"))
    answer = web.client.get("/datastore/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "120")
    assert answer.json() == {
        "detail": "the studies or the state folder cannot be reached: ask again later"
    }


def test_metrics_tell_routes_and_refusals_but_never_what_was_asked_for(web):
    web.client.get("/acsnet/cases/Doe%5EJohn/versions.json")
    web.client.get("/acsnet/cases/Doe%5EJohn")
    web.client.get("/datastore/label?label=x&tag=../Doe")
    web.client.get("/Doe-has-no-page")
    web.client.request("DOE", "/info/")
    text = web.client.get("/metrics").text
    assert "Doe" not in text
    assert "DOE" not in text
    assert 'route="/acsnet/cases/{image}/versions.json"' in text
    assert 'acsnet_refusals_total{reason="name"}' in text
    assert 'acsnet_refusals_total{reason="unknown"}' in text
    assert "acsnet_queue_waiting 0.0" in text
    assert "acsnet_disk_free_bytes" in text
    assert 'acsnet_build{version="' in text


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        ("abc-1.2_x", True),
        ("", False),
        ("x" * 65, False),
        ('x","level":"CRITICAL', False),
        ("a b", False),
    ],
)
def test_a_request_keeps_its_id_where_that_is_sane(web, sent, taken):
    answer = web.client.get("/healthz", headers={"X-Request-ID": sent})
    given = answer.headers["x-request-id"]
    assert (given == sent) is taken
    assert taken or len(given) == 32


def test_too_many_requests_a_full_disk_and_a_stop_are_told_apart(web, monkeypatch):
    seen = Traffic()
    client = TestClient(
        CountTraffic(web.application, seen),
        base_url="http://127.0.0.1:8000",
        client=("127.0.0.1", 1),
    )
    seen.uploads = 24
    answer = client.post("/infer/acsnet")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert client.get("/info/").status_code == 200
    assert client.post("/auth/token").status_code == 422  # takes no place
    assert client.post("/acsnet/logout").status_code == 404
    seen.uploads = 0
    assert client.post("/infer/acsnet").status_code == 422
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**30))
    answer = client.put("/session/", headers={"Content-Length": "5"})
    assert answer.status_code == 507
    assert "disk of the server is full" in answer.json()["detail"]
    seen.stopped = True
    answer = client.get("/info/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert client.get("/healthz").status_code == 200
    assert seen.wait(limit_s=0)


def test_limits_are_those_of_the_settings(web, monkeypatch):
    monkeypatch.setenv("ACSNET_LIMITS_WAITING", "2")
    monkeypatch.setenv("ACSNET_LIMITS_FREE_GB", "100000000")
    seen = Traffic()
    seen.check(upload=False, length=0)
    with pytest.raises(LoadError, match="disk of the server is full"):
        seen.check(upload=True, length=0)
    seen.uploads = 10
    with pytest.raises(LoadError, match="10 requests are worked on"):
        seen.check(upload=True, length=0)
    assert web.client.get("/readyz").json()["reasons"] == ["less than 1e+08 GB of disk are free"]


PART = b'--x\r\nContent-Disposition: form-data; name="files"; filename="x"\r\n\r\n'


@pytest.mark.parametrize(
    ("method", "address", "kind", "head"),
    [
        ("PUT", "/session/", "multipart/form-data; boundary=x", PART),
        ("POST", "/auth/token", "application/x-www-form-urlencoded", b"username="),
        ("POST", "/batch/infer", "application/json", b"{"),
    ],
)
def test_a_body_that_hardly_comes_is_not_waited_for(web, method, address, kind, head):
    """A byte now and then: none of them is late, the whole is."""
    seen = Traffic()

    async def trickle():
        yield head
        for _ in range(1000):
            await asyncio.sleep(0.01)
            yield b"x"

    async def ask():
        application = CountTraffic(web.application, seen, body_s=0.2)
        transport = httpx.ASGITransport(application, client=("::1", 1))
        headers = {"Content-Length": "1000", "Content-Type": kind}
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, address, content=trickle(), headers=headers)

    answer = asyncio.run(ask())
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")
    assert answer.json()["detail"] == "the request came too slowly"
    assert (seen.under_way, seen.uploads) == (0, 0)


def test_an_inference_for_which_there_is_no_place_is_asked_for_again_later(web, monkeypatch):
    for task in web.app.info()["models"]:
        full = InferenceQueue(Limits(waiting=0))
        # What asks another task for its drafts has no queue of its own.
        monkeypatch.setattr(web.app._infers[task], "_queue", full, raising=False)
    for address in (f"/infer/acsnet?image={web.series}", f"/acsnet/cases/{web.series}/segment"):
        answer = web.client.post(address)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert "inferences wait already" in answer.text
    text = web.client.get("/metrics").text
    assert 'acsnet_refusals_total{reason="QueueFullError"}' in text
