"""A scan that a client uploads never stands in the place of a patient of the studies folder."""

import shutil

import nibabel as nib
import numpy as np
import pydicom
import pytest
from saved_labels import keep_draft, save_label
from small_scans import pixels, write_scan, write_studies

from acsnet.annotations import audit_log
from acsnet.annotations.reading_details import DetailsStore, ReadingDetails
from acsnet.errors import InputError
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.datastores.folder_links import UPLOAD_REMARK
from acsnet.server.datastores.label_records import REVIEWED
from acsnet.server.state.paths import DETAILS, audit_log_file


@pytest.fixture
def studies(tmp_path):
    return write_studies(tmp_path / "studies", {"a.nii.gz": 1})


@pytest.fixture
def store(studies, tmp_path):
    return StudiesDatastore(studies=studies, store=tmp_path / "store")


def test_a_later_patient_of_the_same_name_is_the_one_that_is_shown(store, studies, tmp_path):
    store.add_image("b", str(write_scan(tmp_path / "x.nii.gz", seed=9)), {})
    forged = pixels(store, "b")
    true = write_scan(studies / "b.nii.gz", seed=2)
    for now in (store, StudiesDatastore(studies=studies, store=tmp_path / "store")):
        now.refresh()
        np.testing.assert_array_equal(pixels(now, "b"), np.asarray(nib.load(true).dataobj))
        np.testing.assert_array_equal(pixels(now, "b (upload)"), forged)
        assert sorted(now.list_images()) == ["a", "b", "b (upload)"]


def test_a_later_series_of_the_same_uid_is_the_one_that_is_shown(store, studies, tmp_path, samples):
    folder = samples / "dicom" / "phantom-1"
    uid = str(pydicom.dcmread(min(folder.iterdir())).SeriesInstanceUID)
    store.add_image(uid, str(write_scan(tmp_path / "x.nii.gz", seed=9)), {})
    shutil.copytree(folder, studies / "phantom-1")
    store.refresh()
    assert store.get_image_info(uid)["PatientID"]
    assert (tmp_path / "store" / "series" / uid).samefile(store.get_image_uri(uid))
    assert f"{uid} (upload)" in store.list_images()


def test_a_label_on_an_upload_is_none_of_the_later_patient(store, studies, tmp_path):
    store.add_image("b", str(write_scan(tmp_path / "x.nii.gz", seed=9)), {})
    before = store.image_fingerprint("b")
    write_scan(studies / "b.nii.gz", seed=2)
    store.refresh()
    assert store.image_fingerprint("b") != before


def test_an_upload_of_an_earlier_version_is_found_again_and_marked(studies, tmp_path):
    images = tmp_path / "store" / "images"
    images.mkdir(parents=True)
    write_scan(images / "old.nii.gz", seed=5)
    store = StudiesDatastore(studies=studies, store=tmp_path / "store")
    assert sorted(store.list_images()) == ["a", "old"]
    assert store.get_image_info("old")["uploaded"] is True


def test_an_upload_of_an_earlier_version_takes_the_place_of_no_other(store, studies, tmp_path):
    """Both are called b: one came while the server was an earlier version again."""
    store.add_image("b", str(write_scan(tmp_path / "x.nii.gz", seed=9)), {})
    kept, images = pixels(store, "b"), tmp_path / "store" / "images"
    (images / "b.nii.gz").unlink()
    other = nib.load(write_scan(images / "b.nii.gz", seed=5)).get_fdata()
    again = StudiesDatastore(studies=studies, store=tmp_path / "store")
    (added,) = set(again.list_images()) - {"a", "b"}
    assert added.endswith("-b")
    np.testing.assert_array_equal(pixels(again, "b"), kept)
    np.testing.assert_array_equal(pixels(again, added), other)


