"""The folder as DICOMweb, asked the way OHIF asks."""

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import packed_scans
import pydicom
import pytest
from pydicom.dataset import Dataset

from acsnet.annotations import audit_log
from acsnet.dicom.seg_write import make_seg
from acsnet.dicom.source_images import file_content, source_stack
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.client_labels import read_client_labels
from acsnet.io.dicom_files.folder import headers_at
from acsnet.io.series import Series
from acsnet.server.dicomweb import qido, wado
from acsnet.server.state.paths import audit_log_file


def values(answer, tag):
    return [one[tag]["Value"][0] for one in answer]


def ask(web, path, **query):
    answer = web.client.get(f"/dicomweb{path}", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/dicom+json"
    return answer.json()


def part(answer):
    """The one part of a multipart answer: its header and its content."""
    kind = answer.headers["content-type"]
    assert kind.startswith("multipart/related")
    boundary = kind.partition("boundary=")[2].encode()
    start, content, end = answer.content.split(b"--" + boundary)
    assert (start, end) == (b"", b"--\r\n")
    head, _, body = content.partition(b"\r\n\r\n")
    return head.decode(), body.removesuffix(b"\r\n")


def test_studies_are_listed_with_counts_and_modalities(web):
    answer = ask(web, "/studies", limit="101", offset="0", includefield="00081030,00080060")
    found = {one["00100020"]["Value"][0]: one for one in answer}
    assert set(found) == {"PHANTOM-1", "PHANTOM-2", "<b>gap"}
    assert found["<b>gap"]["00201208"]["Value"] == [7]
    assert found["PHANTOM-1"]["00080061"]["Value"][0] == "MR"
    assert found["PHANTOM-1"]["00100010"]["Value"] == [{"Alphabetic": "PHANTOM^1"}]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"PatientID": "PHANTOM-*"}, 2),
        ({"00100020": "phantom-?"}, 2),
        ({"PatientName": "*tom^1*", "PatientID": "PHANTOM-1"}, 1),
        ({"StudyDate": "20191231-20200102"}, 3),
        ({"StudyDate": "20200102-"}, 0),
        ({"StudyInstanceUID": "1.2,1.9"}, 1),
        ({"ModalitiesInStudy": "CT"}, 0),
        ({"limit": "2"}, 2),
        ({"limit": "2", "offset": "2"}, 1),
        ({"fuzzymatching": "true", "NoSuchKey": "x"}, 3),
    ],
)
def test_searches_narrow_the_list(web, query, count):
    assert len(ask(web, "/studies", **query)) == count


def test_a_limit_that_is_no_number_is_refused(web):
    assert web.client.get("/dicomweb/studies?limit=x").status_code == 400


def test_series_and_instances_of_a_study(web):
    series = list(ask(web, f"/studies/{web.study}/series", Modality="MR"))
    assert values(series, "0020000E") == [web.series]
    instances = ask(web, f"/studies/{web.study}/series/{web.series}/instances")
    assert len(instances) == 8
    assert web.first.SOPInstanceUID in values(instances, "00080018")
    assert len(ask(web, "/series", SeriesInstanceUID=web.series)) == 1


def test_metadata_is_the_header_with_the_pixels_as_an_address(web):
    answer = ask(web, f"/studies/{web.study}/series/{web.series}/metadata")
    (one,) = [a for a in answer if a["00080018"]["Value"] == [web.first.SOPInstanceUID]]
    address = one.pop("7FE00010")["BulkDataURI"]
    del one["00083002"]
    read = Dataset.from_json(json.dumps(one))
    header = web.first.copy()
    del header.PixelData
    assert read == header
    _head, body = part(web.client.get(address))
    assert body == web.first.PixelData


