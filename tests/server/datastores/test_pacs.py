"""The work list of a PACS as clients of MONAI Label see it."""

from io import BytesIO
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
from one_series import as_one_series
from pypdf import PdfReader
from saved_labels import label_file

from acsnet.annotations.marks import NOT_USED, given_of, measure_marked
from acsnet.annotations.reading_details import DetailsStore, ReadingDetails
from acsnet.dicom.seg_write import make_seg
from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.label_map import read_labels_on
from acsnet.pacs.config import PacsSettings
from acsnet.server.datastores.label_intake import DrawnLabel, accept_file, accept_label
from acsnet.server.datastores.pacs import DicomWebDatastore
from acsnet.server.datastores.protocol import NewLabel
from acsnet.server.dicomweb.stow_pacs import checked_seg
from acsnet.server.pages.routes import case_page
from acsnet.server.state.paths import DETAILS
from acsnet.server.web.shown_versions import ShownVersions

pytestmark = pytest.mark.slow


def test_an_image_is_a_series_and_its_path_stays_here(datastore, image):
    assert datastore.list_images() == [image]
    assert datastore.status() == {"total": 1, "completed": 0, "label_tags": {}}
    info = datastore.get_image_info(image)
    assert (info["state"], info["name"]) == ("new", f"{image}.nii.gz")
    assert info["PatientID"] == "PHANTOM-1"
    assert "path" not in info
    assert read_scan(datastore.get_image_uri(image)).name == image


@pytest.mark.parametrize("name", ["1.2.3", "../../etc", "", "/etc/passwd"])
def test_what_is_not_in_the_list_is_no_image(datastore, image, name):
    assert datastore.get_image_uri(name) == ""
    assert datastore.get_image_info(name) == {}
    assert datastore.get_label_uri(name, "final") == ""
    assert datastore.get_labels_by_image_id(name) == {}


def test_a_refused_series_is_listed_with_its_reason_and_never_next(
    datastore, image, pacs, broken_series
):
    series, reason = broken_series["mixed sizes"]
    pacs.add(series)
    refused = series[0].SeriesInstanceUID
    with pytest.raises(InputError, match=reason):
        datastore.get_image_uri(refused)
    assert reason in datastore.verdict(refused).reason
    assert set(datastore.list_images()) == {image, refused}
    assert datastore.get_unlabeled_images() == [image]


def test_a_save_is_a_new_version_and_comes_back_as_it_was(datastore, image, tmp_path):
    sent = tmp_path / "label.nii.gz"
    label_file(datastore, image, sent, 1)
    info = {"client_id": "Reader A", "state": "reviewed"}
    assert datastore.save_label(image, str(sent), "final", info) == image
    drawn = label_file(datastore, image, sent, 2)
    datastore.save_label(image, str(sent), "final", {"client_id": "Reader B", "state": "reviewed"})
    back = nib.load(datastore.get_label_uri(image, "final"))
    np.testing.assert_array_equal(np.asarray(back.dataobj), drawn)
    np.testing.assert_allclose(back.affine, nib.load(sent).affine, atol=1e-4)
    shown = datastore.get_label_info(image, "final")
    assert (shown["user"], shown["state"]) == ("Reader B", "reviewed")
    assert [version["user"] for version in shown["versions"]] == ["Reader B", "Reader A"]
    assert datastore.status() == {"total": 1, "completed": 1, "label_tags": {"final": 1}}
    assert datastore.get_unlabeled_images() == []


def test_a_draft_is_no_label_and_is_stored_once(datastore, image, pacs, draft):
    datastore.keep_draft(image, draft, "shipped")
    datastore.keep_draft(image, draft, "shipped")
    assert [one.Modality for one in pacs.datasets.values() if one.Modality != "MR"] == [
        "SEG",
        "SR",
        "DOC",
    ]
    assert datastore.status() == {"total": 1, "completed": 0, "label_tags": {"original": 1}}
    assert datastore.get_unlabeled_images() == [image]
    assert datastore.datalist() == []
    labels = nib.load(datastore.get_label_uri(image, "original"))
    np.testing.assert_array_equal(np.asarray(labels.dataobj), draft.label_map())
    features = datastore.get_label_info(image, "original")["features"]
    assert features["lv_volume_ml"] == draft.features.lv_volume_ml


def test_a_draft_that_the_pacs_refuses_is_told_of(datastore, image, pacs, draft):
    pacs.broken = {"store"}
    datastore.keep_draft(image, draft, "shipped")
    assert "draft could not be stored" in datastore.verdict(image).warnings[-1]
    pacs.broken = set()
    datastore.keep_draft(image, draft, "shipped")
    assert not any("could not" in warning for warning in datastore.verdict(image).warnings)


