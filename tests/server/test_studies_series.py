"""DICOM series of a studies folder as images of the datastore."""

import time

import numpy as np
import pydicom
import pytest
from saved_labels import keep_draft, save_label

from acsnet.dicom.seg_read import read_seg
from acsnet.io import read_scan
from acsnet.server.datastores.folder import REVIEWED


def wait(store, image):
    """The verdict on an image, once there is one."""
    end = time.monotonic() + 30
    while not (verdict := store.verdict(image)).checked:
        assert time.monotonic() < end
        time.sleep(0.01)
    return verdict


@pytest.fixture
def studies(tmp_path):
    folder = tmp_path / "studies"
    folder.mkdir()
    return folder


def save(series, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for number, dataset in enumerate(series, start=1):
        dataset.save_as(folder / f"{number:03d}.dcm")
    return str(series[0].SeriesInstanceUID)


def drawn(store, image, *, value=4):
    labels = np.zeros(read_scan(store.get_image_uri(image)).grid.shape, np.uint8)
    labels[60:70, 60:72, 2] = value
    return labels


def test_a_series_is_an_image_called_by_its_uid(make_store, studies, patient):
    uid = save(patient(), studies / "p" / "q")
    store = make_store()
    assert store.list_images() == [uid]
    scan = read_scan(store.get_image_uri(uid))
    assert scan.name == uid
    assert len(scan.instance_uids) == 8
    assert wait(store, uid).reason is None


def test_series_of_a_study_without_patient_id_are_of_one_patient(make_store, studies, patient):
    named = save(patient(2), studies / "p")
    uids = [save(patient(uid=uid, PatientID=""), studies / uid) for uid in ("1", "2")]
    other = save(patient(uid="3", PatientID="", StudyInstanceUID="1.2.3"), studies / "3")
    store = make_store()
    for image in (named, *uids, other):
        save_label(store, image, drawn(store, image), state="reviewed")
    patients = {one.name: one.patient for one in store.reviewed()}
    study = patient()[0].StudyInstanceUID
    assert patients == {named: "PHANTOM-2", **dict.fromkeys(uids, study), other: "1.2.3"}
    studies_of = {one.name: one.study for one in store.reviewed()}
    of_named = patient(2)[0].StudyInstanceUID
    assert studies_of == {named: of_named, **dict.fromkeys(uids, study), other: "1.2.3"}


def test_clients_get_the_tags_and_no_path(make_store, studies, patient):
    uid = save(patient(), studies)
    info = make_store().get_image_info(uid)
    assert "path" not in info
    assert info["name"] == f"{uid}.nii.gz"
    assert info["PatientID"] == "PHANTOM-1"
    assert info["SeriesInstanceUID"] == uid


def test_each_broken_series_gives_its_reason_and_is_never_offered(
    make_store, studies, patient, broken_series
):
    reasons = {
        save(series, studies / name): reason.replace("Modality must be MR, got", "got Modality")
        for name, (series, reason) in broken_series.items()
    }
    cut = patient(uid="20")
    uid = save(cut, studies / "cut")
    file = studies / "cut" / "003.dcm"
    file.write_bytes(file.read_bytes()[:30_000])
    reasons[uid] = "003.dcm cannot be read: they do not fill the matrix"
    good = save(patient(uid="21"), studies / "good")
    store = make_store()
    (doubled,) = (image for image, reason in reasons.items() if reason.startswith("2 images at"))
    each = [f"{doubled}-phase-1", f"{doubled}-phase-2"]
    assert set(store.list_images()) == {good, *reasons, *each}
    for image, reason in reasons.items():
        assert reason in wait(store, image).reason
    assert wait(store, good).reason is None
    assert [wait(store, image).reason for image in each] == [None, None]
    assert sorted(store.get_unlabeled_images()) == sorted([good, *each])


def test_a_damaged_file_keeps_its_series_from_being_measured(make_store, studies, patient):
    uid = save(patient(), studies / "a")
    (studies / "a" / "004.dcm").write_bytes(b"\0" * 128 + b"DICM")
    store = make_store()
    assert "004.dcm cannot be read as DICOM" in wait(store, uid).reason


def test_damaged_files_alone_are_listed_with_their_folder(make_store, studies):
    (studies / "lost").mkdir()
    (studies / "lost" / "x.dcm").write_bytes(b"\0" * 128 + b"DICM")
    store = make_store()
    (image,) = store.list_images()
    assert store.get_image_info(image)["SeriesDescription"] == "damaged files in lost"
    assert "x.dcm cannot be read" in wait(store, image).reason


def test_a_copy_of_a_series_in_another_folder_is_left_out(make_store, studies, patient):
    uid = save(patient(), studies / "a")
    save(patient(), studies / "b")
    verdict = wait(make_store(), uid)
    assert verdict.reason is None
    assert "b_001.dcm" in verdict.warnings[0]
    assert "copies of a_001.dcm" in verdict.warnings[0]


def test_a_series_that_is_mended_is_looked_at_again(make_store, studies, patient):
    series = patient()
    uid = save(series, studies)
    missing = studies / "004.dcm"
    content = missing.read_bytes()
    missing.unlink()
    store = make_store()
    assert "slices are missing" in wait(store, uid).reason
    missing.write_bytes(content)
    store.refresh()
    assert wait(store, uid).reason is None


def test_a_draft_and_a_reviewed_label_become_dicom_seg(make_store, studies, patient):
    series = patient()
    uid = save(series, studies)
    store = make_store()
    keep_draft(store, uid, drawn(store, uid))
    labels = drawn(store, uid, value=3)
    save_label(store, uid, labels, user="Reader One", state="reviewed")
    store.refresh()
    segs = {one.text("SeriesDescription"): one for one in store.series() if not one.has_images}
    assert set(segs) == {"ACSNet draft", "ACSNet reviewed"}
    by_position = sorted(series, key=lambda one: one.ImagePositionPatient[2])
    seg = pydicom.dcmread(store.seg_file(uid, REVIEWED))
    labels = read_seg(seg, by_position).labels
    assert (labels == 3).sum() == 120
    assert set(np.unique(labels)) == {0, 3}
    assert store.status()["completed"] == 1
    store.remove_label(uid, REVIEWED)
    assert store.seg_file(uid, REVIEWED) is None


def test_a_draft_is_no_label(make_store, studies, patient):
    uid = save(patient(), studies)
    store = make_store()
    keep_draft(store, uid, drawn(store, uid))
    assert store.status()["completed"] == 0
    assert store.get_unlabeled_images() == [uid]


def test_a_converted_file_does_not_hide_its_series(make_store, studies, patient, samples):
    uid = save(patient(), studies)
    nifti = (samples / "nifti" / "phantom-1.nii.gz").read_bytes()
    (studies / f"{uid}.nii.gz").write_bytes(nifti)
    store = make_store()
    assert store.list_images() == [uid]
    assert len(read_scan(store.get_image_uri(uid)).instance_uids) == 8


def test_the_studies_folder_is_left_as_it_is(make_store, studies, patient):
    uid = save(patient(), studies / "a")
    before = {path: path.lstat().st_mtime_ns for path in studies.rglob("*")}
    store = make_store()
    save_label(store, uid, drawn(store, uid), state="reviewed")
    store.remove_label(uid, REVIEWED)
    store.refresh()
    assert {path: path.lstat().st_mtime_ns for path in studies.rglob("*")} == before
