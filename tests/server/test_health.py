"""Alive, ready or not and why, and metrics that name nobody."""

import shutil

import pytest
from fastapi.testclient import TestClient

from acsnet.server import health
from acsnet.server.traffic import CountTraffic, Traffic
from acsnet.server.turns import Turns


def test_it_lives_and_is_ready(web):
    assert web.client.get("/healthz").json()["status"] == "ok"
    answer = web.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": []})


def test_it_is_not_ready_while_its_disk_is_full(web, monkeypatch):
    monkeypatch.setattr(health, "free_bytes", lambda: 10)
    answer = web.client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["reasons"] == ["less than 1024 MB of disk are free"]


def test_it_is_not_ready_without_its_folders_or_its_model(web, monkeypatch, tmp_path):
    monkeypatch.setattr(web.app, "studies", str(tmp_path / "gone"))
    monkeypatch.setattr(web.app.served, "refused", "0123456789ab")
    reasons = web.client.get("/readyz").json()["reasons"]
    assert reasons == [
        "model 0123456789ab is live and its weights cannot be loaded",
        "the studies folder cannot be read",
        "the state folder cannot be written",  # that of a studies folder nobody served
    ]


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
    traffic = Traffic()
    client = TestClient(
        CountTraffic(web.application, traffic),
        base_url="http://127.0.0.1:8000",
        client=("127.0.0.1", 1),
    )
    traffic.uploads = 24
    answer = client.post("/infer/acsnet")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert client.get("/info/").status_code == 200
    traffic.uploads = 0
    assert client.post("/infer/acsnet").status_code == 422
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=2**30))
    answer = client.put("/session/", headers={"Content-Length": "5"})
    assert answer.status_code == 507
    assert "disk of the server is full" in answer.json()["detail"]
    traffic.stopped = True
    answer = client.get("/info/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert client.get("/healthz").status_code == 200
    assert traffic.wait(limit_s=0)


def test_an_inference_for_which_there_is_no_place_is_asked_for_again_later(web, monkeypatch):
    monkeypatch.setattr(web.app, "turns", Turns(most=0))
    for address in (f"/infer/acsnet?image={web.series}", f"/acsnet/cases/{web.series}/segment"):
        answer = web.client.post(address)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert "inferences wait already" in answer.text
    text = web.client.get("/metrics").text
    assert 'acsnet_refusals_total{reason="QueueFullError"}' in text
