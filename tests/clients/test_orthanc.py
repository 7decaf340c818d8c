"""Against Debian's Orthanc: an archive that this project has no part in."""

import importlib.util
import io
import re
import sys
import time
from pathlib import Path

import enhanced_packings
import highdicom
import nibabel as nib
import numpy as np
import packed_scans
import pydicom
import pytest
import requests
from dicomweb_client import DICOMwebClient
from pydicom.uid import generate_uid

from acsnet.dicom.seg_write import make_seg
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.pacs.archive import Archive, Companions
from acsnet.pacs.config import PacsSettings
from acsnet.pacs.dicomweb import DicomWeb
from acsnet.quantify.features import compute_features

CLIENT = Path(sys.prefix) / "monailabel/plugins/slicer/MONAILabel/MONAILabelLib/client.py"


@pytest.fixture
def archive(orthanc, tmp_path):
    settings = PacsSettings(url=orthanc.url, **orthanc.login)
    one = Archive(settings, cache=tmp_path / "images", unsent=tmp_path / "unsent")
    yield one
    one.close()


@pytest.fixture(scope="module")
def server(orthanc, start_server, tmp_path_factory):
    """The server on the archive, which holds the samples; with 3D Slicer's own client."""
    samples = Path(__file__).parents[2] / "sample-data" / "dicom"
    for folder in samples.iterdir():
        orthanc.store_files(folder)
    url, log = start_server(orthanc.url, **orthanc.environment, ACSNET_PACS_CACHE_SECONDS="0.2")
    spec = importlib.util.spec_from_file_location("slicer_monailabel_client", CLIENT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    downloads = tmp_path_factory.mktemp("downloads")
    return url, module.MONAILabelClient(url, str(downloads), "Reader A"), log


def send(orthanc, series):
    for dataset in series:
        stream = io.BytesIO()
        dataset.save_as(stream, write_like_original=False)
        assert orthanc.store_raw(stream.getvalue()).ok


def sample(samples, number):
    (folder,) = (samples / "dicom").glob(f"*{number}")
    return folder, pydicom.dcmread(next(folder.glob("*.dcm"))).SeriesInstanceUID


def of_modality(orthanc, modality, series):
    """All objects of a modality that refer to a series, as the archive holds them."""
    found, query = [], {"Level": "Instance", "Query": {"Modality": modality}}
    for identifier in orthanc.send("POST", "/tools/find", json=query).json():
        content = orthanc.send("GET", f"/instances/{identifier}/file").content
        if series.encode() in content:
            found.append(pydicom.dcmread(io.BytesIO(content)))
    return sorted(found, key=lambda one: one.ContentDate + one.ContentTime)


def test_files_go_in_and_come_out_as_they_were(orthanc, acsnet, samples, tmp_path):
    folder, uid = sample(samples, 1)
    for address in (orthanc.url, f"dicom://ORTHANC@127.0.0.1:{orthanc.dicom}"):
        done = acsnet("push", folder, "--to", address, **orthanc.environment)
        assert (done.stdout, done.returncode) == ("stored 8 of 8 files\n", 0)
    pull = ("pull", "--from", orthanc.url, "--output", tmp_path, "--series", uid)
    done = acsnet(*pull, **orthanc.environment)
    assert "8 images, 8 fetched" in done.stdout
    (got,) = tmp_path.glob(f"*/{uid}")
    np.testing.assert_array_equal(read_scan(got).pixels, read_scan(folder).pixels)
    next(got.glob("*.dcm")).unlink()
    assert "8 images, 1 fetched" in acsnet(*pull, **orthanc.environment).stdout


@pytest.mark.parametrize("case", ["SCD0000101", "SCD0000201", "SCD0000301"])
def test_real_series_come_back_voxel_for_voxel(orthanc, acsnet, data, tmp_path, case):
    (folder,) = data.glob(f"**/ed_stacks/{case}*")
    done = acsnet("push", folder, "--to", orthanc.url, **orthanc.environment)
    assert (done.stderr, done.returncode) == ("", 0)
    settings = PacsSettings(url=orthanc.url, **orthanc.login, lge=re.compile(""))
    archive = Archive(settings, cache=tmp_path, unsent=tmp_path / "unsent")
    uid = pydicom.dcmread(next(folder.glob("dicom/*"))).SeriesInstanceUID
    scan, sources = archive.read(uid)
    np.testing.assert_array_equal(scan.pixels, read_scan(folder).pixels)
    np.testing.assert_allclose(scan.grid.affine, read_scan(folder).grid.affine)
    labels = np.random.default_rng(0).integers(0, 6, scan.grid.shape).astype(np.uint8)
    features = compute_features(scan.grid.from_input(labels), scan.voxel_ml)
    companions = Companions(features=features, segments=(), pdf=lambda _: b"%PDF-1.4")
    archive.store_drawn(uid, labels, companions, author="Reader A", state="reviewed")
    entry = archive.entry(uid)
    back = archive.label_map(entry.newest("reviewed"), sources).labels
    np.testing.assert_array_equal(scan.grid.to_input(back), labels)
    archive.close()


def test_a_file_that_was_cut_short_is_refused_and_the_rest_is_stored(
    orthanc, acsnet, samples, tmp_path
):
    folder, _ = sample(samples, 1)
    content = next(folder.glob("*.dcm")).read_bytes()
    (tmp_path / "cut.dcm").write_bytes(content[:-2000])
    (tmp_path / "whole.dcm").write_bytes(content)
    done = acsnet("push", tmp_path, "--to", orthanc.url, **orthanc.environment)
    assert done.returncode == 2
    assert "stored 1 of 2 files" in done.stdout
    assert "cut.dcm" in done.stderr


def test_a_cohort_of_the_archive_is_segmented_once(orthanc, acsnet, samples, tmp_path):
    folder, uid = sample(samples, 1)
    send(orthanc, [pydicom.dcmread(file) for file in folder.glob("*.dcm")])
    options = ("--output", tmp_path, "--workers", "1")
    environment = {**orthanc.environment, "ACSNET_PACS_SEARCH": f"SeriesInstanceUID={uid}"}
    done = acsnet("cohort", orthanc.url, *options, **environment)
    assert "1 scans: 1 segmented, 0 done before, 0 failed" in done.stdout
    drawn = nib.load(tmp_path / uid / "segmentation.nii.gz")
    assert drawn.shape == read_scan(folder).grid.shape
    done = acsnet("cohort", orthanc.url, *options, **environment)
    assert "1 scans: 0 segmented, 1 done before, 0 failed" in done.stdout


def test_what_the_archive_sends_by_c_store_is_received(orthanc, start, samples, port, tmp_path):
    folder, uid = sample(samples, 1)
    send(orthanc, [pydicom.dcmread(file) for file in folder.glob("*.dcm")])
    process, log = start("receive", "--output", tmp_path, "--port", port)
    end = time.monotonic() + 60
    while "Listening as ACSNET" not in log.read_text() and time.monotonic() < end:
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    for title, ok in (("OTHER", False), ("ACSNET", True)):
        peer = {"AET": title, "Host": "127.0.0.1", "Port": port}
        assert orthanc.send("PUT", "/modalities/acsnet", json=peer).ok
        (series,) = orthanc.send("POST", "/tools/lookup", data=uid).json()
        assert orthanc.send("POST", "/modalities/acsnet/store", data=series["ID"]).ok is ok
    (got,) = tmp_path.glob(f"*/{uid}")
    np.testing.assert_array_equal(read_scan(got).pixels, read_scan(folder).pixels)


def test_wrong_logins_and_titles_are_told(orthanc, acsnet, samples):
    folder, _ = sample(samples, 1)
    done = acsnet("push", folder, "--to", orthanc.url, ACSNET_PACS_USER="x")
    assert done.returncode == 2
    assert "login was refused" in done.stderr
    done = acsnet("push", folder, "--to", f"dicom://OTHER@127.0.0.1:{orthanc.dicom}")
    assert done.returncode == 2
    assert "are both AE titles known" in done.stderr


def test_pixels_that_are_cut_short_are_refused_once_they_were_fetched(orthanc, archive, patient):
    series = patient(uid="40")
    series[2].PixelData = series[2].PixelData[:-2000]
    send(orthanc, series)
    uid = series[0].SeriesInstanceUID
    with pytest.raises(InputError, match="do not fill the matrix"):
        archive.fetch(uid)
    assert archive.worklist.entry(uid).state == "refused"


def test_slicer_lists_infers_saves_and_gets_back(orthanc, server, samples, tmp_path):
    url, client, _ = server
    folder, uid = sample(samples, 1)
    assert uid in client.datastore()["objects"]
    file, params = client.infer("acsnet", uid, {})
    drawn = np.asarray(nib.load(file).dataobj)
    assert params["lv_volume_ml"] > 0
    assert client.datastore()["objects"][uid]["labels"].keys() == {"original"}
    completed = client.info()["datastore"]["completed"]

    (seg,) = of_modality(orthanc, "SEG", uid)
    seg = highdicom.seg.Segmentation.from_dataset(seg)
    scan = read_scan(folder)
    volume = seg.get_pixels_by_source_instance(list(scan.instance_uids), combine_segments=True)
    np.testing.assert_array_equal(scan.grid.to_input(volume), drawn)
    (report,) = of_modality(orthanc, "SR", uid)
    assert report.ReferencedPerformedProcedureStepSequence is not None
    back = np.asarray(nib.load(client.download_label(uid, "original")).dataobj)
    np.testing.assert_array_equal(back, drawn)

    edited = nib.load(file)
    labels = np.asarray(edited.dataobj).copy()
    labels[labels == 4] = 3
    nib.save(nib.Nifti1Image(labels, edited.affine), tmp_path / "label.nii.gz")
    answer = client.save_label(uid, str(tmp_path / "label.nii.gz"), params={})
    assert (answer["state"], client.info()["datastore"]["completed"]) == ("draft", completed)
    shown = answer["warnings"]
    review = {"version": answer["version"], "by": "Reader B", "warnings_shown": shown}
    assert requests.post(f"{url}/acsnet/cases/{uid}/accept", data=review, timeout=60).ok
    back = np.asarray(nib.load(client.download_label(uid, "final")).dataobj)
    np.testing.assert_array_equal(back, labels)
    assert len(of_modality(orthanc, "SEG", uid)) == 3
    assert client.info()["datastore"]["completed"] == completed + 1
    newest = of_modality(orthanc, "SEG", uid)[-1]
    assert newest.ContentCreatorName == "Reader A"
    assert newest.SegmentSequence[0].SegmentAlgorithmType == "SEMIAUTOMATIC"


def test_each_broken_series_gives_its_reason_and_the_server_stays_up(
    orthanc, server, archive, broken_series
):
    url, _, _ = server
    for series, _ in broken_series.values():
        send(orthanc, series)
    for series, reason in broken_series.values():
        uid = series[0].SeriesInstanceUID
        entry = archive.worklist.entry(uid)
        assert entry.state == "refused"
        assert reason in entry.known.reason
        answer = requests.post(f"{url}/infer/acsnet?image={uid}", timeout=60)
        assert answer.status_code == 422
        assert reason in answer.json()["detail"]
    assert requests.get(f"{url}/info/", timeout=60).ok


def test_viewers_reach_the_archive_through_the_server(orthanc, server, samples):
    url, _, _ = server
    _, uid = sample(samples, 2)
    found = requests.get(f"{url}/dicomweb/series?SeriesInstanceUID={uid}", timeout=30)
    study = found.json()[0]["0020000D"]["Value"][0]
    answer = requests.get(f"{url}/dicomweb/studies/{study}/series/{uid}/metadata", timeout=30)
    assert orthanc.rest not in answer.text
    instance = answer.json()[0]["00080018"]["Value"][0]
    path = f"studies/{study}/series/{uid}/instances/{instance}/frames/1"
    frame = requests.get(f"{url}/dicomweb/{path}", timeout=30)
    assert frame.headers["Content-Type"].startswith("multipart/related")
    assert len(frame.content) > 2 * 160 * 176
    for path in ("system", "../system", "%2e%2e/system", "studies/../../system"):
        assert requests.get(f"{url}/dicomweb/{path}", timeout=30).status_code in (400, 404)


def test_a_patient_is_found_by_a_part_of_the_name(orthanc, server, patient):
    """As OHIF's list of studies asks; Debian's Orthanc decodes nothing in a query."""
    url, client, _ = server
    send(orthanc, images := patient(uid="50", PatientName="Found^By-Name", PatientID="FOUND"))
    uid = images[0].SeriesInstanceUID
    keys = {"PatientName": "*ound*", "ModalitiesInStudy": "MR,SEG", "limit": 10, "offset": 0}
    pacs = DicomWeb(PacsSettings(url=orthanc.url, **orthanc.login))
    found = pacs.search_series({"PatientName": "F?und*", "Modality": "MR"})
    assert [header.SeriesInstanceUID for header in found] == [uid]
    end = time.monotonic() + 60
    while uid not in client.datastore()["objects"] and time.monotonic() < end:
        time.sleep(0.2)
    (study,) = requests.get(f"{url}/dicomweb/studies", params=keys, timeout=30).json()
    assert study["0020000D"]["Value"] == [images[0].StudyInstanceUID]


def test_what_a_viewer_saves_is_a_draft_at_once(server, samples, archive):
    url, client, _ = server
    _, uid = sample(samples, 2)
    scan, sources = archive.read(uid)
    labels = np.zeros(scan.pixels.shape, np.uint8)
    labels[2, 10:20, 10:20] = 2
    seg = make_seg(labels, sources, state="draft", algorithm_type="AUTOMATIC", creator="Reader^B")
    seg.Manufacturer, seg.ContentLabel, seg.SeriesDescription = "Viewer", "SEGMENTATION", "Edit"
    assert "final" not in client.datastore()["objects"][uid]["labels"]
    DICOMwebClient(f"{url}/dicomweb").store_instances([seg])
    listed = client.datastore()["objects"][uid]
    assert listed["image"]["info"]["state"] == "draft"
    assert "final" not in listed["labels"]
    assert listed["labels"]["draft"]["info"]["user"] == "Reader^B"
    back = np.asarray(nib.load(client.download_label(uid, "draft")).dataobj)
    np.testing.assert_array_equal(scan.grid.from_input(back), labels)
    pages = requests.get(f"{url}/acsnet/", timeout=60).text
    assert "PHANTOM-2" in pages
    case = requests.get(f"{url}/acsnet/cases/{uid}", timeout=60)
    assert case.ok
    assert "Reader^B" in case.text


@pytest.mark.parametrize(
    "pack",
    [
        packed_scans.series_per_slice,
        enhanced_packings.enhanced_multi_frame,
        enhanced_packings.enhanced_one_frame_a_file,
    ],
)
def test_other_packings_of_a_stack_are_read_labelled_and_found_again(
    orthanc, samples, tmp_path, pack
):
    plain = read_scan(sample(samples, 2)[0])
    datasets = packed_scans.slices(sample(samples, 2)[0])
    study, series = generate_uid(), generate_uid()
    for dataset in datasets:
        packed_scans.new_uid(dataset)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = study, series
        dataset.PatientID = pack.__name__
    images = packed_scans.slices(pack(datasets, tmp_path / "packed"))
    send(orthanc, images)
    search = (("PatientID", pack.__name__),)  # not all that other tests have sent
    settings = PacsSettings(url=orthanc.url, **orthanc.login, search=search, cache_seconds=0)
    archive = Archive(settings, cache=tmp_path / "images", unsent=tmp_path / "unsent")
    try:
        (uid,) = (uid for uid, entry in archive.worklist.entries().items() if entry.study == study)
        scan, _ = archive.read(uid)
        assert np.array_equal(scan.pixels, plain.pixels)
        labels = np.random.default_rng(0).integers(0, 6, scan.grid.shape).astype(np.uint8)
        features = compute_features(scan.grid.from_input(labels), scan.voxel_ml)
        companions = Companions(features=features, segments=(), pdf=lambda _: b"%PDF-1.4")
        archive.store_drawn(uid, labels, companions, author="Reader A", state="reviewed")
        entry, (_, sources) = archive.entry(uid), archive.read(uid)
        back = archive.label_map(entry.newest("reviewed"), sources).labels
        np.testing.assert_array_equal(scan.grid.to_input(back), labels)
    finally:
        archive.close()


def test_an_archive_that_is_gone_is_told_and_the_server_stays_up(orthanc, server, samples):
    url, _, log = server
    _, uid = sample(samples, 2)
    orthanc.process.terminate()
    orthanc.process.wait(20)
    time.sleep(0.3)
    answer = requests.post(f"{url}/infer/acsnet?image={uid}", timeout=60)
    assert answer.ok  # the scan is at hand, and a draft is no more than an offer
    case = requests.get(f"{url}/acsnet/cases/{uid}", timeout=60)
    assert "its draft could not be stored" in case.text
    assert requests.get(f"{url}/ohif/", timeout=30).ok
    assert "hush" not in log.read_text()