def test_a_frame_holds_the_pixels_and_says_how(web):
    path = f"/dicomweb/studies/{web.study}/series/{web.series}/instances"
    answer = web.client.get(f"{path}/{web.first.SOPInstanceUID}/frames/1")
    head, body = part(answer)
    assert "application/octet-stream; transfer-syntax=1.2.840.10008.1.2.1" in head
    pixels = np.frombuffer(body, dtype=np.int16).reshape(160, 176)
    np.testing.assert_array_equal(pixels, web.first.pixel_array)
    assert web.client.get(f"{path}/{web.first.SOPInstanceUID}/frames/2").status_code == 422
    assert web.client.get(f"{path}/{web.first.SOPInstanceUID}/frames/x").status_code == 422


def test_a_whole_file_comes_byte_for_byte(web):
    path = f"/dicomweb/studies/{web.study}/series/{web.series}/instances"
    head, body = part(web.client.get(f"{path}/{web.first.SOPInstanceUID}"))
    assert "application/dicom" in head
    assert body == (web.studies / "phantom-1" / "slice-01.dcm").read_bytes()


@pytest.mark.parametrize(
    "path",
    [
        "/studies/9.9/series",
        "/studies/9.9/metadata",
        "/studies/{study}/series/1.2.3/metadata",
        "/studies/{study}/series/{series}/instances/9.9",
        "/studies/{study}/series/{series}/instances/slice-01.dcm",
        "/studies/{study}/series/{series}/instances/..%2F..%2Fx",
        "/studies/%2Fetc/series/passwd/instances/x/frames/1",
        "/studies/{study}/series/{series}/instances/{first}/bulkdata/zzzzzzzz",
    ],
)
def test_what_is_not_there_is_not_found(web, path):
    given = path.format(study=web.study, series=web.series, first=web.first.SOPInstanceUID)
    assert web.client.get(f"/dicomweb{given}").status_code in (400, 404)


def seg_of(web, **tags):
    """A segmentation of the first phantom as a viewer makes it, and its labels (slice, row,
    column); tags: of the sender's choice.
    """
    folder = web.studies / "phantom-1"
    scan = read_scan(folder)
    labels = np.zeros(scan.pixels.shape, np.uint8)
    labels[2:5, 60:90, 60:90] = 2
    labels[2:5, 68:82, 68:82] = 1
    sources = source_stack(scan, headers_at(folder))
    seg = make_seg(labels, sources, state="draft", algorithm_type="MANUAL", creator="Reader A")
    seg.Manufacturer, seg.ContentLabel, seg.SeriesDescription = "Viewer", "SEGMENTATION", "Edit"
    for tag, value in tags.items():
        setattr(seg, tag, value)
    return seg, labels


def stow(web, *datasets, path="/dicomweb/studies"):
    parts = b"".join(
        b"--x\r\nContent-Type: application/dicom\r\n\r\n" + file_content(one) + b"\r\n"
        for one in datasets
    )
    kind = {"Content-Type": 'multipart/related; type="application/dicom"; boundary=x'}
    return web.client.post(path, content=parts + b"--x--\r\n", headers=kind)