def test_only_our_tags_are_saved_and_images_stay(datastore, image, tmp_path):
    sent = tmp_path / "label.nii.gz"
    label_file(datastore, image, sent, 1)
    with pytest.raises(InputError, match="for drafts of the model"):
        datastore.save_label(image, str(sent), "original", {})
    with pytest.raises(InputError, match="tag 'final'"):
        datastore.save_label(image, str(sent), "mine", {})
    for refused in (
        lambda: datastore.remove_image(image),
        lambda: datastore.add_image("x", str(sent), {}),
        lambda: datastore.get_dataset_archive(None),
    ):
        with pytest.raises(InputError, match="PACS"):
            refused()


def test_one_reconstruction_of_a_scan_is_offered(datastore, pacs, patient):
    magnitude = patient(uid="1", ImageType=["ORIGINAL", "PRIMARY", "M"])
    sensitive = patient(uid="2", ImageType=["ORIGINAL", "PRIMARY", "R"])
    pacs.add(magnitude, sensitive)
    for series in (magnitude, sensitive):
        datastore.get_image_uri(series[0].SeriesInstanceUID)
    assert datastore.get_unlabeled_images() == [sensitive[0].SeriesInstanceUID]
    assert "preferred" in datastore.verdict(magnitude[0].SeriesInstanceUID).warnings[-1]


def test_a_series_is_known_by_its_images(datastore, image, pacs, patient):
    pacs.add(patient(2))
    other = patient(2)[0].SeriesInstanceUID
    for series in (image, other):
        datastore.get_image_uri(series)
    assert len(datastore.image_fingerprint(image)) == 64
    assert datastore.image_fingerprint(image) != datastore.image_fingerprint(other)
    assert datastore.image_fingerprint("1.2.3") == ""


def test_what_clients_list(datastore, image, tmp_path):
    sent = tmp_path / "label.nii.gz"
    label_file(datastore, image, sent, 1)
    datastore.save_label(image, str(sent), "final", {"state": "reviewed"})
    listed = datastore.json()["objects"][image]
    assert listed["image"]["info"]["state"] == "reviewed"
    assert listed["labels"]["final"]["info"]["user"] == "unknown annotator"


def test_the_folder_is_private(datastore, tmp_path):
    for folder in (tmp_path / "store", tmp_path / "store" / "images"):
        assert folder.stat().st_mode & 0o777 == 0o700


def test_a_persons_draft_is_reviewed_as_a_new_segmentation(datastore, image, patient, tmp_path):
    sent = tmp_path / "label.nii.gz"
    drawn = label_file(datastore, image, sent, 2)
    saved = accept_file(datastore, image, sent, tag="final", info={"user": "Reader A"})
    assert datastore.get_labels_by_image_id(image) == {"draft": image}
    assert (datastore.get_unlabeled_images(), datastore.reviewed()) == ([], [])
    done = datastore.review(image, saved.id, by="Reader B")
    assert (done.state, done.author, done.reviewer) == ("reviewed", "Reader A", "Reader B")
    assert [one.state for one in datastore.label_records(image)] == ["reviewed", "draft"]
    (one,) = datastore.reviewed()
    assert (one.name, one.patient, one.unchanged) == (image, "PHANTOM-1", False)
    assert one.study == patient()[0].StudyInstanceUID
    np.testing.assert_array_equal(np.asarray(nib.load(one.label).dataobj), drawn)
    volume_ml = done.features["lv_volume_ml"]
    assert datastore.get_label_info(image, "final")["features"]["lv_volume_ml"] == volume_ml


def test_series_of_a_study_without_patient_id_are_of_one_patient(
    datastore, pacs, patient, tmp_path
):
    uids = []
    for uid in ("1", "2"):
        pacs.add(patient(uid=uid, PatientID=""))
        uids.append(patient(uid=uid)[0].SeriesInstanceUID)
    for image in uids:
        sent = tmp_path / f"{image}.nii.gz"
        label_file(datastore, image, sent, 2)
        accept_file(datastore, image, sent, tag="final", info={"user": "Ana", "state": "reviewed"})
    patients = {one.name: one.patient for one in datastore.reviewed()}
    assert patients == dict.fromkeys(uids, patient()[0].StudyInstanceUID)


