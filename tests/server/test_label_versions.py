"""Labels that people save: kept, reviewed, shown, and offered to training."""

import os
import time
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
from saved_labels import keep_draft, save_label
from small_scans import drawn, write_scan, write_studies, write_volume

from acsnet.annotations.label_versions import VersionStore
from acsnet.errors import InputError
from acsnet.fine_tuning.holdout import HoldOut, extended
from acsnet.fine_tuning.trigger import waits_for
from acsnet.server.datastores.label_records import READER_DRAFT, REVIEWED
from acsnet.server.datastores.preflight import fingerprint
from acsnet.server.pages.cases import build_case
from acsnet.server.routes.labels import versions


@pytest.fixture
def studies(tmp_path):
    return write_studies(tmp_path / "studies", {"a.nii.gz": 0, "b.nii.gz": 1})


def save(store, image="a", *, value=2, **info):
    """Save a label map as a person; the id of its version."""
    return save_label(store, image, drawn(value), **info).id


def value_of(store, image, tag):
    return int(np.asarray(nib.load(store.get_label_uri(image, tag)).dataobj).max())


def test_a_save_is_a_draft_until_somebody_reviews_it(make_store):
    store = make_store()
    version = save(store)
    assert set(store.get_labels_by_image_id("a")) == {READER_DRAFT}
    assert (store.status()["completed"], store.datalist(), store.reviewed()) == (0, [], [])
    assert store.get_unlabeled_images() == ["b"]
    record = store.review("a", version, by="Bob")
    assert (record.state, record.author, record.reviewer) == ("reviewed", "Ana", "Bob")
    assert set(store.get_labels_by_image_id("a")) == {REVIEWED}
    (one,) = store.reviewed()
    assert (one.name, one.patient, one.image.name) == ("a", "a", "a.nii.gz")
    assert store.datalist() == [{"image": str(one.image), "label": str(one.label)}]


def test_a_reviewed_label_under_a_tag_of_the_client_is_listed_once(make_store):
    """It holds under that tag and as the reviewed one."""
    store = make_store()
    first = save(store, state="reviewed")
    version = save(store, tag="mine", state="reviewed", value=1)
    assert set(store.get_labels_by_image_id("a")) == {"mine", REVIEWED}
    for tag in ("mine", REVIEWED):
        listed = store.get_label_info("a", tag)["versions"]
        assert [one["version"] for one in listed] == [version, first]
    app = SimpleNamespace(datastore=lambda: store)
    assert [one["version"] for one in versions(app, "a")] == [version, first]
    listed = build_case(store, "a").label_maps
    assert [(one.id, one.tag) for one in listed] == [(version, REVIEWED), (first, "")]


def test_the_time_of_a_review_is_that_of_the_review(make_store, studies, tmp_path):
    store = make_store()
    version = save(store)
    saved = next(iter((tmp_path / "store").rglob(f"{version}.nii.gz")))
    os.utime(saved, (1000.0, 1000.0))
    begun = time.time()
    # As `acsnet labels review` does, beside the server.
    VersionStore(tmp_path / "store" / "versions").mark("a", version, "reviewed", by="Bob")
    (one,) = store.reviewed()
    assert begun <= one.at <= time.time()
    assert waits(store, pause_s=60.0) == "readers are at work"
    assert waits(store, pause_s=0.0) is None
    store.review("a", version, by="Eve")
    assert store.reviewed() == [one]


def test_the_visits_of_a_patient_are_those_of_one_folder(make_store, studies, tmp_path):
    places = ("sub-01/visit-1", "sub-01/deeper/visit-2", "sub-02/visit-1", os.fsdecode(b"\xe9/c"))
    for place in places:
        file = studies / f"{place}.nii.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_scan(file)
    store = make_store()
    write_scan(tmp_path / "up.nii.gz")
    store.add_image("up", str(tmp_path / "up.nii.gz"), {})
    for image in store.list_images():
        save(store, image, state="reviewed")
    patients = {one.name: one.patient for one in store.reviewed()}
    odd = next(patient for name, patient in patients.items() if name.endswith("_c"))
    assert sorted(patients.values()) == sorted(["a", "b", "up", "sub-01", "sub-01", "sub-02", odd])
    assert patients["sub-01_visit-1"] == patients["sub-01_deeper_visit-2"] == "sub-01"
    holdout = extended(HoldOut(), patients.values())
    assert len(holdout.held | holdout.trained) == 6


