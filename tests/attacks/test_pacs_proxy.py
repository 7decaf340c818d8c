"""Hostile archives and readers on either side of the DICOMweb proxy."""

import json

import pytest
from pretend_archive import pretend_archive
from viewer_segs import seg_of

from acsnet.errors import PacsError
from acsnet.pacs.config import pacs_settings
from acsnet.pacs.dicomweb import DicomWeb


def test_searches_show_the_work_list_only(site):
    listed = site.listed[0]
    studies = site.client.get("/dicomweb/studies").json()
    assert [one["0020000D"]["Value"] for one in studies] == [[listed.StudyInstanceUID]]
    for path in ("series", f"studies/{listed.StudyInstanceUID}/series"):
        found = site.client.get(f"/dicomweb/{path}").json()
        assert [one["0020000E"]["Value"] for one in found] == [[listed.SeriesInstanceUID]]
    for path in ("instances", "metadata"):
        found = site.client.get(f"/dicomweb/studies/{listed.StudyInstanceUID}/{path}").json()
        assert {one["0020000E"]["Value"][0] for one in found} == {listed.SeriesInstanceUID}
    assert site.client.get("/dicomweb/studies", params={"offset": 1}).json() == []
    assert site.client.get("/dicomweb/series", params={"limit": 0}).json() == []


def test_a_key_that_a_viewer_sends_twice_is_passed_on_twice(site, archive, monkeypatch):
    queries = []
    answer = archive.answer
    monkeypatch.setattr(
        archive, "answer", lambda path, query: queries.append(query) or answer(path, query)
    )
    fields = "includefield=00081030&includefield=00080060"
    assert site.client.get(f"/dicomweb/studies?{fields}&limit=5").status_code == 200
    passed_on = [one for one in queries if "00081030" in one.get("includefield", [])]
    assert [one["includefield"] for one in passed_on] == [["00081030", "00080060"]] * 2
    limits = [(one["limit"], one["offset"]) for one in passed_on]
    assert limits == [(["200"], ["0"]), (["200"], ["2"])]


def test_an_archive_that_caps_its_answers_is_asked_to_the_end(site, archive, monkeypatch):
    """It gives one series at once, and says at last that it keeps the rest."""
    sent = []

    def one_at_once(path, query):
        status, headers, content = answer(path, query)
        if path == "series" and "00081030" in query.get("includefield", []):
            sent.append(int(query["offset"][0]))
            content = json.dumps(json.loads(content)[:1]).encode()
            headers = headers | ({"Warning": "299 archive: rest is kept"} if sent[-1] else {})
        return status, headers, content

    archive.datasets.reverse()  # the one of the work list comes last
    answer = archive.answer
    monkeypatch.setattr(archive, "answer", one_at_once)
    found = site.client.get("/dicomweb/series?includefield=00081030")
    assert [one["0020000E"]["Value"] for one in found.json()] == [
        [site.listed[0].SeriesInstanceUID]
    ]
    assert sent == [0, 1, 2, 3]
    assert found.headers["Warning"] == "299 archive: rest is kept"


def test_a_search_takes_one_request_once_the_archive_has_given_more_at_once(site, archive):
    study = site.listed[0].StudyInstanceUID
    instances = f"studies/{study}/series/{site.listed[0].SeriesInstanceUID}/instances"
    site.client.get(f"/dicomweb/{instances}")
    begun = len(archive.asked)
    assert len(site.client.get(f"/dicomweb/{instances}?InstanceNumber=1").json()) == 1
    assert archive.asked[begun:].count(("GET", instances)) == 1


def test_an_error_of_the_archive_behind_its_last_match_ends_a_search(site, archive, monkeypatch):
    answer = archive.answer

    def refuse_more(path, query):
        if int(query.get("offset", ["0"])[0]):
            return 416, {}, b""
        return answer(path, query)

    monkeypatch.setattr(archive, "answer", refuse_more)
    found = site.client.get("/dicomweb/series")
    assert [one["0020000E"]["Value"] for one in found.json()] == [
        [site.listed[0].SeriesInstanceUID]
    ]
    assert "Warning" not in found.headers


def test_an_error_in_json_is_not_passed_on_as_an_empty_search(site, archive, monkeypatch):
    monkeypatch.setattr(
        archive, "answer", lambda *_: (200, {"Content-Type": "application/json"}, b'[{"error": 1}]')
    )
    assert site.client.get("/dicomweb/series").status_code == 502


def test_what_a_viewer_filters_by_reaches_the_archive_undisguised(site, archive):
    """Debian's Orthanc decodes nothing in a query."""
    site.client.get("/dicomweb/studies", params={"PatientName": "*PHANTOM=A,B:?*"})
    (query,) = [one for one in archive.queries if "PHANTOM" in one]
    assert query == "PatientName=*PHANTOM=A,B:?*&limit=200&offset=0"


def test_nothing_else_of_the_archive_is_fetched(site, archive):
    for one in (site.other[0], site.stranger[0]):
        place = f"studies/{one.StudyInstanceUID}/series/{one.SeriesInstanceUID}"
        for rest in ("", "/metadata", f"/instances/{one.SOPInstanceUID}/frames/1"):
            assert site.client.get(f"/dicomweb/{place}{rest}").status_code == 404
    mixed = f"studies/{site.stranger[0].StudyInstanceUID}/series/{site.listed[0].SeriesInstanceUID}"
    assert site.client.get(f"/dicomweb/{mixed}/metadata").status_code == 404
    study = f"studies/{site.listed[0].StudyInstanceUID}"
    for path in (study, f"{study}/rendered", "system", "patients", "studies/1.2/x", "studies/.."):
        assert site.client.get(f"/dicomweb/{path}").status_code == 404


