"""A studies folder with odd files and a damaged store: one broken thing breaks one thing."""

import errno
import io
import json
import os
import shutil
import time
from pathlib import Path

import enhanced_packings
import numpy as np
import packed_scans
import pydicom
import pytest
from saved_labels import keep_draft, save_label

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.label_map import read_labels_on
from acsnet.scan import ShortAxisScan
from acsnet.server.datastores import folder, preflight
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.datastores.label_records import MODEL_DRAFT, READER_DRAFT, REVIEWED
from acsnet.server.pages.cases import build_case


@pytest.fixture
def studies(tmp_path, samples):
    folder = tmp_path / "studies"
    folder.mkdir()
    shutil.copy(samples / "nifti" / "phantom-1.nii.gz", folder / "a.nii.gz")
    return folder


@pytest.fixture
def open_store(studies, tmp_path):
    stores = []

    def open_store(**options):
        stores.append(StudiesDatastore(studies=studies, store=tmp_path / "store", **options))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture(scope="module")
def drawn(samples):
    """A small wall with a blood pool, on the grid of the phantom."""
    labels = np.zeros(read_scan(samples / "nifti" / "phantom-1.nii.gz").grid.shape, np.uint8)
    labels[40:60, 40:60, 3], labels[45:55, 45:55, 3] = 2, 1
    return labels


def test_a_name_that_is_not_utf_8_is_a_case_like_any_other(open_store, studies, drawn):
    shutil.copy(studies / "a.nii.gz", studies / os.fsdecode(b"caf\xe9.nii.gz"))
    shutil.copy(studies / "a.nii.gz", studies / os.fsdecode(b"caf\xe8.nii.gz"))
    store = open_store()
    odd = sorted(set(store.list_images()) - {"a"})
    assert [name[8:] for name in odd] == ["-caf\N{REPLACEMENT CHARACTER}"] * 2
    for image in odd:
        save_label(store, image, drawn)
        for shown in (store.get_image_info(image), store.get_label_info(image, READER_DRAFT)):
            json.dumps(shown, ensure_ascii=False).encode()
    assert store.status()["total"] == 3
    assert set(open_store().get_labels_by_image_id(odd[0])) == {READER_DRAFT}


def test_a_series_in_a_folder_whose_name_is_not_utf_8_can_be_read(open_store, studies, samples):
    shutil.copytree(samples / "dicom" / "phantom-1", studies / os.fsdecode(b"caf\xe9"))
    damaged = studies / os.fsdecode(b"kaf\xe9")
    damaged.mkdir()
    (damaged / "1.dcm").write_bytes(bytes(128) + b"DICM" + b"\x02")
    store = open_store()
    names = store.list_images()
    assert len(names) == 3
    for image in names:
        json.dumps(store.get_image_info(image), ensure_ascii=False).encode()
    (series,) = (name for name in names if name[0].isdigit())
    assert read_scan(store.get_image_uri(series)).pixels.shape[0] == 8


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"id": "a", "image": 1}'])
def test_a_damaged_record_is_set_aside_and_made_anew(
    open_store, studies, tmp_path, drawn, content, caplog
):
    shutil.copy(studies / "a.nii.gz", studies / "b.nii.gz")
    store = open_store()
    version = save_label(store, "a", drawn)
    keep_draft(store, "a", drawn)
    (record,) = tmp_path.glob("store/records/*.json")
    keep_draft(store, "b", drawn)
    record.write_bytes(content)
    again = open_store()
    assert set(again.get_labels_by_image_id("a")) == {READER_DRAFT, MODEL_DRAFT}
    assert again.get_label_info("a", READER_DRAFT)["version"] == version.id
    assert again.get_label_info("b", MODEL_DRAFT)["features"]["lv_volume_ml"] > 0
    (aside,) = tmp_path.glob("store/records/*.damaged-*")
    assert aside.read_bytes() == content
    assert "made anew" in caplog.text


def test_a_draft_writes_the_record_of_its_own_scan_alone(open_store, studies, tmp_path, drawn):
    shutil.copy(studies / "a.nii.gz", studies / "b.nii.gz")
    store = open_store()
    keep_draft(store, "a", drawn)
    (record,) = tmp_path.glob("store/records/*.json")
    before = record.stat().st_mtime_ns
    keep_draft(store, "b", drawn)
    store.update_image_info("b", {"strategy": {"acsnet": {"ts": 1, "client_id": "Ana"}}})
    assert record.stat().st_mtime_ns == before
    assert open_store().image_notes("b")["strategy"]["acsnet"]["client_id"] == "Ana"