def test_the_models_draft_cannot_be_called_reviewed(datastore, image, draft):
    datastore.keep_draft(image, draft, "shipped")
    (record,) = datastore.label_records(image)
    with pytest.raises(InputError, match="by a person"):
        datastore.review(image, record.id, by="Reader B")


def test_a_rejected_draft_stays_in_the_pacs_and_is_not_shown(datastore, image, draft, tmp_path):
    datastore.keep_draft(image, draft, "shipped")
    kept = datastore.withdraw(image, "original", by="Reader B", reason="no apex")
    assert (kept.state, kept.withdrawn_by, kept.comment) == ("withdrawn", "Reader B", "no apex")
    assert datastore.get_labels_by_image_id(image) == {}
    assert image not in datastore.get_unlabeled_images()
    settings = PacsSettings(url="http://pacs", cache_seconds=1000.0)
    again = DicomWebDatastore(settings, store=tmp_path / "store")
    assert [one.state for one in again.label_records(image)] == ["withdrawn"]
    again.close()
    datastore.keep_draft(image, draft, "shipped")
    assert set(datastore.get_labels_by_image_id(image)) == {"original"}


def test_an_accepted_draft_is_a_reviewed_segmentation_of_its_reader(datastore, image, draft):
    datastore.keep_draft(image, draft, "shipped")
    label = NewLabel(
        measured=draft,
        features=draft.features_dict(),
        drawn_on=datastore.state_to_label(image),
        author="ACSNet",
        state="reviewed",
        tag="final",
        reviewer="Reader B",
        comment="fine",
    )
    record = datastore.keep_label(image, label)
    (same,) = [one for one in datastore.label_records(image) if one.id == record.id]
    assert (same.author, same.reviewer, same.comment) == ("ACSNet", "Reader B", "fine")
    entry = datastore._archive.entry(image)
    assert entry.newest("reviewed").author == "Reader B"
    assert [(one.name, one.unchanged) for one in datastore.reviewed()] == [(image, True)]


def test_report_and_sr_in_the_pacs_have_what_the_reader_said_and_entered(
    datastore, image, pacs, drawn_reports, tmp_path
):
    details = ReadingDetails(
        height_cm=180.0,
        weight_kg=80.0,
        body_size_source="entered",
        indication="Syncope on exertion",
        comment="Thin apex.",
    )
    DetailsStore(tmp_path / "store" / DETAILS).save(image, details, reader="Reader A")
    sent = tmp_path / "label.nii.gz"
    label_file(datastore, image, sent, 2)
    saved = accept_file(datastore, image, sent, tag="draft", info={"user": "Reader A"})
    done = datastore.review(image, saved.id, by="Reader B", comment="Fine, accepted.")
    sr, pdf = (
        [one for one in pacs.datasets.values() if modality == one.Modality][-1]
        for modality in ("SR", "DOC")
    )
    first = PdfReader(BytesIO(pdf.EncapsulatedDocument)).pages[0].extract_text()
    at = f"{done.saved:%Y-%m-%d %H:%M}"
    status, words = "reviewed, accepted by Reader B", ("Thin apex.", "Fine, accepted.")
    for text in (status, at, "Reader A", "Syncope on exertion", "180 cm, 80 kg", *words):
        assert text in first
    said = sr.to_json()
    for text in (status, at, "Reader A", "Syncope on exertion", "surface area 2.00 m2", *words):
        assert text in said
    observer = next(one.PersonName for one in sr.ContentSequence if one.get("ValueType") == "PNAME")
    assert str(observer) == "Reader B"


def test_a_mark_that_does_not_fit_keeps_no_label_map_from_being_stored(
    datastore, image, samples, tmp_path
):
    scan = read_scan(datastore.get_image_uri(image))
    truth = samples / "truth" / "phantom-1.nii.gz"
    labels = read_labels_on(truth, scan=scan, image=truth).astype(np.uint8)
    stack = scan.grid.from_input(labels).copy()
    low = min(range(len(stack)), key=scan.grid.slice_number)
    stack[low][stack[low] == 1] = 2
    details = ReadingDetails(
        rv_insertion={1: (60.0, 90.0), 5: (100.0, 94.0)}, remote_region={1: (5.0, 5.0)}
    )
    DetailsStore(tmp_path / "store" / DETAILS).save(image, details, reader="Reader A")
    about = {"author": "Reader A", "state": "draft", "tag": "draft"}
    about["drawn_on"] = datastore.state_to_label(image)
    saved = accept_label(
        datastore, image, DrawnLabel(scan=scan, labels=scan.grid.to_input(stack), **about)
    )
    notes = [note for note in saved.warnings if note.startswith(NOT_USED)]
    assert [note.partition(": ")[2].partition(",")[0] for note in notes] == [
        "the RV insertion was placed in slice 1",
        "the remote region must hold at least 20 voxels of myocardium",
    ]
    assert saved.features["rv_insertion"]["source"] == "given"  # by the mark in slice 5
    assert saved.features["remote"]["source"] == "automatic"
    done = datastore.review(image, saved.id, by="Reader B")
    assert set(notes) <= set(done.warnings)
    assert done.features["rv_insertion"] == saved.features["rv_insertion"]


