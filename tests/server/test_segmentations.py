"""A SEG is written for a series in any packing, or there is a reason and no error."""

import shutil

import enhanced_packings
import numpy as np
import packed_scans
import pytest
from saved_labels import keep_draft, save_label

from acsnet.io import read_scan, write_label_map
from acsnet.server.datastores import folder_scans
from acsnet.server.datastores.folder import StudiesDatastore
from acsnet.server.datastores.label_records import MODEL_DRAFT, READER_DRAFT
from acsnet.server.datastores.protocol import LabelRecord
from acsnet.server.datastores.seg_files import write_seg

BIG5 = "\u8a31^\u5927\u540c".encode("big5")  # its first character ends in the byte of a backslash
PLACE = b"^" * len(BIG5)


def private_class(datasets, out):
    """As some scanners export: images of a class of the vendor's own."""
    for dataset in datasets:
        dataset.SOPClassUID = "1.3.46.670589.11.0.0.12.1"
    return packed_scans.write(out, datasets)


def name_in_big5(datasets, out):
    """A name in an encoding that DICOM does not have, and no word of it."""
    for dataset in datasets:
        dataset.pop("SpecificCharacterSet", None)
        dataset.PatientName = PLACE.decode()
    packed_scans.write(out, datasets)
    for file in out.iterdir():
        content = file.read_bytes()
        assert content.count(PLACE) == 1
        file.write_bytes(content.replace(PLACE, BIG5))
    return out


@pytest.fixture
def open_store(tmp_path):
    """Opens the studies folder as a server does at its start."""
    stores = []

    def open_store():
        stores.append(StudiesDatastore(studies=tmp_path / "studies", store=tmp_path / "store"))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


def wall(store, image):
    """A small wall with a blood pool, on the grid of an image."""
    labels = np.zeros(read_scan(store.get_image_uri(image)).grid.shape, np.uint8)
    labels[40:60, 40:60, 3], labels[45:55, 45:55, 3] = 2, 1
    return labels


@pytest.mark.parametrize(
    ("pack", "reason"),
    [
        (packed_scans.localizer_inside, None),
        (packed_scans.raw_data_inside, None),
        (packed_scans.repeated_slice, None),
        (packed_scans.bare_data_sets, None),
        (packed_scans.series_per_slice, None),
        (enhanced_packings.enhanced_multi_frame, None),
        (enhanced_packings.enhanced_one_frame_a_file, None),
        (packed_scans.shared_instance_uid, "share the SOPInstanceUID"),
        (private_class, None),
        (name_in_big5, "PatientName must have one value, got 2"),
    ],
)
def test_a_seg_is_written_or_the_reason_is_told(samples, tmp_path, pack, reason):
    series = pack(packed_scans.slices(samples / "dicom" / "phantom-1"), tmp_path / "series")
    grid = read_scan(series).grid
    labels = np.zeros(grid.shape, np.uint8)
    labels[60:80, 60:80, 2:5] = 2
    write_label_map(tmp_path / "labels.nii.gz", labels, grid)
    found = write_seg(
        tmp_path / "seg.dcm",
        series=series,
        labels=tmp_path / "labels.nii.gz",
        record=LabelRecord(
            id="one", tag="final", state="draft", author="Ana", saved=None, features={}
        ),
        edited=False,
    )
    assert (found is None) == (reason is None)
    assert reason is None or reason in found
    assert (tmp_path / "seg.dcm").is_file() == (reason is None)


def test_a_label_map_without_seg_is_kept_and_the_reason_is_told(samples, tmp_path, open_store):
    name_in_big5(packed_scans.slices(samples / "dicom" / "phantom-1"), tmp_path / "studies" / "one")
    store = open_store()
    (image,) = store.list_images()
    keep_draft(store, image, wall(store, image))
    record = save_label(store, image, wall(store, image))
    (missing,) = record.missing
    assert missing.startswith("there is no DICOM SEG of this label map: PatientName must have one")
    assert set(open_store().get_labels_by_image_id(image)) == {MODEL_DRAFT, READER_DRAFT}


def test_who_cannot_be_named_in_a_seg_is_told_so_with_the_save(samples, tmp_path, open_store):
    shutil.copytree(samples / "dicom" / "phantom-1", tmp_path / "studies" / "one")
    store = open_store()
    (image,) = store.list_images()
    record = save_label(store, image, wall(store, image), user="HOSP\\anna")
    (missing,) = record.missing
    assert record.author == "HOSP\\anna"
    assert "no DICOM SEG of this label map: creator must be" in missing
    assert save_label(store, image, wall(store, image), user="Ana").missing == ()


def test_an_image_whose_label_cannot_be_shown_costs_only_itself(
    samples, tmp_path, open_store, monkeypatch
):
    for name in ("phantom-1", "phantom-2"):
        shutil.copytree(samples / "dicom" / name, tmp_path / "studies" / name)
    store = open_store()
    broken, whole = store.list_images()
    with monkeypatch.context() as cut_short:
        cut_short.setattr(StudiesDatastore, "_show_versions", lambda *_: None)
        for image in (broken, whole):
            save_label(store, image, wall(store, image))
    write_seg = folder_scans.write_seg

    def unforeseen(file, **options):
        if file.stem == broken:
            raise RuntimeError("a fault that nobody foresaw")
        return write_seg(file, **options)

    with monkeypatch.context() as patch:
        patch.setattr(folder_scans, "write_seg", unforeseen)
        again = open_store()
        assert again.get_labels_by_image_id(broken) == {}
        assert set(again.get_labels_by_image_id(whole)) == {READER_DRAFT}
    again.refresh()
    assert set(again.get_labels_by_image_id(broken)) == {READER_DRAFT}