def test_the_one_record_of_an_earlier_version_is_taken_over(open_store, tmp_path, drawn):
    keep_draft(open_store(), "a", drawn)
    (record,) = tmp_path.glob("store/records/*.json")
    noted = json.loads(record.read_text())
    record.unlink()
    earlier = {"name": "x", "description": "", "objects": {noted.pop("id"): noted}}
    (tmp_path / "store" / "datastore_v2.json").write_text(json.dumps(earlier))
    info = open_store().get_label_info("a", MODEL_DRAFT)
    assert info["features"] == noted["labels"][MODEL_DRAFT]["info"]["features"]
    assert record.exists()
    assert not (tmp_path / "store" / "datastore_v2.json").exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]"])
def test_a_damaged_record_of_an_earlier_version_is_set_aside(open_store, tmp_path, content):
    earlier = tmp_path / "store" / "datastore_v2.json"
    earlier.parent.mkdir(exist_ok=True)
    earlier.write_bytes(content)
    assert open_store().list_images() == ["a"]
    (aside,) = earlier.parent.glob("datastore_v2.json.damaged-*")
    assert aside.read_bytes() == content
    assert not earlier.exists()


def checked(store, images="a"):
    """The store, once its scans have been read."""
    end = time.monotonic() + 60
    while not all(store.verdict(image).checked for image in images):
        assert time.monotonic() < end
        time.sleep(0.01)
    return store


def test_a_scan_that_was_taken_is_not_read_again_at_the_next_start(
    open_store, studies, tmp_path, monkeypatch
):
    (studies / "b.nii.gz").write_bytes(b"")
    checked(open_store(), "ab")
    read = []
    monkeypatch.setattr(preflight, "read_scan", lambda path: read.append(path.name))
    store = open_store()
    assert store.verdict("a").checked
    store.verdict("b")  # refused: its files may only have been away
    checked(store, "ab").close()
    assert read == ["b.nii.gz"]
    os.utime(studies / "a.nii.gz")
    checked(open_store())
    assert "a.nii.gz" in read


@pytest.mark.parametrize("content", [b"", b"{", b"\x00" * 64])
def test_damaged_notes_of_taken_scans_only_cost_the_time_to_read_them(
    open_store, tmp_path, content
):
    checked(open_store())
    (tmp_path / "store" / "taken.jsonl").write_bytes(content)
    assert checked(open_store()).verdict("a").reason is None
    assert checked(open_store()).verdict("a").reason is None


@pytest.mark.parametrize("kept", [0, 2000, -1])
def test_a_segmentation_that_was_damaged_is_made_anew_and_never_served(
    open_store, studies, samples, kept
):
    shutil.copytree(samples / "dicom" / "phantom-1", studies / "phantom-1")
    store = open_store()
    (image,) = set(store.list_images()) - {"a"}
    labels = np.zeros(read_scan(store.get_image_uri(image)).grid.shape, np.uint8)
    labels[40:60, 40:60, 3], labels[45:55, 45:55, 3] = 2, 1
    save_label(store, image, labels)
    seg = store.seg_file(image, READER_DRAFT)
    whole = seg.read_bytes()
    assert store.is_whole(seg)
    seg.write_bytes(whole[:kept])
    assert not store.is_whole(seg)
    assert read_labels_of(seg) == read_labels_of(whole)
    seg.write_bytes(whole[:kept])
    assert read_labels_of(store.seg_file(image, READER_DRAFT)) == read_labels_of(whole)
    seg.write_bytes(whole[:kept])
    kinds = [series.text("Modality") for series in store.series()]
    assert sorted(kinds) == ["MR", "SEG"]


def read_labels_of(seg):
    """Pixels and label of a SEG, from its file or its content."""
    content = seg if isinstance(seg, bytes) else seg.read_bytes()
    dataset = pydicom.dcmread(io.BytesIO(content))
    return dataset.SegmentSequence[0].SegmentLabel, dataset.PixelData


def test_a_damaged_scan_is_refused_and_the_others_are_not(open_store, studies):
    (studies / "b.nii.gz").write_bytes(b"")
    store = open_store()
    end = time.monotonic() + 20
    while not all(store.verdict(image).checked for image in "ab"):
        assert time.monotonic() < end
    assert store.verdict("b").reason.startswith("b.nii.gz cannot be read")
    assert store.verdict("a").reason is None
    assert store.get_unlabeled_images() == ["a"]


def test_a_label_map_alone_is_refused_in_words_for_whoever_has_a_page(open_store, studies, samples):
    shutil.copy(samples / "truth" / "phantom-1.nii.gz", studies / "b.nii.gz")
    verdict = checked(open_store(), "b").verdict("b")
    assert verdict.reason.endswith(
        " different values, as a label map does: only an image can be segmented or drawn on here"
    )