def test_measures_kept_before_a_mark_get_no_doubts_of_it(datastore, image, samples, tmp_path):
    scan = read_scan(datastore.get_image_uri(image))
    truth = samples / "truth" / "phantom-1.nii.gz"
    labels = read_labels_on(truth, scan=scan, image=truth).astype(np.uint8)
    about = {"author": "Reader A", "state": "draft", "tag": "draft"}
    about["drawn_on"] = datastore.state_to_label(image)
    saved = accept_label(datastore, image, DrawnLabel(scan=scan, labels=labels, **about))
    far = ReadingDetails(rv_insertion={5: (100.0, 94.0)})
    DetailsStore(tmp_path / "store" / DETAILS).save(image, far, reader="Reader A")
    assert "degrees from" in " ".join(measure_marked(scan, labels, given=given_of(far)).warnings)
    datastore.version_uri(image, saved)
    (record,) = (one for one in datastore.label_records(image) if one.id == saved.id)
    assert record.features["rv_insertion"] == saved.features["rv_insertion"]
    assert "degrees from" not in " ".join(record.warnings)


def test_of_each_annotator_the_newest_segmentation_is_compared(datastore, image, tmp_path):
    sent = tmp_path / "label.nii.gz"
    for name, value in (("A", 1), ("A", 2), ("B", 3)):
        label_file(datastore, image, sent, value)
        datastore.save_label(image, str(sent), "final", {"user": name})
    assert {who: int(of.max()) for who, of in datastore.drawn_by(image).items()} == {"A": 2, "B": 3}
    with pytest.raises(InputError, match="choose another name"):
        datastore.save_label(image, str(sent), "final", {"user": "ACSNet"})


def test_what_a_viewer_stored_is_measured_when_its_case_is_opened(
    datastore, image, pacs, patient, tmp_path
):
    app = SimpleNamespace(
        datastore=lambda: datastore,
        store_folder=lambda: tmp_path / "store",
        shown_versions=ShownVersions(),
    )
    images = patient()
    labels = np.zeros((8, images[0].Rows, images[0].Columns), np.uint8)
    labels[3, 60:70, 60:72] = 2
    seg = make_seg(labels, images, state="reviewed", algorithm_type="MANUAL", creator="Reader^A")
    pacs.add([seg])
    datastore.get_image_uri(image)  # waits until the series was looked at
    pacs.broken.add(seg.SOPInstanceUID)
    text = case_page(app, image).body.decode()
    assert "cannot be read: " in text
    assert "montage.png?tag=none" in text
    pacs.broken.clear()
    text = case_page(app, image).body.decode()
    assert "Scar burden" in text
    assert "montage.png?tag=2.25." in text


def test_both_reconstructions_in_one_series_are_cases_and_a_viewers_seg_is_on_one(
    datastore, pacs, patient, tmp_path
):
    magnitude = patient(uid="1", ImageType=["ORIGINAL", "PRIMARY", "M"])
    sensitive = patient(uid="2", ImageType=["ORIGINAL", "PRIMARY", "R"])
    series = as_one_series(magnitude, sensitive)
    pacs.add(magnitude, sensitive)
    other = f"{series}-magnitude"
    assert datastore.get_image_uri(other).endswith("-magnitude")
    assert set(datastore.list_images()) == {series, other}
    assert datastore.get_unlabeled_images() == [series]
    info = datastore.get_image_info(other)
    assert info["SeriesDescription"].endswith("(magnitude)")
    assert info["SeriesInstanceUID"] == series
    labels = np.zeros((8, 160, 176), np.uint8)
    labels[3, 60:70, 60:70] = 2
    sent = tmp_path / "seg.dcm"
    for images, image in ((magnitude, other), (sensitive, series)):
        seg = make_seg(labels, images, state="draft", algorithm_type="MANUAL", creator="Ana")
        seg.save_as(sent, write_like_original=False)
        _, entry = checked_seg(datastore, sent, study=images[0].StudyInstanceUID)
        assert entry.uid == image
