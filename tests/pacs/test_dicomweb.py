"""The client against answers that are made up: nothing leaves this machine."""

import json
import socketserver
import threading

import pytest
import requests
from dicomweb_wire import LOGIN, URL

from acsnet.errors import InputError, PacsError
from acsnet.pacs.config import PacsSettings
from acsnet.pacs.dicomweb import DicomWeb, NotStoredError, is_uid
from acsnet.pacs.dicomweb.search import PAGE, Page, PageSizes
from acsnet.pacs.dicomweb.session import TIMEOUT_SECONDS


def series(uid):
    return {"0020000E": {"vr": "UI", "Value": [uid]}}


def test_a_search_goes_on_until_nothing_new_comes(wire, client):
    wire.json(*(series(f"1.{i}") for i in range(PAGE)))
    wire.json(series("1.7"), series("2.1"))
    wire.json()
    found = client.search_series({"Modality": "MR"})
    assert len(found) == PAGE + 1
    assert "Modality=MR" in wire.requests[0].url
    assert f"offset={PAGE}&" in f"{wire.requests[1].url}&"
    assert f"offset={PAGE + 2}&" in f"{wire.requests[2].url}&"


def test_a_service_that_caps_its_answers_is_asked_until_a_page_is_empty(wire, client):
    told = []
    for uids in (("1.1", "1.2"), ("1.3", "1.4"), ("1.5",), ()):
        wire.json(*map(series, uids))
    found = client.search_series({}, on_cut=told.append)
    assert [one.SeriesInstanceUID for one in found] == ["1.1", "1.2", "1.3", "1.4", "1.5"]
    assert told == []


@pytest.mark.parametrize("following", [("1.1", "1.2"), ()])
def test_a_service_that_keeps_the_rest_is_told(wire, client, following):
    """It warns with what it gives, and then gives the same again, or nothing."""
    told = []
    wire.json(series("1.1"), series("1.2"), warning='299 pacs: "too many"')
    wire.json(*map(series, following))
    assert len(client.search_series({"Modality": "MR"}, on_cut=told.append)) == 2
    assert told == [
        f"{URL} does not tell all series that match {{'Modality': 'MR'}}: 299 pacs: \"too many\""
    ]


@pytest.mark.parametrize("status", [400, 404, 416])
def test_an_error_behind_the_last_match_ends_a_search(wire, client, status):
    told = []
    wire.json(series("1.1"), series("1.2"))
    wire.answer(status=status)
    assert len(client.search_series({}, on_cut=told.append)) == 2
    assert told == []


@pytest.mark.parametrize(("count", "warning"), [(PAGE, ""), (2, '299 pacs: "too many"')])
def test_it_is_told_where_a_service_gives_an_error_and_may_have_more(wire, client, count, warning):
    told = []
    wire.json(*(series(f"1.{i}") for i in range(count)), warning=warning)
    wire.answer(status=400)
    assert len(client.search_series({}, on_cut=told.append)) == count
    assert len(told) == 1
    assert (warning or "refuses to be asked for more") in told[0]


@pytest.mark.parametrize("status", [400, 404, 416])
def test_an_error_instead_of_the_first_page_is_one(wire, client, status):
    wire.answer(status=status)
    with pytest.raises(PacsError, match=f"HTTP {status}"):
        client.search_series({})


@pytest.mark.parametrize("content", [b'{"error": "overloaded"}', b'[{"error": "overloaded"}]'])
def test_an_error_in_json_ends_no_search_and_is_no_match(wire, client, content):
    """As a gateway in front of the service gives it, with status 200."""
    wire.json(*(series(f"1.{i}") for i in range(PAGE)))
    wire.answer(content=content)
    with pytest.raises(PacsError, match="search for series failed, its answer cannot be underst"):
        client.search_series({})
    wire.answer(content=content)
    with pytest.raises(PacsError, match="cannot be understood"):
        client.has_instance("1.2.3")
    wire.answer(content=content)
    with pytest.raises(PacsError, match="cannot be understood"):
        client.headers("1.2", "1.3")


def test_a_page_is_whole_if_the_service_once_gave_more_of_its_kind():
    sizes = PageSizes()

    def is_whole(count, warning="", kind="series"):
        return sizes.is_whole(kind, Page(matches=[0] * count, warning=warning))

    assert not is_whole(3)  # it may be all that it gives at once
    assert is_whole(2)
    assert not is_whole(3)
    assert not is_whole(2, warning='299 pacs: "too many"')
    assert not is_whole(2, kind="studies")
    assert not is_whole(4)
    assert is_whole(3)


def test_what_is_searched_for_is_not_disguised(wire, client):
    """Debian's Orthanc decodes nothing in a query."""
    wire.json()
    client.search_series({"PatientName": "*DOE?J*", "ModalitiesInStudy": "MR,SEG"})
    assert "PatientName=*DOE?J*&ModalitiesInStudy=MR,SEG&" in wire.requests[0].url


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
        ((401, b"", {}), r"login was refused \(HTTP 401\)"),
        ((500, b"", {}), "it answered HTTP 500"),
        ((200, b"<html>", {"Content-Type": "text/html"}), "cannot be understood"),
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


@pytest.mark.parametrize("preamble", [b"\r\n", b"A DICOM object follows.\r\n"])
def test_what_stands_before_the_first_boundary_is_no_part(wire, client, patient, preamble):
    dataset = patient()[0]
    wire.instance(dataset, preamble=preamble)
    uids = dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID
    assert client.instance(*uids).PixelData == dataset.PixelData