def test_a_damaged_review_is_told_where_people_look(open_store, tmp_path, drawn):
    version = save_label(open_store(), "a", drawn, state="reviewed")
    (review,) = tmp_path.glob("store/versions/*/*.reviewed")
    review.write_bytes(b"")
    store = open_store()
    assert (store.label_records("a")[0].id, store.label_records("a")[0].state) == (
        version.id,
        "draft",
    )
    assert review.name in store.verdict("a").warnings[-1]
    store.review("a", version.id, by="Eve")
    assert not any(review.name in warning for warning in store.verdict("a").warnings)


@pytest.mark.parametrize("content", [b"", b"not a label map"])
def test_a_shown_label_that_was_damaged_is_shown_anew_from_its_version(open_store, drawn, content):
    store = open_store()
    save_label(store, "a", drawn)
    shown = Path(store.get_label_uri("a", READER_DRAFT))
    whole = shown.read_bytes()
    shown.write_bytes(content)
    assert Path(store.get_label_uri("a", READER_DRAFT)).read_bytes() == whole


def test_what_is_damaged_and_its_version_too_is_refused_and_never_served(
    open_store, tmp_path, drawn
):
    store = open_store()
    save_label(store, "a", drawn)
    keep_draft(store, "a", drawn)
    for file in (*tmp_path.glob("store/labels/*/*"), *tmp_path.glob("store/versions/*/*.nii.gz")):
        file.write_bytes(b"")
    with pytest.raises(InputError, match="was altered after it was saved"):
        store.get_label_uri("a", READER_DRAFT)
    with pytest.raises(InputError, match="segment the scan again"):
        store.get_label_uri("a", MODEL_DRAFT)
    assert store.get_labels_by_image_id("a") == {}


def test_a_save_is_kept_and_said_so_where_the_disk_is_full_after_it(open_store, drawn, monkeypatch):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    store = open_store()
    with monkeypatch.context() as patch:
        patch.setattr(folder, "write_bytes", full)
        record = save_label(store, "a", drawn)
        assert record.missing == (
            "the label map is stored, but cannot be shown yet: No space left on device",
        )
        assert save_label(store, "a", drawn).id == record.id
        assert store.review("a", record.id, by="Eve").state == "reviewed"
    store.refresh()
    assert set(store.get_labels_by_image_id("a")) == {REVIEWED}
    assert len(store.label_records("a")) == 1


def test_many_scans_are_not_looked_at_twice_at_the_start(open_store):
    store = open_store(large=0)
    store._next_look += 60.0  # as long as if there were many
    assert store.status()["total"] == 1
    assert store._looking is None


def test_of_many_scans_the_folder_is_looked_at_in_the_background(open_store, studies):
    store = open_store(large=0)
    assert store.list_images() == ["a"]
    shutil.copy(studies / "a.nii.gz", studies / "b.nii.gz")
    store._next_look = 0.0
    store.refresh()
    store._looking.result(30.0)
    assert store.list_images() == ["a", "b"]
    before = store.revision("a")
    os.utime(studies / "a.nii.gz")
    store._next_look = 0.0
    store.refresh()
    store._looking.result(30.0)
    assert store.revision("a") != before


def test_scar_that_an_earlier_release_noted_on_a_cine_is_shown_nowhere(
    open_store, studies, samples, tmp_path, monkeypatch
):
    """It is what the scan shows now that counts, for drafts, versions and what clients list."""
    enhanced_packings.cine(packed_scans.slices(samples / "dicom" / "phantom-1"), studies / "cine")
    store = open_store()
    cine = next(image for image in store.list_images() if image != "a")
    scan = read_scan(store.get_image_uri(cine))
    truth = read_labels_on(samples / "truth" / "phantom-1.nii.gz", scan=scan, image=studies)
    with monkeypatch.context() as earlier:
        earlier.setattr(ShortAxisScan, "shows_scar", True)
        for keep in (keep_draft, save_label):
            keep(store, cine, truth.astype(np.uint8))
    (record,) = (tmp_path / "store" / "records").glob("*.json")
    noted = json.loads(record.read_text())
    assert noted["labels"][MODEL_DRAFT]["info"]["features"]["scar_burden_percent"] > 10
    end = time.monotonic() + 30
    while not store.verdict(cine).checked:
        assert time.monotonic() < end
        time.sleep(0.05)
    measures = [
        *(record.features for record in store.label_records(cine)),
        *(store.get_label_info(cine, tag)["features"] for tag in (MODEL_DRAFT, READER_DRAFT)),
        *(one["features"] for one in store.get_label_info(cine, READER_DRAFT)["versions"]),
        *(one["info"]["features"] for one in store.json()["objects"][cine]["labels"].values()),
    ]
    assert len(measures) == 7
    assert {one["scar_burden_percent"] for one in measures} == {None}
    assert all(one["myocardium_volume_ml"] > 50 for one in measures)
    case = build_case(store, cine)
    assert case.measure("scar_burden_percent") is None
    assert case.measure("myocardium_volume_ml") > 50
