"""A case of a studies folder is read, or decided on, at the moment when its draft is replaced."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pydicom
import pytest
from saved_labels import keep_draft, save_label
from watched_lock import LONG, WatchedLock

from acsnet.errors import InputError
from acsnet.io import read_scan
from acsnet.io.label_map import read_labels
from acsnet.server.datastores import folder, folder_scans, seg_files
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.datastores.label_records import MODEL_DRAFT, READER_DRAFT
from acsnet.server.errors import ReplacedError

MOMENTS = {
    "while the SEG is made": (seg_files, "make_seg", False),
    "before the SEG is in place": (seg_files, "write_bytes", False),
    "after the SEG is in place": (folder_scans, "write_seg", True),
    "after the label map is in place": (folder, "write_bytes", True),
}
"""Where a change is interrupted: module and name of a function, and whether after its call."""


@pytest.fixture
def store(tmp_path, samples):
    """A studies folder with one series."""
    shutil.copytree(samples / "dicom" / "phantom-1", tmp_path / "studies" / "phantom-1")
    store = StudiesDatastore(studies=tmp_path / "studies", store=tmp_path / "store")
    store._change = WatchedLock(store._change)
    yield store
    store.close()


@pytest.fixture
def image(store):
    """Its id."""
    return store.list_images()[0]


@pytest.fixture
def labels(store, image):
    """Two label maps of it, the second with the larger wall."""
    smaller = np.zeros(read_scan(store.get_image_uri(image)).grid.shape, np.uint8)
    smaller[40:60, 40:60, 3], smaller[45:55, 45:55, 3] = 2, 1
    larger = smaller.copy()
    larger[36:64, 36:64, 3][larger[36:64, 36:64, 3] == 0] = 2
    return smaller, larger


@pytest.fixture
def interrupt(store, monkeypatch):
    """Begins an act in another thread at a moment of the next change, which goes on once the act
    has ended or waits for the change; gives its result to come.
    """

    def interrupt(moment, act):
        module, name, after = MOMENTS[moment]
        function, results = getattr(module, name), []

        def begin():
            if not results:
                results.append(store._change.beside(threads, act))

        def interrupted(*args, **options):
            if not after:
                begin()
            value = function(*args, **options)
            begin()
            return value

        monkeypatch.setattr(module, name, interrupted)
        return lambda: results[0].result(LONG)

    with ThreadPoolExecutor(1) as threads:
        yield interrupt


def shown(store, image, tag=MODEL_DRAFT):
    """Who drew what is shown under a tag, and that all that is shown of it agrees."""
    (record,) = (record for record in store.label_records(image) if record.tag == tag)
    labels = read_labels(Path(store.get_label_uri(image, tag)))
    assert record.features["myocardium_volume_ml"] == pytest.approx(volume(store, image, labels))
    assert pixels(store.seg_file(image, tag)) == (labels > 0).sum()
    return record.model


def volume(store, image, labels):
    """The myocardium of a label map in ml."""
    scan = read_scan(store.get_image_uri(image))
    return (labels == 2).sum() * np.prod(scan.spacing_mm) / 1000


def pixels(seg):
    """How many pixels are drawn in a SEG."""
    return int(pydicom.dcmread(seg).pixel_array.astype(bool).sum())


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("read", ["seg_file", "get_label_uri"])
def test_who_reads_a_draft_that_is_replaced_has_it_and_leaves_it_as_it_is(
    store, image, labels, interrupt, moment, read
):
    keep_draft(store, image, labels[0], model="m1")
    result = interrupt(moment, lambda: getattr(store, read)(image, MODEL_DRAFT))
    keep_draft(store, image, labels[1], model="m2")
    assert result() == getattr(store, read)(image, MODEL_DRAFT)
    assert shown(store, image) == "m2"
    again = StudiesDatastore(studies=store._links._studies, store=store.scores.parent)
    assert shown(again, image) == "m2"
    again.close()


def test_who_reads_a_draft_while_the_next_one_is_drawn_does_not_wait(
    store, image, labels, interrupt
):
    keep_draft(store, image, labels[0])
    result = interrupt("while the SEG is made", lambda: pixels(store.seg_file(image, MODEL_DRAFT)))
    keep_draft(store, image, labels[1])
    assert result() == (labels[0] > 0).sum()


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_draft_is_withdrawn_with_its_own_measures(store, image, labels, interrupt, moment):
    keep_draft(store, image, labels[0], model="m1")
    result = interrupt(moment, lambda: store.withdraw(image, MODEL_DRAFT, by="Eve"))
    keep_draft(store, image, labels[1], model="m2")
    kept = result()
    drawn = read_labels(Path(store.version_uri(image, kept)))
    assert kept.model == "m2"
    assert kept.features["myocardium_volume_ml"] == pytest.approx(volume(store, image, drawn))
    assert store.get_labels_by_image_id(image) == {}


def test_a_draft_that_was_drawn_anew_since_it_was_shown_is_not_withdrawn(store, image, labels):
    keep_draft(store, image, labels[0])
    with pytest.raises(ReplacedError, match="drawn anew since you opened it"):
        store.withdraw(image, MODEL_DRAFT, by="Eve", saved="2026-01-02T03:04:05+00:00")
    assert set(store.get_labels_by_image_id(image)) == {MODEL_DRAFT}


def test_a_seg_that_is_damaged_is_made_anew_once_and_its_record_stays(
    store, image, labels, monkeypatch
):
    keep_draft(store, image, labels[0])
    before = dict(store._datastore.label(image, MODEL_DRAFT).info)
    store.seg_file(image, MODEL_DRAFT).write_bytes(b"")
    makes, write_seg = [], folder_scans.write_seg
    monkeypatch.setattr(
        folder_scans,
        "write_seg",
        lambda file, **options: makes.append(file) or write_seg(file, **options),
    )
    with ThreadPoolExecutor(4) as threads:
        files = list(threads.map(lambda _: store.seg_file(image, MODEL_DRAFT), range(4)))
    assert (len(set(files)), len(makes)) == (1, 1)
    after = store._datastore.label(image, MODEL_DRAFT).info
    assert {name for name in after if after[name] != before.get(name)} == {"seg_sha256"}
    shown(store, image)


def test_a_seg_that_could_not_be_written_leaves_the_label_map_from_before(
    store, image, labels, monkeypatch
):
    def full(*args, **options):
        raise OSError("the disk is full")

    keep_draft(store, image, labels[0], model="m1")
    with monkeypatch.context() as patch:
        patch.setattr(seg_files, "write_bytes", full)
        with pytest.raises(OSError, match="full"):
            keep_draft(store, image, labels[1], model="m2")
        assert shown(store, image) == "m1"


def test_no_seg_of_another_label_map_is_served_where_there_can_be_none(
    store, image, labels, monkeypatch
):
    def refuse(*args, **options):
        raise InputError("it has no frame of reference")

    keep_draft(store, image, labels[0])
    file = store.seg_file(image, MODEL_DRAFT)
    earlier = file.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(seg_files, "make_seg", refuse)
        keep_draft(store, image, labels[1])
        assert store.seg_file(image, MODEL_DRAFT) is None
        assert not file.exists()
        file.write_bytes(earlier)  # as after a crash between the two
        assert store.seg_file(image, MODEL_DRAFT) is None
        assert not file.exists()
    assert store.label_records(image)[0].seg_refused == "it has no frame of reference"


def test_the_file_of_a_version_is_its_own_whatever_is_shown_under_its_tag_since(
    store, image, labels
):
    first = save_label(store, image, labels[0])
    second = save_label(store, image, labels[1])
    assert first.tag == second.tag == READER_DRAFT
    for record, drawn in ((first, labels[0]), (second, labels[1])):
        assert (read_labels(Path(store.version_uri(image, record))) == drawn).all()


def test_where_the_file_of_a_version_is_damaged_what_is_shown_of_it_serves(store, image, labels):
    first = save_label(store, image, labels[0])
    store._versions.version(image, first.id).file.write_bytes(b"")
    assert (read_labels(Path(store.version_uri(image, first))) == labels[0]).all()
    save_label(store, image, labels[1])
    with pytest.raises(InputError, match="was altered"):
        store.version_uri(image, first)


def test_a_label_map_that_is_withdrawn_while_they_are_listed_is_not_listed(
    store, image, monkeypatch
):
    monkeypatch.setattr(store, "get_labels_by_image_id", lambda image: {MODEL_DRAFT: image})
    assert store.label_records(image) == ()