def test_another_instance_than_the_one_asked_for_is_not_taken(wire, client, patient):
    wire.instance(patient()[0])
    with pytest.raises(PacsError, match="cannot be understood"):
        client.instance("1.2", "1.3", "1.4")


@pytest.fixture
def closing_service(patient):
    """Closes as many connections as its list says once a request has come, then says "stored".

    Gives its address, that list (one number) and the requests that it read.
    """
    closed, requests_read = [1], []
    content = said(stored=[patient()[0].SOPInstanceUID])

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            size = 0
            while (line := self.rfile.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
            requests_read.append(self.rfile.read(size))
            if len(requests_read) > closed[0]:
                head = b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\n"
                head += f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode()
                self.wfile.write(head + content)

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


def said(*, stored=(), failed=()):
    """What an answer to a storage says; failed: (UID or none, reason as in JSON)."""
    reasons = [
        {"00081155": {"vr": "UI", "Value": [uid]} if uid else {"vr": "UI"}, "00081197": reason}
        for uid, reason in failed
    ]
    references = [{"00081155": {"vr": "UI", "Value": [uid]}} for uid in stored]
    sequences = {"00081198": reasons, "00081199": references}
    return json.dumps(
        {tag: {"vr": "SQ", "Value": items} for tag, items in sequences.items() if items}
    ).encode()


A700 = {"vr": "US", "Value": [0xA700]}
JSON = "application/dicom+json"


def test_what_the_service_names_as_stored_is_stored(wire, client, patient):
    dataset = patient()[0]
    wire.answer(202, said(stored=[dataset.SOPInstanceUID]), "Application/DICOM+JSON; charset=utf-8")
    client.store(dataset)
    (request,) = wire.requests
    assert request.url == f"{URL}/studies"
    assert dataset.SOPInstanceUID.encode() in request.body.getvalue()
    assert int(request.headers["Content-Length"]) == len(request.body.getvalue())


@pytest.mark.parametrize("kind", [JSON, f"{JSON}; charset=utf-8", "application/json;charset=UTF-8"])
@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (A700, "reason 0xa700"),
        ({"vr": "US"}, "without a reason"),
        ({"vr": "US", "Value": []}, "without a reason"),
    ],
)
def test_what_the_service_names_as_failed_is_not_stored(wire, client, patient, kind, reason, words):
    dataset = patient()[0]
    for uid in (dataset.SOPInstanceUID, ""):
        wire.answer(202, said(stored=[dataset.SOPInstanceUID], failed=[(uid, reason)]), kind)
        with pytest.raises(NotStoredError, match=f"{dataset.SOPInstanceUID} failed, {words}"):
            client.store(dataset)


SILENT = [
    (200, b"{}", JSON),
    (200, said(stored=["1.2.3"]), JSON),
    (200, b'{"00081199": {"vr": "SQ"}}', JSON),
    (200, b"[]", JSON),
    (200, b"", JSON),
    (200, b"<html>log in</html>", "text/html"),
    (202, b"<NativeDicomModel/>", "application/dicom+xml"),
    (202, b"--x\r\n\r\n--x--", 'multipart/related; type="application/dicom+xml"; boundary=x'),
]


@pytest.mark.parametrize("answer", SILENT)
def test_where_the_answer_says_nothing_of_it_the_service_is_asked(wire, client, patient, answer):
    dataset = patient()[0]
    for other in ([], [series("1.2.3")], [{"00080018": {"vr": "UI", "Value": ["1.2.3"]}}]):
        wire.answer(*answer)
        wire.json(*other)
        with pytest.raises(
            NotStoredError, match=rf"HTTP {answer[0]} without saying .* does not have it"
        ):
            client.store(dataset)
    wire.answer(*answer)
    wire.json({"00080018": {"vr": "UI", "Value": [dataset.SOPInstanceUID]}})
    client.store(dataset)
    assert f"SOPInstanceUID={dataset.SOPInstanceUID}&" in wire.requests[-1].url


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_stores_nothing_is_no_success(wire, client, patient, status):
    wire.answer(status, Location=f"{URL}/login")
    with pytest.raises(PacsError, match=rf"redirects what it is sent \(HTTP {status}\)") as caught:
        client.store(patient()[0])
    assert not isinstance(caught.value, NotStoredError)
    wire.answer(status)
    with pytest.raises(PacsError, match=f"HTTP {status}"):
        client.store(patient()[0])
    assert len(wire.requests) == 2


def test_a_redirect_within_the_host_that_keeps_the_request_is_followed(wire, client, patient):
    dataset = patient()[0]
    wire.answer(307, Location=f"{URL}/studies/")
    wire.answer(content=said(stored=[dataset.SOPInstanceUID]))
    client.store(dataset)
    assert [(one.method, one.url) for one in wire.requests] == [
        ("POST", f"{URL}/studies"),
        ("POST", f"{URL}/studies/"),
    ]


def test_an_instance_that_is_refused_and_a_service_that_fails_are_told_apart(wire, client, patient):
    dataset = patient()[0]
    wire.answer(status=409)
    with pytest.raises(NotStoredError, match="HTTP 409"):
        client.store(dataset)
    wire.answer(status=403)
    with pytest.raises(PacsError, match="login was refused") as caught:
        client.store(dataset)
    assert not isinstance(caught.value, NotStoredError)


def test_an_instance_that_cannot_be_written_is_refused_before_it_is_sent(wire, client, patient):
    dataset = patient()[0]
    dataset.Rows = "many"
    with pytest.raises(NotStoredError, match=f"{dataset.SOPInstanceUID} cannot be written"):
        client.store(dataset)
    assert not wire.requests
