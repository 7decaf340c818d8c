"""Hostile archives, readers and senders on either side of the DICOMweb proxy."""

import copy
import io
import json
import time
import uuid
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pretend_archive import pretend_archive, sent_in
from pydicom.uid import DeflatedExplicitVRLittleEndian, generate_uid

from acsnet.annotations import audit_log
from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import source_stack
from acsnet.errors import PacsError
from acsnet.io import read_scan
from acsnet.pacs.annotations import Annotation, annotation_of, newest_first, set_date
from acsnet.pacs.config import pacs_settings
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.dicomweb import pacs_proxy
from acsnet.server.identity import Person, Role, request_of
from acsnet.server.state.paths import audit_log_file
from acsnet.server.web.error_responses import add_error_handlers


@pytest.fixture
def archive():
    with pretend_archive() as one:
        yield one


@pytest.fixture
def site(archive, patient, tmp_path, monkeypatch):
    """The proxy before an archive with one LGE series, one that is none, and another patient's."""
    monkeypatch.setenv("ACSNET_STATE", str(tmp_path / "state"))
    listed = patient(1, uid="1", SeriesDescription="LGE SAX")
    other = patient(1, uid="2", SeriesDescription="localizer")
    stranger = patient(2, uid="3", SeriesDescription="T1 brain")
    archive.datasets += [*listed, *other, *stranger]
    store = DicomWebDatastore(pacs_settings(archive.url), store=tmp_path / "store")
    application = FastAPI()
    application.include_router(pacs_proxy.router)
    add_error_handlers(application)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    application.state.acsnet = SimpleNamespace(datastore=lambda: store, scratch=scratch)
    people = {"person": Person("rea", Role.REVIEWER)}

    async def logged_in(scope, receive, send):
        with request_of(people["person"]):
            await application(scope, receive, send)

    yield SimpleNamespace(
        client=TestClient(logged_in, raise_server_exceptions=False),
        store=store,
        people=people,
        listed=listed,
        other=other,
        stranger=stranger,
        series=f"/dicomweb/studies/{listed[0].StudyInstanceUID}/series/"
        f"{listed[0].SeriesInstanceUID}",
    )
    store.close()


def seg_of(series, folder, **tags):
    """A segmentation of a series as a viewer makes it, with tags of the sender's choice."""
    folder.mkdir()
    for dataset in series:
        dataset.save_as(folder / f"{dataset.InstanceNumber}.dcm", write_like_original=False)
    scan = read_scan(folder)
    labels = np.zeros(scan.pixels.shape, np.uint8)
    labels[2, 10:20, 10:20] = 2
    sources = source_stack(scan, series)
    seg = make_seg(
        labels, sources, state="reviewed", algorithm_type="AUTOMATIC", creator="Colleague"
    )
    seg.Manufacturer, seg.ContentLabel, seg.SeriesDescription = "Viewer", "SEGMENTATION", "Edit"
    for tag, value in tags.items():
        setattr(seg, tag, value)
    return seg


def body_of(*datasets):
    boundary, parts = uuid.uuid4().hex, b""
    for dataset in datasets:
        stream = io.BytesIO()
        dataset.save_as(stream, write_like_original=False)
        head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
        parts += head + stream.getvalue() + b"\r\n"
    kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
    return {"content": parts + f"--{boundary}--\r\n".encode(), "headers": {"Content-Type": kind}}


def stored_in(archive):
    """The one object that the archive was sent."""
    (body,) = archive.stored
    return sent_in(body)


def test_who_stored_it_and_when_is_not_what_the_sender_says(site, archive, tmp_path):
    dates = {f"{kind}Date": "20991231" for kind in ("Content", "InstanceCreation", "Series")}
    seg = seg_of(site.listed, tmp_path / "a", ContentCreatorName="Colleague", **dates)
    answer = site.client.post("/dicomweb/studies", **body_of(seg))
    assert answer.status_code == 200, answer.text
    got = stored_in(archive)
    assert got.ContentCreatorName == "rea"
    assert got.ContentLabel == "ACSNET_DRAFT"
    assert got.ContentDate == got.SeriesDate == datetime.now().strftime("%Y%m%d")
    np.testing.assert_array_equal(got.pixel_array, seg.pixel_array)
    sequence = answer.json()["00081199"]["Value"]
    assert sequence[0]["00081155"]["Value"] == [seg.SOPInstanceUID]


def test_it_is_newer_than_what_was_stored_before_the_clock_was_set_back(site, archive, tmp_path):
    before = seg_of(site.listed, tmp_path / "a")
    made_at = datetime.now(timezone.utc) + timedelta(minutes=40)
    set_date(before, made_at, offset="+0200")
    archive.datasets.append(before)
    seg = seg_of(site.listed, tmp_path / "b", TimezoneOffsetFromUTC="-0330")
    assert site.client.post("/dicomweb/studies", **body_of(seg)).status_code == 200
    got = stored_in(archive)
    assert annotation_of(got).made_at == made_at + timedelta(microseconds=1)
    assert got.TimezoneOffsetFromUTC == "-0330"


def test_the_audit_log_names_the_object(site, tmp_path):
    seg = seg_of(site.listed, tmp_path / "a")
    assert site.client.post("/dicomweb/studies", **body_of(seg)).status_code == 200
    (line,) = [one for one in audit_log.read(audit_log_file()) if one["event"] == "save"]
    assert line["user"] == "rea"
    assert line["image"] == site.listed[0].SeriesInstanceUID
    assert line["version"] == seg.SOPInstanceUID


