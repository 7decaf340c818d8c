"""Answers that come in part or not at all, and those of services that say it in their own way."""

import pytest
import requests
from dicomweb_wire import URL
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from acsnet.errors import PacsError
from acsnet.pacs.dicomweb import NotStoredError
from acsnet.pacs.dicomweb.session import is_lost


def uids_of(dataset):
    return dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID


@pytest.mark.parametrize("cut", [len("--x--\r\n"), 2000])
def test_an_image_that_comes_in_part_is_not_taken(wire, client, patient, cut):
    """Without a length of the answer, its end is told by nothing but the last boundary."""
    dataset = patient()[0]
    wire.instance(dataset)
    status, content, headers = wire.answers.pop()
    wire.answers.append((status, content[:-cut], headers))
    with pytest.raises(PacsError, match="its answer was cut short"):
        client.instance(*uids_of(dataset))


LOST = [
    (504, b"<html>gateway time-out</html>", {"Content-Type": "text/html"}),
    requests.ReadTimeout(),
    requests.ConnectionError(ReadTimeoutError(None, "", "read timed out")),
    requests.exceptions.ChunkedEncodingError(),
]


@pytest.mark.parametrize("answer", LOST)
def test_what_a_service_has_is_stored_although_its_answer_was_lost(wire, client, patient, answer):
    dataset = patient()[0]
    wire.answers.append(answer)
    wire.json({"00080018": {"vr": "UI", "Value": [dataset.SOPInstanceUID]}})
    client.store(dataset)
    assert [one.method for one in wire.requests] == ["POST", "GET"]


@pytest.mark.parametrize("asked", [(200, b"[]", {}), (504, b"", {}), (404, b"", {})])
def test_a_lost_answer_is_an_error_where_the_service_is_not_known_to_have_it(
    wire, client, patient, asked
):
    wire.answer(status=504)
    wire.answers.append(asked)
    with pytest.raises(PacsError, match=r"storage of .* HTTP 504") as caught:
        client.store(patient()[0])
    assert not isinstance(caught.value, NotStoredError)
    assert is_lost(caught.value.__cause__)


@pytest.mark.parametrize(
    "error", [requests.ConnectionError(), requests.ConnectTimeout(), requests.exceptions.SSLError()]
)
def test_what_was_never_sent_is_not_asked_for(wire, client, patient, error):
    wire.answers.append(error)
    with pytest.raises(PacsError) as caught:
        client.store(patient()[0])
    assert len(wire.requests) == 1
    assert not is_lost(caught.value.__cause__)


def test_a_connection_that_was_dropped_may_have_stored_it():
    assert is_lost(requests.ConnectionError(ProtocolError("Connection aborted.")))


def test_a_service_that_says_404_for_no_instance_has_none(wire, client):
    wire.answer(status=404)
    assert not client.has_instance("1.2.3")


def test_a_service_that_moved_to_https_is_named_as_that(wire, client):
    client.address = URL.replace("https://", "http://")
    wire.answer(status=301, Location=f"{URL}/series")
    with pytest.raises(PacsError, match="it redirects to https: give that address"):
        client.search_series({})


def test_a_series_uid_in_two_studies_is_two_series(wire, client):
    found = [
        {tag: {"vr": "UI", "Value": [uid]} for tag, uid in (("0020000D", study), ("0020000E", "1"))}
        for study in ("7", "8", "7")
    ]
    wire.json(*found)
    wire.json()
    headers = client.search_series({})
    assert [header.StudyInstanceUID for header in headers] == ["7", "8"]
