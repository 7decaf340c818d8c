"""Hostile senders of segmentations to the DICOMweb proxy, and archives that do not take them."""

import copy
import io
import json
import time
import uuid
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest
from pretend_archive import sent_in
from pydicom.uid import DeflatedExplicitVRLittleEndian, generate_uid
from viewer_segs import seg_of

from acsnet.annotations import audit_log
from acsnet.pacs.annotations import Annotation, annotation_of, newest_first, set_date
from acsnet.server.identity import Person, Role
from acsnet.server.state.paths import audit_log_file


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