def test_a_folder_of_files_of_many_is_no_patients(make_store, studies):
    many = [f"ward/{number}" for number in range(11)]  # one more than the visits of a patient
    places = (*many, "nifti/anna/1", "nifti/anna/2", "NIFTI2/images/x", "nifti/y")
    for place in places:
        file = studies / f"{place}.nii.gz"
        file.parent.mkdir(parents=True, exist_ok=True)
        write_scan(file)
    store = make_store()
    for image in store.list_images():
        save(store, image, state="reviewed")
    patients = {one.name: one.patient for one in store.reviewed()}
    assert len({patients[f"ward_{number}"] for number in range(11)}) == 11
    assert patients["nifti_anna_1"] == patients["nifti_anna_2"] == "nifti/anna"
    assert patients["nifti_y"] == "nifti_y"
    assert patients["NIFTI2_images_x"] == "NIFTI2"


def waits(store, *, pause_s):
    reviewed = {one.name: one.review() for one in store.reviewed()}
    return waits_for(reviewed, {}, now=time.time(), labels=1, pause_s=pause_s)


def test_nothing_is_overwritten(make_store):
    store = make_store()
    first, second = save(store, value=1), save(store, value=2)
    assert [one.id for one in store.label_records("a")] == [second, first]
    assert value_of(store, "a", READER_DRAFT) == 2
    store.review("a", first, by="Bob")
    assert (value_of(store, "a", REVIEWED), value_of(store, "a", READER_DRAFT)) == (1, 2)


def test_a_newer_review_ends_an_older_draft(make_store):
    store = make_store()
    save(store, value=1)
    save(store, value=2, state="reviewed")
    assert set(store.get_labels_by_image_id("a")) == {REVIEWED}
    assert len(store.label_records("a")) == 2


def test_a_label_that_is_removed_is_kept_and_not_used(make_store):
    store = make_store()
    save(store, value=1, state="reviewed")
    save(store, value=2, state="reviewed")
    store.remove_label("a", REVIEWED)
    assert value_of(store, "a", REVIEWED) == 1
    assert [one.state for one in store.label_records("a")] == ["withdrawn", "reviewed"]
    store.remove_label("a", REVIEWED)
    assert store.get_labels_by_image_id("a") == {}
    assert (store.reviewed(), len(store.label_records("a"))) == ([], 2)


def test_a_version_says_which_model_it_began_from(make_store, studies):
    store = make_store()
    keep_draft(store, "a", drawn(1), model="m1")
    save(store)
    assert store.label_records("a")[0].model == "m1"
    write_volume(studies / "a.nii.gz", np.arange(360, dtype=np.int16).reshape(12, 10, 3))
    save(store)
    assert store.label_records("a")[0].model == ""


def test_a_label_of_a_scan_that_changed_is_not_offered(make_store, studies):
    store = make_store()
    save(store, state="reviewed")
    write_volume(studies / "a.nii.gz", np.ones((12, 10, 3), np.int16))
    assert store.reviewed() == []


def test_what_another_process_reviewed_is_shown(make_store, tmp_path):
    store = make_store()
    version = save(store)
    VersionStore(tmp_path / "store" / "versions").mark("a", version, "reviewed", by="Bob")
    assert store.status()["completed"] == 1
    assert set(store.get_labels_by_image_id("a")) == {REVIEWED}


def test_a_save_whose_showing_was_cut_short_is_shown_at_the_next_start(
    make_store, studies, tmp_path
):
    save(make_store(), value=1)
    sent = write_volume(tmp_path / "sent.nii.gz", np.full((12, 10, 3), 3, np.uint8))
    VersionStore(tmp_path / "store" / "versions").add(
        "a", sent, author="Ana", scan=fingerprint(studies / "a.nii.gz")
    )
    (tmp_path / "store" / "labels" / READER_DRAFT / "a.nii.gz").write_bytes(b"half")
    assert value_of(make_store(), "a", READER_DRAFT) == 3


def test_the_record_of_an_image_is_never_half_a_file(make_store, tmp_path, monkeypatch):
    store = make_store()
    save(store, value=1)
    store.update_image_info("a", {"x": "y"})
    (record,) = (tmp_path / "store" / "records").glob("*.json")
    before = record.read_text()

    def crash(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("acsnet.storage.os.replace", crash)
        with pytest.raises(KeyboardInterrupt):
            store.update_image_info("a", {"x": "y" * 100_000})
    assert record.read_text() == before
    assert value_of(make_store(), "a", READER_DRAFT) == 1


def test_of_each_annotator_the_newest_label_is_compared(make_store):
    store = make_store()
    save(store, value=1), save(store, value=2), save(store, value=3, user="Bob")
    assert {who: int(of.max()) for who, of in store.drawn_by("a").items()} == {"Ana": 2, "Bob": 3}


@pytest.mark.parametrize(
    ("info", "reason"),
    [
        ({"state": "final"}, "state must be draft or reviewed, got 'final'"),
        ({"user": "x" * 65}, "at most 64"),
        ({"user": "a\nb"}, "printable"),
    ],
)
def test_what_a_client_says_wrongly_is_refused(make_store, info, reason):
    store = make_store()
    with pytest.raises(InputError, match=reason):
        save(store, **info)
    assert store.label_records("a") == ()
