"""The client against answers that are made up: nothing leaves this machine."""

import io
import json
import socketserver
import threading

import pydicom
import pytest
import requests
from requests.adapters import HTTPAdapter

from acsnet.errors import InputError, PacsError
from acsnet.pacs.config import PacsSettings
from acsnet.pacs.dicomweb import PAGE, TIMEOUT_SECONDS, DicomWeb, NotStoredError, is_uid

URL = "https://pacs.example.org/dicom-web"
LOGIN = {"user": "reader", "password": "hush"}


class Wire:
    """What the client sends, and the answers that it gets in turn."""

    def __init__(self):
        self.requests = []
        self.answers = []
        self.timeouts = []

    def answer(self, status=200, content=b"", kind="application/dicom+json"):
        self.answers.append((status, content, kind))

    def json(self, *objects):
        self.answer(content=json.dumps(objects).encode())

    def instance(self, dataset):
        stream = io.BytesIO()
        pydicom.dcmwrite(stream, dataset, write_like_original=False)
        part = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + stream.getvalue()
        kind = 'multipart/related; type="application/dicom"; boundary=x'
        self.answer(content=part + b"\r\n--x--\r\n", kind=kind)

    def send(self, _adapter, request, stream, timeout, verify, cert, proxies):
        self.requests.append(request)
        self.timeouts.append(timeout)
        assert verify is not False
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, content, response.headers["Content-Type"] = answer
        response.raw = io.BytesIO(content)
        response.request, response.url = request, request.url
        return response


@pytest.fixture
def wire(monkeypatch):
    one = Wire()
    monkeypatch.setattr(HTTPAdapter, "send", lambda *args, **options: one.send(*args, **options))
    return one


@pytest.fixture
def client():
    return DicomWeb(PacsSettings(url=URL, **LOGIN))


def series(uid):
    return {"0020000E": {"vr": "UI", "Value": [uid]}}


def test_a_search_goes_on_until_nothing_new_comes(wire, client):
    wire.json(*(series(f"1.{i}") for i in range(PAGE)))
    wire.json(series("1.7"), series("2.1"))
    found = client.search_series({"Modality": "MR"})
    assert len(found) == PAGE + 1
    assert "Modality=MR" in wire.requests[0].url
    assert f"offset={PAGE}" in wire.requests[1].url


def test_a_service_that_knows_no_pages_is_not_asked_for_ever(wire, client):
    for _ in range(2):
        wire.json(*(series(f"1.{i}") for i in range(PAGE)))
    assert len(client.search_series({})) == PAGE
    assert not wire.answers


def test_every_request_has_time_outs_and_the_login(wire, client):
    wire.json()
    client.search_series({})
    assert wire.timeouts == [TIMEOUT_SECONDS]
    assert wire.requests[0].headers["Authorization"] == "Basic cmVhZGVyOmh1c2g="


def test_a_token_goes_before_a_password(wire):
    wire.json()
    DicomWeb(PacsSettings(url=URL, **LOGIN, token="t")).search_series({})
    assert wire.requests[0].headers["Authorization"] == "Bearer t"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ((401, b"", "text/plain"), r"login was refused \(HTTP 401\)"),
        ((500, b"", "text/plain"), "it answered HTTP 500"),
        ((200, b"<html>", "text/html"), "cannot be understood"),
        (requests.exceptions.SSLError(), "REQUESTS_CA_BUNDLE"),
        (requests.exceptions.ReadTimeout(), "within 60 s"),
        (requests.exceptions.ConnectionError(), "cannot be reached"),
        (requests.exceptions.ChunkedEncodingError(), "cut short"),
    ],
)
def test_faults_are_one_sentence_without_the_login(wire, client, fault, reason):
    wire.answers.append(fault)
    with pytest.raises(PacsError, match=reason) as caught:
        client.search_series({})
    message = str(caught.value)
    assert message.startswith(f"{URL}: search for series failed")
    assert "hush" not in message
    assert "\n" not in message


def test_an_instance_is_asked_for_uncompressed_first(wire, client, patient):
    dataset = patient()[0]
    wire.answer(status=406)
    wire.instance(dataset)
    uids = dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
    assert client.instance(*uids).PixelData == dataset.PixelData
    accepted = [request.headers["Accept"] for request in wire.requests]
    assert "1.2.840.10008.1.2.1" in accepted[0]
    assert "transfer-syntax=*" in accepted[1]


def test_another_instance_than_the_one_asked_for_is_not_taken(wire, client, patient):
    wire.instance(patient()[0])
    with pytest.raises(PacsError, match="cannot be understood"):
        client.instance("1.2", "1.3", "1.4")


@pytest.fixture
def closing_service():
    """Closes as many connections as its list says once a request has come, then answers `[]`.

    Gives its address, that list (one number) and the requests that it read.
    """
    closed, requests_read = [1], []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            size = 0
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
            requests_read.append(self.rfile.read(size))
            if len(requests_read) > closed[0]:
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\n"
                self.wfile.write(head + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}")

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as service:
        thread = threading.Thread(target=service.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{service.server_address[1]}", closed, requests_read
        service.shutdown()
        thread.join()


def test_an_instance_is_sent_again_where_the_kept_connection_was_just_closed(
    closing_service, patient
):
    address, _, requests_read = closing_service
    DicomWeb(PacsSettings(url=address)).store(patient()[0])
    first, second = requests_read
    assert len(first) > 1000
    assert first == second


def test_a_service_that_closes_every_connection_is_named_after_the_second(closing_service):
    address, closed, requests_read = closing_service
    closed[0] = 3
    with pytest.raises(PacsError, match="cannot be reached"):
        DicomWeb(PacsSettings(url=address)).has_instance("1.2.3")
    assert len(requests_read) == 2


def test_a_uid_that_is_a_path_is_never_sent(wire, client):
    for uid in ("../x", "1.2/3", "", "a", "1" * 65, "1.2?x=y"):
        assert not is_uid(uid)
        with pytest.raises(InputError, match="UID"):
            client.headers("1.2", uid)
    assert not wire.requests


def test_what_is_stored_and_what_is_not(wire, client, patient):
    dataset = patient()[0]
    wire.answer(content=json.dumps({"00081199": {"vr": "SQ", "Value": []}}).encode())
    client.store(dataset)
    assert dataset.SOPInstanceUID.encode() in wire.requests[0].body
    failed = {"00081197": {"vr": "US", "Value": [0xA900]}}
    wire.answer(content=json.dumps({"00081198": {"vr": "SQ", "Value": [failed]}}).encode())
    with pytest.raises(NotStoredError, match="0xa900"):
        client.store(dataset)
    wire.answer(status=409)
    with pytest.raises(NotStoredError, match="HTTP 409"):
        client.store(dataset)
    wire.answer(status=403)
    with pytest.raises(PacsError, match="login was refused") as caught:
        client.store(dataset)
    assert not isinstance(caught.value, NotStoredError)