def test_only_segmentations_of_the_work_list_are_stored(site, archive, tmp_path):
    image = copy.deepcopy(site.listed[0])
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for number, bad in enumerate(
        (
            image,
            seg_of(site.stranger, tmp_path / "a"),
            seg_of(site.other, tmp_path / "b"),
            seg_of(site.listed, tmp_path / "c", PatientID="ANOTHER"),
            seg_of(site.listed, tmp_path / "d", StudyInstanceUID="1.2.3"),
        )
    ):
        answer = site.client.post("/dicomweb/studies", **body_of(bad))
        assert answer.status_code == 409, (number, answer.text)
    assert archive.stored == []


def test_nothing_of_a_request_is_stored_where_one_object_is_not_taken(site, archive, tmp_path):
    good, bad = (
        seg_of(series, tmp_path / name)
        for series, name in ((site.listed, "a"), (site.stranger, "b"))
    )
    assert site.client.post("/dicomweb/studies", **body_of(good, bad)).status_code == 409
    assert archive.stored == []


def test_what_is_in_the_archive_is_not_replaced(site, archive, tmp_path):
    uid = site.listed[0].SOPInstanceUID
    seg = seg_of(site.listed, tmp_path / "a", SOPInstanceUID=uid)
    seg.file_meta.MediaStorageSOPInstanceUID = uid
    answer = site.client.post("/dicomweb/studies", **body_of(seg))
    assert answer.status_code == 409
    assert "nothing is replaced" in answer.json()["detail"]
    assert archive.stored == []


@pytest.mark.parametrize(
    ("status", "kind", "content", "told"),
    [
        (200, "text/html", b"<html>log in</html>", 409),
        (
            202,
            "application/dicom+json; charset=utf-8",
            b'{"00081198": {"vr": "SQ", "Value": [{}]}}',
            409,
        ),
        (302, "text/html", b"", 502),
    ],
)
def test_what_the_archive_does_not_store_is_not_called_stored(
    site, archive, tmp_path, status, kind, content, told
):
    headers = {"Content-Type": kind, "Location": f"{archive.url}/login"}
    archive.answer_to_post = status, headers, content
    answer = site.client.post("/dicomweb/studies", **body_of(seg_of(site.listed, tmp_path / "a")))
    assert answer.status_code == told, answer.text
    assert ("POST", "/dicom-web/studies") in archive.asked


def test_a_segmentation_is_stored_where_no_search_tells_the_patient(
    site, archive, tmp_path, monkeypatch
):
    answer = archive.answer

    def without_patient(path, query):
        status, headers, content = answer(path, query)
        if path == "series":
            content = json.dumps(
                [{k: v for k, v in one.items() if k != "00100020"} for one in json.loads(content)]
            ).encode()
        return status, headers, content

    monkeypatch.setattr(archive, "answer", without_patient)
    assert site.listed[0].PatientID
    end = time.monotonic() + 20
    while not site.store.verdict(site.listed[0].SeriesInstanceUID).checked:
        assert time.monotonic() < end
    seg = seg_of(site.listed, tmp_path / "a")
    other = seg_of(site.listed, tmp_path / "b", PatientID="ANOTHER")
    statuses = [
        site.client.post("/dicomweb/studies", **body_of(one)).status_code for one in (other, seg)
    ]
    assert statuses == [409, 200]


def test_nobody_signs_as_the_model(site, archive, tmp_path):
    site.people["person"] = Person("ACSNet", Role.REVIEWER)
    answer = site.client.post("/dicomweb/studies", **body_of(seg_of(site.listed, tmp_path / "a")))
    assert answer.status_code == 409
    assert archive.stored == []


def test_a_deflated_object_is_not_inflated_without_end(site, archive, tmp_path):
    seg = seg_of(site.listed, tmp_path / "a")
    seg.PixelData = bytes(100 * 2**20)
    seg.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    answer = site.client.post("/dicomweb/studies", **body_of(seg))
    assert answer.status_code == 409
    assert "too large" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "content", "status"),
    [
        ("text/html", b"x", 415),
        ("multipart/related", b"x", 415),
        ("multipart/form-data; boundary=x", b"--x--", 415),
        ('multipart/related; type="application/dicom"; boundary=x', b"", 400),
        ('multipart/related; type="application/dicom"; boundary=x', b"--x\r\n\r\nabc", 400),
        (
            'multipart/related; type="application/dicom"; boundary=x',
            b"--x\r\n\r\nabc\r\n--x--",
            409,
        ),
    ],
)
def test_what_is_no_body_of_objects_is_refused(site, archive, kind, content, status):
    headers = {"Content-Type": kind}
    answer = site.client.post("/dicomweb/studies", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    assert archive.stored == []


def test_a_date_in_the_future_wins_nothing():
    """Stored in the archive by another way than ours."""

    def drawn(made_at):
        return Annotation(
            state="reviewed",
            author="a",
            made_at=made_at,
            study="1",
            series="2",
            instance=f"1.{made_at:%Y}",
            of_series=("3",),
        )

    dates = [datetime(year, 12, 31, tzinfo=timezone.utc) for year in (2099, 2025)]
    assert newest_first(list(map(drawn, dates)))[0].made_at.year == 2025


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
    path = "studies/1.2/series/1.3/instances/1.4/bulk/00291010"
    element = {"00291010": {"vr": "OB", "BulkDataURI": f"{named}{path}"}}
    relative = {"00291010": {"vr": "OB", "BulkDataURI": "../../bulk/1"}}
    content = json.dumps([element, relative]).encode()
    metadata = f"{site.series.removeprefix('/dicomweb/')}/metadata"
    archive.answers[metadata] = 200, {"Content-Type": "application/dicom+json"}, content
    first, second = site.client.get(f"{site.series}/metadata").json()
    assert first["00291010"]["BulkDataURI"] == f"http://testserver/dicomweb/{path}"
    assert second == relative