def test_an_upload_is_marked_and_can_be_removed(store, studies, tmp_path):
    store.add_image("b", str(write_scan(tmp_path / "x.nii.gz", seed=9)), {})
    assert store.get_image_info("b")["uploaded"] is True
    assert UPLOAD_REMARK in store.verdict("b").warnings
    assert "uploaded" not in store.get_image_info("a")
    store.remove_image("b")
    assert store.list_images() == ["a"]
    assert not list((tmp_path / "store" / "uploads").iterdir())


def test_the_draft_of_an_upload_is_none_of_the_next_one_of_its_name(store, tmp_path):
    labels = np.zeros((12, 10, 3), np.uint8)
    labels[3:6, 3:6] = 2
    store.add_image("b", str(write_scan(tmp_path / "x.nii.gz", seed=9)), {})
    version = save_label(store, "b", labels, state="reviewed")
    keep_draft(store, "b", labels)
    store.remove_image("b")
    store.add_image("b", str(write_scan(tmp_path / "y.nii.gz", seed=8)), {})
    assert store.get_labels_by_image_id("b") == {}
    store.remove_image("b")
    store.add_image("b", str(tmp_path / "x.nii.gz"), {})
    store.refresh()
    assert store.get_label_info("b", REVIEWED)["version"] == version.id


def test_with_an_upload_goes_what_was_entered_for_it(store, tmp_path):
    store.add_image("b", str(write_scan(tmp_path / "x.nii.gz", seed=9)), {})
    details = DetailsStore(store.folder / DETAILS)
    details.save("b", ReadingDetails(indication="of the first"), reader="Ana")
    store.remove_image("b")
    store.add_image("b", str(write_scan(tmp_path / "y.nii.gz", seed=8)), {})
    assert details.read("b") == (None, ())


def test_nothing_of_the_studies_folder_can_be_removed(store, studies):
    with pytest.raises(InputError, match="scans of the studies folder stay there"):
        store.remove_image("a")
    assert (studies / "a.nii.gz").is_file()


def test_upload_and_removal_are_in_the_audit_log(web, tmp_path):
    file = write_scan(tmp_path / "x.nii.gz", seed=9)
    with file.open("rb") as stream:
        answer = web.client.put("/datastore/image?image=mine", files={"file": ("x.nii.gz", stream)})
    assert answer.json() == {"image": "mine"}
    page = web.client.get("/acsnet/cases/mine").text
    assert UPLOAD_REMARK in page
    assert "Remove this upload" in page
    own = {"Origin": "http://127.0.0.1:8000"}
    assert web.client.post("/acsnet/cases/mine/remove", headers=own).status_code == 303
    assert web.client.get("/acsnet/cases/mine").status_code == 404
    assert web.client.post(f"/acsnet/cases/{web.series}/remove", headers=own).status_code == 422
    events = [(one["event"], one["image"]) for one in audit_log.read(audit_log_file())]
    assert ("upload", "mine") in events
    assert ("remove", "mine") in events


def test_an_upload_over_a_damaged_scan_is_no_fault_of_the_upload(store, studies, tmp_path):
    file = write_scan(tmp_path / "x.nii.gz", seed=9)
    (studies / "dam.nii.gz").write_bytes(file.read_bytes()[:200])
    store.refresh()
    reason = r"already an image called 'dam', which cannot be read \(.*dam.*\): rename yours"
    with pytest.raises(FileExistsError, match=reason):
        store.add_image("dam", str(file), {})


def test_an_upload_is_there_though_its_line_of_the_audit_log_cannot_be_written(
    web, tmp_path, monkeypatch
):
    def full(*_, **__):
        raise OSError(28, "no space left")

    file = write_scan(tmp_path / "x.nii.gz", seed=9)
    own = {"Origin": "http://127.0.0.1:8000"}
    monkeypatch.setattr(audit_log, "record", full)
    with file.open("rb") as stream:
        answer = web.client.put("/datastore/image?image=full", files={"file": ("x.nii.gz", stream)})
    assert (answer.status_code, answer.json()) == (200, {"image": "full"})
    assert web.client.post("/acsnet/cases/full/remove", headers=own).status_code == 303