def test_what_was_drawn_on_the_work_list_is_shown(site, archive, tmp_path):
    seg = seg_of(site.listed, tmp_path / "a")
    archive.datasets.append(seg)
    site.store.refresh()
    place = f"/dicomweb/studies/{seg.StudyInstanceUID}/series/{seg.SeriesInstanceUID}"
    assert len(site.client.get(f"{place}/metadata").json()) == 1
    assert site.client.get(f"{site.series}/metadata").status_code == 200


@pytest.mark.parametrize(
    "kind", ["text/html", "TEXT/HTML; charset=utf-8", "image/svg+xml", "application/xml", ""]
)
def test_no_page_of_a_hostile_archive_comes_through(site, archive, kind):
    path = f"{site.series.removeprefix('/dicomweb/')}/rendered"
    archive.answers[path] = 200, {"Content-Type": kind}, b"<script>alert(1)</script>"
    answer = site.client.get(f"{site.series}/rendered")
    assert answer.status_code == 502
    assert b"script" not in answer.content


def test_no_redirect_of_the_archive_is_followed(site, archive):
    with pretend_archive() as elsewhere:
        elsewhere.answers["x"] = 200, {"Content-Type": "image/png"}, b"inside"
        target = {"Location": f"{elsewhere.url}/x", "Content-Type": "image/png"}
        path = f"{site.series.removeprefix('/dicomweb/')}/rendered"
        archive.answers[path] = 302, target, b""
        answer = site.client.get(f"{site.series}/rendered", follow_redirects=False)
        assert answer.status_code == 502
        archive.answers["series"] = 302, target, b""
        with pytest.raises(PacsError, match="redirects to another host"):
            DicomWeb(pacs_settings(archive.url)).search_series({})
        assert elsewhere.asked == []


def test_an_answer_without_end_is_broken_off(archive):
    kind = {"Content-Type": "application/dicom+json"}
    archive.answers["series"] = 200, kind, b"[" + b" " * 2**21 + b"]"
    settings, too_long = pacs_settings(archive.url), "is longer than 1048576 bytes"
    with pytest.raises(PacsError, match=too_long):
        DicomWeb(settings, max_bytes=2**20).search_series({})
    with pytest.raises(PacsError, match=too_long):
        DicomWeb(settings, max_bytes=2**20).fetch("series").json()
    with pytest.raises(PacsError, match=too_long):
        DicomWeb(settings, max_json_bytes=2**20).fetch("series").json()
    assert DicomWeb(settings).fetch("series").json() == DicomWeb(settings).search_series({}) == []


def test_metadata_that_is_no_json_is_an_error_of_the_archive(site, archive):
    path = f"{site.series.removeprefix('/dicomweb/')}/metadata"
    archive.answers[path] = 200, {"Content-Type": "application/dicom+json"}, b"["
    assert site.client.get(f"{site.series}/metadata").status_code == 502


def test_frames_come_through_as_they_are(site, archive):
    path = f"{site.series.removeprefix('/dicomweb/')}/instances/1.2/frames/1"
    kind = 'multipart/related; type="application/octet-stream"; boundary=x'
    archive.answers[path] = 200, {"Content-Type": kind}, b"--x\r\n\r\npixels\r\n--x--"
    answer = site.client.get(f"/dicomweb/{path}")
    assert answer.headers["Content-Type"] == kind
    assert answer.content == b"--x\r\n\r\npixels\r\n--x--"


@pytest.mark.parametrize("named", ["http://internal:8080/dw/", "/dicom-web/", "https://pacs/a/b/"])
def test_addresses_of_pixels_lead_here_whatever_the_archive_calls_itself(site, archive, named):
    path = "studies/1.2/series/1.3/instances/1.4"
    one = {
        "00081190": {"vr": "UR", "Value": [f"{named}{path}"]},
        "00081115": {"vr": "SQ", "Value": [{"00291010": bulk(f"{named}{path}/bulk/00291010")}]},
    }
    relative = {"00291010": bulk("../../bulk/1")}
    first, second = metadata_through(site, archive, [one, relative])
    ours = f"http://testserver/dicomweb/{path}"
    assert first["00081190"] == {"vr": "UR", "Value": [ours]}
    assert first["00081115"]["Value"] == [{"00291010": bulk(f"{ours}/bulk/00291010")}]
    assert second == relative


def test_a_text_that_is_no_address_comes_through_as_it_is(site, archive):
    said = '"BulkDataURI": "http://pacs/studies/1'
    texts = ["/home/data/studies/12 of 1999", "http://pacs/studies/1", said]
    one = {
        "00081030": {"vr": "LO", "Value": texts},
        "0040E010": {"vr": "UR", "Value": ["https://elsewhere/studies/3"]},
    }
    assert metadata_through(site, archive, [one]) == [one]


def bulk(address):
    return {"vr": "OB", "BulkDataURI": address}


def metadata_through(site, archive, content):
    """What a viewer gets of metadata that the archive answers."""
    path = f"{site.series.removeprefix('/dicomweb/')}/metadata"
    kind = {"Content-Type": "application/dicom+json"}
    archive.answers[path] = 200, kind, json.dumps(content).encode()
    return site.client.get(f"{site.series}/metadata").json()