@pytest.mark.slow
def test_what_a_viewer_stores_is_a_draft_with_warnings_report_and_sr(web):
    before = {path: path.stat().st_mtime_ns for path in web.studies.rglob("*")}
    seg, labels = seg_of(web)
    answer = stow(web, seg, path=f"/dicomweb/studies/{web.study}")
    assert answer.status_code == 200, answer.text
    (reference,) = answer.json()["00081199"]["Value"]
    assert reference["00081155"]["Value"] == [seg.SOPInstanceUID]
    store = web.app.datastore()
    record = store.label_records(web.series)[0]
    assert (record.author, record.state, record.tag) == ("Reader A", "draft", "draft")
    assert record.warnings
    scan = read_scan(web.studies / "phantom-1")
    kept = read_client_labels(Path(store.get_label_uri(web.series, "draft")), grid=scan.grid)
    np.testing.assert_array_equal(scan.grid.from_input(kept), labels)
    case = f"/acsnet/cases/{web.series}"
    assert web.client.get(f"{case}/report.pdf?tag=draft").content.startswith(b"%PDF")
    sr = pydicom.dcmread(BytesIO(web.client.get(f"{case}/measurements.dcm?tag=draft").content))
    assert sr.Modality == "SR"
    lines = [one for one in audit_log.read(audit_log_file()) if one["event"] == "save"]
    assert (lines[-1]["version"], lines[-1]["user"]) == (record.id, "Reader A")
    assert {path: path.stat().st_mtime_ns for path in web.studies.rglob("*")} == before


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ({"StudyInstanceUID": "1.2.9"}, "that of the series it was drawn on, got '1.2.9'"),
        (
            {"PatientID": "ANOTHER"},
            "PatientID must be that of the series it was drawn on, in study 1.",
        ),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4"}, "only segmentations"),
        ({"ReferencedSeriesSequence": []}, "one series of the work list"),
        ({"ContentCreatorName": "x" * 65}, "at most 64"),
    ],
)
@pytest.mark.filterwarnings("ignore:The PN component length")
def test_what_was_not_drawn_on_a_series_of_the_list_is_not_stored(web, tags, reason):
    before = web.app.datastore().label_records(web.series)
    answer = stow(web, seg_of(web, **tags)[0])
    assert answer.status_code == 409
    assert reason in answer.json()["detail"]
    assert web.app.datastore().label_records(web.series) == before


def test_a_value_that_json_cannot_hold_is_left_out(tmp_path, patient):
    dataset = patient()[0]
    dataset.add_new(0x00189220, "FD", float("nan"))
    dataset.add_new(0x00091001, "OB", b"\1" * 2000)
    dataset.save_as(tmp_path / "x.dcm")
    found = wado.metadata(tmp_path / "x.dcm", "http://h/i")
    assert "00189220" not in found
    assert found["00091001"] == {"vr": "OB", "BulkDataURI": "http://h/i/bulkdata/00091001"}
    assert wado.bulk_data(tmp_path / "x.dcm", "00091001") == b"\1" * 2000


def test_compressed_frames_are_passed_on_as_they_are(tmp_path, patient):
    dataset = patient()[0]
    dataset.compress("1.2.840.10008.1.2.5")
    dataset.save_as(tmp_path / "x.dcm")
    content, kind = wado.frame(tmp_path / "x.dcm", 1)
    assert kind == "image/dicom-rle; transfer-syntax=1.2.840.10008.1.2.5"
    assert content in dataset.PixelData
    packed_scans.without_meta(tmp_path)
    assert wado.frame(tmp_path / "x.dcm", 1) == (content, kind)


def test_big_endian_pixels_are_turned(tmp_path, patient):
    dataset = patient()[0]
    pixels = dataset.pixel_array
    dataset.PixelData = pixels.byteswap().tobytes()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.2"
    dataset.is_little_endian, dataset.is_implicit_VR = False, False
    dataset.save_as(tmp_path / "x.dcm")
    content, _ = wado.frame(tmp_path / "x.dcm", 1)
    assert content == pixels.tobytes()


def test_damaged_files_alone_are_no_answer():
    assert qido.series([Series("", (), ())]) == []
    assert qido.studies([Series("", (), ())]) == []


@pytest.mark.parametrize(
    "fault", ["no Rows", "many bits", "cut short", "no pixels", "NumberOfFrames"]
)
def test_a_frame_of_a_damaged_file_is_refused(tmp_path, patient, fault):
    dataset = patient()[0]
    if fault == "no Rows":
        del dataset.Rows
    elif fault == "many bits":
        dataset.BitsAllocated = [16] * 20_000  # times the pixels, a list of gigabytes
    elif fault == "cut short":
        dataset.PixelData = dataset.PixelData[:-2]
    elif fault == "no pixels":
        del dataset.PixelData
    else:
        dataset.NumberOfFrames = 0
    dataset.save_as(tmp_path / "x.dcm")
    with pytest.raises(InputError, match=r"there is no frame [12], or it is damaged"):
        wado.frame(tmp_path / "x.dcm", 2 if fault == "NumberOfFrames" else 1)
